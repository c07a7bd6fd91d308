"""Asking a room's policy server for its signature of an event (server-server API, POST /_matrix/policy/v1/sign)."""

from collections import OrderedDict
from typing import Any, Final

import structlog

from zajil.core.events import Event, sign_event
from zajil.core.policy_server import KEY_ID, POLICY_KEY, Policy, is_exempt, is_recommended
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden
from zajil.services.messages.policy_signatures import find_policy
from zajil.services.rooms.room_heads import RoomHead

log = structlog.get_logger(__name__)

SIGN_TIMEOUT_MS: Final = 10_000
ANSWER_BYTES_MAX: Final = 64 * 1024
PAUSE_S: Final = 10.0
"""After no answer nobody is asked for so long: whoever writes in the room hears at once that it cannot be."""
SERVERS_REMEMBERED_MAX: Final = 1_000
PASSED_ON: Final = frozenset({"M_FORBIDDEN", "M_BAD_JSON", "M_NOT_JSON", "M_LIMIT_EXCEEDED"})
"""Codes with which a policy server refuses an event, and which its sender is told."""


class PolicyServers:
    """Which of them have not answered lately."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._silent: OrderedDict[str, float] = OrderedDict()
        """By name: until when they are not asked."""

    async def ask(self, policy: Policy, event: Event) -> Event:
        """The event with the policy server's signature.

        Raises what the policy server refuses it with (400 or 403 M_FORBIDDEN, 429 M_LIMIT_EXCEEDED …), 502 M_UNREACHABLE.
        """
        name, clock = policy.server_name, self._app.clock
        if self._silent.get(name, 0.0) > clock.monotonic_s():
            raise _unreachable(name)
        request = FederationRequest(
            name,
            "POST",
            "/_matrix/policy/v1/sign",
            content=event.pdu,
            timeout_ms=SIGN_TIMEOUT_MS,
            body_bytes_max=ANSWER_BYTES_MAX,
        )
        try:
            answer = await self._app.federation.request(request)
        except FederationFailed as failure:
            raise self._translate(failure) from failure
        signed = add_signature(event, policy, answer)
        if signed is None:
            log.info("a policy server answers without its signature", server=name, event_id=event.event_id)
            raise MatrixError(502, "M_UNKNOWN", "The room's policy server gives an answer that makes no sense.")
        return signed

    def _translate(self, failure: FederationFailed) -> MatrixError:
        if failure.status is None or failure.status >= 500:
            log.info("a policy server does not answer", server=failure.destination, cause=str(failure))
            self._silent[failure.destination] = self._app.clock.monotonic_s() + PAUSE_S
            self._silent.move_to_end(failure.destination)
            if len(self._silent) > SERVERS_REMEMBERED_MAX:
                self._silent.popitem(last=False)
            return _unreachable(failure.destination)
        if failure.errcode not in PASSED_ON:
            return forbidden("The server that this room has its messages looked at by does not look after it (any more).")
        message = failure.message[:500] or "The room's policy server refuses this."
        wait = {} if failure.retry_after_ms is None else {"retry_after_ms": failure.retry_after_ms}
        return MatrixError(failure.status, failure.errcode, message, wait)


def _unreachable(name: str) -> MatrixError:
    return MatrixError(
        502, "M_UNREACHABLE", f"{name}, which looks at this room's messages, does not answer. Try again later."
    )


def add_signature(event: Event, policy: Policy, answer: Any) -> Event | None:
    """The event with the signature of the answer; None if it has none that is good."""
    of_server = answer.get(policy.server_name) if isinstance(answer, dict) else None
    signature = of_server.get(KEY_ID) if isinstance(of_server, dict) else None
    if not isinstance(signature, str):
        return None
    signed = sign_event(event, lambda _: {policy.server_name: {KEY_ID: signature}})
    return signed if is_recommended(signed, policy) else None


async def consult_policy(app: App, head: RoomHead, event: Event) -> tuple[Event, bool]:
    """Whether the room's policy server recommends an event that another server has sent; asked if the event does not say so by itself.

    Returns the event, with the signature if there is a new one, and whether it is to fail softly (server-server API, "Validating Policy Server
    signatures").
    """
    policy = await find_policy(app, app.db.reader, head.row.room_nid, head.rest.get(POLICY_KEY))
    if policy is None or is_exempt(event) or is_recommended(event, policy):
        return event, False
    try:
        return await app.policy_servers.ask(policy, event), False
    except MatrixError as error:
        log.info("an event is not recommended", server=policy.server_name, event_id=event.event_id, cause=str(error))
        return event, True
