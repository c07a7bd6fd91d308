"""What of a new version's schema is done while it serves: backfills in small steps, and taking away what nobody reads any more."""

import asyncio
import secrets
import time

import structlog

from zajil.ports.database import Busy, Conflict, Database, StorageUnavailable, Transaction
from zajil.storage.schema_steps import Kind, Step, find_pending, find_version

log = structlog.get_logger(__name__)

SIGHTING_S = 60.0
UNSEEN_MS = 10 * 60 * 1000
"""A process that has not been seen for so long does not run any more."""
NODE_KEPT_MS = 24 * 3600 * 1000
BACKFILL_PAUSE_S = 0.05
"""Between two portions: it gives way to people."""
RETRY_S = 5.0


class SchemaKeeper:
    """One server process's part in it. Several may do the same at once: every portion and every step is idempotent."""

    def __init__(self, db: Database, engine: str) -> None:
        self._db = db
        self._engine = engine
        self._node = secrets.token_hex(8)

    async def run(self) -> None:
        """For as long as the process serves."""
        while True:
            try:
                pause_s = await self._round()
            except (StorageUnavailable, Busy, Conflict) as error:
                log.info("the schema is changed later", cause=str(error))
                pause_s = RETRY_S
            except Exception:
                log.exception("the schema cannot be changed")
                pause_s = SIGHTING_S
            await asyncio.sleep(pause_s)

    async def _round(self) -> float:
        """Report, and do what is due; returns when to come again."""
        await self._db.write(self._note_sighting)
        done = {row[0] for row in await self._db.reader.fetch("SELECT number FROM schema_steps")}
        for step in find_pending(self._engine, done, Kind.BACKFILL, Kind.CONTRACT):
            if step.kind is Kind.BACKFILL:
                await self._backfill(step)
            elif not await self._contract(step):
                break
        return SIGHTING_S

    async def leave(self) -> None:
        """This process does not read the database any more."""
        await self._db.write(lambda tx: tx.execute("DELETE FROM schema_nodes WHERE node = ?", self._node))

    async def _note_sighting(self, tx: Transaction) -> None:
        now_ms = _now_ms()
        await tx.execute(
            "INSERT INTO schema_nodes (node, version, seen_ts_ms) VALUES (?, ?, ?)"
            " ON CONFLICT (node) DO UPDATE SET seen_ts_ms = excluded.seen_ts_ms",
            self._node,
            find_version(self._engine),
            now_ms,
        )
        await tx.execute("DELETE FROM schema_nodes WHERE seen_ts_ms < ?", now_ms - NODE_KEPT_MS)

    async def _backfill(self, step: Step) -> None:
        (statement,) = step.statements
        began, rows = time.monotonic(), 0
        while True:
            changed: int = await self._db.write(lambda tx: tx.execute_counting(statement))
            rows += changed
            if not changed:
                break
            await asyncio.sleep(BACKFILL_PAUSE_S)
        await self._db.write(lambda tx: _note_done(tx, step, minimum=None))
        log.info(
            "schema backfilled", step=step.number, name=step.name, rows=rows, seconds=round(time.monotonic() - began, 1)
        )

    async def _contract(self, step: Step) -> bool:
        """False while a process of a version before it may run."""
        older = await self._db.reader.fetch_value(
            "SELECT count(*) FROM schema_nodes WHERE version < ? AND seen_ts_ms > ?", step.number, _now_ms() - UNSEEN_MS
        )
        if older:
            return False

        async def contract(tx: Transaction) -> None:
            await _note_done(tx, step, minimum=step.number)
            for statement in step.statements:
                await tx.execute(statement)

        await self._db.write(contract)
        log.info("schema contracted", step=step.number, name=step.name)
        return True


async def _note_done(tx: Transaction, step: Step, *, minimum: int | None) -> None:
    await tx.execute(
        "INSERT INTO schema_steps (number, done_ts_ms) VALUES (?, ?) ON CONFLICT (number) DO NOTHING",
        step.number,
        _now_ms(),
    )
    await tx.execute("UPDATE schema_state SET version = ? WHERE version < ?", step.number, step.number)
    if minimum is not None:
        await tx.execute("UPDATE schema_state SET minimum = ? WHERE minimum < ?", minimum, minimum)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
