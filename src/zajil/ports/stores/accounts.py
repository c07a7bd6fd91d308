"""Accounts, registration tokens, and what user-interactive authentication remembers."""

from dataclasses import dataclass
from typing import Protocol

from zajil.ports.database import Read, Transaction


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this server."""

    user_id: str
    created_ts_ms: int
    password_hash: str | None = None
    is_guest: bool = False
    is_admin: bool = False
    is_locked: bool = False
    is_suspended: bool = False
    is_deactivated: bool = False
    erased_position: int | None = None
    """Where in the log the owner asked that whoever comes later sees nothing of what was sent."""


@dataclass(frozen=True, slots=True)
class RegistrationToken:
    """Whoever has it may make an account while it has uses left and has not expired."""

    token: str
    uses_max: int | None
    uses: int
    expires_ts_ms: int | None
    grants_admin: bool
    created_ts_ms: int

    def is_valid(self, now_ms: int) -> bool:
        return (self.uses_max is None or self.uses < self.uses_max) and (
            self.expires_ts_ms is None or now_ms < self.expires_ts_ms
        )


@dataclass(frozen=True, slots=True)
class AccountTask:
    """Something that remains to be done for an account after a change of it."""

    user_id: str
    task: str
    version: int


class AccountStore(Protocol):
    """Everything about an account but its devices."""

    async def load_account(self, tx: Read, user_id: str) -> Account | None: ...

    async def load_accounts(self, tx: Read, after: str, count_max: int) -> list[Account]:
        """Accounts in order of user ID, those after `after`."""

    async def has_admin(self, tx: Read) -> bool:
        """Whether any account in use is an administrator's."""

    async def store_account(self, tx: Transaction, account: Account) -> bool:
        """Add an account; False when the user ID is taken."""

    async def store_password(self, tx: Transaction, user_id: str, password_hash: str | None) -> None: ...

    async def store_standing(
        self, tx: Transaction, user_id: str, *, is_admin: bool, is_locked: bool, is_suspended: bool
    ) -> None: ...

    async def store_guest_upgrade(self, tx: Transaction, guest_id: str, password_hash: str, *, is_admin: bool) -> None:
        """Make a guest a user."""

    async def store_deactivation(self, tx: Transaction, user_id: str, erased_position: int | None) -> None:
        """Deactivate: no password, no standing. The user ID stays taken."""

    async def load_registration_token(self, tx: Read, token: str) -> RegistrationToken | None: ...

    async def load_registration_tokens(self, tx: Read, count_max: int) -> list[RegistrationToken]:
        """The newest first."""

    async def store_registration_token(self, tx: Transaction, token: RegistrationToken) -> bool:
        """Add a token; False when there is one of that name."""

    async def use_registration_token(self, tx: Transaction, token: str, now_ms: int) -> bool:
        """Count one use; False when none is left or the token has expired."""

    async def delete_registration_token(self, tx: Transaction, token: str) -> bool: ...

    async def store_password_reset(
        self, tx: Transaction, token_hash: bytes, user_id: str, expires_ts_ms: int, now_ms: int
    ) -> None:
        """Add a one-time token for a new password; earlier ones of the account and expired ones go."""

    async def load_password_reset(self, tx: Read, token_hash: bytes, now_ms: int) -> str | None:
        """The user ID whose password the token may change."""

    async def delete_password_resets(self, tx: Transaction, user_id: str) -> None: ...

    async def load_completed_stages(self, tx: Read, session_id: str) -> dict[str, str]:
        """Stage and its result, for one session of user-interactive authentication."""

    async def store_completed_stage(
        self, tx: Transaction, session_id: str, stage: str, result: str, expires_ts_ms: int, now_ms: int
    ) -> None:
        """Remember a completed stage, and forget all that expired before `now_ms`."""

    async def delete_completed_stages(self, tx: Transaction, session_id: str) -> None: ...

    async def load_tasks(self, tx: Read, count_max: int) -> list[AccountTask]: ...

    async def store_task(self, tx: Transaction, task: AccountTask) -> None:
        """Ask for a task; a later version replaces an earlier one."""

    async def delete_task(self, tx: Transaction, task: AccountTask) -> None:
        """The task is done, unless a later version was asked for meanwhile."""

    async def load_secret(self, tx: Read, name: str) -> bytes | None: ...

    async def store_secret(self, tx: Transaction, name: str, secret: bytes) -> bytes:
        """Keep `secret` unless there is one of that name already; returns the one in force."""
