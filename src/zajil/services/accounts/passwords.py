"""Passwords: argon2id in threads of their own, so that no log-in stalls the event loop and a flood of them is refused."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import argon2

from zajil.ports.database import Busy
from zajil.services.errors import MatrixError, invalid_param

T = TypeVar("T")

PASSWORD_CHARACTERS_MIN: Final = 8
PASSWORD_CHARACTERS_MAX: Final = 512
THREADS_MAX: Final = 2
WAITING_MAX: Final = 256
RETRY_AFTER_MS: Final = 2000

# OWASP's recommendation for argon2id: 19 MiB, two passes. About 15 ms here.
TIME_COST: Final = 2
MEMORY_COST_KIB: Final = 19 * 1024


class Passwords:
    """Hashes and verifies passwords; at most `WAITING_MAX` wait for a thread."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_COST_KIB, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="password")
        self._waiting = 0
        # What an unknown user's password is compared with, so that the answer takes as long as a known user's.
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to store. Raises `Busy` when too many wait."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits. Takes the same time for an account without one (`None`). Raises `Busy`."""
        if len(password) > PASSWORD_CHARACTERS_MAX:
            return False
        return await self._run(lambda: self._verify(password_hash, password))

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str | None, password: str) -> bool:
        if password_hash is None and self._decoy is None:
            self._decoy = self._hasher.hash("")
        try:
            matches = self._hasher.verify(password_hash or self._decoy or "", password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return matches and password_hash is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise Busy(retry_after_ms=RETRY_AFTER_MS)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def check_new_password(password: str) -> None:
    """Raises M_WEAK_PASSWORD for a password that is too short, or M_INVALID_PARAM for one that is too long."""
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise MatrixError(
            400, "M_WEAK_PASSWORD", f"The password must have at least {PASSWORD_CHARACTERS_MIN} characters."
        )
    if len(password) > PASSWORD_CHARACTERS_MAX:
        raise invalid_param(f"The password must have at most {PASSWORD_CHARACTERS_MAX} characters.")
