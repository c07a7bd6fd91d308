"""`/status.atom`: one entry for each incident, changed whenever there is news of it (RFC 4287)."""

from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

from zajil.core.incidents import Incident
from zajil.status.words import Language, build_entry_text, build_iso, build_title, write

if TYPE_CHECKING:
    from zajil.status.pages import View

ATOM: Final = "http://www.w3.org/2005/Atom"
ENTRIES_MAX: Final = 40


def build_feed(view: "View") -> bytes:
    """The feed, with both languages in each entry."""
    feed = ElementTree.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    page = f"{view.base_url}/status"
    incidents = [*view.opened, *view.past][:ENTRIES_MAX]
    _add(feed, "id", page)
    _add(feed, "title", " · ".join(write(language, "title", name=view.name) for language in Language))
    _add(feed, "updated", build_iso(max((each.changed_ts_ms for each in incidents), default=view.as_of_ms)))
    ElementTree.SubElement(feed, "link", {"rel": "self", "href": f"{page}.atom"})
    ElementTree.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": page})
    author = ElementTree.SubElement(feed, "author")
    _add(author, "name", view.name)
    for incident in incidents:
        _add_incident(feed, incident, page)
    document: bytes = ElementTree.tostring(feed, encoding="utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + document


def _add_incident(feed: ElementTree.Element, incident: Incident, page: str) -> None:
    entry = ElementTree.SubElement(feed, "entry")
    _add(entry, "id", f"{page}#{incident.incident_id}")
    _add(entry, "title", " · ".join(build_title(incident, language) for language in Language))
    _add(entry, "published", build_iso(incident.opened_ts_ms))
    _add(entry, "updated", build_iso(incident.changed_ts_ms))
    ElementTree.SubElement(entry, "link", {"rel": "alternate", "href": f"{page}#i-{incident.incident_id}"})
    ElementTree.SubElement(entry, "category", {"term": incident.state})
    paragraphs = [
        f"{build_iso(each.ts_ms)} {build_entry_text(each, language)}"
        for language in Language
        for each in reversed(incident.entries)
    ]
    _add(entry, "content", "\n\n".join(paragraphs)).set("type", "text")


def _add(parent: ElementTree.Element, name: str, text: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name)
    element.text = "".join(each for each in text if each >= " " or each in "\n\t")
    return element
