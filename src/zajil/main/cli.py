"""`zajil`: the command of the operator. `serve` takes a short way that imports little, because start-up time is downtime."""

import sys
from collections.abc import Sequence
from pathlib import Path

from zajil.main.config_file import argument_name, check_name, is_list, option_fields
from zajil.ports.configuration import ConfigError

SERVE = "serve"


def main() -> None:
    serving = parse_serve(sys.argv[1:])
    if serving is not None:
        from zajil.main import supervisor

        sys.exit(supervisor.serve(*serving))
    from zajil.main.cli_app import app
    from zajil.main.leave import leave

    try:
        app()
    except SystemExit as end:
        leave(end.code)


def parse_serve(words: Sequence[str]) -> tuple[dict[str, str | list[str]], Path | None] | None:
    """The options of a plain `serve --name value …`; None for anything else, which is left to typer and its messages."""
    if not words or words[0] != SERVE:
        return None
    names = {argument_name(name): name for name in option_fields()}
    arguments: dict[str, str | list[str]] = {}
    path: Path | None = None
    rest = iter(words[1:])
    for word in rest:
        option, has_value, text = word.partition("=")
        value = text if has_value else next(rest, None)
        if value is None or (value.startswith("--") and not has_value):
            return None
        if option == "--config":
            path = Path(value)
        elif option not in names:
            return None
        elif is_list(names[option]):
            given = arguments.setdefault(names[option], [])
            assert isinstance(given, list)
            given.append(value)
        else:
            arguments[names[option]] = value
    return arguments, path


def explain_unknown(words: Sequence[str]) -> str:
    """Why `parse_serve` does not understand these words, which a former version of this program has put together."""
    known = ["--config", *map(argument_name, option_fields())]
    for word in words[1:]:
        try:
            check_name(word.partition("=")[0], known, "the option")
        except ConfigError as error:
            if word.startswith("--"):
                return str(error)
    return "its command line is not understood"


if __name__ == "__main__":
    main()
