"""A Thumbnailer that hands pictures to confined processes, started when needed and stopped when idle."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

from zajil.media.thumbnail_worker import HEADER, HEADER_BYTES_MAX, Refused, sniff_type
from zajil.ports.thumbnailer import (
    SOURCE_BYTES_MAX,
    NotAPicture,
    Picture,
    PictureTooLarge,
    Thumbnail,
    ThumbnailerBusy,
    ThumbnailShape,
)

WORKERS_MAX = 4
WAITING_MAX = 64
JOB_S_MAX = 10.0
# A new process now and then: no decoder is trusted not to leak.
JOBS_PER_WORKER_MAX = 200
IDLE_S_MAX = 60.0
BEGINNING_BYTES = 16
THUMBNAIL_BYTES_MAX = 32 * 1024 * 1024


class Worker:
    """One process and the pipe to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.jobs = 0

    async def run(self, job: dict[str, Any], source: AsyncIterable[bytes]) -> tuple[dict[str, Any], bytes]:
        """Send a job and return the answer. Raises EOFError or ConnectionError when the process has died."""
        incoming, outgoing = self.process.stdin, self.process.stdout
        assert incoming is not None
        assert outgoing is not None
        self.jobs += 1
        frame = json.dumps(job).encode()
        incoming.write(HEADER.pack(len(frame)) + frame)
        left = job["length"]
        async for chunk in source:
            left -= len(chunk)
            if left < 0:
                break
            incoming.write(chunk)
            await incoming.drain()
        if left:
            raise EOFError("the source is not as long as it was said to be")
        await incoming.drain()
        (size,) = HEADER.unpack(await outgoing.readexactly(HEADER.size))
        if size > HEADER_BYTES_MAX:
            raise EOFError("the answer is malformed")
        answer: dict[str, Any] = json.loads(await outgoing.readexactly(size))
        if answer["length"] > THUMBNAIL_BYTES_MAX:
            raise PictureTooLarge("the thumbnail is too large")
        return answer, await outgoing.readexactly(answer["length"])

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


class ProcessThumbnailer:
    """`job_s_max` bounds one picture in seconds, `workers_max` the processes."""

    def __init__(self, *, workers_max: int | None = None, job_s_max: float = JOB_S_MAX) -> None:
        count = workers_max or max(1, min(WORKERS_MAX, (os.cpu_count() or 2) // 2))
        self._slots = asyncio.Semaphore(count)
        self._job_s_max = job_s_max
        self._waiting = 0
        self._idle: list[Worker] = []
        self._idle_timer: asyncio.TimerHandle | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._closed = False

    async def build_thumbnail(self, source: AsyncIterable[bytes], length: int, shape: ThumbnailShape) -> Thumbnail:
        job = {
            "task": "thumbnail",
            "length": length,
            "width": shape.width,
            "height": shape.height,
            "crops": shape.crops,
            "animated": shape.animated,
        }
        answer, body = await self._run(job, source)
        is_original = answer["is_original"]
        return Thumbnail(answer["content_type"], answer["width"], answer["height"], None if is_original else body)

    async def measure(self, source: AsyncIterable[bytes], length: int) -> Picture:
        answer, _ = await self._run({"task": "measure", "length": length}, source)
        return Picture(answer["content_type"], answer["width"], answer["height"])

    async def close(self) -> None:
        self._closed = True
        self._stop_idle()
        await asyncio.gather(*self._stopping)

    async def _run(self, job: dict[str, Any], source: AsyncIterable[bytes]) -> tuple[dict[str, Any], bytes]:
        if job["length"] > SOURCE_BYTES_MAX:
            raise PictureTooLarge(f"more than {SOURCE_BYTES_MAX} bytes")
        if self._waiting >= WAITING_MAX:
            raise ThumbnailerBusy
        self._waiting += 1
        try:
            source = await self._check_beginning(source)
            async with self._slots:
                answer, body = await self._run_on_worker(job, source)
        finally:
            self._waiting -= 1
        if "refused" in answer:
            raise (PictureTooLarge if answer["refused"] == "too_large" else NotAPicture)(answer.get("cause", ""))
        return answer, body

    async def _check_beginning(self, source: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        try:
            async with asyncio.timeout(self._job_s_max):
                return await check_beginning(source)
        except TimeoutError:
            raise PictureTooLarge(f"took more than {self._job_s_max} s to read") from None

    async def _run_on_worker(self, job: dict[str, Any], source: AsyncIterable[bytes]) -> tuple[dict[str, Any], bytes]:
        worker = self._idle.pop() if self._idle else await start_worker()
        try:
            async with asyncio.timeout(self._job_s_max):
                result = await worker.run(job, source)
        except TimeoutError:
            await worker.stop()
            raise PictureTooLarge(f"took more than {self._job_s_max} s") from None
        except (EOFError, ConnectionError) as error:
            # The process died of this picture: the memory limit, or a fault in a decoder.
            await worker.stop()
            raise NotAPicture(str(error)) from error
        except BaseException:
            await asyncio.shield(worker.stop())
            raise
        self._keep(worker)
        return result

    def _keep(self, worker: Worker) -> None:
        if self._closed or worker.jobs >= JOBS_PER_WORKER_MAX:
            self._stop(worker)
            return
        self._idle.append(worker)
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = asyncio.get_running_loop().call_later(IDLE_S_MAX, self._stop_idle)

    def _stop_idle(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        while self._idle:
            self._stop(self._idle.pop())

    def _stop(self, worker: Worker) -> None:
        task = asyncio.create_task(worker.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


async def check_beginning(source: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same stream, once its first bytes look like a picture: most files are encrypted and need not be read whole."""
    chunks = aiter(source)
    beginning = b""
    async for chunk in chunks:
        beginning += chunk
        if len(beginning) >= BEGINNING_BYTES:
            break
    try:
        sniff_type(beginning)
    except Refused:
        raise NotAPicture("not a format known here") from None

    async def resume() -> AsyncIterator[bytes]:
        yield beginning
        async for chunk in chunks:
            yield chunk

    return resume()


async def start_worker() -> Worker:
    """Start a process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "zajil.media.thumbnail_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=build_environment(),
        cwd="/",
    )
    return Worker(process)


def build_environment() -> dict[str, str]:
    """Where the code is, how little to use, and nothing else of our environment, which holds secrets."""
    return {
        "PYTHONPATH": os.pathsep.join(str(Path(path).resolve()) for path in sys.path if path),
        "VIPS_CONCURRENCY": "1",
        "VIPS_BLOCK_UNTRUSTED": "1",
        "MALLOC_ARENA_MAX": "2",
    }
