"""Signing keys of servers: our own, published; those of others, fetched when first needed and remembered (server-server API, "Server discovery")."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson

from zajil.core.server_keys import (
    ServerKey,
    build_server_keys,
    find_notary_signature,
    parse_server_keys,
)
from zajil.core.signing import sign_json
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.services.app import App
from zajil.services.federation.access_servers import is_server_allowed

SERVERS_REMEMBERED_MAX: Final = 10_000
OWN_VALID_MS: Final = 24 * 3_600_000
"""For so long others may believe our keys without asking again."""
FETCH_TIMEOUT_MS: Final = 10_000
ANSWER_BYTES_MAX: Final = 64 * 1024
FAILURE_S: Final = 30.0
FAILURE_S_MAX: Final = 3_600.0
NOTARY_SERVERS_MAX: Final = 100
"""Whose keys one notary request may ask for."""
FETCHES_OF_SERVER_MAX: Final = 5
FETCHES_OF_SERVER_S: Final = 60.0
"""Of one server's keys, and in which time: anybody can name keys that another server does not have, and make us ask it for them."""
FETCHES_MAX: Final = 50
"""At once; whoever makes us verify signatures of thousands of servers waits."""


class ServerKeyring:
    """Keys of other servers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._known: OrderedDict[str, dict[str, ServerKey]] = OrderedDict()
        self._fetches: dict[str, asyncio.Task[bool]] = {}
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._fetched: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """By server: since when fetches are counted, and how many there were."""
        self._fetching = asyncio.Semaphore(FETCHES_MAX)

    async def knows(self, server_name: str) -> bool:
        """Whether any key of the server has been fetched."""
        return server_name == self._app.server_name or bool(await self._load(server_name))

    async def find(self, server_name: str, key_id: str, *, valid_at_ms: int | None = None) -> ServerKey | None:
        """The key, fetched if it is not known; None if the server has none of that name.

        With `valid_at_ms`, one that is not (any more) known to be good for that time is asked for again, once.
        """
        app = self._app
        if server_name == app.server_name:
            return self._own_key(key_id)
        key = (await self._load(server_name)).get(key_id)
        stale = key is None or (valid_at_ms is not None and not key.is_retired and key.valid_until_ts < valid_at_ms)
        if stale and await self._refresh(server_name):
            key = (await self._load(server_name)).get(key_id)
        return key

    def _own_key(self, key_id: str) -> ServerKey | None:
        app = self._app
        now_ms = app.clock.now_ms()
        if key_id == app.signing_key.key_id:
            return ServerKey(app.server_name, key_id, app.signing_key.public_key, now_ms + OWN_VALID_MS)
        for old in app.old_signing_keys:
            if old.key_id == key_id:
                return ServerKey(app.server_name, key_id, old.public_key, old.expired_ts, is_retired=True)
        return None

    async def _load(self, server_name: str) -> dict[str, ServerKey]:
        known = self._known.get(server_name)
        if known is None:
            stored = await self._app.stores.server_keys.load_keys(self._app.db.reader, server_name)
            known = self._known[server_name] = {key.key_id: key for key in stored}
            if len(self._known) > SERVERS_REMEMBERED_MAX:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(server_name)
        return known

    async def _refresh(self, server_name: str) -> bool:
        """Ask for the server's keys, whoever else wants them too; False if there is nothing new."""
        now_s = self._app.clock.monotonic_s()
        _, until_s = self._failures.get(server_name, (0.0, 0.0))
        if until_s > now_s or not is_server_allowed(self._app, server_name):
            return False
        fetch = self._fetches.get(server_name)
        if fetch is None:
            if not self._count_fetch(server_name, now_s):
                return False
            fetch = asyncio.create_task(self._fetch(server_name))
            self._fetches[server_name] = fetch
            fetch.add_done_callback(lambda _: self._fetches.pop(server_name, None))
        return await asyncio.shield(fetch)

    def _count_fetch(self, server_name: str, now_s: float) -> bool:
        """Whether the server may be asked once more."""
        since_s, count = self._fetched.get(server_name, (now_s, 0))
        if now_s - since_s > FETCHES_OF_SERVER_S:
            since_s, count = now_s, 0
        self._fetched[server_name] = (since_s, count + 1)
        self._fetched.move_to_end(server_name)
        if len(self._fetched) > SERVERS_REMEMBERED_MAX:
            self._fetched.popitem(last=False)
        return count < FETCHES_OF_SERVER_MAX

    async def _fetch(self, server_name: str) -> bool:
        async with self._fetching:
            found = await self._ask_server(server_name) or await self._ask_notaries(server_name)
        self._app.measurements.federation.note_key_fetch(is_found=found is not None)
        if found is None:
            self._note_failure(server_name)
            return False
        self._failures.pop(server_name, None)
        keys, answer = found
        app = self._app
        await app.db.write(lambda tx: app.stores.server_keys.store_keys(tx, keys, answer, app.clock.now_ms()))
        self._known.pop(server_name, None)
        return True

    def _note_failure(self, server_name: str) -> None:
        pause_s, _ = self._failures.get(server_name, (0.0, 0.0))
        pause_s = min(max(pause_s * 2, FAILURE_S), FAILURE_S_MAX)
        self._failures[server_name] = (pause_s, self._app.clock.monotonic_s() + pause_s)
        self._failures.move_to_end(server_name)
        if len(self._failures) > SERVERS_REMEMBERED_MAX:
            self._failures.popitem(last=False)

    async def _ask_server(self, server_name: str) -> tuple[list[ServerKey], bytes] | None:
        request = FederationRequest(
            server_name,
            "GET",
            "/_matrix/key/v2/server",
            timeout_ms=FETCH_TIMEOUT_MS,
            body_bytes_max=ANSWER_BYTES_MAX,
            is_signed=False,
        )
        try:
            answer = await self._app.federation.request(request)
        except FederationFailed:
            return None
        keys = parse_server_keys(answer, server_name, self._app.clock.now_ms())
        return None if isinstance(keys, str) else (keys, orjson.dumps(answer))

    async def _ask_notaries(self, server_name: str) -> tuple[list[ServerKey], bytes] | None:
        for notary in self._app.config.federation_notaries:
            if notary != server_name and (found := await self._ask_notary(notary, server_name)) is not None:
                return found
        return None

    async def _ask_notary(self, notary: str, server_name: str) -> tuple[list[ServerKey], bytes] | None:
        request = FederationRequest(
            notary,
            "GET",
            f"/_matrix/key/v2/query/{quote(server_name, safe='')}",
            timeout_ms=FETCH_TIMEOUT_MS,
            body_bytes_max=ANSWER_BYTES_MAX,
            is_signed=False,
        )
        try:
            body = await self._app.federation.request(request)
        except FederationFailed:
            return None
        notary_keys = {key_id: key.public_key for key_id, key in (await self._trusted_keys(notary)).items()}
        answers = body.get("server_keys") if isinstance(body, dict) else None
        now_ms = self._app.clock.now_ms()
        for answer in answers if isinstance(answers, list) else ():
            keys = parse_server_keys(answer, server_name, now_ms)
            if not isinstance(keys, str) and find_notary_signature(answer, notary, notary_keys):
                return keys, orjson.dumps(answer)
        return None

    async def _trusted_keys(self, notary: str) -> Mapping[str, ServerKey]:
        known = await self._load(notary)
        if not known and await self._refresh(notary):
            known = await self._load(notary)
        return known

    async def find_answers(self, server_name: str, key_ids: Iterable[str], valid_until_ms: int) -> list[dict[str, Any]]:
        """As a notary: what the server has published, with our signature added; asked anew if what is known is older than wanted."""
        app = self._app
        stored = await app.stores.server_keys.load_answers(app.db.reader, server_name)
        wanted = set(key_ids) or {key_id for key_id, _, _ in stored}
        good = {key_id for key_id, valid_until, _ in stored if valid_until >= valid_until_ms}
        if (not stored or not wanted <= good) and await self._refresh(server_name):
            stored = await app.stores.server_keys.load_answers(app.db.reader, server_name)
        found: dict[bytes, dict[str, Any]] = {}
        for key_id, _, answer in stored:
            if not wanted or key_id in wanted:
                found.setdefault(answer, orjson.loads(answer))
        return [sign_json(value, app.server_name, app.signing_key, strict=False) for value in found.values()]


def build_own_keys(app: App) -> dict[str, Any]:
    """GET /_matrix/key/v2/server."""
    return build_server_keys(app.server_name, app.signing_key, app.old_signing_keys, app.clock.now_ms() + OWN_VALID_MS)


async def query_keys(app: App, wanted: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """POST /_matrix/key/v2/query: {server name: {key ID: wanted valid until}}; no key IDs mean all. Servers that do not answer are left out."""
    answers: list[Sequence[dict[str, Any]]] = await asyncio.gather(
        *(_query_server(app, server_name, wanted[server_name]) for server_name in sorted(wanted)[:NOTARY_SERVERS_MAX])
    )
    return {"server_keys": [answer for each in answers for answer in each]}


async def _query_server(app: App, server_name: str, keys: Mapping[str, int]) -> Sequence[dict[str, Any]]:
    if server_name == app.server_name:
        return [build_own_keys(app)]
    if not is_server_allowed(app, server_name):
        return []
    return await app.server_keys.find_answers(server_name, keys, max(keys.values(), default=0))
