"""What this server is and can do."""

from typing import Any, Final
from urllib.parse import urlsplit

from zajil.core.room_rules import DEFAULT_VERSION, ROOM_RULES
from zajil.http.request import Request
from zajil.http.response import Response, json_response
from zajil.http.router import Auth, client, routes
from zajil.services.accounts import create_credentials
from zajil.services.app import App
from zajil.services.errors import forbidden, not_found

VERSIONS: Final = [f"v1.{minor}" for minor in range(1, 20)]
VERSIONS_LEGACY: Final = ["r0.6.1", *VERSIONS]
UNSTABLE_FEATURES: Final = {
    "org.matrix.e2e_cross_signing": True,
    "org.matrix.msc2285.stable": True,  # private read receipts
    "org.matrix.msc3773": True,  # counts of threads
    "org.matrix.msc4222": True,  # state_after
    "org.zajil.invite_links": True,  # docs/decisions/invite-links.md
    "uk.tcpip.msc4133.stable": True,  # profile fields
}
HTTPS_PORT: Final = 443


async def get_versions(app: App, request: Request) -> dict[str, Any]:
    versions = VERSIONS_LEGACY if app.config.legacy_r0 else VERSIONS
    return {"versions": versions, "unstable_features": UNSTABLE_FEATURES}


async def get_capabilities(app: App, request: Request) -> dict[str, Any]:
    is_user = not request.requester.is_guest
    capabilities: dict[str, Any] = {
        "m.room_versions": {
            "default": DEFAULT_VERSION,
            "available": {version: "stable" if rules.stable else "unstable" for version, rules in ROOM_RULES.items()},
        },
        "m.change_password": {"enabled": is_user},
        "m.set_displayname": {"enabled": True},
        "m.set_avatar_url": {"enabled": True},
        "m.profile_fields": {"enabled": True},
        "m.3pid_changes": {"enabled": False},
        "m.get_login_token": {"enabled": is_user},
        "m.forget_forced_upon_leave": {"enabled": False},
    }
    if request.requester.is_admin:
        capabilities["m.account_moderation"] = {"lock": True, "suspend": True}
    return {"capabilities": capabilities}


async def get_well_known_client(app: App, request: Request) -> dict[str, Any]:
    return {"m.homeserver": {"base_url": app.config.base_url}}


async def get_well_known_server(app: App, request: Request) -> dict[str, Any]:
    url = urlsplit(app.config.public_base_url)
    if url.scheme != "https" or url.hostname is None:
        raise not_found("This server has no public address for other servers.")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return {"m.server": f"{host}:{url.port or HTTPS_PORT}"}


async def get_well_known_support(app: App, request: Request) -> dict[str, Any]:
    contact, page = app.config.admin_contact, app.config.support_page
    if not contact and not page:
        raise not_found("This server names nobody to turn to.")
    answer: dict[str, Any] = {}
    if contact:
        address = "matrix_id" if contact.startswith("@") else "email_address"
        answer["contacts"] = [{address: contact, "role": "m.role.admin"}]
    if page:
        answer["support_page"] = page
    return answer


async def get_well_known_policy_server(app: App, request: Request) -> dict[str, Any]:
    raise not_found("This server is no policy server.")


async def get_turn_server(app: App, request: Request) -> dict[str, Any]:
    return create_credentials.build_turn_credentials(app)


async def post_openid_token(app: App, request: Request) -> dict[str, Any]:
    if request.params["userId"] != request.requester.user_id:
        raise forbidden("You can only prove who you are yourself.")
    request.json()
    return await create_credentials.create_openid_token(app, request.requester)


async def get_openid_user(app: App, request: Request) -> dict[str, Any]:
    return await create_credentials.load_openid_user(app, request.query_required("access_token"))


async def get_protocols(app: App, request: Request) -> dict[str, Any]:
    return {}


async def get_protocol(app: App, request: Request) -> dict[str, Any]:
    raise not_found("This server has no bridge to that network.")


async def get_nothing_bridged(app: App, request: Request) -> Response:
    return json_response([])


ROUTES = [
    *routes("GET", "/_matrix/client/versions", get_versions, auth=Auth.OPTIONAL),
    *routes("GET", client("/capabilities"), get_capabilities, auth=Auth.GUEST),
    *routes("GET", "/.well-known/matrix/client", get_well_known_client, auth=Auth.NONE),
    *routes("GET", "/.well-known/matrix/server", get_well_known_server, auth=Auth.NONE),
    *routes("GET", "/.well-known/matrix/support", get_well_known_support, auth=Auth.NONE),
    *routes("GET", "/.well-known/matrix/policy_server", get_well_known_policy_server, auth=Auth.NONE),
    *routes("GET", client("/voip/turnServer"), get_turn_server, auth=Auth.GUEST, limit="directory"),
    *routes("POST", client("/user/{userId}/openid/request_token"), post_openid_token, limit="directory"),
    *routes(
        "GET",
        "/_matrix/federation/v1/openid/userinfo",
        get_openid_user,
        auth=Auth.NONE,
        limit="directory",
        query=("access_token",),
    ),
    *routes("GET", client("/thirdparty/protocols"), get_protocols),
    *routes("GET", client("/thirdparty/protocol/{protocol}"), get_protocol),
    *routes("GET", client("/thirdparty/location"), get_nothing_bridged),
    *routes("GET", client("/thirdparty/user"), get_nothing_bridged),
    *routes("GET", client("/thirdparty/location/{protocol}"), get_protocol),
    *routes("GET", client("/thirdparty/user/{protocol}"), get_protocol),
]
