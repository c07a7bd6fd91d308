"""Which servers this one talks with."""

from fnmatch import fnmatchcase

from zajil.services.app import App
from zajil.services.errors import MatrixError


def is_server_allowed(app: App, server_name: str) -> bool:
    """Whether the operator lets this server talk with that one, in either direction."""
    config = app.config
    if not config.federation:
        return False
    name = server_name.lower()
    if any(fnmatchcase(name, pattern.lower()) for pattern in config.federation_deny):
        return False
    allow = config.federation_allow
    return not allow or any(fnmatchcase(name, pattern.lower()) for pattern in allow)


def check_server_allowed(app: App, server_name: str) -> None:
    """Raises 403 M_FORBIDDEN."""
    if not is_server_allowed(app, server_name):
        raise MatrixError(403, "M_FORBIDDEN", "This server does not talk with that one.")
