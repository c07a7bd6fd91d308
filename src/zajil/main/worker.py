"""The process that answers requests: `python -m zajil.main.worker`, started by the supervisor on its sockets."""

import argparse
import ctypes
import faulthandler
import gc
import json
import signal
import socket
import sys
from pathlib import Path

from zajil.main.config_file import load_config
from zajil.main.console import EXIT_CONFIG, warn
from zajil.main.lean_imports import import_lean
from zajil.main.leave import leave
from zajil.ports.configuration import ConfigError

SWITCH_INTERVAL_S = 0.0001
"""A commit that is done must not wait for five milliseconds, CPython's usual interval, until a busy event loop lets its thread say so."""
PR_SET_PDEATHSIG = 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="zajil.main.worker")
    parser.add_argument("--fd", type=int, action="append", required=True)
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--take", type=int)
    parser.add_argument("--number", type=int, default=0, help="which of the workers side by side this is")
    parser.add_argument("--arguments", default="{}")
    parser.add_argument("--config", type=Path)
    given = parser.parse_args()
    end_with_supervisor()
    faulthandler.enable()  # the supervisor ends a worker that hangs with SIGABRT, to learn where
    try:
        config = load_config(json.loads(given.arguments), path=given.config).config
    except ConfigError as error:
        warn(f"zajil: {error}")
        return EXIT_CONFIG
    # Nothing of what is imported and built now is garbage; looking for it would take a fifth of the time.
    gc.disable()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    import_lean()
    from zajil.main.log import configure_log
    from zajil.main.server import run

    configure_log(config)
    sockets = [socket.socket(fileno=fd) for fd in given.fd]
    channel = socket.socket(fileno=given.channel)
    take = None if given.take is None else socket.socket(fileno=given.take)
    for each in (*sockets, channel, *([take] if take else [])):
        each.set_inheritable(False)
        each.setblocking(False)
    return run(config, sockets, channel, take, given.number)


def end_with_supervisor() -> None:
    """Have the kernel end this process when the supervisor is gone: one that hangs does not hear it, and would hold up the next server."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    leave(main())
