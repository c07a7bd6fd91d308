"""Registration tokens, as the operator makes and lists them (`zajil token …`), and the one that makes the first administrator."""

from typing import Final

from zajil.core.identifiers import is_opaque_id
from zajil.ports.database import Transaction
from zajil.ports.stores.accounts import RegistrationToken
from zajil.services.accounts.register_account import REGISTRATION_TOKEN_CHARACTERS_MAX
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param, not_found

TOKEN_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105
TOKEN_CHARACTERS: Final = 24
TOKENS_LISTED_MAX: Final = 1000


async def create_token(
    app: App,
    *,
    token: str | None = None,
    uses_max: int | None = None,
    lifetime_ms: int | None = None,
    grants_admin: bool = False,
) -> RegistrationToken:
    """Make a registration token. Raises M_INVALID_PARAM for one that cannot be, or exists."""
    if token is not None and not (is_opaque_id(token) and len(token) <= REGISTRATION_TOKEN_CHARACTERS_MAX):
        raise invalid_param("A token has 1 to 64 letters, digits and . _ ~ -")
    if (uses_max is not None and uses_max < 1) or (lifetime_ms is not None and lifetime_ms < 1):
        raise invalid_param("A token must be of use at least once.")
    now_ms = app.clock.now_ms()
    new = RegistrationToken(
        token=token or app.randomness.letters(TOKEN_CHARACTERS, TOKEN_ALPHABET),
        uses_max=uses_max,
        uses=0,
        expires_ts_ms=None if lifetime_ms is None else now_ms + lifetime_ms,
        grants_admin=grants_admin,
        created_ts_ms=now_ms,
    )

    async def store(tx: Transaction) -> None:
        if not await app.stores.accounts.store_registration_token(tx, new):
            raise MatrixError(400, "M_INVALID_PARAM", "There is a token of that name.")

    await app.db.write(store)
    return new


async def list_tokens(app: App) -> list[RegistrationToken]:
    """The newest registration tokens."""
    return await app.stores.accounts.load_registration_tokens(app.db.reader, TOKENS_LISTED_MAX)


async def delete_token(app: App, token: str) -> None:
    """Make a token useless. Raises M_NOT_FOUND."""

    async def delete(tx: Transaction) -> None:
        if not await app.stores.accounts.delete_registration_token(tx, token):
            raise not_found("There is no such token.")

    await app.db.write(delete)


async def prepare_setup_token(app: App) -> str:
    """The one-time token that makes the first administrator; empty once there is one."""
    if await app.stores.accounts.has_admin(app.db.reader):
        return ""
    now_ms = app.clock.now_ms()
    for known in await list_tokens(app):
        if known.grants_admin and known.is_valid(now_ms):
            return known.token
    return (await create_token(app, uses_max=1, grants_admin=True)).token
