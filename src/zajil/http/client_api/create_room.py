"""POST /createRoom (client-server API, "Creation")."""

from typing import Any

from zajil.core.room_rules import DEFAULT_VERSION
from zajil.http.request import Request
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.append_events import Proposal
from zajil.services.create_room import NewRoom, create_room


async def post_create_room(app: App, request: Request) -> dict[str, Any]:
    body, user_id = request.json(), request.requester.user_id

    def state(event_type: str, content: dict[str, Any], state_key: str = "") -> Proposal:
        return Proposal(type=event_type, sender=user_id, content=content, state_key=state_key)

    room = NewRoom(
        body.get("room_version", DEFAULT_VERSION), {"room_version": body.get("room_version", DEFAULT_VERSION)}
    )
    room.proposals = [
        state("m.room.member", {"membership": "join"}, user_id),
        state("m.room.power_levels", {"users": {}}),
        state("m.room.join_rules", {"join_rule": "public" if body.get("preset") == "public_chat" else "invite"}),
        state("m.room.history_visibility", {"history_visibility": "shared"}),
        *(state(each["type"], each["content"], each.get("state_key", "")) for each in body.get("initial_state", [])),
    ]
    return {"room_id": await create_room(app, request.requester, room)}


ROUTES = routes("POST", client("/createRoom"), post_create_room)
