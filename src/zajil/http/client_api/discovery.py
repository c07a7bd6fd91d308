"""What this server is and can do."""

from typing import Any, Final

from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App

VERSIONS: Final = ["r0.6.1", *(f"v1.{minor}" for minor in range(1, 20))]
UNSTABLE_FEATURES: Final[dict[str, bool]] = {}


async def get_versions(app: App, request: Request) -> dict[str, Any]:
    return {"versions": VERSIONS, "unstable_features": UNSTABLE_FEATURES}


ROUTES = [
    *routes("GET", "/_matrix/client/versions", get_versions, auth=Auth.OPTIONAL),
]
