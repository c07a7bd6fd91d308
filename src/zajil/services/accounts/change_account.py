"""A user's own account: a new password, or the end of it (client-server API, "Account management")."""

from typing import Any, Final

from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.accounts import AccountTask
from zajil.services.accounts.log_out import log_out_everywhere, remove_all_devices
from zajil.services.accounts.passwords import check_new_password
from zajil.services.accounts.run_account_tasks import LEAVE
from zajil.services.accounts.sessions import build_token, hash_token
from zajil.services.accounts.user_interactive_auth import confirm_identity
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, missing_param, not_found
from zajil.services.keys.attach_keys import delete_user_keys
from zajil.services.keys.back_up_keys import delete_all_backups
from zajil.services.requester import Requester

RESET_LIFETIME_MS: Final = 24 * 3600 * 1000


async def change_password(
    app: App, requester: Requester, new_password: str | None, *, logout_devices: bool, auth: object
) -> None:
    """POST /account/password. Other sessions end unless told otherwise; this one goes on."""
    if new_password is not None:
        check_new_password(new_password)
    await confirm_identity(app, requester, "password", auth)
    if new_password is None:
        raise missing_param("The new password is missing.")
    await set_password(app, requester.user_id, new_password)
    if logout_devices:
        await log_out_everywhere(app, requester.user_id, except_device_id=requester.device_id)


async def set_password(app: App, user_id: str, new_password: str) -> None:
    """Give an account a password. Raises M_WEAK_PASSWORD, M_NOT_FOUND."""
    check_new_password(new_password)
    password_hash = await app.passwords.hash(new_password)

    async def store(tx: Transaction) -> None:
        account = await app.stores.accounts.load_account(tx, user_id)
        if account is None or account.is_deactivated:
            raise not_found("There is no such account.")
        if account.is_guest:
            raise forbidden("Guests have no password.")
        await app.stores.accounts.store_password(tx, user_id, password_hash)
        await app.stores.accounts.delete_password_resets(tx, user_id)

    await app.db.write(store)


async def create_password_reset(app: App, user_id: str) -> str:
    """A token with which whoever has it may choose the account's password once, within a day."""
    token = build_token(app.randomness, "zpr")
    now_ms = app.clock.now_ms()

    async def store(tx: Transaction) -> None:
        account = await app.stores.accounts.load_account(tx, user_id)
        if account is None or account.is_deactivated or account.is_guest:
            raise not_found("There is no such account.")
        await app.stores.accounts.store_password_reset(
            tx, hash_token(token), user_id, now_ms + RESET_LIFETIME_MS, now_ms
        )

    await app.db.write(store)
    return token


async def reset_password(app: App, token: str, new_password: str) -> str:
    """Use such a token; ends all sessions and returns the user ID. Raises 403 M_FORBIDDEN for a token that is not valid."""
    user_id = await app.stores.accounts.load_password_reset(app.db.reader, hash_token(token), app.clock.now_ms())
    if user_id is None:
        raise forbidden("This link is not valid, was used before, or has expired.")
    await set_password(app, user_id, new_password)
    await log_out_everywhere(app, user_id)
    return user_id


async def deactivate_own_account(app: App, requester: Requester, *, erase: bool, auth: object) -> dict[str, Any]:
    """POST /account/deactivate."""
    await confirm_identity(app, requester, "deactivate", auth)
    await deactivate_account(app, requester.user_id, erase=erase)
    return {"id_server_unbind_result": "success"}


async def deactivate_account(app: App, user_id: str, *, erase: bool) -> None:
    """End an account for good: sessions, password, personal data; its rooms are left afterwards. The ID stays taken.

    With `erase`, what it sent is shown redacted to whoever joins later (`hide_erased`).
    """

    async def store(tx: Transaction) -> None:
        stores = app.stores
        account = await stores.accounts.load_account(tx, user_id)
        if account is None or account.is_deactivated:
            raise not_found("There is no such account.")
        await stores.accounts.delete_password_resets(tx, user_id)
        await remove_all_devices(tx, app, user_id)
        await stores.account_data.delete_all(tx, user_id)
        await stores.filters.delete_all(tx, user_id)
        await stores.profiles.delete(tx, user_id)
        await tx.append(Stream.PROFILES, user_id)
        await delete_user_keys(tx, app, user_id)
        for hook in app.device_hooks.account_deactivated:
            await hook(tx, user_id)
        position = await tx.append(Stream.SESSIONS, user_id)
        await stores.accounts.store_deactivation(tx, user_id, position if erase else None)
        await stores.accounts.store_task(tx, AccountTask(user_id, LEAVE, position))

    await delete_all_backups(app, user_id)
    await app.db.write(store)
    app.account_tasks.wake()


async def load_whoami(app: App, requester: Requester) -> dict[str, Any]:
    """GET /account/whoami."""
    return {"user_id": requester.user_id, "device_id": requester.device_id, "is_guest": requester.is_guest}


def refuse_threepid() -> MatrixError:
    """This server keeps no e-mail addresses and no telephone numbers (invariant 7)."""
    return MatrixError(403, "M_THREEPID_DENIED", "This server does not keep e-mail addresses or telephone numbers.")
