"""What an operator asks about other servers, and decides."""

from dataclasses import dataclass

from zajil.core.server_keys import ServerKey
from zajil.ports.database import Read, Stream, Transaction
from zajil.ports.stores.federation_queue import DestinationRow
from zajil.services.app import App


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One other server: what waits for it, and how it has answered lately (None: well, or never asked)."""

    server_name: str
    pdus: int
    edus: int
    row: DestinationRow | None


async def list_servers(app: App) -> list[ServerStatus]:
    """Every server for which something waits, or that has failed."""
    return await load_servers(app, app.db.reader)


async def load_servers(app: App, read: Read) -> list[ServerStatus]:
    """The same, as of one reading."""
    store = app.stores.federation_queue
    rows = {row.server_name: row for row in await store.load_destinations(read) if row.failures}
    waiting = {each.server_name: each for each in await store.count_waiting(read)}
    found = []
    for name in sorted(rows.keys() | waiting.keys()):
        length = waiting.get(name)
        found.append(
            ServerStatus(
                name, 0 if length is None else length.pdus, 0 if length is None else length.edus, rows.get(name)
            )
        )
    return found


async def retry_servers(app: App, server_name: str | None) -> int:
    """Have one server, or all that have failed, tried at once; returns how many."""
    store = app.stores.federation_queue

    async def item(tx: Transaction) -> int:
        count = 0
        for row in await store.load_destinations(tx):
            if row.failures and server_name in (None, row.server_name):
                await store.store_destination(
                    tx, DestinationRow(row.server_name, row.failures, row.since_ts, 0, row.cause)
                )
                count += 1
        await tx.append(Stream.FEDERATION, server_name or "")
        return count

    return await app.db.write(item)


async def list_keys(app: App, server_name: str) -> list[ServerKey]:
    """The signing keys of another server that are known here."""
    return await app.stores.server_keys.load_keys(app.db.reader, server_name)
