"""`zajil incident` and `zajil status`: what an operator says about the state of the server."""

import asyncio
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from zajil.main.cli_database import load_place, run_service
from zajil.main.cli_options import PLACE_OPTIONS, Arguments, fail, load_or_exit, with_arguments
from zajil.main.config_file import option_fields
from zajil.ports.configuration import Config

app = typer.Typer(help="Open, write on, close and list incidents on the status page.", no_args_is_help=True)
status_app = typer.Typer(help="The status of the server.", no_args_is_help=True)

English = Annotated[str, typer.Option("--en", metavar="TEXT", help="In English")]
Arabic = Annotated[str, typer.Option("--ar", metavar="TEXT", help="In Arabic")]
Number = Annotated[str, typer.Argument(metavar="ID", help="Which incident; needed only when several of the operator's are open")]


@app.command("open", help="Tell of something that the server cannot notice, or of work that is planned.")
@with_arguments(PLACE_OPTIONS)
def open_new(
    arguments: Arguments,
    path: Path | None,
    title_en: Annotated[str, typer.Option(metavar="TEXT", help="What it is called, in English")],
    title_ar: Annotated[str, typer.Option(metavar="TEXT", help="What it is called, in Arabic")],
    en: English,
    ar: Arabic,
    state: Annotated[
        str, typer.Option(metavar="STATE", help="operational (an announcement only), degraded or outage")
    ] = "degraded",
    component: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="messaging, sign_in, media, notifications or server; may be given several times"
        ),
    ] = None,
) -> None:
    question = {
        "operator": "open",
        "title": {"en": title_en, "ar": title_ar},
        "text": {"en": en, "ar": ar},
        "state": state,
        "components": component or ["messaging"],
    }
    typer.echo(ask(load_place(arguments, path), question)["incident"]["id"])


@app.command("update", help="Write on an incident.")
@with_arguments(PLACE_OPTIONS)
def update(arguments: Arguments, path: Path | None, en: English, ar: Arabic, incident: Number = "") -> None:
    question = {"operator": "update", "id": incident, "text": {"en": en, "ar": ar}}
    typer.echo(ask(load_place(arguments, path), question)["incident"]["id"])


@app.command("close", help="Close an incident that an operator opened. The server closes its own by itself.")
@with_arguments(PLACE_OPTIONS)
def close(arguments: Arguments, path: Path | None, incident: Number = "", en: English = "", ar: Arabic = "") -> None:
    texts = {"en": en, "ar": ar} if en or ar else None
    typer.echo(ask(load_place(arguments, path), {"operator": "close", "id": incident, "text": texts})["incident"]["id"])


@app.command("list", help="Show open incidents, the oldest first.")
@with_arguments(PLACE_OPTIONS)
def list_all(
    arguments: Arguments,
    path: Path | None,
    with_closed: Annotated[bool, typer.Option("--all", help="Show those of the last 90 days")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with their timelines")] = False,
) -> None:
    incidents = ask(load_place(arguments, path), {"operator": "list", "all": with_closed})["incidents"]
    if as_json:
        typer.echo(json.dumps(incidents, ensure_ascii=False, indent=2))
        return
    from zajil.core.incidents import load_incident
    from zajil.status.words import Language, build_title

    for value in incidents:
        each = load_incident(value)
        ended = "" if each.closed_ts_ms is None else f" to {build_time(each.closed_ts_ms)}"
        typer.echo(
            f"{each.incident_id}  {each.state:11}  {build_time(each.opened_ts_ms)}{ended}  "
            f"{build_title(each, Language.EN)} ({each.cause})"
        )


@status_app.command("watch", help="Watch a server from this process, as `zajil serve` does by itself.")
@with_arguments(tuple(option_fields()))
def watch(arguments: Arguments, path: Path | None) -> None:
    config = load_or_exit(arguments, path).config
    from zajil.main import log, status

    log.configure_log(config)
    status.run_watch(config)


def build_time(ts_ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(ts_ms / 1000, datetime.UTC):%Y-%m-%d %H:%M}"


def ask(config: Config, question: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the watcher, which needs no database; where none runs, do it in the database, for it to find."""
    from zajil.status.link import ask as ask_watcher

    try:
        answer = asyncio.run(ask_watcher(config.data, question))
    except OSError:
        answer = _do_in_database(config, question)
    if not answer["ok"]:
        fail(answer["error"])
    return answer


def _do_in_database(config: Config, question: Mapping[str, Any]) -> dict[str, Any]:
    from zajil.services.app import App
    from zajil.status.operate import OperationRefused, operate

    async def work(app: App) -> dict[str, Any]:
        store = app.stores.incidents
        opened = await store.load_open(app.db.reader)
        recent = await store.load_recent(app.db.reader, 0, 1000)
        known = {each.incident_id: each for each in (*opened, *recent)}
        now_ms = app.clock.now_ms()
        new_id = f"{now_ms:x}-{app.instance[:3]}"
        try:
            answer, changed = operate(known.values(), question, "operator", now_ms, new_id)
        except OperationRefused as refusal:
            return {"ok": False, "error": str(refusal)}
        if changed is not None:
            incident = changed
            await app.db.write(lambda tx: store.store(tx, incident))
        return answer

    return run_service(config, work)
