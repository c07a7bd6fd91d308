"""Profiles (client-server API, "Profiles")."""

from dataclasses import replace
from typing import Any, Final

import orjson

from zajil.core.identifiers import is_namespaced_id, is_within_bytes, parse_mxc, parse_user_id
from zajil.core.search_text import tokenise
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.accounts import AccountTask
from zajil.ports.stores.profiles import Profile
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, invalid_param, missing_param, not_found
from zajil.services.federation.ask_profile import ask_profile
from zajil.services.federation.ask_server import check_may_look_elsewhere
from zajil.services.requester import Requester

PROFILE_BYTES_MAX: Final = 64 * 1024
KEY_BYTES_MAX: Final = 255
DISPLAY_NAME_CHARACTERS_MAX: Final = 256
AVATAR_URL_BYTES_MAX: Final = 1000
WORDS_MAX: Final = 32
PROPAGATE: Final = "propagate_profile"
PROPAGATED_KEYS: Final = frozenset({"displayname", "avatar_url"})


async def find_profile(app: App, requester: Requester | None, user_id: str, key: str | None = None) -> dict[str, Any]:
    """GET /profile/{userId} and /profile/{userId}/{keyName}, also of another server's user.

    Raises M_NOT_FOUND for nobody's ID and for a field that is not set, 502 M_UNREACHABLE.
    """
    if key is not None:
        check_key(key)
    parsed = parse_user_id(user_id)
    if parsed is None:
        raise invalid_param("This is not a user ID.")
    if parsed.server_name == app.server_name:
        fields = await load_profile(app, user_id)
    else:
        check_may_look_elsewhere(requester)
        fields = await ask_profile(app, parsed, key)
    if key is None:
        return fields
    if key not in fields:
        raise not_found("This user has not set this field.")
    return {key: fields[key]}


async def load_profile(app: App, user_id: str) -> dict[str, Any]:
    """The profile of a user of this server. Raises M_NOT_FOUND for nobody's ID."""
    profile = await app.stores.profiles.load(app.db.reader, user_id)
    if profile is None:
        account = await app.stores.accounts.load_account(app.db.reader, user_id)
        if account is None or account.is_deactivated:
            raise not_found("There is no such user.")
        return {}
    return build_fields(profile)


async def set_profile_field(app: App, user_id: str, owner_id: str, key: str, body: dict[str, Any]) -> None:
    """PUT /profile/{userId}/{keyName}. Names and avatars are carried into the rooms afterwards."""
    check_key(key)
    check_owner(user_id, owner_id)
    if key not in body:
        raise missing_param(f"The body must have the field {key!r}.")
    value = body[key]
    if key in PROPAGATED_KEYS and value in (None, ""):
        await _change(app, owner_id, key, None)
        return
    check_value(key, value)
    await _change(app, owner_id, key, value)


async def delete_profile_field(app: App, user_id: str, owner_id: str, key: str) -> None:
    """DELETE /profile/{userId}/{keyName}; a field that is not set is no error."""
    check_key(key)
    check_owner(user_id, owner_id)
    await _change(app, owner_id, key, None, deletes=True)


async def _change(app: App, user_id: str, key: str, value: Any, *, deletes: bool = False) -> None:
    async def store(tx: Transaction) -> None:
        old = await app.stores.profiles.load(tx, user_id) or Profile(user_id)
        new = build_changed(old, key, value, deletes=deletes)
        if len(orjson.dumps(build_fields(new))) >= PROFILE_BYTES_MAX:
            raise MatrixError(400, "M_PROFILE_TOO_LARGE", f"A profile must be smaller than {PROFILE_BYTES_MAX} bytes.")
        if new != old:
            await write_profile(tx, app, new, propagates=key in PROPAGATED_KEYS)

    await app.db.write(store)
    app.account_tasks.wake()


async def write_profile(tx: Transaction, app: App, profile: Profile, *, propagates: bool) -> None:
    """Store a profile inside a transaction, tell who listens, and ask for the rooms to be brought up to date."""
    user_id = profile.user_id
    position = await tx.append(Stream.PROFILES, user_id)
    await app.stores.profiles.store(tx, profile, position)
    if propagates:
        await app.stores.profiles.store_words(tx, user_id, build_words(user_id, profile.display_name))
        await app.stores.accounts.store_task(tx, AccountTask(user_id, PROPAGATE, position))


def build_changed(old: Profile, key: str, value: Any, *, deletes: bool) -> Profile:
    if key == "displayname":
        return replace(old, display_name=value)
    if key == "avatar_url":
        return replace(old, avatar_url=value)
    fields = {name: each for name, each in old.fields.items() if name != key}
    return replace(old, fields=fields if deletes else {**fields, key: value})


def build_fields(profile: Profile) -> dict[str, Any]:
    """The profile as the spec shows it."""
    fields = dict(profile.fields)
    if profile.display_name is not None:
        fields["displayname"] = profile.display_name
    if profile.avatar_url is not None:
        fields["avatar_url"] = profile.avatar_url
    return fields


def build_words(user_id: str, display_name: str | None) -> list[str]:
    """What the user directory finds this user by."""
    localpart = user_id[1:].partition(":")[0]
    return [localpart, *tokenise(localpart), *tokenise(display_name or "")][:WORDS_MAX]


def check_owner(user_id: str, owner_id: str) -> None:
    if user_id != owner_id:
        raise forbidden("You can only change your own profile.")


def check_key(key: str) -> None:
    """Raises M_KEY_TOO_LARGE or M_INVALID_PARAM for what cannot name a field."""
    if not is_within_bytes(key, KEY_BYTES_MAX):
        raise MatrixError(400, "M_KEY_TOO_LARGE", f"The name of a profile field may have {KEY_BYTES_MAX} bytes.")
    if not is_namespaced_id(key):
        raise invalid_param("The name of a profile field has the letters a-z, digits and . _ - only.")


def check_value(key: str, value: Any) -> None:
    """Raises M_BAD_JSON or M_INVALID_PARAM for a value that this field cannot have."""
    if key in (*PROPAGATED_KEYS, "m.tz") and not isinstance(value, str):
        raise bad_json(f"{key} must be a string.")
    if key == "displayname" and len(value) > DISPLAY_NAME_CHARACTERS_MAX:
        raise invalid_param(f"A display name may have {DISPLAY_NAME_CHARACTERS_MAX} characters.")
    if key == "avatar_url" and (not is_within_bytes(value, AVATAR_URL_BYTES_MAX) or parse_mxc(value) is None):
        raise invalid_param("avatar_url must be of the form mxc://server/media.")
