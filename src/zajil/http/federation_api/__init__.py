"""The server-server API, one module per group of endpoints. Each module has `ROUTES`; MODULES lists them all."""

from importlib import import_module

from zajil.http.router import Route

MODULES: tuple[str, ...] = (
    "keys",
    "version",
    "transactions",
    "membership",
    "invite",
    "third_party_invites",
    "events",
    "queries",
    "lists",
    "devices",
    "media",
)


def load_federation_routes() -> list[Route]:
    """The routes of every module."""
    return [route for name in MODULES for route in import_module(f"{__name__}.{name}").ROUTES]
