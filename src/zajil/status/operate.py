"""What an operator does to incidents: opens, writes on, closes and lists them. The same for the command line, the page and the watcher."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from zajil.core.health import Cause, Component, State
from zajil.core.incidents import TEXT_CHARACTERS_MAX, Entry, Incident, Kind, close, dump_incident

TITLE_CHARACTERS_MAX: Final = 200
LANGUAGES: Final = ("en", "ar")


class OperationRefused(Exception):
    """What the operator wants is not possible; the text says why."""


def operate(
    incidents: Iterable[Incident], question: Mapping[str, Any], node: str, now_ms: int, new_id: str
) -> tuple[dict[str, Any], Incident | None]:
    """Do what `question` says; returns the answer, and the incident that changed. Raises `OperationRefused`.

    {"operator": "open", "title": {"en", "ar"}, "text": {…}, "state": "outage", "components": ["media"]}
    {"operator": "update" or "close", "id": …, "text": {…}} and {"operator": "list", "all": false}
    """
    known = {each.incident_id: each for each in incidents}
    match question.get("operator"):
        case "list":
            shown = [each for each in known.values() if each.is_open or question.get("all")]
            shown.sort(key=lambda each: each.opened_ts_ms)
            return {"ok": True, "incidents": [dump_incident(each) for each in shown]}, None
        case "open":
            incident = _open(question, node, now_ms, new_id)
        case "update":
            incident = _find(known, question)
            text = parse_texts(question.get("text"), "text", TEXT_CHARACTERS_MAX, is_needed=True)
            incident = incident.add(Entry(incident.after(now_ms), Kind.NOTE, incident.cause, text))
        case "close":
            incident = _find(known, question)
            if not incident.is_open:
                raise OperationRefused("This incident is closed already.")
            if not incident.is_operators and incident.cause is not Cause.STOPPED:
                raise OperationRefused("The server opened this incident and closes it itself when its cause is gone.")
            text = parse_texts(question.get("text"), "text", TEXT_CHARACTERS_MAX, is_needed=False)
            incident = close(incident, incident.after(now_ms), text)
        case _:
            raise OperationRefused("open, update, close and list are what can be done.")
    return {"ok": True, "incident": dump_incident(incident)}, incident


def _find(known: Mapping[str, Incident], question: Mapping[str, Any]) -> Incident:
    """Without an ID it is the operator's own, whatever the server has found besides; else the only one that is open."""
    wanted = question.get("id")
    if not wanted:
        opened = [each for each in known.values() if each.is_open]
        operators = [each for each in opened if each.is_operators]
        for meant in (operators, opened):
            if len(meant) == 1:
                return meant[0]
        raise OperationRefused("Say which incident; list shows them.")
    found = known.get(wanted) if isinstance(wanted, str) else None
    if found is None:
        raise OperationRefused("There is no such incident.")
    return found


def _open(question: Mapping[str, Any], node: str, now_ms: int, new_id: str) -> Incident:
    title = parse_texts(question.get("title"), "title", TITLE_CHARACTERS_MAX, is_needed=True)
    text = parse_texts(question.get("text"), "text", TEXT_CHARACTERS_MAX, is_needed=True)
    try:
        state = State(question.get("state", "degraded"))
        components = tuple(Component(each) for each in question.get("components") or ["messaging"])
    except (ValueError, TypeError):
        raise OperationRefused(
            f"state is one of {', '.join(State)}; components are among {', '.join(Component)}."
        ) from None
    incident = Incident(new_id, node, Cause.OPERATOR, state, components, state, now_ms, title=title)
    return replace(incident, entries=(Entry(now_ms, Kind.OPENED, Cause.OPERATOR, text),))


def parse_texts(value: object, name: str, characters_max: int, *, is_needed: bool) -> dict[str, str]:
    """Texts by language. Raises `OperationRefused`."""
    if value is None and not is_needed:
        return {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in (*value, *value.values())):
        raise OperationRefused(f"{name} must be given in English and Arabic.")
    texts = {language: value.get(language, "").strip() for language in LANGUAGES}
    if is_needed and not all(texts.values()):
        raise OperationRefused(f"{name} must be given in English and Arabic.")
    if any(len(each) > characters_max or "\0" in each for each in texts.values()):
        raise OperationRefused(f"{name} may have {characters_max} characters.")
    return {language: text for language, text in texts.items() if text}
