"""`ports.stores.accounts.AccountStore` in SQL."""

from zajil.ports.database import Read, Row, Transaction
from zajil.ports.stores.accounts import Account, AccountTask, RegistrationToken

_ACCOUNT = "user_id, created_ts_ms, password_hash, is_guest, is_admin, is_locked, is_suspended, is_deactivated, erased_position"
_TOKEN = "token, uses_max, uses, expires_ts_ms, grants_admin, created_ts_ms"  # noqa: S105  column names


def _build_account(row: Row) -> Account:
    guest, admin, locked, suspended, deactivated = map(bool, row[3:8])
    return Account(row[0], row[1], row[2], guest, admin, locked, suspended, deactivated, row[8])


def _build_token(row: Row) -> RegistrationToken:
    return RegistrationToken(row[0], row[1], row[2], row[3], bool(row[4]), row[5])


class SqlAccountStore:
    """Accounts in the tables of 20_accounts.sql."""

    async def load_account(self, tx: Read, user_id: str) -> Account | None:
        row = await tx.fetch_row(f"SELECT {_ACCOUNT} FROM accounts WHERE user_id = ?", user_id)
        return None if row is None else _build_account(row)

    async def load_accounts(self, tx: Read, after: str, count_max: int) -> list[Account]:
        sql = f"SELECT {_ACCOUNT} FROM accounts WHERE user_id > ? ORDER BY user_id LIMIT ?"
        return [_build_account(row) for row in await tx.fetch(sql, after, count_max)]

    async def has_admin(self, tx: Read) -> bool:
        sql = "SELECT 1 FROM accounts WHERE is_admin = 1 AND is_deactivated = 0 LIMIT 1"
        return await tx.fetch_value(sql) is not None

    async def store_account(self, tx: Transaction, account: Account) -> bool:
        sql = f"INSERT INTO accounts ({_ACCOUNT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id) DO NOTHING"
        flags = (
            account.is_guest,
            account.is_admin,
            account.is_locked,
            account.is_suspended,
            account.is_deactivated,
        )
        count = await tx.execute_counting(
            sql,
            account.user_id,
            account.created_ts_ms,
            account.password_hash,
            *map(int, flags),
            account.erased_position,
        )
        return count == 1

    async def store_password(self, tx: Transaction, user_id: str, password_hash: str | None) -> None:
        await tx.execute("UPDATE accounts SET password_hash = ? WHERE user_id = ?", password_hash, user_id)

    async def store_standing(
        self, tx: Transaction, user_id: str, *, is_admin: bool, is_locked: bool, is_suspended: bool
    ) -> None:
        sql = "UPDATE accounts SET is_admin = ?, is_locked = ?, is_suspended = ? WHERE user_id = ?"
        await tx.execute(sql, int(is_admin), int(is_locked), int(is_suspended), user_id)

    async def store_guest_upgrade(self, tx: Transaction, guest_id: str, password_hash: str, *, is_admin: bool) -> None:
        sql = "UPDATE accounts SET is_guest = 0, password_hash = ?, is_admin = ? WHERE user_id = ? AND is_guest = 1"
        await tx.execute(sql, password_hash, int(is_admin), guest_id)

    async def store_deactivation(self, tx: Transaction, user_id: str, erased_position: int | None) -> None:
        sql = (
            "UPDATE accounts SET is_deactivated = 1, is_admin = 0, password_hash = NULL, erased_position = ? "
            "WHERE user_id = ?"
        )
        await tx.execute(sql, erased_position, user_id)

    async def load_registration_token(self, tx: Read, token: str) -> RegistrationToken | None:
        row = await tx.fetch_row(f"SELECT {_TOKEN} FROM registration_tokens WHERE token = ?", token)
        return None if row is None else _build_token(row)

    async def load_registration_tokens(self, tx: Read, count_max: int) -> list[RegistrationToken]:
        sql = f"SELECT {_TOKEN} FROM registration_tokens ORDER BY created_ts_ms DESC, token LIMIT ?"
        return [_build_token(row) for row in await tx.fetch(sql, count_max)]

    async def store_registration_token(self, tx: Transaction, token: RegistrationToken) -> bool:
        sql = f"INSERT INTO registration_tokens ({_TOKEN}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (token) DO NOTHING"
        count = await tx.execute_counting(
            sql,
            token.token,
            token.uses_max,
            token.uses,
            token.expires_ts_ms,
            int(token.grants_admin),
            token.created_ts_ms,
        )
        return count == 1

    async def use_registration_token(self, tx: Transaction, token: str, now_ms: int) -> bool:
        sql = (
            "UPDATE registration_tokens SET uses = uses + 1 WHERE token = ? "
            "AND (uses_max IS NULL OR uses < uses_max) AND (expires_ts_ms IS NULL OR expires_ts_ms > ?)"
        )
        return await tx.execute_counting(sql, token, now_ms) == 1

    async def delete_registration_token(self, tx: Transaction, token: str) -> bool:
        return await tx.execute_counting("DELETE FROM registration_tokens WHERE token = ?", token) == 1

    async def store_password_reset(
        self, tx: Transaction, token_hash: bytes, user_id: str, expires_ts_ms: int, now_ms: int
    ) -> None:
        await tx.execute("DELETE FROM password_reset_tokens WHERE user_id = ? OR expires_ts_ms <= ?", user_id, now_ms)
        sql = "INSERT INTO password_reset_tokens (token_hash, user_id, expires_ts_ms) VALUES (?, ?, ?)"
        await tx.execute(sql, token_hash, user_id, expires_ts_ms)

    async def load_password_reset(self, tx: Read, token_hash: bytes, now_ms: int) -> str | None:
        sql = "SELECT user_id FROM password_reset_tokens WHERE token_hash = ? AND expires_ts_ms > ?"
        user_id: str | None = await tx.fetch_value(sql, token_hash, now_ms)
        return user_id

    async def delete_password_resets(self, tx: Transaction, user_id: str) -> None:
        await tx.execute("DELETE FROM password_reset_tokens WHERE user_id = ?", user_id)

    async def load_completed_stages(self, tx: Read, session_id: str) -> dict[str, str]:
        sql = "SELECT stage, result FROM interactive_auth_stages WHERE session_id = ?"
        return {row[0]: row[1] for row in await tx.fetch(sql, session_id)}

    async def store_completed_stage(
        self, tx: Transaction, session_id: str, stage: str, result: str, expires_ts_ms: int, now_ms: int
    ) -> None:
        await tx.execute("DELETE FROM interactive_auth_stages WHERE expires_ts_ms <= ?", now_ms)
        sql = (
            "INSERT INTO interactive_auth_stages (session_id, stage, result, expires_ts_ms) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (session_id, stage) DO UPDATE SET result = excluded.result"
        )
        await tx.execute(sql, session_id, stage, result, expires_ts_ms)

    async def delete_completed_stages(self, tx: Transaction, session_id: str) -> None:
        await tx.execute("DELETE FROM interactive_auth_stages WHERE session_id = ?", session_id)

    async def load_tasks(self, tx: Read, count_max: int) -> list[AccountTask]:
        sql = "SELECT user_id, task, version FROM account_tasks ORDER BY version LIMIT ?"
        return [AccountTask(row[0], row[1], row[2]) for row in await tx.fetch(sql, count_max)]

    async def store_task(self, tx: Transaction, task: AccountTask) -> None:
        sql = (
            "INSERT INTO account_tasks (user_id, task, version) VALUES (?, ?, ?) "
            "ON CONFLICT (user_id, task) DO UPDATE SET version = excluded.version"
        )
        await tx.execute(sql, task.user_id, task.task, task.version)

    async def delete_task(self, tx: Transaction, task: AccountTask) -> None:
        sql = "DELETE FROM account_tasks WHERE user_id = ? AND task = ? AND version = ?"
        await tx.execute(sql, task.user_id, task.task, task.version)

    async def load_secret(self, tx: Read, name: str) -> bytes | None:
        secret: bytes | None = await tx.fetch_value("SELECT secret FROM server_secrets WHERE name = ?", name)
        return secret

    async def store_secret(self, tx: Transaction, name: str, secret: bytes) -> bytes:
        sql = "INSERT INTO server_secrets (name, secret) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
        await tx.execute(sql, name, secret)
        stored: bytes = await tx.fetch_value("SELECT secret FROM server_secrets WHERE name = ?", name)
        return stored
