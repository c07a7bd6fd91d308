"""Server-side key backups (client-server API, "Server-side key backups")."""

from typing import Annotated, Any

import msgspec
import orjson

from zajil.core.canonical_json import CANONICAL_INTEGER_MAX
from zajil.core.key_backup import BackedUpSession
from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.keys import back_up_keys

BACKUP_BODY_BYTES_MAX = 16 * 1024 * 1024

Count = Annotated[int, msgspec.Meta(ge=0, le=CANONICAL_INTEGER_MAX)]


class BackupBody(msgspec.Struct):
    """POST /room_keys/version and PUT /room_keys/version/{version}."""

    algorithm: str
    auth_data: dict[str, Any]
    version: str | None = None


class SessionBody(msgspec.Struct):
    """A backed-up session."""

    first_message_index: Count
    forwarded_count: Count
    is_verified: bool
    session_data: dict[str, Any]


class RoomSessionsBody(msgspec.Struct):
    """The backed-up sessions of a room."""

    sessions: dict[str, SessionBody]


class AllSessionsBody(msgspec.Struct):
    """Backed-up sessions of any rooms."""

    rooms: dict[str, RoomSessionsBody]


def _build_upload(room_id: str, session_id: str, body: SessionBody) -> back_up_keys.Upload:
    session = BackedUpSession(
        body.first_message_index, body.forwarded_count, body.is_verified, orjson.dumps(body.session_data)
    )
    return room_id, session_id, session


async def post_version(app: App, request: Request) -> dict[str, Any]:
    body: BackupBody = request.decode(BackupBody)
    version = await back_up_keys.create_backup(app, request.requester.user_id, body.algorithm, body.auth_data)
    return {"version": version}


async def get_version(app: App, request: Request) -> dict[str, Any]:
    return await back_up_keys.describe_backup(app, request.requester.user_id, request.params.get("version"))


async def put_version(app: App, request: Request) -> dict[str, Any]:
    body: BackupBody = request.decode(BackupBody)
    version = request.params["version"]
    if body.version is not None and body.version != version:
        raise invalid_param("The version in the body is not the one in the path.")
    await back_up_keys.update_auth_data(app, request.requester.user_id, version, body.algorithm, body.auth_data)
    return {}


async def delete_version(app: App, request: Request) -> dict[str, Any]:
    await back_up_keys.delete_backup(app, request.requester.user_id, request.params["version"])
    return {}


async def put_all(app: App, request: Request) -> dict[str, Any]:
    version = request.query_required("version")
    body: AllSessionsBody = request.decode(AllSessionsBody)
    sessions = [
        _build_upload(room_id, session_id, session)
        for room_id, room in body.rooms.items()
        for session_id, session in room.sessions.items()
    ]
    return await back_up_keys.store_sessions(app, request.requester.user_id, version, sessions)


async def put_room(app: App, request: Request) -> dict[str, Any]:
    version = request.query_required("version")
    body: RoomSessionsBody = request.decode(RoomSessionsBody)
    room_id = request.params["room_id"]
    sessions = [_build_upload(room_id, session_id, session) for session_id, session in body.sessions.items()]
    return await back_up_keys.store_sessions(app, request.requester.user_id, version, sessions)


async def put_session(app: App, request: Request) -> dict[str, Any]:
    version = request.query_required("version")
    body: SessionBody = request.decode(SessionBody)
    session = _build_upload(request.params["room_id"], request.params["session_id"], body)
    return await back_up_keys.store_sessions(app, request.requester.user_id, version, [session])


async def get_sessions(app: App, request: Request) -> Response:
    """All sessions, or those of one room."""
    version = request.query_required("version")
    pieces = await back_up_keys.open_sessions(app, request.requester.user_id, version, request.params.get("room_id"))
    return Response(stream=pieces)


async def get_session(app: App, request: Request) -> dict[str, Any]:
    version = request.query_required("version")
    return await back_up_keys.load_session(
        app, request.requester.user_id, version, request.params["room_id"], request.params["session_id"]
    )


async def delete_sessions(app: App, request: Request) -> dict[str, Any]:
    """All sessions, those of one room, or one."""
    version = request.query_required("version")
    room_id, session_id = request.params.get("room_id"), request.params.get("session_id")
    return await back_up_keys.delete_sessions(app, request.requester.user_id, version, room_id, session_id)


LIMIT = {"limit": "keys"}
STORED = {**LIMIT, "query": ("version",)}
BIG = {**STORED, "body_bytes_max": BACKUP_BODY_BYTES_MAX}
ALL = client("/room_keys/keys")
ROOM = client("/room_keys/keys/{room_id}")
SESSION = client("/room_keys/keys/{room_id}/{session_id}")

ROUTES = [
    *routes("POST", client("/room_keys/version"), post_version, body=BackupBody, **LIMIT),
    *routes("GET", client("/room_keys/version"), get_version, **LIMIT),
    *routes("GET", client("/room_keys/version/{version}"), get_version, **LIMIT),
    *routes("PUT", client("/room_keys/version/{version}"), put_version, body=BackupBody, **LIMIT),
    *routes("DELETE", client("/room_keys/version/{version}"), delete_version, **LIMIT),
    *routes("PUT", ALL, put_all, body=AllSessionsBody, **BIG),
    *routes("PUT", ROOM, put_room, body=RoomSessionsBody, **BIG),
    *routes("PUT", SESSION, put_session, body=SessionBody, **BIG),
    *routes("GET", ALL, get_sessions, **STORED),
    *routes("GET", ROOM, get_sessions, **STORED),
    *routes("GET", SESSION, get_session, **STORED),
    *routes("DELETE", ALL, delete_sessions, **STORED),
    *routes("DELETE", ROOM, delete_sessions, **STORED),
    *routes("DELETE", SESSION, delete_sessions, **STORED),
]
