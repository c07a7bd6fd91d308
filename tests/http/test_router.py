"""Which endpoint a path leads to."""

import pytest

from zajil.http.request import Request
from zajil.http.router import Router, routes
from zajil.services.app import App
from zajil.services.errors import MatrixError


async def handle(app: App, request: Request) -> dict[str, str]:
    return request.params


ROUTER = Router(
    [
        *routes("GET", "/rooms/{room_id}/state/{type}/{key}", handle),
        *routes("GET", ["/rooms/{room_id}/state", "/rooms/{room_id}/state/{type}"], handle),
        *routes("PUT", "/rooms/{room_id}/send/{type}/{txn_id}", handle),
        *routes("GET", "/rooms/public/members", handle),
        *routes("GET", "/rooms/public/{word}/list", handle),
        *routes("GET", "/{version}/last", handle),
    ]
)


@pytest.mark.parametrize(
    ("path", "pattern", "params"),
    [
        (b"/rooms/!r%2Fs:x/send/m.text/%40a", "/rooms/{room_id}/send/{type}/{txn_id}", ["!r/s:x", "m.text", "@a"]),
        (b"/rooms/public/members", "/rooms/public/members", []),
        (b"/rooms/public/members/list", "/rooms/public/{word}/list", ["members"]),
        (b"/rooms/public/state/list", "/rooms/public/{word}/list", ["state"]),
        (b"/rooms/public/state/members", "/rooms/{room_id}/state/{type}", ["public", "members"]),
        (b"/rooms/public/state/list/x", "/rooms/{room_id}/state/{type}/{key}", ["public", "list", "x"]),
        (b"/rooms/!r/state/m.name/", "/rooms/{room_id}/state/{type}/{key}", ["!r", "m.name", ""]),
        (b"/rooms/!r/state/", "/rooms/{room_id}/state/{type}", ["!r", ""]),
        (b"/rooms/last", "/{version}/last", ["rooms"]),
        (b"/rooms/public/members/", "/rooms/public/members", []),
    ],
)
def test_a_literal_wins_and_where_it_leads_nowhere_a_parameter_is_taken(
    path: bytes, pattern: str, params: list[str]
) -> None:
    method = "PUT" if "{txn_id}" in pattern else "GET"
    route, found = ROUTER.find(method, path)
    assert (route.path, list(found.values())) == (pattern, params)


@pytest.mark.parametrize("path", [b"/", b"/rooms", b"/rooms/!r", b"/rooms/!r/send/m.text", b"/rooms/!r/state/a/b/c"])
def test_other_paths_lead_nowhere(path: bytes) -> None:
    with pytest.raises(MatrixError) as refused:
        ROUTER.find("GET", path)
    assert refused.value.status == 404


def test_a_path_takes_only_its_methods() -> None:
    assert ROUTER.find("HEAD", b"/rooms/public/members")[0].method == "GET"
    with pytest.raises(MatrixError) as refused:
        ROUTER.find("DELETE", b"/rooms/public/members")
    assert refused.value.status == 405
