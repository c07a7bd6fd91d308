"""Whether somebody may be invited at all, before the room's own rules are asked."""

from zajil.core.identifiers import parse_user_id
from zajil.ports.database import Read
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, invalid_param
from zajil.services.federation.access_servers import is_server_allowed

INVITE_PERMISSION = "m.invite_permission_config"


async def check_invite(app: App, tx: Read, user_id: str) -> None:
    """Raises M_INVALID_PARAM, M_FORBIDDEN for users out of reach, M_INVITE_BLOCKED (client-server API, "Invite permission")."""
    parsed = parse_user_id(user_id)
    if parsed is None:
        raise invalid_param(f"{user_id[:255]!r} is not a user ID.")
    if parsed.server_name != app.server_name:
        if not is_server_allowed(app, parsed.server_name):
            raise forbidden(f"This server cannot reach the users of {parsed.server_name}.")
        return
    if await blocks_invites(app, tx, user_id):
        raise MatrixError(403, "M_INVITE_BLOCKED", f"{user_id} does not accept invitations.")


async def blocks_invites(app: App, tx: Read, user_id: str) -> bool:
    """Whether the user refuses all invitations."""
    config = await app.stores.account_data.load(tx, user_id, "", INVITE_PERMISSION)
    return config is not None and config.get("default_action") == "block"
