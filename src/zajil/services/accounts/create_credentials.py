"""Credentials for other services: OpenID tokens (client-server API, "OpenID") and TURN passwords ("Voice over IP")."""

import base64
import hashlib
import hmac
import string
from typing import Any, Final

from zajil.ports.database import Transaction
from zajil.services.accounts.sessions import build_token, hash_token, unknown_token
from zajil.services.app import App
from zajil.services.errors import not_found
from zajil.services.requester import Requester

OPENID_LIFETIME_S: Final = 3600
TURN_NAME_CHARACTERS: Final = 16


async def create_openid_token(app: App, requester: Requester) -> dict[str, Any]:
    """POST /user/{userId}/openid/request_token: proves to a third party who one is, and nothing else."""
    token = build_token(app.randomness, "zot")
    now_ms = app.clock.now_ms()

    async def store(tx: Transaction) -> None:
        await app.stores.profiles.store_openid_token(
            tx, hash_token(token), requester.user_id, now_ms + OPENID_LIFETIME_S * 1000, now_ms
        )

    await app.db.write(store)
    return {
        "access_token": token,
        "token_type": "Bearer",
        "matrix_server_name": app.server_name,
        "expires_in": OPENID_LIFETIME_S,
    }


async def load_openid_user(app: App, token: str) -> dict[str, Any]:
    """GET /_matrix/federation/v1/openid/userinfo. Raises 401 M_UNKNOWN_TOKEN."""
    user_id = await app.stores.profiles.load_openid_user(app.db.reader, hash_token(token), app.clock.now_ms())
    if user_id is None:
        raise unknown_token("The token is not known, or has expired.")
    account = await app.stores.accounts.load_account(app.db.reader, user_id)
    if account is None or account.is_deactivated:
        raise unknown_token("The token is not known, or has expired.")
    return {"sub": user_id}


def build_turn_credentials(app: App) -> dict[str, Any]:
    """GET /voip/turnServer: a name and password that the TURN server can check by itself.

    The name says nothing about the user. Raises M_NOT_FOUND where there is no TURN server.
    """
    config = app.config
    if not config.turn_uris:
        raise not_found("This server offers no TURN server.")
    expires_ts_s = app.clock.now_ms() // 1000 + config.turn_user_lifetime_s
    username = f"{expires_ts_s}:{app.randomness.letters(TURN_NAME_CHARACTERS, string.ascii_lowercase)}"
    # SHA-1 is what TURN servers expect here; as an HMAC it is still sound.
    password = hmac.new(config.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
    return {
        "username": username,
        "password": base64.b64encode(password).decode(),
        "uris": list(config.turn_uris),
        "ttl": config.turn_user_lifetime_s,
    }
