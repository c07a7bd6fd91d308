"""A copy of the source that a test may change: how a version becomes the next one on disk, under a running server."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.servers import ROOT, Server, build_zajil


class Installation:
    """The package in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "src"
        shutil.copytree(
            ROOT / "src" / "zajil",
            self.source / "zajil",
            ignore=shutil.ignore_patterns("__pycache__", "_zajil"),
        )

    def build_server(self, folder: Path, **options: str) -> Server:
        """A server of this version; on SQLite unless a database is named."""
        options.setdefault("database", "")
        server = build_zajil(folder, **options)
        server.env["PYTHONPATH"] = str(self.source)
        return server

    def write(self, path: str, text: str) -> None:
        (self.source / "zajil" / path).write_text(text)

    def read(self, path: str) -> str:
        return (self.source / "zajil" / path).read_text()

    def replace(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert old in text, f"{path} has changed; this test must too"
        self.write(path, text.replace(old, new))
