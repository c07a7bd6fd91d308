"""The client-server API, one module per group of endpoints. Each module has `ROUTES`; MODULES lists them all."""

from importlib import import_module

from zajil.http.router import Route

MODULES: tuple[str, ...] = (
    "send",
    "state",
    "redact",
    "sync",
    "old_sync",
    "room_history",
    "receipts",
    "push_rules",
    "pushers",
    "push_gateway",
    "relations",
    "search",
    "typing",
    "presence",
    "create_room",
    "membership",
    "invite_links",
    "directory",
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


LEGACY_PREFIXES = ("/_matrix/client/r0/", "/_matrix/media/r0/")


def load_routes(*, legacy_r0: bool = True) -> list[Route]:
    """The routes of every module, those of r0 only if wanted."""
    return [
        route
        for name in MODULES
        for route in import_module(f"{__name__}.{name}").ROUTES
        if legacy_r0 or not route.path.startswith(LEGACY_PREFIXES)
    ]
