"""What supervisor and commands tell the operator, and the exit codes that mean something."""

import sys

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: starting again cannot help


class ServeError(Exception):
    """The server cannot be started; the text is for the operator."""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
