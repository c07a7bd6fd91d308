"""Paths to endpoints, on the raw path: Matrix IDs carry `%2F`, which a decoded path would destroy."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

from zajil.http.request import Request, decode_segment
from zajil.http.response import Response
from zajil.services.app import App
from zajil.services.errors import MatrixError

BODY_BYTES_MAX = 512 * 1024
PATH_BYTES_MAX = 16 * 1024

Handler = Callable[[App, Request], Awaitable[Response | dict[str, Any]]]


class Auth(Enum):
    """Whose requests a route takes."""

    NONE = "none"
    USER = "user"  # registered accounts
    GUEST = "guest"  # guests too
    LOCKED = "locked"  # locked accounts too (logout)
    OPTIONAL = "optional"
    ADMIN = "admin"
    SERVER = "server"  # other servers, by their signature (server-server API, "Request Authentication")


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: where it is, who may call it, and what its body must look like."""

    method: str
    path: str
    handler: Handler
    auth: Auth = Auth.USER
    body: type[msgspec.Struct] | None = None  # for the OpenAPI description; the handler calls request.decode(body)
    limit: str | None = None  # name of a rate-limit class (services/rate_limits.py)
    body_bytes_max: int = BODY_BYTES_MAX
    streams_body: bool = False  # the handler reads the body itself
    suspended_may: bool = True  # may a suspended account call it
    summary: str = ""
    query: Sequence[str] = field(default=())

    @property
    def is_essential(self) -> bool:
        """Goes on when the disk is full: logging out, and what administrators do to make room or peace."""
        return self.auth in (Auth.ADMIN, Auth.LOCKED)


def client(path: str, *versions: str) -> list[str]:
    """The full paths of a client endpoint under each version, e.g. `client("/sync", "v3", "r0")`."""
    return [f"/_matrix/client/{version}{path}" for version in versions or ("v3", "r0")]


def routes(method: str, paths: Sequence[str] | str, handler: Handler, **options: Any) -> list[Route]:
    """The same endpoint under several paths."""
    return [Route(method, path, handler, **options) for path in ([paths] if isinstance(paths, str) else paths)]


class _Node:
    __slots__ = ("children", "name", "parameter", "routes")

    def __init__(self) -> None:
        self.children: dict[bytes, _Node] = {}
        self.parameter: _Node | None = None
        self.name = ""
        self.routes: dict[str, tuple[Route, tuple[str, ...]]] = {}


class Router:
    """A tree over path segments. A segment is either literal or a `{parameter}`; literals win."""

    def __init__(self, all_routes: Sequence[Route]) -> None:
        self._root = _Node()
        for route in all_routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.path.strip("/").split("/"):
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
                names.append(segment[1:-1])
            else:
                node = node.children.setdefault(segment.encode(), _Node())
        if route.method in node.routes:
            raise ValueError(f"{route.method} {route.path} is routed twice")
        node.routes[route.method] = (route, tuple(names))

    def find(self, method: str, raw_path: bytes) -> tuple[Route, dict[str, str]]:
        """The route and its decoded parameters; 404 M_UNRECOGNIZED for an unknown path, 405 for a wrong method."""
        if len(raw_path) > PATH_BYTES_MAX:
            raise MatrixError(414, "M_TOO_LARGE", "The path is too long.")
        segments = raw_path[1:].split(b"/")
        if len(segments) > 1 and segments[-1] == b"":
            # An empty last segment is a parameter of its own (an empty state key), or a stray slash.
            found = _match(self._root, segments) or _match(self._root, segments[:-1])
        else:
            found = _match(self._root, segments)
        if found is None:
            raise MatrixError(404, "M_UNRECOGNIZED", "This server has nothing at this path.")
        node, values = found
        entry = node.routes.get(method) or (node.routes.get("GET") if method == "HEAD" else None)
        if entry is None:
            raise MatrixError(405, "M_UNRECOGNIZED", f"This path does not take {method} requests.")
        route, names = entry
        return route, {name: decode_segment(value) for name, value in zip(names, values, strict=True)}


def _match(
    node: _Node, segments: list[bytes], start: int = 0, taken: Sequence[bytes] = ()
) -> tuple[_Node, list[bytes]] | None:
    """Where the path ends, and its parameters' values. If the way of a literal leads nowhere, that of the parameter beside it is taken."""
    values = list(taken)
    for index in range(start, len(segments)):
        segment, parameter = segments[index], node.parameter
        child = node.children.get(segment)
        if child is None:
            if parameter is None:
                return None
            values.append(segment)
            node = parameter
        elif parameter is None:
            node = child
        else:
            found = _match(child, segments, index + 1, values)
            return found or _match(parameter, segments, index + 1, [*values, segment])
    return (node, values) if node.routes else None
