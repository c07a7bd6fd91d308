"""The ASGI application: finds the route, authenticates, runs the endpoint, and turns every outcome into an answer."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from zajil.core.admission import Entry
from zajil.core.admission_work import Work
from zajil.core.canonical_json import CanonicalJsonError
from zajil.http.admission import Edge, reads_body
from zajil.http.early_refusal import EarlyRefusal, Entered
from zajil.http.federation_api.authenticate import authenticate_server, begin_server_request
from zajil.http.federation_api.request_kinds import find_request_kind
from zajil.http.federation_api.server_bodies import ServerBodies
from zajil.http.request import ClientGone, Request
from zajil.http.response import CORS, JSON_TYPE, Response, join_headers, json_response
from zajil.http.router import Auth, Route, Router
from zajil.ports.configuration import ConfigError
from zajil.ports.database import Busy, Pace, StorageUnavailable, UnfitValue, essential_writes, set_pace
from zajil.services.accounts.sessions import user_locked
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.requester import Requester

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

Respond = Callable[[int, bytes, bytes], bool]
"""How the connection takes a whole answer at once: status, header lines, body. False: send ASGI's messages instead."""

log = structlog.get_logger(__name__)

OUTAGE_LOGGED_S = 10.0


class Outages:
    """Says in the log that storage is unavailable, and why: once in a while, not for every request that suffers from it."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}

    def note(self, error: StorageUnavailable) -> None:
        now, cause = time.monotonic(), str(error)
        if now - self._said_at.get(cause, -OUTAGE_LOGGED_S) >= OUTAGE_LOGGED_S:
            self._said_at = {cause: now}
            log.error("storage unavailable", cause=cause)


class AsgiApp:
    """Serves `all_routes` for `app`."""

    def __init__(self, app: App, all_routes: Sequence[Route]) -> None:
        self.app = app
        self.routes = all_routes
        self._router = Router(all_routes)
        self._times = {id(route): app.measurements.find_route(f"{route.method} {route.path}") for route in all_routes}
        self._nowhere = app.measurements.find_route("other")
        self._edge = Edge(app, all_routes)
        self.early_refusal = EarlyRefusal(app.measurements, self._router, self._edge, self._times)
        self._outages = Outages()
        self._server_kinds = {id(route): find_request_kind(route) for route in all_routes if route.auth is Auth.SERVER}
        self._server_bodies = ServerBodies()
        self.startup: list[Callable[[], Awaitable[None]]] = []
        self.shutdown: list[Callable[[], Awaitable[None]]] = []
        self.setup_token = ""  # makes the first administrator; empty when there is one

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        respond: Respond | None = scope.pop("zajil.respond", None)
        began = time.perf_counter()
        try:
            response = await self._respond(scope, receive)
        except ClientGone:
            return
        route: Route | None = scope.get("zajil.route")
        times = self._nowhere if route is None else self._times[id(route)]
        self.app.measurements.note_request(times, response.status, time.perf_counter() - began)
        if response.status in (429, 503):
            self.app.measurements.note_shed((route and route.limit) or "none")
        if respond is not None and response.stream is None:
            headers = join_headers(response.headers) + b"content-length: %d\r\n" % len(response.body)
            if respond(response.status, headers, response.body):
                return
        await _send_response(response, scope["method"] == "HEAD", send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            for step in self.startup:
                await step()
        except ConfigError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for step in self.shutdown:
            await step()
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, scope: dict[str, Any], receive: Receive) -> Response:
        method = scope["method"]
        if method == "OPTIONS":
            return Response(b"", 204, [*CORS])
        entry: Entry | None = None
        try:
            entered: Entered | None = scope.pop("zajil.entered", None)
            if entered is None:
                route, params = self._router.find(method, scope["raw_path"])
                scope["zajil.route"] = route
                request = Request(scope, receive, params)
                token = None if route.auth is Auth.NONE else self._access_token(request)
                entry = self._edge.enter(route, params, token, request.client_ip)
            else:
                route, params, token, entry = entered
                scope["zajil.route"] = route
                request = Request(scope, receive, params)
            if entry is not None:
                await self._edge.begin(entry)
            if route.auth is Auth.SERVER:
                claimed = begin_server_request(self.app, request, self._server_kinds[id(route)])
            elif route.auth is not Auth.NONE:
                await self._authenticate(route, request, token)
                if entry is not None and entry.work is Work.UNKNOWN:
                    entry = self._edge.identify(entry, route, request)
                    if entry is not None:
                        await self._edge.begin(entry)
            if route.is_essential:
                essential_writes.set(True)
            if entry is not None and (pace := self._edge.find_pace(entry)) is not Pace.ORDINARY:
                set_pace(pace)
            if route.limit is not None:
                self.app.rate_limits.check(route.limit, request.requester, request.client_ip)
            if reads_body(route):
                # A client that sends its body slowly must not keep others out.
                if entry is not None:
                    self.app.admission.park(entry)
                if route.auth is Auth.SERVER:
                    await self._server_bodies.read(request, claimed, route.body_bytes_max)
                else:
                    await request.read_body(route.body_bytes_max)
                if entry is not None:
                    self.app.admission.resume(entry)
            if route.auth is Auth.SERVER:
                result = await self._serve_server(route, request, entry)
            else:
                result = await route.handler(self.app, request)
        except ClientGone:
            raise
        except Exception as error:
            return self._answer_failure(error, scope)
        finally:
            if entry is not None:
                self._edge.leave(entry)
        return result if isinstance(result, Response) else json_response(result)

    async def _serve_server(self, route: Route, request: Request, entry: Entry | None) -> Any:
        """Find out which server asks, and do what it asks within its budget."""
        app = self.app

        def note_waiting(waits: bool) -> None:
            # It has no claim to a place while it waits for other requests of its own server.
            if entry is not None:
                (app.admission.park if waits else app.admission.resume)(entry)

        await authenticate_server(app, request)
        async with app.origin_budgets.hold(request.origin, self._server_kinds[id(route)], note_waiting):
            return await route.handler(app, request)

    def _answer_failure(self, error: Exception, scope: dict[str, Any]) -> Response:
        """What the client is told instead of what it asked for."""
        if isinstance(error, MatrixError):
            return error_response(error)
        if isinstance(error, Busy):
            extra = {"retry_after_ms": error.retry_after_ms}
            told = MatrixError(503, "M_LIMIT_EXCEEDED", "The server is busy. Wait a moment and try again.", extra)
        elif isinstance(error, CanonicalJsonError):
            told = MatrixError(400, "M_BAD_JSON", f"The request cannot be signed or stored: {error}")
        elif isinstance(error, UnfitValue):
            told = MatrixError(400, "M_INVALID_PARAM", "The request has a text or a number that cannot be stored.")
        elif isinstance(error, StorageUnavailable):
            self._outages.note(error)
            self.app.measurements.unavailable += 1
            told = MatrixError(503, "M_UNKNOWN", error.told, {"retry_after_ms": error.retry_after_ms})
        elif isinstance(error, MemoryError):
            log.error("out of memory")
            extra = {"retry_after_ms": 2_000}
            told = MatrixError(503, "M_UNKNOWN", "The server is short of memory. Try again soon.", extra)
        else:
            # The path itself says who talks where.
            found: Route | None = scope.get("zajil.route")
            log.error("unexpected error", route=found.path if found else "", method=scope["method"], exc_info=error)
            told = MatrixError(500, "M_UNKNOWN", "The server made a mistake. It has been logged.")
        return error_response(told)

    async def _authenticate(self, route: Route, request: Request, token: str | None) -> None:
        if token is None:
            if route.auth is Auth.OPTIONAL:
                return
            raise MatrixError(401, "M_MISSING_TOKEN", "An access token is required.")
        requester = self.app.sessions.known.get(token) or await self.app.sessions.find(token)
        request.requester = requester
        self.app.sightings.note(requester, request.client_ip)
        if requester.is_locked or requester.is_suspended or requester.is_guest or route.auth is Auth.ADMIN:
            check_may_call(route, requester)

    def _access_token(self, request: Request) -> str | None:
        authorization = request.header(b"authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            return token.strip() if scheme.lower() == "bearer" and token.strip() else None
        if self.app.config.legacy_access_token_query and b"access_token" in request.query_string:
            return request.query_text("access_token")
        return None


def check_may_call(route: Route, requester: Requester) -> None:
    """Raises unless the account's standing lets it use this route."""
    if requester.is_locked and route.auth is not Auth.LOCKED:
        raise user_locked()
    if requester.is_suspended and not route.suspended_may:
        raise MatrixError(403, "M_USER_SUSPENDED", "This account is suspended and can only read and leave.")
    if requester.is_guest and route.auth not in (Auth.GUEST, Auth.LOCKED, Auth.OPTIONAL):
        raise MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests cannot do this. Register an account.")
    if route.auth is Auth.ADMIN and not requester.is_admin:
        raise MatrixError(403, "M_FORBIDDEN", "Only administrators can do this.")


def error_response(error: MatrixError) -> Response:
    """The error in the form of the spec, with `Retry-After` (seconds, rounded up) where it says when to come back."""
    response = json_response(error.body(), error.status)
    if error.extra and isinstance(wait_ms := error.extra.get("retry_after_ms"), int):
        response.headers = [*response.headers, (b"retry-after", str(-(-wait_ms // 1000)).encode())]
    return response


async def _send_response(response: Response, head_only: bool, send: Send) -> None:
    length = response.length if response.length is not None else len(response.body)
    headers = response.headers
    if response.stream is None or response.length is not None:
        headers = [*headers, (b"content-length", b"%d" % length)]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.stream is None or head_only:
        await send({"type": "http.response.body", "body": b"" if head_only else response.body})
        return
    async for chunk in response.stream:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


__all__ = ["JSON_TYPE", "AsgiApp", "error_response"]
