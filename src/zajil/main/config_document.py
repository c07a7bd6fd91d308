"""docs/configuration.md, written from the options themselves: `python -m zajil.main.config_document > docs/configuration.md`."""

import sys
import typing

from zajil.main.config_file import (
    SIZE_UNITS,
    argument_name,
    build_shown_value,
    environment_name,
    option_fields,
    option_types,
)

HEAD = """# Configuration

Every option can be given in three ways; the first that is given wins:

1. on the command line: `zajil serve --server-name example.org`
2. in the environment: `ZAJIL_SERVER_NAME=example.org`
3. in `zajil.toml`: `server_name = "example.org"`

The file is the one named by `--config` or `ZAJIL_CONFIG`, otherwise `zajil.toml` in the current folder if there is one.
A name that does not exist is an error which tells the nearest one that does; this holds for every environment variable
that begins with `ZAJIL_`. `zajil config check` reads it all without starting; `zajil config show` prints each value and
where it comes from, with secrets masked. A running server reads the file again at `zajil reload` (addresses excepted).

Lists: repeat the option, write commas in the environment, or a list in the file. Switches are `on` and `off` (in the file
also `true` and `false`). Sizes are bytes, or have a unit: `50M`.
"""


def build_document() -> str:
    """The whole document, in Markdown."""
    lines = [HEAD]
    group = ""
    for name, field in option_fields().items():
        if field.metadata["group"] != group:
            group = field.metadata["group"]
            lines += [f"## {group}", ""]
        lines += [
            f"### `{name}`",
            "",
            str(field.metadata["help"]),
            "",
            f"`{argument_name(name)}` · `{environment_name(name)}` · {build_kind(name)} · {build_default(name)}",
            "",
        ]
    return "\n".join(lines)


def build_kind(name: str) -> str:
    kind = option_types()[name]
    metadata = option_fields()[name].metadata
    if typing.get_origin(kind) is tuple:
        return "list"
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(f"`{choice}`" for choice in typing.get_args(kind))
    if kind is bool:
        return "`on` or `off`"
    if kind is int:
        unit = "size" if metadata["is_size"] else "number"
        lowest = build_number(name, metadata["lowest"])
        if metadata["highest"] is None:
            return f"{unit}, {lowest} or more"
        return f"{unit}, {lowest} to {build_number(name, metadata['highest'])}"
    return "secret" if metadata["is_secret"] else "text" if kind is str else "path"


def build_default(name: str) -> str:
    default = option_fields()[name].default
    if isinstance(default, int) and not isinstance(default, bool):
        return f"default {build_number(name, default)}"
    shown = build_shown_value(name, default)
    return f"default `{shown}`" if shown else "default: none"


def build_number(name: str, number: float | None) -> str:
    """A size in the largest unit that leaves no remainder, other numbers as they are."""
    value = int(number or 0)
    if option_fields()[name].metadata["is_size"]:
        for unit, factor in reversed(SIZE_UNITS.items()):
            if value and value % factor == 0:
                return f"{value // factor}{unit}"
    return str(value)


if __name__ == "__main__":
    sys.stdout.write(build_document())
