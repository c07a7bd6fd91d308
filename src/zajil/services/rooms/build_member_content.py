"""The content of member events."""

from typing import Any

from zajil.ports.database import Read
from zajil.services.app import App

PROFILE_KEYS = ("displayname", "avatar_url")


async def build_member_content(
    app: App, tx: Read, user_id: str, membership: str, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """`extra` with the membership and, for who comes or is asked to come, the profile, unless `extra` says otherwise."""
    content = dict(extra or {})
    content["membership"] = membership
    if membership not in ("join", "invite", "knock") or not user_id.endswith(":" + app.server_name):
        return content
    profile = await app.stores.profiles.load(tx, user_id)
    if profile is not None:
        for key, value in zip(PROFILE_KEYS, (profile.display_name, profile.avatar_url), strict=True):
            if value is not None and key not in content:
                content[key] = value
    return content
