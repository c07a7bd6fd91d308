"""Zajil and Synapse look things up on each other, over TLS: files, profiles, rooms, spaces, moments, identities."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tests.federation.peers import (
    Person,
    Refusal,
    TlsServer,
    build_peer,
    build_synapse_peer,
    make_authority,
    register,
    run_both,
)
from tests.media import pictures

SPACE = {"type": "m.space"}


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TlsServer, TlsServer]]:
    folder: Path = tmp_path_factory.mktemp("peers")
    authority = make_authority(folder / "authority")
    synapse = build_synapse_peer(
        folder / "synapse", authority, enable_room_list_search=True, room_list_publication_rules=[{"action": "allow"}]
    )
    with run_both(build_peer(folder / "zajil", authority), synapse) as both:
        yield both


@pytest.fixture(params=["zajil is asked", "synapse is asked"])
def pair(request: pytest.FixtureRequest, people: tuple[Person, Person]) -> tuple[Person, Person]:
    """Who has it, and who looks for it."""
    return people if request.param == "zajil is asked" else people[::-1]


def fetch(me: Person, path: str, body: bytes | None = None, content_type: str = "") -> tuple[bytes, Any]:
    """A request whose answer is no JSON, or whose body is none; the path is whole."""
    headers = {"Authorization": f"Bearer {me.token}", **({"Content-Type": content_type} if content_type else {})}
    request = urllib.request.Request(me.server.base + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60, context=me.server.context) as answer:
            return answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        text = error.read()
        raise Refusal(error.code, json.loads(text) if text.startswith(b"{") else {}) from None


def ask(me: Person, path: str, **query: Any) -> Any:
    """GET a v1 endpoint of the client-server API."""
    return json.loads(fetch(me, f"/_matrix/client/v1{path}?{urlencode(query, doseq=True)}")[0])


def upload(me: Person, content: bytes, content_type: str, file_name: str) -> str:
    path = "/_matrix/media/v3/upload?" + urlencode({"filename": file_name})
    uri: str = json.loads(fetch(me, path, content, content_type)[0])["content_uri"]
    return uri.removeprefix("mxc://")


@pytest.mark.parametrize("size", [1, 3_000_000])
@pytest.mark.parametrize("name", ["report.txt", "تقرير ١.txt"])
def test_files_come_whole_with_their_type_and_name(pair: tuple[Person, Person], size: int, name: str) -> None:
    owner, reader = pair
    content = secrets.token_bytes(size)
    uri = upload(owner, content, "text/plain", name)
    got, headers = fetch(reader, f"/_matrix/client/v1/media/download/{uri}")
    assert got == content
    assert headers["Content-Type"].partition(";")[0] == "text/plain"
    assert headers.get_filename() == name


def test_an_empty_file_of_ours_comes(people: tuple[Person, Person]) -> None:
    """Synapse takes none."""
    ali, sara = people
    uri = upload(ali, b"", "text/plain", "empty.txt")
    assert fetch(sara, f"/_matrix/client/v1/media/download/{uri}")[0] == b""


def test_a_file_full_of_line_ends_and_dashes_comes_whole(pair: tuple[Person, Person]) -> None:
    owner, reader = pair
    content = b"\r\n--" * 50_000 + b"\r\n"
    uri = upload(owner, content, "application/octet-stream", "dashes")
    assert fetch(reader, f"/_matrix/client/v1/media/download/{uri}")[0] == content


def test_thumbnails_of_each_others_pictures(pair: tuple[Person, Person]) -> None:
    owner, reader = pair
    uri = upload(owner, pictures.build_png(200, 100), "image/png", "picture.png")
    path = f"/_matrix/client/v1/media/thumbnail/{uri}?width=32&height=32&method=scale"
    got, headers = fetch(reader, path)
    assert headers["Content-Type"].startswith("image/")
    assert got


def test_files_that_are_not_there(pair: tuple[Person, Person]) -> None:
    owner, reader = pair
    with pytest.raises(Refusal) as refused:
        fetch(reader, f"/_matrix/client/v1/media/download/{owner.server.server_name}/nothing{secrets.token_hex(4)}")
    assert refused.value.status == 404
    assert refused.value.errcode == "M_NOT_FOUND"


def test_profiles(pair: tuple[Person, Person]) -> None:
    owner, reader = pair
    shown = f"/profile/{quote(owner.user_id, safe='')}"
    avatar = f"mxc://{owner.server.server_name}/face{secrets.token_hex(4)}"
    for key, value in (("displayname", "اسم"), ("avatar_url", avatar), ("org.zajil.colour", {"name": "teal"})):
        owner.call("PUT", f"{shown}/{key}", {key: value})
    found = reader.call("GET", shown)
    assert (found["displayname"], found["avatar_url"]) == ("اسم", avatar)
    assert found["org.zajil.colour"] == {"name": "teal"}
    assert reader.call("GET", f"{shown}/displayname") == {"displayname": "اسم"}
    assert reader.call("GET", f"{shown}/org.zajil.colour") == {"org.zajil.colour": {"name": "teal"}}
    with pytest.raises(Refusal) as refused:
        reader.call("GET", f"/profile/{quote(f'@nobody:{owner.server.server_name}', safe='')}")
    assert refused.value.status == 404


def test_aliases(pair: tuple[Person, Person]) -> None:
    owner, reader = pair
    room_id = owner.create_room(preset="public_chat", room_alias_name=f"door{secrets.token_hex(4)}")
    alias = owner.call("GET", f"/rooms/{room_id}/aliases")["aliases"][0]
    found = reader.call("GET", f"/directory/room/{quote(alias, safe='')}")
    assert found["room_id"] == room_id
    assert owner.server.server_name in found["servers"]
    with pytest.raises(Refusal) as refused:
        reader.call("GET", f"/directory/room/{quote(f'#nowhere:{owner.server.server_name}', safe='')}")
    assert refused.value.status == 404
    assert refused.value.errcode == "M_NOT_FOUND"


def test_published_rooms_in_pages_and_by_search(pair: tuple[Person, Person]) -> None:
    owner, reader = pair
    word = f"market{secrets.token_hex(4)}"
    made = {
        owner.create_room(preset="public_chat", visibility="public", name=f"{word} {number}") for number in range(3)
    }
    space = owner.create_room(preset="public_chat", visibility="public", name=f"{word} space", creation_content=SPACE)
    server = quote(owner.server.server_name, safe="")
    listed: list[dict[str, Any]] = []
    query: dict[str, Any] = {"server": owner.server.server_name, "limit": 2}
    while True:
        page = reader.call("GET", "/publicRooms", None, **query)
        assert len(page["chunk"]) <= 2
        listed += page["chunk"]
        if "next_batch" not in page:
            break
        query["since"] = page["next_batch"]
    assert made | {space} <= {each["room_id"] for each in listed}
    assert len({each["room_id"] for each in listed}) == len(listed)
    wanted = {"generic_search_term": word}
    found = reader.call("POST", f"/publicRooms?server={server}", {"filter": wanted})["chunk"]
    assert {each["room_id"] for each in found} == made | {space}
    wanted = {"generic_search_term": word, "room_types": ["m.space"]}  # type: ignore[dict-item]
    found = reader.call("POST", f"/publicRooms?server={server}", {"filter": wanted})["chunk"]
    assert [(each["room_id"], each["room_type"], each["name"]) for each in found] == [
        (space, "m.space", f"{word} space")
    ]


def add_child(owner: Person, space: str, room_id: str, server: TlsServer, **content: Any) -> None:
    owner.set_state(space, "m.space.child", {"via": [server.server_name], **content}, room_id)


def test_a_tree_of_rooms_on_both_servers(pair: tuple[Person, Person]) -> None:
    """A space of the reader's server holds a space of the owner's; nobody is in the other's rooms."""
    owner, reader = pair
    top = reader.create_room(preset="public_chat", name="Top", creation_content=SPACE)
    inner = owner.create_room(preset="public_chat", name="Inner", creation_content=SPACE)
    leaf = owner.create_room(preset="public_chat", name="Leaf")
    secret = owner.create_room(preset="private_chat", name="Secret")
    back = reader.create_room(preset="public_chat", name="Back")
    add_child(reader, top, inner, owner.server, order="a")
    add_child(owner, inner, leaf, owner.server, order="b", suggested=True)
    add_child(owner, inner, secret, owner.server, order="c")
    add_child(owner, inner, back, reader.server, order="d")
    rooms = ask(reader, f"/rooms/{top}/hierarchy")["rooms"]
    assert [(each["room_id"], each["name"]) for each in rooms] == [
        (top, "Top"),
        (inner, "Inner"),
        (leaf, "Leaf"),
        (back, "Back"),
    ]
    assert {each["state_key"] for each in rooms[1]["children_state"]} == {leaf, secret, back}
    assert rooms[2]["join_rule"] == "public"
    assert rooms[2]["num_joined_members"] == 1


def test_a_tree_is_given_in_pages(people: tuple[Person, Person]) -> None:
    ali, sara = people
    top = ali.create_room(preset="public_chat", creation_content=SPACE)
    inner = sara.create_room(preset="public_chat", creation_content=SPACE)
    add_child(ali, top, inner, sara.server)
    leaves = [sara.create_room(preset="public_chat", name=f"leaf {number}") for number in range(3)]
    for number, leaf in enumerate(leaves):
        add_child(sara, inner, leaf, sara.server, order=str(number))
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = ask(ali, f"/rooms/{top}/hierarchy", **query)
        found += [each["room_id"] for each in page["rooms"]]
        if "next_batch" not in page:
            break
        query["from"] = page["next_batch"]
    assert found == [top, inner, *leaves]


def test_a_room_only_members_of_a_club_may_enter_is_shown_to_them_alone(people: tuple[Person, Person]) -> None:
    ali, sara = people
    outsider = register(ali.server, f"outsider{secrets.token_hex(4)}")
    club = sara.create_room(preset="public_chat")
    rule = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": club}]}
    room_id = sara.create_room(
        preset="private_chat",
        name="For the club",
        initial_state=[{"type": "m.room.join_rules", "state_key": "", "content": rule}],
    )
    ali.join(club, sara.server.server_name)
    path = f"/room_summary/{quote(room_id, safe='')}"
    assert ask(ali, path, via=[sara.server.server_name])["name"] == "For the club"
    with pytest.raises(Refusal) as refused:
        ask(outsider, path, via=[sara.server.server_name])
    assert refused.value.status == 404


def test_summaries_of_rooms_by_id_and_by_alias(pair: tuple[Person, Person]) -> None:
    owner, reader = pair
    room_id = owner.create_room(
        preset="public_chat", name="Shown", topic="What it is", room_alias_name=f"shown{secrets.token_hex(4)}"
    )
    alias = owner.call("GET", f"/rooms/{room_id}/aliases")["aliases"][0]
    for name in (room_id, alias):
        found = ask(reader, f"/room_summary/{quote(name, safe='')}", via=[owner.server.server_name])
        assert (found["room_id"], found["name"], found["topic"]) == (room_id, "Shown", "What it is")
        assert (found["join_rule"], found["num_joined_members"]) == ("public", 1)
    private = owner.create_room(preset="private_chat", name="Hidden")
    with pytest.raises(Refusal) as refused:
        ask(reader, f"/room_summary/{quote(private, safe='')}", via=[owner.server.server_name])
    assert refused.value.status in (403, 404)


def test_moments_before_one_has_joined(pair: tuple[Person, Person]) -> None:
    owner, reader = pair
    room_id = owner.create_room(preset="public_chat")
    early = owner.send(room_id, "early")
    sent = owner.call("GET", f"/rooms/{room_id}/event/{quote(early, safe='')}")["origin_server_ts"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: owner.send(room_id, f"later {number}"), range(150)))
    reader.join(room_id, owner.server.server_name)
    found = ask(reader, f"/rooms/{room_id}/timestamp_to_event", ts=sent, dir="f")
    assert found["origin_server_ts"] == sent
    around = reader.call("GET", f"/rooms/{room_id}/context/{quote(found['event_id'], safe='')}", None, limit=10)
    assert early in [each["event_id"] for each in (*around["events_before"], around["event"], *around["events_after"])]


def test_who_somebody_is(people: tuple[Person, Person]) -> None:
    for me in people:
        token = me.call("POST", f"/user/{quote(me.user_id, safe='')}/openid/request_token", {})
        assert token["matrix_server_name"] == me.server.server_name
        query = urlencode({"access_token": token["access_token"]})
        url = f"{me.server.base}/_matrix/federation/v1/openid/userinfo?"
        with urllib.request.urlopen(url + query, timeout=60, context=me.server.context) as answer:
            assert json.load(answer) == {"sub": me.user_id}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url + "access_token=wrong", timeout=60, context=me.server.context)
        assert refused.value.code == 401
        assert json.load(refused.value)["errcode"] == "M_UNKNOWN_TOKEN"


def test_a_server_that_is_not_there(people: tuple[Person, Person]) -> None:
    """Nobody listens on port 1 of this machine."""
    ali = people[0]
    for path, query in (
        ("/profile/@a%3Alocalhost%3A1", {}),
        ("/directory/room/%23a%3Alocalhost%3A1", {}),
        ("/publicRooms", {"server": "localhost:1"}),
    ):
        with pytest.raises(Refusal) as refused:
            ali.call("GET", path, None, **query)
        assert (refused.value.status, refused.value.errcode) == (502, "M_UNREACHABLE")


def test_who_has_not_logged_in_cannot_make_us_ask(peers: tuple[TlsServer, TlsServer]) -> None:
    zajil, synapse = peers
    for path in (f"/profile/@sara%3A{synapse.server_name}", f"/publicRooms?server={synapse.server_name}"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{zajil.base}/_matrix/client/v3{path}", timeout=60, context=zajil.context)
        assert refused.value.code == 403
        refused.value.close()
