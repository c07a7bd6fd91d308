"""What other servers answer to our look-ups is bounded and checked; the answers here are none that Synapse would give."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from tests.client import Client, InProcessServer, running_server

from zajil.federation.remote_media import FederatedMedia
from zajil.outbound.http_client import HttpClient
from zajil.ports.federation import FederationFailed, FederationRequest, FederationStream

MIXED = "multipart/mixed; boundary=b"
DESCRIPTION = b"--b\r\nContent-Type: application/json\r\n\r\n{}\r\n"
FILE = DESCRIPTION + b"--b\r\nContent-Type: text/plain\r\nContent-Disposition: inline; filename=x.txt\r\n\r\n"


class Hostile:
    """A network of servers that all answer the same."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.stream_type = MIXED
        self.stream_body = b""
        self.asked: list[FederationRequest] = []
        self.open_streams = 0

    async def request(self, request: FederationRequest) -> Any:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return orjson.loads(orjson.dumps(self.answer))

    async def stream(self, request: FederationRequest) -> FederationStream:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return FederationStream({"content-type": self.stream_type}, self._read())

    async def _read(self) -> AsyncIterator[bytes]:
        self.open_streams += 1
        try:
            for start in range(0, len(self.stream_body), 1_000):
                yield self.stream_body[start : start + 1_000]
        finally:
            self.open_streams -= 1

    async def close(self) -> None:
        return None


async def begin(server: InProcessServer) -> tuple[Hostile, Client]:
    hostile = Hostile()
    await server.app.federation.close()
    server.app.federation = hostile
    outbound = HttpClient([ipaddress.ip_network("127.0.0.0/8")])
    server.app.media.remote = FederatedMedia(hostile, outbound, server.app.clock, 100_000)
    return hostile, await server.register("ali")


GOOD_ROOM = {
    "room_id": "!room:evil.example",
    "num_joined_members": 3,
    "world_readable": True,
    "guest_can_join": False,
    "join_rule": "public",
    "name": "Good",
}


@pytest.mark.parametrize(
    "answer",
    [[], "text", None, 7, {"chunk": 3}, {"chunk": [None, 3, {}, {"room_id": "x", "num_joined_members": 1}]}],
)
async def test_lists_of_rooms_that_are_none(tmp_path: Path, answer: Any) -> None:
    async with running_server(tmp_path) as server:
        hostile, ali = await begin(server)
        hostile.answer = answer
        got = await ali.get("/_matrix/client/v3/publicRooms?server=evil.example")
        if isinstance(answer, dict):
            assert (got.status, got.body) == (200, {"chunk": []})
        else:
            assert (got.status, got.errcode) == (502, "M_UNREACHABLE")


async def test_a_list_of_rooms_is_cut_and_cleaned(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        hostile, ali = await begin(server)
        bad = {"topic": 3, "avatar_url": "http://evil", "canonical_alias": "#", "room_type": ["x"], "extra": "gone"}
        hostile.answer = {
            "chunk": [{**GOOD_ROOM, **bad, "room_id": f"!r{number}:evil.example"} for number in range(500)],
            "next_batch": "x" * 100_000,
            "prev_batch": 4,
            "total_room_count_estimate": "many",
        }
        got = (await ali.get("/_matrix/client/v3/publicRooms?server=evil.example&limit=10")).ok()
        assert got == {"chunk": [{**GOOD_ROOM, "room_id": f"!r{number}:evil.example"} for number in range(10)]}


async def test_profiles_and_aliases_are_checked(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        hostile, ali = await begin(server)
        hostile.answer = {
            "displayname": {"not": "text"},
            "avatar_url": "javascript:alert(1)",
            "Not A Key": 1,
            "org.zajil.float": 0.5,
            "org.zajil.good": [1],
        }
        got = await ali.get("/_matrix/client/v3/profile/@eve:evil.example")
        assert (got.status, got.body) == (200, {"org.zajil.good": [1]})
        got = await ali.get("/_matrix/client/v3/profile/@eve:evil.example/displayname")
        assert (got.status, got.errcode) == (404, "M_NOT_FOUND")
        hostile.answer = {"room_id": 5, "servers": "evil.example"}
        got = await ali.get("/_matrix/client/v3/directory/room/%23a:evil.example")
        assert (got.status, got.errcode) == (404, "M_NOT_FOUND")
        hostile.answer = {"room_id": "!a:evil.example", "servers": [3, "bad name", *["a.example"] * 100]}
        got = await ali.get("/_matrix/client/v3/directory/room/%23a:evil.example")
        assert got.ok() == {"room_id": "!a:evil.example", "servers": ["a.example", "evil.example"]}


async def test_a_space_that_never_ends_is_walked_only_so_far(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        hostile, ali = await begin(server)
        create = {"preset": "public_chat", "creation_content": {"type": "m.space"}}
        top = (await ali.post("/_matrix/client/v3/createRoom", create)).ok()["room_id"]

        def child(number: int) -> dict[str, Any]:
            content = {"via": ["evil.example"]}
            room_id = f"!s{number}:evil.example"
            return {
                "type": "m.space.child",
                "state_key": room_id,
                "sender": "@eve:evil.example",
                "origin_server_ts": number,
                "content": content,
            }

        async def grow(request: FederationRequest) -> Any:
            hostile.asked.append(request)
            number = int(request.path.rpartition("%21s")[2].partition("%3A")[0])
            room = {**GOOD_ROOM, "room_id": f"!s{number}:evil.example", "room_type": "m.space"}
            return {"room": {**room, "children_state": [child(number + 1)]}, "children": []}

        hostile.request = grow  # type: ignore[method-assign]
        path = f"/_matrix/client/v3/rooms/{top}/state/m.space.child/!s0:evil.example"
        (await ali.put(path, {"via": ["evil.example"]})).ok()
        got = (await ali.get(f"/_matrix/client/v1/rooms/{top}/hierarchy?limit=50")).ok()
        assert len(got["rooms"]) == 50
        assert len(hostile.asked) <= 51


SUMMARY = "/_matrix/client/v1/room_summary/!room:evil.example?via="


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer["room"].update(room_id="!other:evil.example"),
        lambda answer: answer["room"].update(num_joined_members="3"),
        lambda answer: answer.update(room=[]),
        lambda answer: answer["room"].update(join_rule="invite", world_readable="true"),
    ],
)
async def test_summaries_of_other_rooms_than_asked_for_are_not_shown(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    async with running_server(tmp_path) as server:
        hostile, ali = await begin(server)
        hostile.answer = {"room": dict(GOOD_ROOM)}
        change(hostile.answer)
        got = await ali.get(SUMMARY + "evil.example")
        assert (got.status, got.errcode) == (404, "M_NOT_FOUND")


async def test_what_one_server_says_of_a_room_is_not_told_as_anothers_word(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        hostile, ali = await begin(server)
        hostile.answer = {"room": {**GOOD_ROOM, "name": "Forged"}}
        assert (await ali.get(SUMMARY + "worse.example")).ok()["name"] == "Forged"
        hostile.answer = {"room": GOOD_ROOM}
        assert (await ali.get(SUMMARY + "evil.example")).ok() == GOOD_ROOM
        asked = len(hostile.asked)
        assert (await ali.get(SUMMARY + "evil.example")).ok() == GOOD_ROOM
        assert len(hostile.asked) == asked, "remembered"


@pytest.mark.parametrize(
    ("stream_type", "body"),
    [
        ("application/json", b"{}"),
        (MIXED, b""),
        (MIXED, DESCRIPTION),
        (MIXED, FILE + b"cut short"),
        (MIXED, DESCRIPTION + b"--b--\r\n"),
        (MIXED, b"--b\r\n\r\n" + b"x" * 80_000 + b"\r\n" + FILE + b"x\r\n--b--"),
        (MIXED, b"no boundary" * 10_000),
        (MIXED, DESCRIPTION + b"--b\r\nContent-Type: " + b"x" * 80_000),
        (MIXED, DESCRIPTION + b"--b\r\nLocation: file:///etc/passwd\r\n\r\n\r\n--b--"),
        (MIXED, DESCRIPTION + b"--b\r\nLocation: http://10.0.0.1/x\r\n\r\n\r\n--b--"),
        (MIXED, DESCRIPTION + b"--b\r\nLocation: " + b"x" * 5_000 + b"\r\n\r\n\r\n--b--"),
    ],
)
async def test_files_that_do_not_come_as_they_should(tmp_path: Path, stream_type: str, body: bytes) -> None:
    async with running_server(tmp_path) as server:
        hostile, ali = await begin(server)
        hostile.stream_type, hostile.stream_body = stream_type, body
        got = await ali.get("/_matrix/client/v1/media/download/evil.example/file")
        assert (got.status, got.errcode) == (502, "M_UNKNOWN")
        await asyncio.sleep(0)
        assert hostile.open_streams == 0
        hostile.stream_type, hostile.stream_body = MIXED, FILE + b"at last\r\n--b--"
        got = await ali.get("/_matrix/client/v1/media/download/evil.example/file")
        assert (got.status, got.raw) == (200, b"at last")
        assert got.headers["content-disposition"] == 'inline; filename="x.txt"'


async def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    async with running_server(tmp_path, upload_size_max=50_000) as server:
        hostile, ali = await begin(server)
        hostile.stream_body = FILE + bytes(60_000) + b"\r\n--b--"
        got = await ali.get("/_matrix/client/v1/media/download/evil.example/file")
        assert (got.status, got.errcode) == (502, "M_TOO_LARGE")


@pytest.mark.parametrize(
    ("failure", "status", "errcode"),
    [
        (FederationFailed("evil.example", "gone", status=404, errcode="M_NOT_FOUND"), 404, "M_NOT_FOUND"),
        (FederationFailed("evil.example", "wait", status=504, errcode="M_NOT_YET_UPLOADED"), 504, "M_NOT_YET_UPLOADED"),
        (FederationFailed("evil.example", "no"), 502, "M_UNKNOWN"),
    ],
)
async def test_refused_files(tmp_path: Path, failure: FederationFailed, status: int, errcode: str) -> None:
    async with running_server(tmp_path) as server:
        hostile, ali = await begin(server)
        hostile.answer = failure
        got = await ali.get("/_matrix/client/v1/media/download/evil.example/file")
        assert (got.status, got.errcode) == (status, errcode)


async def test_a_file_that_is_elsewhere(tmp_path: Path) -> None:
    async def serve(request: web.Request) -> web.Response:
        assert "authorization" not in {name.lower() for name in request.headers}
        headers = {"Content-Type": "text/plain", "Content-Disposition": 'attachment; filename="y.txt"'}
        return web.Response(body=b"from elsewhere", headers=headers)

    application = web.Application()
    application.router.add_get("/file", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with running_server(tmp_path) as server:
            hostile, ali = await begin(server)
            place = f"--b\r\nLocation: http://127.0.0.1:{port}/file\r\n\r\n\r\n--b--".encode()
            hostile.stream_body = DESCRIPTION + place
            got = await ali.get("/_matrix/client/v1/media/download/evil.example/file")
            assert (got.status, got.raw) == (200, b"from elsewhere")
            assert got.headers["content-disposition"] == 'inline; filename="y.txt"'
            hostile.stream_body = DESCRIPTION + place.replace(b"/file", b"/gone")
            got = await ali.get("/_matrix/client/v1/media/download/evil.example/other")
            assert (got.status, got.errcode) == (502, "M_UNKNOWN")
    finally:
        await runner.cleanup()
