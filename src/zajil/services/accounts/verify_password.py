"""Who logs in with a user identifier and a password, as /login and user-interactive authentication send them."""

from collections.abc import Mapping
from typing import Any

from zajil.core.identifiers import parse_user_id
from zajil.ports.database import Transaction
from zajil.ports.stores.accounts import Account
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, missing_param

WRONG_PASSWORD = "The user name or the password is wrong."  # noqa: S105  a sentence


async def verify_password(
    app: App, given: Mapping[str, Any], origin: str, expected_user_id: str | None = None
) -> Account:
    """The account whose identifier and password these are. `origin` is the network or the session that tries.

    Raises 403 M_FORBIDDEN (the same, after the same time, for an unknown user as for a wrong password), 403 M_USER_DEACTIVATED,
    429 M_LIMIT_EXCEEDED after too many wrong passwords for one account.
    """
    password = given.get("password")
    if password is None:
        raise missing_param("The password is missing.")
    if not isinstance(password, str):
        raise bad_json("The password must be a string.")
    user_id = read_identifier(app, given)
    if expected_user_id is not None and user_id != expected_user_id:
        raise forbidden("This is not the account that is logged in.")
    _count_failure(app, user_id or "", origin, counts=False)
    account = await app.stores.accounts.load_account(app.db.reader, user_id) if user_id else None
    password_hash = account.password_hash if account is not None else None
    if not await app.passwords.verify(password_hash, password):
        _count_failure(app, user_id or "", origin, counts=True)
        if account is not None and account.is_deactivated:
            raise MatrixError(403, "M_USER_DEACTIVATED", "This account has been deactivated.")
        raise forbidden(WRONG_PASSWORD)
    assert account is not None and password_hash is not None
    if app.passwords.needs_rehash(password_hash):
        await _store_rehashed(app, account.user_id, password_hash, await app.passwords.hash(password))
    return account


def _count_failure(app: App, user_id: str, origin: str, *, counts: bool) -> None:
    # A stranger who guesses wrong must not shut the owner out, so the tighter limit is that of the stranger's own network.
    app.rate_limits.check_key("failed_login", f"{user_id} {origin}", counts=counts)
    app.rate_limits.check_key("failed_login_anywhere", user_id, counts=counts)


def read_identifier(app: App, given: Mapping[str, Any]) -> str | None:
    """The user ID meant by `identifier` (or by `user`, as old clients send it); None when it can be nobody here."""
    identifier = given.get("identifier")
    if identifier is None:
        user = given.get("user")
    elif not isinstance(identifier, dict):
        raise bad_json("identifier must be an object.")
    else:
        kind = identifier.get("type")
        if kind in ("m.id.thirdparty", "m.id.phone"):
            return None  # e-mail addresses and telephone numbers are not kept here
        if kind != "m.id.user":
            raise MatrixError(400, "M_UNKNOWN", "This server does not know that type of identifier.")
        user = identifier.get("user")
    if user is None:
        if given.get("medium") is not None:
            return None
        raise missing_param("The user name is missing.")
    if not isinstance(user, str):
        raise bad_json("The user name must be a string.")
    if not user.startswith("@"):
        user = f"@{user.lower()}:{app.server_name}"
    parsed = parse_user_id(user)
    if parsed is None or parsed.server_name != app.server_name:
        return None
    return user


async def _store_rehashed(app: App, user_id: str, old_hash: str, new_hash: str) -> None:
    async def store(tx: Transaction) -> None:
        account = await app.stores.accounts.load_account(tx, user_id)
        if account is not None and account.password_hash == old_hash:
            await app.stores.accounts.store_password(tx, user_id, new_hash)

    await app.db.write(store)
