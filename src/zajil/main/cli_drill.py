"""`zajil drill`: play the day of 22 February 2014 and report."""

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from zajil.main.cli_options import fail

T = TypeVar("T")


def drill(
    scenario: Annotated[str, typer.Argument(metavar="[SCENARIO]", help="february-22, or one of its faults alone")] = "",
    list_all: Annotated[bool, typer.Option("--list", help="Show all scenarios.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Under a minute, with few people: a check, no measurement.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report there, as HTML.", metavar="FILE")] = None,
    target: Annotated[
        str,
        typer.Option(
            help="Play on this server instead of a private copy: only what can be done from outside, in accounts and rooms that stay there. "
            "Without TLS: aim behind the proxy.",
            metavar="http://HOST:PORT",
        ),
    ] = "",
    registration_token: Annotated[str, typer.Option(help="For accounts on --target.", metavar="TOKEN")] = "",
    database: Annotated[
        str, typer.Option(help="Empty PostgreSQL database for the private copy. Default: SQLite.", metavar="URL")
    ] = "",
    folder: Annotated[
        Path | None,
        typer.Option(help="Where the private copy lives meanwhile: on the disk you care about.", metavar="DIR"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Number that decides who writes when.", metavar="N")] = 22,
) -> None:
    from zajil.drill import plan
    from zajil.drill.texts import TEXTS

    if list_all or not scenario:
        for name in plan.SCENARIOS:
            typer.echo(f"{name:14}{TEXTS['en'][name]}")
        raise typer.Exit(0 if list_all else 2)
    if scenario not in plan.SCENARIOS:
        fail(f"there is no scenario {scenario!r}; zajil drill --list shows all", code=2)
    from zajil.drill.installation import DrillError
    from zajil.drill.report import write_report
    from zajil.drill.run_drill import Order, run_drill
    from zajil.drill.wording import describe_broken

    scale = plan.QUICK if quick else plan.FULL
    with tempfile.TemporaryDirectory(prefix="zajil-drill-", dir=folder) as place:
        order = Order(
            scenario,
            plan.SCENARIOS[scenario],
            scale,
            seed,
            Path(place),
            database,
            target.rstrip("/"),
            registration_token,
        )
        try:
            result = asyncio.run(stoppable(run_drill(order, tell)))
        except DrillError as error:
            fail(str(error))
        except asyncio.CancelledError:
            fail("the drill was stopped")
    if report is not None:
        write_report(result, report)
        typer.echo(f"The report is in {report}.")
    typer.echo(
        f"{len(result.ledger.acknowledged):,} messages acknowledged; lost {result.verdict.lost}, "
        f"duplicated {result.verdict.doubled}, out of order {len(result.verdict.reordered)}; {result.took_s:.0f} s."
        if result.verdict
        else ""
    )
    for each in describe_broken(result, TEXTS["en"]):
        typer.echo(f"BROKEN: {each}")
    raise typer.Exit(1 if result.is_broken else 0)


async def stoppable(drill: Coroutine[Any, Any, T]) -> T:
    """SIGTERM ends the private copy too, as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await drill


def tell(text: str) -> None:
    """Progress, for whoever watches."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
