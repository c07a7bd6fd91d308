"""Looking things up on other servers for a user who waits: bounded, and with a sentence for whatever goes wrong."""

from typing import Any, Final

from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, not_found
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.requester import Requester

LOOK_UP_TIMEOUT_MS: Final = 10_000
LOOK_UP_BYTES_MAX: Final = 2 * 1024 * 1024


def check_may_look_elsewhere(requester: Requester | None) -> None:
    """Who has not logged in cannot make this server ask others. Raises M_FORBIDDEN."""
    if requester is None:
        raise forbidden("Log in to look things up on other servers.")


async def ask_server(app: App, request: FederationRequest, missing: str) -> dict[str, Any]:
    """The object that another server answers with.

    Raises M_NOT_FOUND with the sentence `missing`, 403 M_FORBIDDEN for a server that this one does not talk with, 502 M_UNREACHABLE.
    """
    server_name = request.destination
    if server_name == app.server_name:
        raise not_found(missing)
    if not is_server_allowed(app, server_name):
        raise forbidden(f"This server does not talk with {server_name}.")
    try:
        answer = await app.federation.request(request)
    except FederationFailed as failure:
        if failure.is_refusal:
            raise not_found(missing) from failure
        raise unreachable(f"{server_name} does not answer. Try again later.") from failure
    if not isinstance(answer, dict):
        raise unreachable(f"{server_name} gives an answer that makes no sense.")
    return answer


def unreachable(message: str) -> MatrixError:
    return MatrixError(502, "M_UNREACHABLE", message)
