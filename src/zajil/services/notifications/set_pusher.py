"""Asking for pushes (client-server API, GET /pushers and POST /pushers/set)."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from zajil.core.identifiers import is_within_bytes
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.pushers import Pusher
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, invalid_param, missing_param, too_large
from zajil.services.requester import Requester

PUSHERS_PER_USER_MAX: Final = 50
APP_ID_BYTES_MAX: Final = 64
PUSHKEY_BYTES_MAX: Final = 512
TEXT_BYTES_MAX: Final = 1_024
DATA_BYTES_MAX: Final = 8_192
URL_CHARACTERS_MAX: Final = 2_048
GATEWAY_PATH: Final = "/_matrix/push/v1/notify"
HTTP: Final = "http"
WEB_APP_ID: Final = "org.zajil.web"
"""Of our own push gateway: browsers are not told of numbers alone."""


@dataclass(frozen=True, slots=True)
class WantedPusher:
    """What a client asks for, checked; `json` is None when the pusher is to go."""

    app_id: str
    pushkey: str
    json: bytes | None
    append: bool


async def load_pushers(app: App, requester: Requester) -> list[dict[str, Any]]:
    """GET /pushers."""
    return [orjson.loads(each.json) for each in await app.stores.pushers.load_of_user(app.db.reader, requester.user_id)]


async def set_pusher(app: App, requester: Requester, body: dict[str, Any]) -> None:
    """POST /pushers/set: add, change or delete a pusher of this account."""
    wanted = parse_pusher(body, own_url(app), insecure=app.config.push_allow_private_networks)
    user_id, store = requester.user_id, app.stores.pushers

    async def item(tx: Transaction) -> None:
        if wanted.json is None:
            if await store.delete_key(tx, user_id, wanted.app_id, wanted.pushkey):
                await tx.append(Stream.PUSHERS, user_id)
            return
        known = await store.load_of_user(tx, user_id)
        is_new = all((each.app_id, each.pushkey) != (wanted.app_id, wanted.pushkey) for each in known)
        if is_new and len(known) >= PUSHERS_PER_USER_MAX:
            message = f"An account has at most {PUSHERS_PER_USER_MAX} pushers."
            raise MatrixError(400, "M_RESOURCE_LIMIT_EXCEEDED", message)
        nid = await tx.new_ids(1)
        position = await tx.append(Stream.PUSHERS, user_id)
        pusher = Pusher(
            nid,
            user_id,
            wanted.app_id,
            wanted.pushkey,
            requester.device_id,
            wanted.json,
            app.clock.now_ms(),
            position,
        )
        await store.store(tx, pusher)
        if not wanted.append:
            await store.delete_others(tx, wanted.app_id, wanted.pushkey, user_id)

    await app.db.write(item)


def own_url(app: App) -> str:
    """Where this server's own push gateway is."""
    return app.config.base_url + GATEWAY_PATH


def parse_pusher(body: dict[str, Any], own_url: str, *, insecure: bool = False) -> WantedPusher:
    """Check what a client asks for; `insecure` lets plain HTTP pass, for tests. Raises MatrixError."""
    missing = [key for key in ("kind", "app_id", "pushkey") if key not in body]
    if missing:
        raise missing_param(f"Missing parameters: {', '.join(missing)}.")
    app_id = _parse_text(body, "app_id", APP_ID_BYTES_MAX)
    pushkey = _parse_text(body, "pushkey", PUSHKEY_BYTES_MAX)
    append = body.get("append", False)
    if not isinstance(append, bool):
        raise bad_json("append must be true or false.")
    kind = body["kind"]
    if kind is None:
        return WantedPusher(app_id, pushkey, None, append)
    if kind != HTTP:
        raise invalid_param("This server has pushers of the kind http only.")
    missing = [key for key in ("app_display_name", "device_display_name", "lang", "data") if key not in body]
    if missing:
        raise missing_param(f"Missing parameters: {', '.join(missing)}.")
    shown: dict[str, Any] = {"kind": kind, "app_id": app_id, "pushkey": pushkey}
    for key in ("app_display_name", "device_display_name", "lang"):
        shown[key] = _parse_text(body, key, TEXT_BYTES_MAX)
    if body.get("profile_tag") is not None:
        shown["profile_tag"] = _parse_text(body, "profile_tag", TEXT_BYTES_MAX)
    shown["data"] = _parse_data(body["data"], own_url, insecure=insecure)
    return WantedPusher(app_id, pushkey, orjson.dumps(shown), append)


def _parse_text(body: dict[str, Any], key: str, bytes_max: int) -> str:
    value = body[key]
    if not isinstance(value, str):
        raise bad_json(f"{key} must be a string.")
    if not is_within_bytes(value, bytes_max):
        raise invalid_param(f"{key} has at most {bytes_max} bytes.")
    return value


def _parse_data(data: Any, own_url: str, *, insecure: bool) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise bad_json("data must be an object.")
    if "url" not in data:
        raise missing_param("A pusher of the kind http needs a url in data.")
    url = data["url"]
    if not isinstance(url, str):
        raise bad_json("data.url must be a string.")
    if not is_gateway_url(url, insecure=insecure) and url != own_url:
        raise invalid_param(f"data.url must be an HTTPS URL with the path {GATEWAY_PATH}.")
    if not isinstance(data.get("format", ""), str):
        raise bad_json("data.format must be a string.")
    try:
        encoded = orjson.dumps(data)
    except TypeError:
        raise bad_json("data has a number or a text that cannot be stored.") from None
    if len(encoded) > DATA_BYTES_MAX:
        raise too_large(f"data has at most {DATA_BYTES_MAX} bytes.")
    return data


def is_gateway_url(url: str, *, insecure: bool = False) -> bool:
    """Whether a URL is one that a push gateway may have."""
    if len(url) > URL_CHARACTERS_MAX:
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in (("https", "http") if insecure else ("https",))
            and bool(parts.hostname)
            and parts.path == GATEWAY_PATH
            and not (parts.query or parts.fragment or parts.username or parts.password)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        return False
