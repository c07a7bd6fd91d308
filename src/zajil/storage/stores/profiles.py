"""`ports.stores.profiles.ProfileStore` in SQL."""

from collections.abc import Iterable, Sequence

import orjson

from zajil.ports.database import Read, Row, Transaction
from zajil.ports.stores.profiles import Profile
from zajil.storage.stores.lists import chunks

_COLUMNS = "user_id, display_name, avatar_url, fields"
ROOMS_EXAMINED_MAX = 5_000
_LAST_CHARACTER = "\U0010ffff"


def _build(row: Row) -> Profile:
    return Profile(row[0], row[1], row[2], orjson.loads(row[3]))


class SqlProfileStore:
    """Profiles in the tables of 25_user_data.sql."""

    async def load(self, tx: Read, user_id: str) -> Profile | None:
        row = await tx.fetch_row(f"SELECT {_COLUMNS} FROM profiles WHERE user_id = ?", user_id)
        return None if row is None else _build(row)

    async def load_many(self, tx: Read, user_ids: Sequence[str]) -> dict[str, Profile]:
        found: dict[str, Profile] = {}
        for marks, piece in chunks(user_ids):
            for row in await tx.fetch(f"SELECT {_COLUMNS} FROM profiles WHERE user_id IN ({marks})", *piece):
                found[row[0]] = _build(row)
        return found

    async def store(self, tx: Transaction, profile: Profile, position: int) -> None:
        sql = (
            f"INSERT INTO profiles ({_COLUMNS}, position) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (user_id) DO UPDATE SET display_name = excluded.display_name, "
            "avatar_url = excluded.avatar_url, fields = excluded.fields, position = excluded.position"
        )
        fields = orjson.dumps(profile.fields)
        await tx.execute(sql, profile.user_id, profile.display_name, profile.avatar_url, fields, position)

    async def delete(self, tx: Transaction, user_id: str) -> None:
        await tx.execute("DELETE FROM profiles WHERE user_id = ?", user_id)
        await tx.execute("DELETE FROM user_directory_words WHERE user_id = ?", user_id)

    async def store_words(self, tx: Transaction, user_id: str, words: Iterable[str]) -> None:
        await tx.execute("DELETE FROM user_directory_words WHERE user_id = ?", user_id)
        rows = [(word, user_id) for word in sorted(set(words))]
        if rows:
            await tx.execute_many("INSERT INTO user_directory_words (word, user_id) VALUES (?, ?)", rows)

    async def load_users_by_word(self, tx: Read, word: str, users_max: int) -> list[str]:
        sql = "SELECT DISTINCT user_id FROM user_directory_words WHERE word >= ? AND word < ? LIMIT ?"
        return [row[0] for row in await tx.fetch(sql, word, word + _LAST_CHARACTER, users_max)]

    async def load_visible(self, tx: Read, user_id: str, candidates: Sequence[str]) -> set[str]:
        visible: set[str] = set()
        for marks, piece in chunks(candidates):
            sql = (
                "SELECT DISTINCT theirs.user_id FROM memberships theirs "
                "JOIN rooms r ON r.room_nid = theirs.room_nid "
                "LEFT JOIN memberships mine ON mine.room_nid = theirs.room_nid AND mine.user_id = ? "
                f"WHERE theirs.user_id IN ({marks}) AND theirs.membership = 'join' "
                "AND (mine.membership = 'join' OR r.is_public = 1)"
            )
            visible.update(row[0] for row in await tx.fetch(sql, user_id, *piece))
        return visible | await self._load_in_open_rooms(tx, [each for each in candidates if each not in visible])

    async def _load_in_open_rooms(self, tx: Read, candidates: Sequence[str]) -> set[str]:
        """The candidates that are in a room which anybody may join, listed or not."""
        found: set[str] = set()
        for marks, piece in chunks(candidates):
            sql = (
                "SELECT DISTINCT m.user_id, e.json FROM memberships m JOIN current_state c ON c.room_nid = m.room_nid "
                "JOIN events e ON e.event_nid = c.event_nid "
                f"WHERE m.user_id IN ({marks}) AND m.membership = 'join' "
                "AND c.type = 'm.room.join_rules' AND c.state_key = '' LIMIT ?"
            )
            for user_id, json in await tx.fetch(sql, *piece, ROOMS_EXAMINED_MAX):
                if user_id not in found and orjson.loads(json)["content"].get("join_rule") == "public":
                    found.add(user_id)
        return found

    async def load_mutual_rooms(self, tx: Read, user_id: str, other_id: str, after: str, rooms_max: int) -> list[str]:
        sql = (
            "SELECT r.room_id FROM memberships mine JOIN memberships theirs ON theirs.room_nid = mine.room_nid "
            "JOIN rooms r ON r.room_nid = mine.room_nid WHERE mine.user_id = ? AND mine.membership = 'join' "
            "AND theirs.user_id = ? AND theirs.membership = 'join' AND r.room_id > ? ORDER BY r.room_id LIMIT ?"
        )
        return [row[0] for row in await tx.fetch(sql, user_id, other_id, after, rooms_max)]

    async def count_mutual_rooms(self, tx: Read, user_id: str, other_id: str) -> int:
        sql = (
            "SELECT count(*) FROM memberships mine JOIN memberships theirs ON theirs.room_nid = mine.room_nid "
            "WHERE mine.user_id = ? AND mine.membership = 'join' AND theirs.user_id = ? AND theirs.membership = 'join'"
        )
        count: int = await tx.fetch_value(sql, user_id, other_id)
        return count

    async def store_openid_token(
        self, tx: Transaction, token_hash: bytes, user_id: str, expires_ts_ms: int, now_ms: int
    ) -> None:
        await tx.execute("DELETE FROM openid_tokens WHERE expires_ts_ms <= ?", now_ms)
        sql = "INSERT INTO openid_tokens (token_hash, user_id, expires_ts_ms) VALUES (?, ?, ?)"
        await tx.execute(sql, token_hash, user_id, expires_ts_ms)

    async def load_openid_user(self, tx: Read, token_hash: bytes, now_ms: int) -> str | None:
        sql = "SELECT user_id FROM openid_tokens WHERE token_hash = ? AND expires_ts_ms > ?"
        user_id: str | None = await tx.fetch_value(sql, token_hash, now_ms)
        return user_id
