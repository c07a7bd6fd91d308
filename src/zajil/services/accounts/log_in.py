"""POST /login (client-server API, "Login")."""

from collections.abc import Mapping
from typing import Any, Final

from zajil.ports.database import Transaction
from zajil.services.accounts.sessions import build_token, hash_token
from zajil.services.accounts.start_session import DeviceRequest, check_device_request, start_session
from zajil.services.accounts.user_interactive_auth import confirm_identity
from zajil.services.accounts.verify_password import verify_password
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, missing_param, user_locked
from zajil.services.rate_limits import network_of
from zajil.services.requester import Requester

LOGIN_TOKEN_LIFETIME_MS: Final = 120_000
FLOWS: Final[list[dict[str, Any]]] = [
    {"type": "m.login.password"},
    {"type": "m.login.token", "get_login_token": True},
]


async def log_in(app: App, given: Mapping[str, Any], device: DeviceRequest, client_ip: str) -> dict[str, Any]:
    """Log a device in with a password or a one-time token; `given` is the body. Returns the response of the spec."""
    check_device_request(device)
    kind = given["type"]
    if kind == "m.login.password":
        account = await verify_password(app, given, network_of(client_ip))
        if account.is_guest:
            raise forbidden("Guests cannot log in again.")
        if account.is_locked:
            raise user_locked()

        async def start(tx: Transaction) -> dict[str, Any]:
            return await start_session(tx, app, account.user_id, device)

        answer = await app.db.write(start)
    elif kind == "m.login.token":
        answer = await _log_in_with_token(app, given, device)
    else:
        raise MatrixError(400, "M_UNKNOWN", "This server does not know that way to log in.")
    if app.config.public_base_url:
        answer["well_known"] = {"m.homeserver": {"base_url": app.config.base_url}}
    return answer


async def create_login_token(app: App, requester: Requester, auth: object) -> dict[str, Any]:
    """POST /login/get_token: a one-time token that logs another device in. Raises 401 until the owner has confirmed with the password."""
    await confirm_identity(app, requester, "get_token", auth)
    token = build_token(app.randomness, "zlt")
    now_ms = app.clock.now_ms()

    async def store(tx: Transaction) -> None:
        await app.stores.devices.store_login_token(
            tx, hash_token(token), requester.user_id, now_ms + LOGIN_TOKEN_LIFETIME_MS, now_ms
        )

    await app.db.write(store)
    return {"login_token": token, "expires_in_ms": LOGIN_TOKEN_LIFETIME_MS}


async def _log_in_with_token(app: App, given: Mapping[str, Any], device: DeviceRequest) -> dict[str, Any]:
    token = given.get("token")
    if token is None:
        raise missing_param("The token is missing.")
    if not isinstance(token, str):
        raise bad_json("The token must be a string.")
    token_hash = hash_token(token)

    async def start(tx: Transaction) -> dict[str, Any] | None:
        user_id = await app.stores.devices.use_login_token(tx, token_hash, app.clock.now_ms())
        if user_id is None:
            return None
        account = await app.stores.accounts.load_account(tx, user_id)
        if account is None or account.is_deactivated:
            return None
        if account.is_locked:
            raise user_locked()
        return await start_session(tx, app, user_id, device)

    answer = await app.db.write(start)
    if answer is None:
        raise forbidden("The log-in token is not known, was used before, or has expired.")
    return answer
