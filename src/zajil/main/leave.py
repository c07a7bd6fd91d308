"""How processes end whose work is done."""

import os
import sys
from typing import NoReturn


def leave(code: object = 0) -> NoReturn:
    """End at once, with what `sys.exit` takes, without taking the interpreter apart first.

    Threads of native libraries (the media store's) may still be about to tell the interpreter something. On a busy machine they do so while it is
    being taken apart, and abort a process that had succeeded.
    """
    if isinstance(code, str):
        sys.stderr.write(code + "\n")
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 1  # what was to be told could not be
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)
