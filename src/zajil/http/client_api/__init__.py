"""The client-server API, one module per group of endpoints. Each module has `ROUTES`; MODULES lists them all."""

from importlib import import_module

from zajil.http.router import Route

MODULES: tuple[str, ...] = (
    "send",
    "state",
    "redact",
    "sync",
    "room_history",
    "relations",
    "typing",
    "create_room",
    "membership",
    "registration",
    "auth_fallback",
    "login",
    "discovery",
    "account",
    "account_data",
    "administration",
    "devices",
    "people",
    "profile",
    "keys",
    "key_backups",
    "to_device",
    "media",
)


def load_routes() -> list[Route]:
    """The routes of every module."""
    return [route for name in MODULES for route in import_module(f"{__name__}.{name}").ROUTES]
