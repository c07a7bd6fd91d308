"""Who is behind an access token, remembered in this process until the database says otherwise."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from zajil.core.signing import encode_base64_url_safe
from zajil.ports.database import Stream, Touch, Transaction
from zajil.ports.randomness import Randomness
from zajil.ports.stores.devices import AccessToken
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.requester import Requester

KNOWN_MAX: Final = 65_536
TOKEN_BYTES: Final = 24
TOKEN_CHARACTERS_MAX: Final = 256
LEFT_MAX: Final = 10_000
"""So many tokens, those remembered last, a process leaves to its successor."""


class Sessions:
    """A cache of access tokens. A change of a token or an account is appended to `Stream.SESSIONS` and empties the user's part of it.

    A commit of another process that does not say what it touched empties all of it.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self.known: dict[str, Requester] = {}
        """By raw token, without the expiring ones; the oldest go first when there are too many."""
        self._expiring: dict[str, tuple[Requester, int]] = {}
        self._tokens: dict[str, set[str]] = {}
        self._guesses: dict[str, Requester] = {}
        """Whose the tokens were that a predecessor knew. They may have been revoked since: good for guessing who goes first, for nothing else."""
        self._generation = 0
        app.db.subscribe(self._note_commit)

    def recall(self, token: str) -> Requester | None:
        """The requester behind a token, if it is in memory."""
        requester = self.known.get(token)
        if requester is None and (entry := self._expiring.get(token)) is not None:
            return entry[0] if self._app.clock.now_ms() < entry[1] else None
        return requester

    def guess(self, token: str) -> Requester | None:
        """Who probably asks. Not whether they may."""
        return self.known.get(token) or self.recall(token) or self._guesses.get(token)

    def leave(self) -> list[tuple[str, str, str, int]]:
        """For a successor: token, user, device, and when the account was made."""
        latest = islice(reversed(self.known.items()), LEFT_MAX)
        return [(token, each.user_id, each.device_id, each.created_ts_ms) for token, each in latest]

    def inherit(self, left: Iterable[tuple[str, str, str, int]]) -> None:
        self._guesses = {
            token: Requester(user_id, device_id, 0, created_ts_ms=created_ts_ms)
            for token, user_id, device_id, created_ts_ms in left
        }

    async def find(self, token: str) -> Requester:
        """The requester behind a token that is not in `known`. Raises 401 M_UNKNOWN_TOKEN; soft_logout when it has merely expired."""
        now_ms = self._app.clock.now_ms()
        if (entry := self._expiring.get(token)) is not None and now_ms < entry[1]:
            return entry[0]
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise unknown_token()
        generation = self._generation
        stored = await self._app.stores.devices.load_access_token(self._app.db.reader, hash_token(token))
        if stored is None:
            raise unknown_token()
        if stored.expires_ts_ms is not None and stored.expires_ts_ms <= now_ms:
            raise unknown_token("The access token has expired.", soft_logout=True)
        if stored.refreshed_from is not None:
            await self._revoke_predecessor(stored, stored.refreshed_from)
            return await self.find(token)
        requester = build_requester(stored)
        if generation == self._generation:
            self._remember(token, requester, stored.expires_ts_ms)
        return requester

    def forget_user(self, user_id: str) -> None:
        """Look the user's tokens up again."""
        self._generation += 1
        for token in self._tokens.pop(user_id, ()):
            self.known.pop(token, None)
            self._expiring.pop(token, None)

    def forget_all(self) -> None:
        """Look every token up again."""
        self._generation += 1
        self.known.clear()
        self._expiring.clear()
        self._tokens.clear()

    def _note_commit(self, position: int, touches: Sequence[Touch]) -> None:
        if not touches:
            self.forget_all()
            return
        for stream, key in touches:
            if stream is Stream.SESSIONS:
                self.forget_user(key)

    def _remember(self, token: str, requester: Requester, expires_ts_ms: int | None) -> None:
        self._guesses.pop(token, None)
        if len(self.known) + len(self._expiring) >= KNOWN_MAX:
            oldest: dict[str, Requester] | dict[str, tuple[Requester, int]] = self.known or self._expiring
            self._forget_token(next(iter(oldest)))
        if expires_ts_ms is None:
            self.known[token] = requester
        else:
            self._expiring[token] = (requester, expires_ts_ms)
        self._tokens.setdefault(requester.user_id, set()).add(token)

    def _forget_token(self, token: str) -> None:
        entry = self._expiring.pop(token, None)
        requester = entry[0] if entry is not None else self.known.pop(token)
        tokens = self._tokens[requester.user_id]
        tokens.discard(token)
        if not tokens:
            del self._tokens[requester.user_id]

    async def _revoke_predecessor(self, token: AccessToken, predecessor: bytes) -> None:
        """The client has its new tokens, so the ones before them end here (client-server API, "Refreshing access tokens")."""

        async def revoke(tx: Transaction) -> None:
            await self._app.stores.devices.delete_predecessor(tx, token.user_id, token.device_id, predecessor)
            await tx.append(Stream.SESSIONS, token.user_id)

        await self._app.db.write(revoke)


def build_requester(token: AccessToken) -> Requester:
    return Requester(
        token.user_id,
        token.device_id,
        token.token_id,
        is_guest=token.is_guest,
        is_admin=token.is_admin,
        is_locked=token.is_locked,
        is_suspended=token.is_suspended,
        created_ts_ms=token.created_ts_ms,
    )


def build_token(randomness: Randomness, prefix: str) -> str:
    """A new secret of 192 random bits. The prefix says what it is for, in logs that leak it for instance."""
    return f"{prefix}_{encode_base64_url_safe(randomness.bytes(TOKEN_BYTES))}"


def hash_token(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def user_locked() -> MatrixError:
    return MatrixError(401, "M_USER_LOCKED", "This account has been locked.", {"soft_logout": True})


def unknown_token(message: str = "The access token is not known.", *, soft_logout: bool = False) -> MatrixError:
    return MatrixError(401, "M_UNKNOWN_TOKEN", message, {"soft_logout": soft_logout})
