"""Where the configuration comes from: command line, environment, `zajil.toml`, default; the first that speaks wins."""

import dataclasses
import difflib
import functools
import os
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from zajil.ports.configuration import Config, ConfigError

CONFIG_FILE = "zajil.toml"
ENVIRONMENT_PREFIX = "ZAJIL_"
ENVIRONMENT_CONFIG = "ZAJIL_CONFIG"
CONFIG_FILE_SIZE_MAX = 1024 * 1024
MASK = "********"

SIZE_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
SWITCH = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and, for each option, where its value was said."""

    config: Config
    origins: Mapping[str, str]
    path: Path | None


@functools.cache
def option_fields() -> Mapping[str, "dataclasses.Field[Any]"]:
    return {each.name: each for each in dataclasses.fields(Config)}


@functools.cache
def option_types() -> Mapping[str, Any]:
    return typing.get_type_hints(Config)


def is_list(name: str) -> bool:
    return typing.get_origin(option_types()[name]) is tuple


def load_config(
    arguments: Mapping[str, str | list[str]] | None = None,
    environment: Mapping[str, str] | None = None,
    path: Path | None = None,
) -> LoadedConfig:
    """Read every source and build the configuration.

    `arguments` are the options given on the command line, by name, as typed there. `path` is the file named with
    --config; without it ZAJIL_CONFIG, then `zajil.toml` in the current folder if there is one. Raises `ConfigError`.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    origins = dict.fromkeys(option_fields(), "default")
    path = find_config_file(path, environment)
    if path is not None:
        for name, value in load_config_file(path).items():
            check_name(name, option_fields(), f"{path}: the key")
            values[name] = parse_value(name, value)
            origins[name] = str(path)
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == ENVIRONMENT_CONFIG:
            continue
        check_name(variable, [*map(environment_name, option_fields()), ENVIRONMENT_CONFIG], "the environment variable")
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        values[name] = parse_value(name, text)
        origins[name] = variable
    for name, given in (arguments or {}).items():
        check_name(name, option_fields(), "the option")
        values[name] = parse_value(name, given)
        origins[name] = argument_name(name)
    try:
        return LoadedConfig(Config(**values), origins, path)
    except ConfigError as error:
        name = str(error).partition(":")[0]
        raise ConfigError(f"{error} (from {origins[name]})" if name in origins else str(error)) from None


def environment_name(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()


def argument_name(name: str) -> str:
    return "--" + name.replace("_", "-")


def find_config_file(path: Path | None, environment: Mapping[str, str]) -> Path | None:
    if path is None and environment.get(ENVIRONMENT_CONFIG):
        path = Path(environment[ENVIRONMENT_CONFIG])
    if path is None:
        return Path(CONFIG_FILE) if Path(CONFIG_FILE).is_file() else None
    if not path.is_file():
        raise ConfigError(f"there is no configuration file {path}")
    return path


def load_config_file(path: Path) -> dict[str, Any]:
    import tomllib  # here, because most starts read no file

    try:
        if path.stat().st_size > CONFIG_FILE_SIZE_MAX:
            raise ConfigError(f"{path} is larger than {CONFIG_FILE_SIZE_MAX} bytes")
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def check_name(name: str, known: Iterable[str], what: str) -> None:
    """Raise `ConfigError` naming the nearest valid name when `name` is not one."""
    valid = list(known)
    if name in valid:
        return
    nearest = difflib.get_close_matches(name, valid, n=1, cutoff=0.0)[0]
    raise ConfigError(f"{what} {name!r} is unknown; the nearest is {nearest!r}")


def parse_value(name: str, value: object) -> Any:
    """Turn what a source says into the type of the option. Raises `ConfigError`."""
    kind = option_types()[name]
    if is_list(name):
        return parse_list(name, value)
    if typing.get_origin(kind) is typing.Literal:
        return parse_choice(name, value, typing.get_args(kind))
    if isinstance(value, list):
        if len(value) != 1:
            raise ConfigError(f"{name}: takes one value")
        value = value[0]
    if kind is bool:
        return parse_switch(name, value)
    if kind is int:
        return parse_integer(name, value)
    if not isinstance(value, str):
        raise ConfigError(f"{name}: {value!r} is not a text")
    if kind is Path or isinstance(kind, types.UnionType):
        if not value:
            raise ConfigError(f"{name}: the path is empty")
        return Path(value).expanduser()
    return value


def parse_list(name: str, value: object) -> tuple[str, ...]:
    # An environment variable is one text; "terms" holds spaces, so commas separate everywhere.
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(each, str) for each in parts):
        raise ConfigError(f"{name}: {value!r} is not a list of texts")
    return tuple(each.strip() for each in parts if each.strip())


def parse_choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value in choices:
        return value
    raise ConfigError(f"{name}: {value!r} is not one of {', '.join(choices)}")


def parse_switch(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in SWITCH:
        return SWITCH[value.lower()]
    raise ConfigError(f"{name}: {value!r} is neither on nor off")


def parse_integer(name: str, value: object) -> int:
    """A whole number; for a size with K, M, G or T behind it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        text, factor = value.strip(), 1
        if option_fields()[name].metadata["is_size"] and text[-1:].upper() in SIZE_UNITS:
            text, factor = text[:-1], SIZE_UNITS[text[-1].upper()]
        if text.isascii() and text.isdigit() and len(text) <= 18:
            return int(text) * factor
    raise ConfigError(f"{name}: {value!r} is not a whole number")


def build_shown_value(name: str, value: object) -> str:
    """The value as text for people, with secrets masked."""
    if option_fields()[name].metadata["is_secret"]:
        return mask_secret(str(value)) if value else ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


def mask_secret(text: str) -> str:
    """A URL keeps all but its password and query; anything else is hidden whole."""
    if not text:
        return ""
    parts = urlsplit(text)
    if not (parts.scheme and parts.hostname):
        return MASK
    user = f"{parts.username}:{MASK}@" if parts.password else f"{parts.username}@" if parts.username else ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, user + host, parts.path, MASK if parts.query else "", ""))
