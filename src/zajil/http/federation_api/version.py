"""GET /_matrix/federation/v1/version."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from zajil.http.request import Request
from zajil.http.router import Auth, routes
from zajil.services.app import App


@cache
def find_version() -> str:
    """The version of the installed package."""
    try:
        return version("zajil")
    except PackageNotFoundError:
        return "unknown"


async def get_version(app: App, request: Request) -> dict[str, Any]:
    return {"server": {"name": "Zajil", "version": find_version()}}


ROUTES = [*routes("GET", "/_matrix/federation/v1/version", get_version, auth=Auth.NONE)]
