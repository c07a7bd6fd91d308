"""GET /_matrix/federation/v1/version."""

from typing import Any

from zajil import __version__
from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App


async def get_version(app: App, request: Request) -> dict[str, Any]:
    return {"server": {"name": "Zajil", "version": __version__}}


ROUTES = [*routes("GET", "/_matrix/federation/v1/version", get_version, auth=Auth.NONE)]
