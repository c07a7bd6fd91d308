"""Push rules (client-server API, "Push Rules: API")."""

from typing import Any

import msgspec

from zajil.core.push_rules import delete_rule, get_rule, put_rule, set_actions, set_enabled
from zajil.core.push_rules_predefined import KINDS
from zajil.http.request import Request
from zajil.http.response import Response, json_response
from zajil.http.router import client, routes
from zajil.services.app import App
from zajil.services.errors import not_found
from zajil.services.notifications.change_push_rules import change_push_rules, check_rules, load_push_rules, load_ruleset


class RuleBody(msgspec.Struct):
    """PUT …/{ruleId}."""

    actions: list[str | dict[str, Any]]
    conditions: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET
    pattern: str | msgspec.UnsetType = msgspec.UNSET


class ActionsBody(msgspec.Struct):
    """PUT …/{ruleId}/actions."""

    actions: list[str | dict[str, Any]]


class EnabledBody(msgspec.Struct):
    """PUT …/{ruleId}/enabled."""

    enabled: bool


def read_target(request: Request) -> tuple[str, str]:
    """(kind, rule ID) of the path. Raises M_NOT_FOUND for a scope other than "global"."""
    params = request.params
    check_scope(params["scope"])
    return params["kind"], params["rule_id"]


def check_scope(scope: str) -> None:
    if scope != "global":
        raise not_found("Push rules are global; there are no others.")


async def get_all(app: App, request: Request) -> Response:
    ruleset = await load_ruleset(app, app.db.reader, request.requester.user_id)
    if not (scope := request.params.get("scope", "")):
        return json_response({"global": ruleset})
    check_scope(scope)
    return json_response(ruleset)


async def get_kind(app: App, request: Request) -> Response:
    check_scope(request.params["scope"])
    ruleset = await load_ruleset(app, app.db.reader, request.requester.user_id)
    if not (kind := request.params["kind"]):
        return json_response(ruleset)
    if kind not in KINDS:
        raise not_found(f"Push rules are of one of the kinds {', '.join(KINDS)}.")
    return json_response(ruleset[kind])


async def load_rule(app: App, request: Request) -> dict[str, Any]:
    kind, rule_id = read_target(request)
    user_id = request.requester.user_id
    return check_rules(get_rule(await load_push_rules(app, app.db.reader, user_id), kind, rule_id, user_id))


async def get_one(app: App, request: Request) -> Response:
    if not request.params["rule_id"]:
        return await get_kind(app, request)
    return json_response(await load_rule(app, request))


async def put_one(app: App, request: Request) -> dict[str, Any]:
    kind, rule_id = read_target(request)
    body, before, after = request.json(), request.query_text("before"), request.query_text("after")
    await change_push_rules(
        app, request.requester.user_id, lambda rules: put_rule(rules, kind, rule_id, body, before, after)
    )
    return {}


async def delete_one(app: App, request: Request) -> dict[str, Any]:
    kind, rule_id = read_target(request)
    await change_push_rules(app, request.requester.user_id, lambda rules: delete_rule(rules, kind, rule_id))
    return {}


async def get_enabled(app: App, request: Request) -> dict[str, Any]:
    return {"enabled": (await load_rule(app, request))["enabled"]}


async def put_enabled(app: App, request: Request) -> dict[str, Any]:
    kind, rule_id = read_target(request)
    body = request.json()
    await change_push_rules(app, request.requester.user_id, lambda rules: set_enabled(rules, kind, rule_id, body))
    return {}


async def get_actions(app: App, request: Request) -> dict[str, Any]:
    return {"actions": (await load_rule(app, request))["actions"]}


async def put_actions(app: App, request: Request) -> dict[str, Any]:
    kind, rule_id = read_target(request)
    body = request.json()
    await change_push_rules(app, request.requester.user_id, lambda rules: set_actions(rules, kind, rule_id, body))
    return {}


RULE = "/pushrules/{scope}/{kind}/{rule_id}"
LIMIT = "account_data"

ROUTES = [
    *routes("GET", client("/pushrules"), get_all),
    *routes("GET", client("/pushrules/{scope}"), get_all),
    *routes("GET", client("/pushrules/{scope}/{kind}"), get_kind),
    *routes("GET", client(RULE), get_one),
    *routes("PUT", client(RULE), put_one, body=RuleBody, limit=LIMIT, query=("before", "after")),
    *routes("DELETE", client(RULE), delete_one, limit=LIMIT),
    *routes("GET", client(RULE + "/enabled"), get_enabled),
    *routes("PUT", client(RULE + "/enabled"), put_enabled, body=EnabledBody, limit=LIMIT),
    *routes("GET", client(RULE + "/actions"), get_actions),
    *routes("PUT", client(RULE + "/actions"), put_actions, body=ActionsBody, limit=LIMIT),
]
