"""POST /register (client-server API, "Account registration")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.identifiers import is_user_id, is_valid_localpart_for_registration, parse_user_id
from zajil.ports.database import Read, Transaction
from zajil.ports.stores.accounts import Account
from zajil.services.accounts.log_out import remove_all_devices
from zajil.services.accounts.passwords import check_new_password
from zajil.services.accounts.sessions import hash_token
from zajil.services.accounts.set_profile import build_words
from zajil.services.accounts.start_session import DeviceRequest, check_device_request, start_session
from zajil.services.accounts.user_interactive_auth import (
    DUMMY,
    REGISTRATION_TOKEN,
    TERMS,
    Challenge,
    Completed,
    accept,
)
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, missing_param

# No 0, 1, i, l, o: an ID is read aloud and copied by hand. 31 ** 8 of them.
ANONYMOUS_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
ANONYMOUS_CHARACTERS: Final = 8
ANONYMOUS_TRIES_MAX: Final = 20
REGISTRATION_TOKEN_CHARACTERS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Registration:
    """What a client asks for."""

    username: str | None
    password: str | None
    device: DeviceRequest
    inhibit_login: bool
    auth: object
    guest_access_token: str | None = None
    """Of a guest who becomes a user and keeps its ID and rooms; `username` must be the guest's own."""


async def register_account(app: App, given: Registration) -> dict[str, Any]:
    """Make an account. Raises M_INVALID_USERNAME, M_USER_IN_USE, M_EXCLUSIVE, M_WEAK_PASSWORD, M_FORBIDDEN, or 401 with the flows."""
    challenge = await build_challenge(app)
    check_device_request(given.device)
    user_id = None
    if given.username is not None:
        user_id = build_user_id(app, given.username)
    guest = await _find_guest(app, given.guest_access_token, user_id)
    if user_id is not None and guest is None:
        await check_available(app, app.db.reader, user_id)
    if given.password is not None:
        check_new_password(given.password)
    completed = await app.interactive_auth.run(challenge, given.auth)
    if given.password is None:
        raise missing_param("The password is missing.")
    password_hash = await app.passwords.hash(given.password)

    async def store(tx: Transaction) -> dict[str, Any]:
        new_id = user_id or await _choose_anonymous_id(tx, app)
        if guest is None:
            await check_available(app, tx, new_id)
        grants_admin = await _check_token(tx, app, completed)
        await _use_token(tx, app, completed)
        if guest is None:
            account = Account(new_id, app.clock.now_ms(), password_hash, is_admin=grants_admin)
            await store_new_account(tx, app, account)
        else:
            await _upgrade_guest(tx, app, guest, password_hash, is_admin=grants_admin)
        await app.stores.accounts.delete_completed_stages(tx, completed.session_id)
        if given.inhibit_login:
            return {"user_id": new_id, "home_server": app.server_name}
        return await start_session(tx, app, new_id, given.device)

    return await app.db.write(store)


async def register_guest(app: App, initial_display_name: str | None) -> dict[str, Any]:
    """Make a guest account. Raises 403 M_GUEST_ACCESS_FORBIDDEN where guests are not let in."""
    if not app.config.guest_access:
        raise MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "This server does not let guests in.")
    device = DeviceRequest(None, initial_display_name, can_refresh=False)
    check_device_request(device)

    async def store(tx: Transaction) -> dict[str, Any]:
        user_id = await _choose_anonymous_id(tx, app)
        await store_new_account(tx, app, Account(user_id, app.clock.now_ms(), is_guest=True))
        return await start_session(tx, app, user_id, device)

    return await app.db.write(store)


async def store_new_account(tx: Transaction, app: App, account: Account) -> None:
    """Add an account whose ID was found free in this transaction, and let the user directory know it."""
    await app.stores.accounts.store_account(tx, account)
    if not account.is_guest:
        await app.stores.profiles.store_words(tx, account.user_id, build_words(account.user_id, None))


async def build_challenge(app: App) -> Challenge:
    """The ways in. A token that makes the first administrator works even where registration is closed.

    Raises 403 M_FORBIDDEN when there is no way in.
    """
    documents = app.config.terms_documents
    terms = (TERMS,) if documents else ()
    flows: list[tuple[str, ...]] = [(REGISTRATION_TOKEN, *terms)]
    mode = app.config.registration
    if mode == "open":
        flows.insert(0, terms or (DUMMY,))
    elif mode == "closed":
        tokens = await app.stores.accounts.load_registration_tokens(app.db.reader, 100)
        if not any(token.grants_admin and token.is_valid(app.clock.now_ms()) for token in tokens):
            raise forbidden("This server does not take new accounts. Ask its administrator.")

    async def check_token(given: Mapping[str, Any]) -> str:
        token = given.get("token")
        if token is None:
            raise missing_param("auth.token is missing.")
        if not isinstance(token, str):
            raise bad_json("auth.token must be a string.")
        if not await is_registration_token_valid(app, token):
            raise MatrixError(401, "M_FORBIDDEN", "This registration token is not valid.")
        return token

    policies: dict[str, dict[str, Any]] = {}
    for each in documents:
        policy = policies.setdefault(each.policy, {"version": each.version})
        policy[each.language] = {"name": each.name, "url": each.url}
    return Challenge(
        operation="register",
        flows=flows,
        checks={DUMMY: accept, TERMS: accept, REGISTRATION_TOKEN: check_token},
        params={TERMS: {"policies": policies}} if policies else {},
    )


async def is_registration_token_valid(app: App, token: str) -> bool:
    """Whether an account can be made with this token now."""
    if len(token) > REGISTRATION_TOKEN_CHARACTERS_MAX:
        return False
    stored = await app.stores.accounts.load_registration_token(app.db.reader, token)
    if stored is None or not stored.is_valid(app.clock.now_ms()):
        return False
    return stored.grants_admin or app.config.registration != "closed"


def build_user_id(app: App, username: str) -> str:
    """The user ID for a chosen name. Raises M_INVALID_USERNAME."""
    if username.startswith("@"):
        parsed = parse_user_id(username)
        if parsed is None or parsed.server_name != app.server_name:
            raise MatrixError(400, "M_INVALID_USERNAME", "The user name is not one of this server.")
        username = parsed.localpart
    localpart = username.lower()
    if not is_valid_localpart_for_registration(localpart, app.server_name):
        raise MatrixError(
            400,
            "M_INVALID_USERNAME",
            "A user name has the letters a-z, digits and . _ = - / + only, at most 255 bytes.",
        )
    user_id = f"@{localpart}:{app.server_name}"
    assert is_user_id(user_id)
    return user_id


async def check_available(app: App, tx: Read, user_id: str) -> None:
    """Raises M_EXCLUSIVE for the server's own names and M_USER_IN_USE for names that are taken."""
    localpart = user_id[1:].partition(":")[0]
    if localpart.startswith("_"):
        raise MatrixError(
            400, "M_EXCLUSIVE", "User names that begin with _ are kept for bridges and the server itself."
        )
    if await app.stores.accounts.load_account(tx, user_id) is not None:
        raise MatrixError(400, "M_USER_IN_USE", "This user name is taken. Choose another one.")


async def _find_guest(app: App, token: str | None, user_id: str | None) -> str | None:
    """The guest that is to become a user. Raises M_FORBIDDEN for a token that is no guest's, or another guest's."""
    if token is None:
        return None
    stored = await app.stores.devices.load_access_token(app.db.reader, hash_token(token))
    if stored is None or not stored.is_guest:
        raise forbidden("The guest access token is not known.")
    if stored.user_id != user_id:
        raise forbidden("A guest keeps its user name when it registers.")
    return stored.user_id


async def _upgrade_guest(tx: Transaction, app: App, guest_id: str, password_hash: str, *, is_admin: bool) -> None:
    account = await app.stores.accounts.load_account(tx, guest_id)
    if account is None or not account.is_guest or account.is_deactivated:
        raise forbidden("The guest access token is not known.")
    await app.stores.accounts.store_guest_upgrade(tx, guest_id, password_hash, is_admin=is_admin)
    profile = await app.stores.profiles.load(tx, guest_id)
    words = build_words(guest_id, profile.display_name if profile is not None else None)
    await app.stores.profiles.store_words(tx, guest_id, words)
    await remove_all_devices(tx, app, guest_id)


async def _choose_anonymous_id(tx: Read, app: App) -> str:
    for _ in range(ANONYMOUS_TRIES_MAX):
        localpart = app.randomness.letters(ANONYMOUS_CHARACTERS, ANONYMOUS_ALPHABET)
        user_id = f"@{localpart}:{app.server_name}"
        if await app.stores.accounts.load_account(tx, user_id) is None:
            return user_id
    raise MatrixError(503, "M_UNKNOWN", "No free user ID was found. Try again.")


async def _check_token(tx: Read, app: App, completed: Completed) -> bool:
    """Whether the registration token of this session makes an administrator. Raises 401 when it has run out meanwhile."""
    token = completed.stages.get(REGISTRATION_TOKEN)
    if token is None:
        return False
    stored = await app.stores.accounts.load_registration_token(tx, token)
    if stored is None or not stored.is_valid(app.clock.now_ms()):
        raise MatrixError(401, "M_FORBIDDEN", "This registration token is no longer valid.")
    return stored.grants_admin


async def _use_token(tx: Transaction, app: App, completed: Completed) -> None:
    if (token := completed.stages.get(REGISTRATION_TOKEN)) is not None:
        await app.stores.accounts.use_registration_token(tx, token, app.clock.now_ms())
