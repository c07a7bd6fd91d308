"""Accounts made by tools that know a shared secret, in the form they know from Synapse (`/_synapse/admin/v1/register`)."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.signing import encode_base64_url_safe
from zajil.ports.database import Transaction
from zajil.ports.stores.accounts import Account
from zajil.ports.stores.profiles import Profile
from zajil.services.accounts.passwords import PASSWORD_CHARACTERS_MAX
from zajil.services.accounts.register_account import build_user_id, check_available, store_new_account
from zajil.services.accounts.set_profile import check_value, write_profile
from zajil.services.accounts.start_session import DeviceRequest, start_session
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, invalid_param

NONCE_LIFETIME_MS: Final = 60_000
NONCE_CHARACTERS_MAX: Final = 128
USED_STAGE: Final = "used"


@dataclass(frozen=True, slots=True)
class SecretRegistration:
    """What a tool sends."""

    nonce: str
    username: str
    password: str
    mac: str
    is_admin: bool
    display_name: str | None
    user_type: str | None


def check_is_on(app: App) -> None:
    """Raises 404 as an unknown path does, where no secret is configured."""
    if not (app.config.registration_shared_secret and app.config.synapse_admin_register):
        raise MatrixError(404, "M_UNRECOGNIZED", "Registration with a shared secret is not configured.")


async def create_nonce(app: App) -> str:
    """GET: a nonce that is valid once, for a minute. It is signed, so handing it out costs no memory."""
    check_is_on(app)
    expires_ts_ms = app.clock.now_ms() + NONCE_LIFETIME_MS
    head = f"{expires_ts_ms:x}.{encode_base64_url_safe(app.randomness.bytes(16))}"
    return f"{head}.{_sign(app, head)}"


async def register_with_secret(app: App, given: SecretRegistration) -> dict[str, Any]:
    """POST: make the account, and log it in. Raises M_FORBIDDEN for a wrong HMAC, M_UNKNOWN for a nonce that is not valid."""
    check_is_on(app)
    _check_nonce(app, given.nonce)
    if not 1 <= len(given.password) <= PASSWORD_CHARACTERS_MAX or "\0" in given.password + given.username:
        raise invalid_param("The password or the user name is not valid.")
    if not hmac.compare_digest(given.mac.lower().encode(), _expected_mac(app, given).encode()):
        raise forbidden("The HMAC is wrong.")
    user_id = build_user_id(app, given.username)
    await check_available(app, app.db.reader, user_id)
    if given.display_name is not None:
        check_value("displayname", given.display_name)
    password_hash = await app.passwords.hash(given.password)
    device = DeviceRequest(None, None, can_refresh=False)

    async def store(tx: Transaction) -> dict[str, Any]:
        accounts, now_ms = app.stores.accounts, app.clock.now_ms()
        if await accounts.load_completed_stages(tx, given.nonce):
            raise MatrixError(400, "M_UNKNOWN", "This nonce was used before.")
        await check_available(app, tx, user_id)
        await accounts.store_completed_stage(tx, given.nonce, USED_STAGE, "", now_ms + NONCE_LIFETIME_MS, now_ms)
        await store_new_account(tx, app, Account(user_id, now_ms, password_hash, is_admin=given.is_admin))
        if given.display_name is not None:
            await write_profile(tx, app, Profile(user_id, given.display_name), propagates=True)
        return await start_session(tx, app, user_id, device)

    return await app.db.write(store)


def _expected_mac(app: App, given: SecretRegistration) -> str:
    parts = [given.nonce, given.username, given.password, "admin" if given.is_admin else "notadmin"]
    if given.user_type is not None:
        parts.append(given.user_type)
    # SHA-1 is what these tools send; as an HMAC it is still sound.
    secret = app.config.registration_shared_secret.encode()
    return hmac.new(secret, "\0".join(parts).encode(), hashlib.sha1).hexdigest()


def _check_nonce(app: App, nonce: str) -> None:
    head, _, signature = nonce.rpartition(".")
    is_known = len(nonce) <= NONCE_CHARACTERS_MAX and hmac.compare_digest(
        signature.encode("utf-8", "surrogatepass"), _sign(app, head).encode()
    )
    if not is_known or int(head.partition(".")[0], 16) <= app.clock.now_ms():
        raise MatrixError(400, "M_UNKNOWN", "This nonce is not known, or has expired.")


def _sign(app: App, head: str) -> str:
    key = app.config.registration_shared_secret.encode()
    message = f"registration nonce\n{head}".encode("utf-8", "surrogatepass")
    return encode_base64_url_safe(hmac.digest(key, message, hashlib.sha256)[:16])
