"""Profiles of other servers' users (server-server API, GET /query/profile)."""

from typing import Any, Final

from zajil.core.canonical_json import check_canonical
from zajil.core.identifiers import UserId, is_namespaced_id, is_within_bytes, parse_mxc
from zajil.ports.federation import FederationRequest
from zajil.services.app import App
from zajil.services.federation.ask_server import LOOK_UP_TIMEOUT_MS, ask_server

PROFILE_BYTES_MAX: Final = 128 * 1024
"""Twice what a profile may have: the answer need not be canonical JSON."""
KEY_BYTES_MAX: Final = 255
FIELDS_MAX: Final = 1_000


async def ask_profile(app: App, user_id: UserId, key: str | None = None) -> dict[str, Any]:
    """The fields of a profile, or only one of them, if it is set. Raises M_NOT_FOUND, 403 M_FORBIDDEN, 502 M_UNREACHABLE."""
    request = FederationRequest(
        user_id.server_name,
        "GET",
        "/_matrix/federation/v1/query/profile",
        query=[("user_id", str(user_id)), *([] if key is None else [("field", key)])],
        timeout_ms=LOOK_UP_TIMEOUT_MS,
        body_bytes_max=PROFILE_BYTES_MAX,
    )
    answer = await ask_server(app, request, "There is no such user, or they have no profile.")
    shown = {name: value for name, value in list(answer.items())[:FIELDS_MAX] if is_fit_field(name, value)}
    return shown if key is None else {name: value for name, value in shown.items() if name == key}


def is_fit_field(key: str, value: Any) -> bool:
    """Whether a field that another server tells of may be shown: other names and types are left out."""
    if not is_within_bytes(key, KEY_BYTES_MAX) or not is_namespaced_id(key):
        return False
    if key == "avatar_url":
        return isinstance(value, str) and parse_mxc(value) is not None
    if key in ("displayname", "m.tz"):
        return isinstance(value, str)
    return check_canonical(value) is None
