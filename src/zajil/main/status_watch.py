"""The process that watches the server: `python -m zajil.main.status_watch`, started by the supervisor, or `zajil status watch`."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from zajil.main.config_file import load_config
from zajil.main.console import EXIT_CONFIG, warn
from zajil.main.lean_imports import import_lean
from zajil.ports.configuration import ConfigError


def main() -> int:
    parser = argparse.ArgumentParser(prog="zajil.main.status_watch")
    parser.add_argument("--arguments", default="{}")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--bound", help="the address that is really bound, should the configuration ask for any port")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--alive", type=int, help="the descriptor through which the supervisor hears signs of life")
    given = parser.parse_args()
    try:
        config = load_config(json.loads(given.arguments), path=given.config).config
        if given.bound:
            config = dataclasses.replace(config, bind=(given.bound,))
    except ConfigError as error:
        warn(f"zajil: {error}")
        return EXIT_CONFIG
    import_lean()
    from zajil.main.log import configure_log
    from zajil.main.status import run_watch

    configure_log(config)
    run_watch(config, given.parent, given.alive)
    return 0


if __name__ == "__main__":
    sys.exit(main())
