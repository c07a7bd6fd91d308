"""User-interactive authentication (client-server API, "User-Interactive Authentication API").

A session ID is signed and carries its own expiry and purpose, so a flood of first requests costs no memory, and any process
can go on with it. Only stages completed in a flow of several are stored, until they expire.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.signing import encode_base64_url_safe
from zajil.ports.database import Transaction
from zajil.services.accounts.verify_password import verify_password
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden
from zajil.services.requester import Requester

DUMMY: Final = "m.login.dummy"
PASSWORD: Final = "m.login.password"  # noqa: S105  a name of the spec
REGISTRATION_TOKEN: Final = "m.login.registration_token"  # noqa: S105  a name of the spec
TERMS: Final = "m.login.terms"

SESSION_LIFETIME_MS: Final = 30 * 60 * 1000
SESSION_CHARACTERS_MAX: Final = 128
NONCE_BYTES: Final = 12
SECRET_NAME: Final = "interactive_auth"  # noqa: S105  a name

Flows = Sequence[tuple[str, ...]]
StageCheck = Callable[[Mapping[str, Any]], Awaitable[str]]
"""Checks what a client sent for a stage. Returns what to remember of it; raises `MatrixError` when it is wrong."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What must be done before an operation: any one of the flows."""

    operation: str
    """Which operation, and of whom; a session of one is no session of another."""
    flows: Flows
    checks: Mapping[str, StageCheck]
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Completed:
    """A challenge that was met: its stages and what each remembered."""

    session_id: str
    stages: Mapping[str, str]


class InteractiveAuthRequired(MatrixError):
    """401 with the flows to choose from; with an error code only when a stage was tried and failed."""

    def __init__(
        self, challenge: Challenge, session_id: str, completed: Sequence[str], failure: MatrixError | None
    ) -> None:
        super().__init__(401, failure.errcode if failure else "M_FORBIDDEN", failure.message if failure else "")
        self._is_failure = failure is not None
        self._state: dict[str, Any] = {
            "session": session_id,
            "flows": [{"stages": list(flow)} for flow in challenge.flows],
            "params": dict(challenge.params),
            "completed": list(completed),
        }

    def body(self) -> dict[str, Any]:
        return {**(super().body() if self._is_failure else {}), **self._state}


class InteractiveAuth:
    """Runs challenges."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._secret: bytes | None = None

    async def run(self, challenge: Challenge, auth: object) -> Completed:
        """Returns once a flow is complete. Raises `InteractiveAuthRequired` until then; `auth` is the body's field of that name."""
        if auth is None:
            raise InteractiveAuthRequired(challenge, await self._open(challenge), (), None)
        if not isinstance(auth, dict):
            raise bad_json("auth must be an object.")
        given = auth.get("session")
        if given is not None and not isinstance(given, str):
            raise bad_json("auth.session must be a string.")
        session_id = given if given and await self._is_open(challenge, given) else await self._open(challenge)
        stored = await self._app.stores.accounts.load_completed_stages(self._app.db.reader, session_id)
        stages = dict(stored) if given == session_id else {}
        stage = auth.get("type")
        if stage is not None:
            if not isinstance(stage, str) or not any(stage in flow for flow in challenge.flows):
                failure = MatrixError(401, "M_UNRECOGNIZED", "This authentication stage is not one of those offered.")
                raise InteractiveAuthRequired(challenge, session_id, sorted(stages), failure)
            try:
                stages[stage] = await challenge.checks[stage](auth)
            except MatrixError as failure:
                if failure.status == 429:
                    raise
                raise InteractiveAuthRequired(challenge, session_id, sorted(stages), failure) from None
        if any(stages.keys() >= set(flow) for flow in challenge.flows):
            return Completed(session_id, stages)
        if stage is not None:
            await self.remember(session_id, stage, stages[stage])
        raise InteractiveAuthRequired(challenge, session_id, sorted(stages), None)

    async def complete_stage(self, challenge: Challenge, session_id: str, stage: str, given: Mapping[str, Any]) -> None:
        """A stage done in the browser; the client then goes on with the session alone. Raises what the stage's check raises,
        404 M_UNRECOGNIZED for a stage that is not offered, 403 M_FORBIDDEN for a session that is not open.
        """
        if not any(stage in flow for flow in challenge.flows):
            raise MatrixError(404, "M_UNRECOGNIZED", "This authentication stage is not offered.")
        if not await self._is_open(challenge, session_id):
            raise forbidden("This session is not known, or has expired. Begin again in your app.")
        await self.remember(session_id, stage, await challenge.checks[stage](given))

    async def remember(self, session_id: str, stage: str, result: str) -> None:
        """Keep a completed stage for the rest of the session."""
        now_ms = self._app.clock.now_ms()

        async def store(tx: Transaction) -> None:
            await self._app.stores.accounts.store_completed_stage(
                tx, session_id, stage, result, now_ms + SESSION_LIFETIME_MS, now_ms
            )

        await self._app.db.write(store)

    async def _open(self, challenge: Challenge) -> str:
        expires_ts_ms = self._app.clock.now_ms() + SESSION_LIFETIME_MS
        head = f"{expires_ts_ms:x}.{encode_base64_url_safe(self._app.randomness.bytes(NONCE_BYTES))}"
        return f"{head}.{await self._sign(challenge, head)}"

    async def _is_open(self, challenge: Challenge, session_id: str) -> bool:
        if len(session_id) > SESSION_CHARACTERS_MAX or not session_id.isascii():
            return False
        head, _, signature = session_id.rpartition(".")
        if not hmac.compare_digest(signature, await self._sign(challenge, head)):
            return False
        return int(head.partition(".")[0], 16) > self._app.clock.now_ms()

    async def _sign(self, challenge: Challenge, head: str) -> str:
        if self._secret is None:
            self._secret = await load_secret(self._app, SECRET_NAME)
        message = f"{challenge.operation}\n{head}".encode()
        return encode_base64_url_safe(hmac.digest(self._secret, message, hashlib.sha256)[:16])


async def load_secret(app: App, name: str) -> bytes:
    """The random key of that name which all processes share; made when first asked for."""
    secret = await app.stores.accounts.load_secret(app.db.reader, name)
    if secret is not None:
        return secret
    fresh = app.randomness.bytes(32)

    async def store(tx: Transaction) -> bytes:
        return await app.stores.accounts.store_secret(tx, name, fresh)

    return await app.db.write(store)


async def confirm_identity(app: App, requester: Requester, operation: str, auth: object) -> None:
    """Make sure that the account's owner is at the keyboard, by the password. Raises `InteractiveAuthRequired` until it is so."""

    async def check_password(given: Mapping[str, Any]) -> str:
        await verify_password(app, given, requester.device_id, expected_user_id=requester.user_id)
        return ""

    challenge = Challenge(
        operation=f"{operation} {requester.user_id} {requester.device_id}",
        flows=[(PASSWORD,)],
        checks={PASSWORD: check_password},
        params={},
    )
    await app.interactive_auth.run(challenge, auth)


async def accept(_given: Mapping[str, Any]) -> str:
    """A stage that needs nothing but to be sent: dummy and terms."""
    return ""
