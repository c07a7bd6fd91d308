"""The status pages as this process shows them: bytes in memory, so that they are there in any overload and without the database."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class StatusBoard:
    """What `zajil.status` hung up last."""

    pages: Mapping[str, bytes] = field(default_factory=dict)
    """By file name, as in the static copy: en.html, ar.html, status.json, status.atom."""
    etag: str = ""
    served: dict[str, bytes] = field(default_factory=dict)
    """Pages as they were served before, with this server's own links."""
    tell_watcher: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]] | None = None
    """Passes what an operator does on to the process that keeps the incidents, and returns its answer; None while there is none."""

    def hang(self, pages: Mapping[str, bytes], etag: str) -> None:
        self.pages, self.etag = pages, etag
        self.served.clear()
