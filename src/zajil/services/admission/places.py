"""Requests hold a place among those that run (`http/admission.py`); what waits for other people's doings must not."""

from collections.abc import Callable
from contextvars import ContextVar

_release: ContextVar[Callable[[], None] | None] = ContextVar("release_place", default=None)


def hold_place(release: Callable[[], None]) -> None:
    """The present task holds a place, which `release` gives back."""
    _release.set(release)


def release_place() -> None:
    """The present task is going to wait; it will not ask for the place again."""
    release = _release.get()
    if release is not None:
        _release.set(None)
        release()
