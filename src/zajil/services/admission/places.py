"""Requests hold a place among those that run (`http/admission.py`); what waits for other people's doings must not."""

import asyncio
from collections.abc import Callable
from typing import Any

_held: dict["asyncio.Task[Any] | None", Callable[[], None]] = {}
"""By task. A variable of the task's context would stay with every parked request, for as long as it is parked."""


def hold_place(release: Callable[[], None]) -> None:
    """The present task holds a place, which `release` gives back."""
    _held[asyncio.current_task()] = release


def release_place() -> None:
    """The present task is going to wait; it will not ask for the place again."""
    release = _held.pop(asyncio.current_task(), None)
    if release is not None:
        release()


def forget_place() -> None:
    """The present task has ended its request."""
    _held.pop(asyncio.current_task(), None)
