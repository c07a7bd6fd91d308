"""`zajil federation`: other servers, as this one sees them."""

import datetime
import time
from pathlib import Path
from typing import Annotated

import typer

from zajil.main.cli_database import load_place, run_service
from zajil.main.cli_options import PLACE_OPTIONS, Arguments, with_arguments

app = typer.Typer(help="Other servers: what waits for them, who is let in, signing keys.", no_args_is_help=True)

Server = Annotated[str, typer.Argument(metavar="SERVER", help="Name of the server")]
Pattern = Annotated[str, typer.Argument(metavar="SERVER", help="Name of the server; * stands for any letters")]
Remove = Annotated[bool, typer.Option("--remove", help="Take the rule back")]


@app.command("status", help="Show the servers for which something waits, or that cannot be reached.")
@with_arguments(PLACE_OPTIONS)
def status(arguments: Arguments, path: Path | None) -> None:
    config = load_place(arguments, path)
    from zajil.services.federation.administer_servers import list_servers

    found = run_service(config, list_servers)
    if not found:
        typer.echo("All servers have everything.")
    now_ms = time.time() * 1000
    for each in found:
        line = f"{each.server_name}  {each.pdus} events and {each.edus} messages wait"
        if each.row is not None:
            pause = max(0, round((each.row.retry_ts - now_ms) / 1000))
            line += f"; failed {each.row.failures} times since {build_time(each.row.since_ts)}, next try in {pause} s: {each.row.cause}"
        typer.echo(line)


@app.command("retry", help="Try a server that could not be reached, or all of them, now.")
@with_arguments(PLACE_OPTIONS)
def retry(
    arguments: Arguments,
    path: Path | None,
    server: Annotated[str, typer.Argument(metavar="SERVER", help="Name of the server; all if left out")] = "",
) -> None:
    config = load_place(arguments, path)
    from zajil.services.federation.administer_servers import retry_servers

    count = run_service(config, lambda app: retry_servers(app, server or None))
    typer.echo(f"{count} servers are tried now." if count else "No such server has failed.")


@app.command("allow", help="Talk with a server. As soon as one is allowed, all that are not are kept out.")
@with_arguments(PLACE_OPTIONS)
def allow(arguments: Arguments, path: Path | None, server: Pattern, remove: Remove = False) -> None:
    _set_rule(arguments, path, server, None if remove else True)


@app.command("deny", help="Never talk with a server.")
@with_arguments(PLACE_OPTIONS)
def deny(arguments: Arguments, path: Path | None, server: Pattern, remove: Remove = False) -> None:
    _set_rule(arguments, path, server, None if remove else False)


def _set_rule(arguments: Arguments, path: Path | None, server: str, is_allowed: bool | None) -> None:
    config = load_place(arguments, path)
    from zajil.services.federation.access_servers import set_server_rule

    run_service(config, lambda app: set_server_rule(app, server, is_allowed=is_allowed))
    told = {True: "is allowed", False: "is denied", None: "has no rule of its own any more"}[is_allowed]
    typer.echo(f"{server} {told}.")


@app.command("keys", help="Show this server's signing keys, or those of another server that are known here.")
@with_arguments(PLACE_OPTIONS)
def keys(
    arguments: Arguments,
    path: Path | None,
    server: Annotated[str, typer.Argument(metavar="SERVER", help="Another server; this one if left out")] = "",
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new key for this server; `zajil reload` takes it into use")
    ] = False,
) -> None:
    config = load_place(arguments, path)
    from zajil.core.signing import encode_base64
    from zajil.main.system import SystemRandomness, load_signing_keys, rotate_signing_key
    from zajil.services.federation.administer_servers import list_keys

    if server:
        for key in run_service(config, lambda app: list_keys(app, server)):
            word = "old, until" if key.is_retired else "valid until"
            typer.echo(f"{key.key_id}  {encode_base64(key.public_key)}  {word} {build_time(key.valid_until_ts)}")
        return
    randomness = SystemRandomness()
    if rotate:
        made = rotate_signing_key(config.data, randomness, round(time.time() * 1000))
        typer.echo(f"The new key is {made}. Take it into use with: zajil reload --data {config.data}", err=True)
    current, old = load_signing_keys(config.data, randomness)
    typer.echo(f"{current.key_id}  {encode_base64(current.public_key)}  in use")
    for each in old:
        typer.echo(f"{each.key_id}  {encode_base64(each.public_key)}  old, until {build_time(each.expired_ts)}")


def build_time(ts_ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(ts_ms / 1000, datetime.UTC):%Y-%m-%d %H:%M} UTC"
