"""Giving a device its tokens: at log-in, at registration and at refresh."""

import string
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.identifiers import is_device_id
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.devices import Device
from zajil.services.accounts.sessions import build_token, hash_token, unknown_token
from zajil.services.app import App
from zajil.services.errors import forbidden, invalid_param, user_limit_exceeded, user_locked

DEVICE_ID_CHARACTERS: Final = 10
DEVICES_MAX: Final = 1000
DISPLAY_NAME_CHARACTERS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class NewTokens:
    """Tokens that go to the client and, hashed, to the database."""

    access: str
    refresh: str | None
    expires_in_ms: int | None

    def body(self) -> dict[str, Any]:
        """The fields of the spec's responses."""
        fields: dict[str, Any] = {"access_token": self.access}
        if self.refresh is not None:
            fields |= {"refresh_token": self.refresh, "expires_in_ms": self.expires_in_ms}
        return fields


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What a client says about its device when it logs in."""

    device_id: str | None
    initial_display_name: str | None
    can_refresh: bool


def check_device_request(given: DeviceRequest) -> None:
    """Raises M_INVALID_PARAM for a device ID or a name that cannot be."""
    if given.device_id is not None and not is_device_id(given.device_id):
        raise invalid_param("device_id must have 1 to 255 bytes and no control characters.")
    check_display_name(given.initial_display_name)


def check_display_name(name: str | None) -> None:
    if name is not None and len(name) > DISPLAY_NAME_CHARACTERS_MAX:
        raise invalid_param(f"The name of a device must have at most {DISPLAY_NAME_CHARACTERS_MAX} characters.")


def build_tokens(app: App, *, can_refresh: bool) -> NewTokens:
    """New tokens; without refresh they live until log-out."""
    access = build_token(app.randomness, "zat")
    if not can_refresh:
        return NewTokens(access, None, None)
    return NewTokens(access, build_token(app.randomness, "zrt"), app.config.access_token_lifetime_s * 1000)


async def start_session(tx: Transaction, app: App, user_id: str, given: DeviceRequest) -> dict[str, Any]:
    """Log a device in; one that exists loses its earlier tokens. Returns the response of /login."""
    devices, now_ms = app.stores.devices, app.clock.now_ms()
    device_id = given.device_id or app.randomness.letters(DEVICE_ID_CHARACTERS, string.ascii_uppercase)
    tokens = build_tokens(app, can_refresh=given.can_refresh)
    known = await devices.load_device(tx, user_id, device_id)
    if known is None:
        if await devices.count_devices(tx, user_id) >= DEVICES_MAX:
            raise user_limit_exceeded(app.config, f"An account may have {DEVICES_MAX} devices. Log one out first.")
        is_key = app.device_hooks.is_cross_signing_key
        if is_key is not None and await is_key(tx, user_id, device_id):
            raise forbidden("This device ID is the name of a cross-signing key.")
        await devices.store_device(tx, Device(user_id, device_id, given.initial_display_name, now_ms))
    else:
        await devices.delete_tokens(tx, user_id, device_id)
        await tx.append(Stream.SESSIONS, user_id)
    await _store_tokens(tx, app, user_id, device_id, tokens, None)
    return {"user_id": user_id, "device_id": device_id, "home_server": app.server_name, **tokens.body()}


async def refresh_session(app: App, refresh_token: str) -> dict[str, Any]:
    """Exchange a refresh token. It stays valid until the client uses what it got for it, so a lost answer can be asked for again."""
    tokens = build_tokens(app, can_refresh=True)
    used_hash = hash_token(refresh_token)

    async def exchange(tx: Transaction) -> None:
        devices = app.stores.devices
        stored = await devices.load_refresh_token(tx, used_hash)
        if stored is None:
            raise unknown_token("The refresh token is not known or was used before.")
        if stored.is_locked:
            raise user_locked()
        user_id, device_id = stored.user_id, stored.device_id
        if stored.refreshed_from is not None:
            await devices.delete_predecessor(tx, user_id, device_id, stored.refreshed_from)
        await devices.delete_successors(tx, user_id, device_id, used_hash)
        await _store_tokens(tx, app, user_id, device_id, tokens, used_hash)
        await tx.append(Stream.SESSIONS, user_id)

    await app.db.write(exchange)
    return tokens.body()


async def _store_tokens(
    tx: Transaction, app: App, user_id: str, device_id: str, tokens: NewTokens, refreshed_from: bytes | None
) -> None:
    devices, now_ms = app.stores.devices, app.clock.now_ms()
    expires_ts_ms = None if tokens.expires_in_ms is None else now_ms + tokens.expires_in_ms
    await devices.store_access_token(
        tx, hash_token(tokens.access), user_id, device_id, now_ms, expires_ts_ms, refreshed_from
    )
    if tokens.refresh is not None:
        await devices.store_refresh_token(tx, hash_token(tokens.refresh), user_id, device_id, now_ms, refreshed_from)
