"""Options of the configuration as options of commands, generated from `Config`."""

import functools
import inspect
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from zajil.main.config_file import (
    LoadedConfig,
    argument_name,
    build_shown_value,
    environment_name,
    is_list,
    load_config,
    option_fields,
    option_types,
)
from zajil.ports.configuration import ConfigError

# What every command that looks into a server's data needs to find it.
PLACE_OPTIONS = ("data", "server_name", "database")

Arguments = dict[str, str | list[str]]


def build_metavar(name: str) -> str:
    kind = option_types()[name]
    if named := option_fields()[name].metadata["metavar"]:
        return str(named)
    if typing.get_origin(kind) is typing.Literal:
        return "|".join(typing.get_args(kind))
    if kind is bool:
        return "on|off"
    if kind is int:
        return "SIZE" if option_fields()[name].metadata["is_size"] else "N"
    return "PATH"


def build_parameter(name: str) -> inspect.Parameter:
    """One option of the configuration as typer declares it: always text, checked when the configuration is built."""
    field = option_fields()[name]
    default = build_shown_value(name, field.default) or "none"
    declared = typer.Option(
        argument_name(name),
        metavar=build_metavar(name),
        help=f"{field.metadata['help']} ({environment_name(name)}; default: {default})",
        rich_help_panel=field.metadata["group"],
        show_default=False,
    )
    kind: Any = list[str] | None if is_list(name) else str | None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, declared])


CONFIG_PARAMETER = inspect.Parameter(
    "config",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Configuration file (ZAJIL_CONFIG; default: zajil.toml in the current folder, if there is one)",
            show_default=False,
        ),
    ],
)


def with_arguments(names: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options; it is called with `arguments` (those that were given) and `path`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapper(**given: Any) -> None:
            path = given.pop("config")
            arguments = {name: value for name in names if (value := given.pop(name)) is not None}
            command(arguments=arguments, path=path, **given)

        own = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.name not in ("arguments", "path")
        ]
        generated = [CONFIG_PARAMETER, *map(build_parameter, names)]
        signature = inspect.Signature(
            [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *generated]
        )
        wrapper.__signature__ = signature  # type: ignore[attr-defined]
        wrapper.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
        return wrapper

    return decorate


def load_or_exit(arguments: Arguments, path: Path | None) -> LoadedConfig:
    """The configuration, or an error message and exit code 2."""
    try:
        return load_config(arguments, path=path)
    except ConfigError as error:
        fail(str(error), code=2)


def fail(text: str, code: int = 1) -> typing.NoReturn:
    """Say what went wrong on standard error and end."""
    typer.echo(f"zajil: {text}", err=True)
    raise typer.Exit(code)
