"""Finding users: the user directory, and the rooms one shares with somebody (client-server API, "User Directory", "Mutual rooms")."""

from typing import Any, Final

from zajil.core.identifiers import is_user_id
from zajil.core.search_text import normalise, tokenise
from zajil.core.sync_tokens import ListToken, parse_list_token
from zajil.ports.stores.profiles import Profile
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.requester import Requester

WORDS_MAX: Final = 5
MATCHES_PER_WORD_MAX: Final = 1000
RESULTS_MAX: Final = 50
TERM_CHARACTERS_MAX: Final = 256
MUTUAL_ROOMS_PAGE_MAX: Final = 100
MUTUAL_ROOMS_LIST: Final = "mutual"


async def search_users(app: App, requester: Requester, term: str, limit: int) -> dict[str, Any]:
    """POST /user_directory/search: users one shares a room with, and users in public rooms, by the beginnings of the words of their names."""
    if len(term) > TERM_CHARACTERS_MAX:
        raise invalid_param(f"A search may have {TERM_CHARACTERS_MAX} characters.")
    # A user ID typed in full is found by its localpart.
    is_id = term.startswith("@")
    text = term[1:].partition(":")[0] if is_id else term
    words = [normalise(text)] if is_id else tokenise(text)[:WORDS_MAX]
    found: set[str] | None = None
    for word in words:
        users = set(await app.stores.profiles.load_users_by_word(app.db.reader, word, MATCHES_PER_WORD_MAX))
        found = users if found is None else found & users
    candidates = sorted((found or set()) - {requester.user_id})
    visible = await app.stores.profiles.load_visible(app.db.reader, requester.user_id, candidates)
    profiles = await app.stores.profiles.load_many(app.db.reader, sorted(visible))
    results = [_build_result(user_id, profiles.get(user_id)) for user_id in visible]
    wanted = normalise(term)
    results.sort(key=lambda each: (normalise(each.get("display_name", "")) != wanted, each["user_id"]))
    return {"results": results[:limit], "limited": len(results) > limit}


async def load_mutual_rooms(app: App, requester: Requester, user_id: str, page: str | None) -> dict[str, Any]:
    """GET /mutual_rooms."""
    if not is_user_id(user_id):
        raise invalid_param("user_id is not a user ID.")
    after = ""
    if page is not None:
        token = parse_list_token(page, MUTUAL_ROOMS_LIST)
        if token is None or len(token.key) != 1 or not isinstance(token.key[0], str):
            raise invalid_param("from is not a token of this list.")
        after = token.key[0]
    store, reader = app.stores.profiles, app.db.reader
    rooms = await store.load_mutual_rooms(reader, requester.user_id, user_id, after, MUTUAL_ROOMS_PAGE_MAX + 1)
    answer: dict[str, Any] = {
        "joined": rooms[:MUTUAL_ROOMS_PAGE_MAX],
        "count": await store.count_mutual_rooms(reader, requester.user_id, user_id),
    }
    if len(rooms) > MUTUAL_ROOMS_PAGE_MAX:
        answer["next_batch"] = str(ListToken(MUTUAL_ROOMS_LIST, (rooms[MUTUAL_ROOMS_PAGE_MAX - 1],)))
    return answer


def _build_result(user_id: str, profile: Profile | None) -> dict[str, Any]:
    result = {"user_id": user_id}
    if profile is not None and profile.display_name is not None:
        result["display_name"] = profile.display_name
    if profile is not None and profile.avatar_url is not None:
        result["avatar_url"] = profile.avatar_url
    return result
