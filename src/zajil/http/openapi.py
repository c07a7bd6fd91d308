"""The OpenAPI 3.1 description of everything this server answers, made from the table of routes."""

import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from zajil.http.request import Request
from zajil.http.response import Response
from zajil.http.router import Auth, Route
from zajil.services.app import App

PATH: Final = "/_zajil/openapi.json"
API_VERSION: Final = "1.19"
"""Of the specification."""
_PARAMETER = re.compile(r"\{(\w+)\}")
_NUMBER: Final = {"type": "integer", "minimum": 0}
_FLAG: Final = {"type": "boolean"}
QUERY_SHAPES: Final[dict[str, dict[str, Any]]] = {
    "animated": _FLAG,
    "dir": {"enum": ["b", "f"]},
    "format": {"enum": ["content", "event"]},
    "full_state": _FLAG,
    "height": _NUMBER,
    "include": {"enum": ["all", "participated"]},
    "limit": _NUMBER,
    "max_depth": _NUMBER,
    "method": {"enum": ["crop", "scale"]},
    "recurse": _FLAG,
    "set_presence": {"enum": ["online", "offline", "unavailable"]},
    "suggested_only": _FLAG,
    "timeout": _NUMBER,
    "timeout_ms": _NUMBER,
    "ts": _NUMBER,
    "use_state_after": _FLAG,
    "width": _NUMBER,
}
"""Query parameters that are not any text."""
ERROR: Final = {
    "type": "object",
    "properties": {"errcode": {"type": "string"}, "error": {"type": "string"}},
    "required": ["errcode", "error"],
}
SECURITY_SCHEMES: Final = {
    "accessToken": {"type": "http", "scheme": "bearer"},
    "accessTokenInQuery": {"type": "apiKey", "in": "query", "name": "access_token"},
}
_ASKS: Final[list[dict[str, list[str]]]] = [{"accessToken": []}, {"accessTokenInQuery": []}]


def build_description(all_routes: Sequence[Route]) -> dict[str, Any]:
    """The whole description."""
    from msgspec.json import schema_components  # takes time to import, and is seldom asked for

    shapes = list(dict.fromkeys(route.body for route in all_routes if route.body is not None))
    schemas, components = schema_components(shapes, ref_template="#/components/schemas/{name}")
    by_shape = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in all_routes:
        body = {"type": "object"} if route.body is None else by_shape[route.body]
        paths.setdefault(route.path, {})[route.method.lower()] = build_operation(route, body)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Zajil", "version": API_VERSION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {**components, "Error": ERROR}, "securitySchemes": SECURITY_SCHEMES},
    }


def build_operation(route: Route, body: dict[str, Any]) -> dict[str, Any]:
    """One method of one path; `body` is the schema of the request's."""
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "schema": QUERY_SHAPES.get(name, {"type": "string"})} for name in route.query
    ]
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()} {route.path}",
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "parameters": parameters,
        "responses": {
            "200": {"description": "Done."},
            "default": {
                "description": "Refused.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if route.summary:
        operation["summary"] = route.summary
    if route.auth is Auth.OPTIONAL:
        operation["security"] = [{}, *_ASKS]
    elif route.auth is not Auth.NONE:
        operation["security"] = _ASKS
    if route.streams_body:
        operation["requestBody"] = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
    elif route.method in ("POST", "PUT") or route.body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return operation


def describe(all_routes: Sequence[Route]) -> list[Route]:
    """The route that serves the description of `all_routes`."""
    made: list[bytes] = []

    async def get_description(_app: App, _request: Request) -> Response:
        if not made:
            made.append(orjson.dumps(build_description(all_routes)))
        return Response(made[0])

    return [Route("GET", PATH, get_description, auth=Auth.NONE, summary="This description.")]
