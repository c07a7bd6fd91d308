"""Under overload most requests are refused as soon as their headers are there: before a body, before a task.

So a refusal costs a fraction of a request, and a flood that is refused leaves the rest alone (docs/decisions/overload.md).
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from zajil.core.admission import Entry, Refusal
from zajil.http.admission import Edge, explain
from zajil.http.response import JSON_LINES
from zajil.http.router import Auth, Route, Router
from zajil.services.admission.new_rooms import round_up_ms
from zajil.services.errors import MatrixError
from zajil.services.measurements import Histogram, Measurements

METHODS: Final = {b"GET": "GET", b"POST": "POST", b"PUT": "PUT", b"DELETE": "DELETE"}
BEARER: Final = b"Bearer "


class Entered(NamedTuple):
    """A request that was not refused, with what was found out about it."""

    route: Route
    params: dict[str, str]
    token: str
    entry: Entry | None


class EarlyRefusal:
    """Asked by a connection about each request whose sender says who it is."""

    def __init__(self, measurements: Measurements, router: Router, edge: Edge, times: Mapping[int, Histogram]) -> None:
        self._measurements = measurements
        self._router = router
        self._edge = edge
        self._times = times
        self._admission = edge.admission

    @property
    def is_needed(self) -> bool:
        """A quiet server refuses next to nobody, and what is asked here would be found out again."""
        return not self._admission.is_quiet

    def consider(self, method: bytes, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes | Entered | None:
        """Header lines and body of a refusal with status 429; a request that may go on; or None: it takes the usual way."""
        name, token = METHODS.get(method), _find_token(headers)
        if name is None or token is None or url[:1] != b"/":
            return None
        began_s = time.perf_counter()
        try:
            route, params = self._router.find(name, url.partition(b"?")[0])
        except MatrixError:
            return None
        if route.auth in (Auth.NONE, Auth.SERVER):
            return None
        try:
            found = self._edge.consider(route, params, token, "")
        except MatrixError as error:
            body = error.body()
        else:
            if not isinstance(found, Refusal):
                return Entered(route, params, token, found)
            body = {
                "errcode": "M_LIMIT_EXCEEDED",
                "error": explain(found),
                "retry_after_ms": round_up_ms(found.wait_s),
            }
        self._measurements.note_request(self._times[id(route)], 429, time.perf_counter() - began_s)
        self._measurements.note_shed(route.limit or "none")
        return _build_answer(body)

    def give_up(self, entered: Entered) -> None:
        """The request that was let in never comes to run."""
        if entered.entry is not None:
            self._edge.leave(entered.entry)


def _find_token(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == b"authorization":
            return (value[7:].strip().decode("latin-1") or None) if value[:7] == BEARER else None
    return None


def _build_answer(body: dict[str, Any]) -> bytes:
    text = orjson.dumps(body)
    wait_s = -(-int(body["retry_after_ms"]) // 1000)
    return JSON_LINES + b"retry-after: %d\r\ncontent-length: %d\r\n\r\n" % (wait_s, len(text)) + text
