"""The status pages: what is on them, in both languages, and that they need nothing but memory."""

import html.parser
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.client import Client, running_server
from tests.status.example_pages import NOW_MS, build_examples, build_memory

from zajil.core.health import Cause, Component, State
from zajil.core.incidents import Kind
from zajil.core.status_history import BUCKETS_MS, DAY_MS, HOUR_MS, Cell, History, read_percentile, read_uptime
from zajil.http.status_pages import choose_language
from zajil.ports.database import StorageUnavailable
from zajil.status.memory import dump_memory, load_memory, store_memory
from zajil.status.page_html import build_policy
from zajil.status.words import Language, find_plural, load_texts, write_number, write_seconds

ATOM = "{http://www.w3.org/2005/Atom}"
EXAMPLES = build_examples()
VOID = {"meta", "link", "br", "input", "rect", "line", "circle", "path", "polyline", "polygon"}


class Outline(html.parser.HTMLParser):
    """Checks that elements close in order; collects what counts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("state", EXAMPLES)
def test_pages_are_whole_and_bring_everything_along(state: str, language: Language) -> None:
    page = EXAMPLES[state][f"{language}.html"].decode()
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    assert outline.headings[0] == "h1"
    assert outline.headings.count("h1") == 1
    assert "<script" not in page
    assert not [each for each in outline.attributes if each[1] in ("style", "src") or each[1].startswith("on")]
    links = [value for tag, name, value in outline.attributes if name == "href"]
    assert {each for each in links if each and not each.startswith("#")} == {
        "status.atom",
        "status.json",
        "en.html" if language is Language.AR else "ar.html",
    }
    assert load_texts(language)[f"state.{state}"] in page
    assert ("html", "dir", "rtl" if language is Language.AR else "ltr") in outline.attributes


def test_the_policy_lets_the_style_in_and_nothing_else() -> None:
    policy = build_policy()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_feed_is_atom() -> None:
    feed = ElementTree.fromstring(EXAMPLES["outage"]["status.atom"])
    assert feed.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert feed.findtext(f"{ATOM}{name}")
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 6
    ids = [each.findtext(f"{ATOM}id") for each in entries]
    assert len(set(ids)) == len(ids)
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    for each in entries:
        assert stamp.fullmatch(each.findtext(f"{ATOM}updated") or "")
        assert "قاعدة البيانات" in ElementTree.tostring(each, "unicode") or each.findtext(f"{ATOM}title")


def test_every_text_is_there_in_both_languages() -> None:
    english, arabic = load_texts(Language.EN), load_texts(Language.AR)
    plurals = re.compile(r"(days|hours|minutes|seconds)\.(zero|one|two|few|many|other)")
    assert {each for each in english if not plurals.fullmatch(each)} == {
        each for each in arabic if not plurals.fullmatch(each)
    }
    for cause in Cause:
        assert f"incident.{cause}" in english
        assert f"opened.{cause}" in english
    for kind in Kind:
        assert f"kind.{kind}" in english
    fields = re.compile(r"\{[^}]*\}")
    for key in english.keys() & arabic.keys():
        if not plurals.fullmatch(key):
            assert sorted(fields.findall(english[key])) == sorted(fields.findall(arabic[key])), key


def test_arabic_counts_in_six_ways() -> None:
    numbers = (0, 1, 2, 3, 10, 11, 99, 100, 102, 103, 111)
    found = [find_plural(Language.AR, each) for each in numbers]
    assert found == ["zero", "one", "two", "few", "few", "many", "many", "other", "other", "few", "many"]
    assert write_seconds(Language.AR, 125) == "دقيقتين و5 ثوانٍ"
    assert write_seconds(Language.EN, 3661) == "1 hour 1 minute"
    assert write_number(Language.EN, 640.2, "ms") == "640 ms"


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        (None, None, "en"),
        ("ar", "en", "ar"),
        ("xx", "ar-EG,ar;q=0.9,en;q=0.8", "ar"),
        (None, "de, en;q=0.7, ar;q=0.3", "en"),
        (None, "ar;q=0, en;q=0.1", "en"),
        (None, "ar;q=nonsense", "en"),
        (None, "fr;q=1, AR;q=0.2", "ar"),
    ],
)
def test_the_language_is_the_readers(wanted: str | None, accepted: str | None, language: str) -> None:
    assert choose_language(wanted, accepted) == language


async def test_pages_come_from_memory_alone(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        server.app.status.hang(EXAMPLES["outage"], '"abc"')

        async def gone(*_: object, **__: object) -> None:
            raise StorageUnavailable("no database")

        server.app.db.write = gone  # type: ignore[method-assign,assignment]
        server.app.db.reader.fetch = gone  # type: ignore[method-assign,assignment]
        server.app.rate_limits.is_on = True
        visitor = server.client()
        for _ in range(2000):
            answer = await visitor.get("/status.json")
        assert answer.status == 200
        assert answer.body["state"] == State.OUTAGE
        assert answer.headers["access-control-allow-origin"] == "*"
        page = await visitor.get("/status?lang=ar")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert build_policy() in page.headers["content-security-policy"]
        assert 'href="/status?lang=en"' in page.raw.decode()
        assert (await visitor.get("/status.atom")).status == 200
        known = Client(server, headers={"if-none-match": answer.headers["etag"]})
        assert (await known.get("/status.json")).status == 304


async def test_without_a_watcher_nothing_is_claimed(tmp_path: Path) -> None:
    async with running_server(tmp_path / "on") as server:
        assert (await server.client().get("/status.json")).ok()["state"] == "unknown"
    async with running_server(tmp_path / "off", status=False) as server:
        assert (await server.client().get("/status")).status == 404


def test_the_fields_of_the_json() -> None:
    import json

    value = json.loads(EXAMPLES["outage"]["status.json"])
    assert value["state"] == "outage"
    assert value["components"]["messaging"] == "outage"
    first = value["incidents"][0]
    assert first["cause"] == "database_unreachable"
    assert first["title"]["ar"]
    assert [each["kind"] for each in first["timeline"]] == ["opened", "identified", "note", "note", "note", "update"]
    assert value["since"] == first["opened"]


def test_a_memory_comes_back_from_its_file(tmp_path: Path) -> None:
    memory = build_memory()
    store_memory(tmp_path, dump_memory(memory))
    again = load_memory(tmp_path, "other")
    assert (again.node, again.incidents) == (memory.node, memory.incidents)
    assert again.history.days(NOW_MS) == memory.history.days(NOW_MS)
    (tmp_path / "memory.json").write_text("{nonsense")
    assert load_memory(tmp_path, "other").node == "other"


def test_the_history_is_bounded_and_adds_up() -> None:
    history = History()
    for hour in range(100 * 24):
        history.note_time(
            hour * HOUR_MS, 60.0, {Component.MEDIA: State.OUTAGE if hour % 24 == 0 else State.OPERATIONAL}
        )
        history.note_round(hour * HOUR_MS, 2.0, 6.0)
    assert len(history.hours) <= 90 * 24 + 1
    assert len(history.minutes) <= 24 * 60 + 1
    days = history.days(100 * DAY_MS - 1)
    assert len(days) == 90
    assert {day.watched_s for day in days} == {24 * 60.0}
    assert read_uptime(days[-1], Component.MEDIA) == pytest.approx(23 / 24)
    assert read_uptime(days[-1], Component.MESSAGING) == 1.0
    assert read_uptime(Cell(0)) is None


def test_percentiles_lie_in_their_bucket() -> None:
    cell = Cell(0)
    assert read_percentile(cell.delivery, 0.5) is None
    for value in (4.0, 4.5, 120.0):
        cell.note_round(1.0, value)
    assert 3 < (read_percentile(cell.delivery, 0.5) or 0) <= 5
    assert 100 < (read_percentile(cell.delivery, 0.99) or 0) <= 150
    cell.note_round(1.0, 10.0**9)
    assert (read_percentile(cell.delivery, 1.0) or 0) == BUCKETS_MS[-1] * 2
