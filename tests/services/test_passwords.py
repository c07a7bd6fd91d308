"""Passwords: right, wrong, unknown, and too many at once."""

import asyncio
import time

import pytest

from zajil.ports.database import Busy
from zajil.services.accounts import passwords
from zajil.services.accounts.passwords import (
    PASSWORD_CHARACTERS_MAX,
    PASSWORD_CHARACTERS_MIN,
    Passwords,
    check_new_password,
)
from zajil.services.errors import MatrixError


async def test_hash_and_verify() -> None:
    service = Passwords()
    stored = await service.hash("correct horse")
    assert stored.startswith("$argon2id$") and not service.needs_rehash(stored)
    assert await service.verify(stored, "correct horse")
    assert not await service.verify(stored, "wrong horse")
    assert not await service.verify("no hash at all", "correct horse")
    assert await service.hash("correct horse") != stored
    service.close()


async def test_an_unknown_account_takes_as_long_as_a_known_one() -> None:
    service = Passwords()
    stored = await service.hash("correct horse")
    assert not await service.verify(None, "")

    async def measure(password_hash: str | None) -> float:
        began = time.perf_counter()
        for _ in range(5):
            assert not await service.verify(password_hash, "wrong horse")
        return time.perf_counter() - began

    known, unknown = await measure(stored), await measure(None)
    # A machine that is busy with other tests makes both vary; an answer without any hashing would be hundreds of times faster.
    assert unknown > known / 4
    service.close()


async def test_a_flood_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 2)
    service = Passwords()
    outcomes = await asyncio.gather(*(service.hash("correct horse") for _ in range(5)), return_exceptions=True)
    assert [isinstance(each, Busy) for each in outcomes] == [False, False, True, True, True]
    service.close()


@pytest.mark.parametrize(
    ("length", "errcode"),
    [
        (PASSWORD_CHARACTERS_MIN - 1, "M_WEAK_PASSWORD"),
        (PASSWORD_CHARACTERS_MIN, None),
        (PASSWORD_CHARACTERS_MAX, None),
        (PASSWORD_CHARACTERS_MAX + 1, "M_INVALID_PARAM"),
    ],
)
def test_lengths(length: int, errcode: str | None) -> None:
    if errcode is None:
        check_new_password("x" * length)
        return
    with pytest.raises(MatrixError) as refused:
        check_new_password("x" * length)
    assert refused.value.errcode == errcode
