"""What an administrator does to accounts, over the client-server API (v1.18) and the command line (`zajil user …`)."""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from zajil.core.identifiers import parse_user_id
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.accounts import Account
from zajil.services.accounts.change_account import create_password_reset, deactivate_account, set_password
from zajil.services.accounts.log_out import log_out_everywhere
from zajil.services.accounts.passwords import check_new_password
from zajil.services.accounts.register_account import build_user_id, check_available, store_new_account
from zajil.services.accounts.start_session import DEVICES_MAX
from zajil.services.app import App
from zajil.services.errors import forbidden, invalid_param, not_found
from zajil.services.requester import Requester

USERS_PER_PAGE_MAX: Final = 1000

Standing = Literal["locked", "suspended"]


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some accounts, in order of user ID."""

    accounts: list[Account]
    next_after: str | None
    """Where to go on; None at the end."""


def find_user_id(app: App, name: str) -> str:
    """The full user ID for a name on the command line: `anna` or `@anna:server`. Raises M_INVALID_PARAM."""
    user_id = name if name.startswith("@") else f"@{name}:{app.server_name}"
    parsed = parse_user_id(user_id)
    if parsed is None or parsed.server_name != app.server_name:
        raise invalid_param("This is not a user of this server.")
    return user_id


async def create_user(app: App, username: str, password: str | None, *, is_admin: bool = False) -> str:
    """Make an account whatever the registration setting; without a password only a reset link lets anybody in. Returns the user ID."""
    user_id = build_user_id(app, username)
    password_hash = None
    if password is not None:
        check_new_password(password)
        password_hash = await app.passwords.hash(password)

    async def store(tx: Transaction) -> None:
        await check_available(app, tx, user_id)
        await store_new_account(tx, app, Account(user_id, app.clock.now_ms(), password_hash, is_admin=is_admin))

    await app.db.write(store)
    return user_id


async def list_users(app: App, after: str = "", count_max: int = USERS_PER_PAGE_MAX) -> UserPage:
    """Accounts in order, a page at a time."""
    accounts = await app.stores.accounts.load_accounts(app.db.reader, after, count_max)
    return UserPage(accounts, accounts[-1].user_id if len(accounts) == count_max else None)


async def set_user_password(app: App, user_id: str, password: str, *, logs_out: bool = True) -> None:
    """Give an account another password; its sessions end unless told otherwise."""
    await set_password(app, user_id, password)
    if logs_out:
        await log_out_everywhere(app, user_id)


async def create_reset_link(app: App, user_id: str) -> str:
    """A link where the owner of an account can choose a new password once, within a day."""
    return f"{app.config.base_url}/#/reset-password?token={await create_password_reset(app, user_id)}"


async def deactivate_user(app: App, user_id: str, *, erase: bool) -> None:
    """End somebody's account."""
    await deactivate_account(app, user_id, erase=erase)


async def set_standing(
    app: App,
    user_id: str,
    *,
    is_locked: bool | None = None,
    is_suspended: bool | None = None,
    is_admin: bool | None = None,
) -> Account:
    """Change what an account may do; None leaves a thing as it is. Takes effect with the next request. Raises M_NOT_FOUND."""

    async def store(tx: Transaction) -> Account:
        account = await app.stores.accounts.load_account(tx, user_id)
        if account is None or account.is_deactivated:
            raise not_found("There is no such account.")
        changed = replace(
            account,
            is_locked=account.is_locked if is_locked is None else is_locked,
            is_suspended=account.is_suspended if is_suspended is None else is_suspended,
            is_admin=account.is_admin if is_admin is None else is_admin,
        )
        if changed != account:
            await app.stores.accounts.store_standing(
                tx,
                user_id,
                is_admin=changed.is_admin,
                is_locked=changed.is_locked,
                is_suspended=changed.is_suspended,
            )
            await tx.append(Stream.SESSIONS, user_id)
        return changed

    return await app.db.write(store)


async def load_standing(app: App, user_id: str, which: Standing) -> dict[str, Any]:
    """GET /admin/{lock,suspend}/{userId}. Raises M_INVALID_PARAM, M_FORBIDDEN for administrators, M_NOT_FOUND."""
    account = await _find_subject(app, user_id)
    return {which: account.is_locked if which == "locked" else account.is_suspended}


async def change_standing(app: App, requester: Requester, user_id: str, which: Standing, value: bool) -> dict[str, Any]:
    """PUT /admin/{lock,suspend}/{userId}."""
    if user_id == requester.user_id:
        raise forbidden("You cannot do this to your own account.")
    await _find_subject(app, user_id)
    if which == "locked":
        await set_standing(app, user_id, is_locked=value)
    else:
        await set_standing(app, user_id, is_suspended=value)
    return {which: value}


async def load_whois(app: App, requester: Requester, user_id: str) -> dict[str, Any]:
    """GET /admin/whois/{userId}: for administrators, and for oneself. Shows what is kept, which is coarse."""
    if user_id != requester.user_id and not requester.is_admin:
        raise forbidden("Only administrators can look up other users.")
    if await app.stores.accounts.load_account(app.db.reader, user_id) is None:
        raise not_found("There is no such account.")
    devices: dict[str, Any] = {}
    for device in await app.stores.devices.load_devices(app.db.reader, user_id, DEVICES_MAX):
        connection = {"ip": device.last_seen_ip, "last_seen": device.last_seen_ts_ms}
        known = {name: value for name, value in connection.items() if value is not None}
        devices[device.device_id] = {"sessions": [{"connections": [known] if known else []}]}
    return {"user_id": user_id, "devices": devices}


async def _find_subject(app: App, user_id: str) -> Account:
    parsed = parse_user_id(user_id)
    if parsed is None or parsed.server_name != app.server_name:
        raise invalid_param("This is not a user of this server.")
    account = await app.stores.accounts.load_account(app.db.reader, user_id)
    if account is None or account.is_deactivated:
        raise not_found("There is no such account.")
    if account.is_admin:
        raise forbidden("This is an administrator's account.")
    return account
