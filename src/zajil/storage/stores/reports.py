"""`ports.stores.reports.ReportStore` in SQL."""

from zajil.ports.database import Read, Transaction
from zajil.ports.stores.reports import Report

_COLUMNS = "report_id, reporter, user_id, room_id, event_id, reason, created_ts_ms, resolved_ts_ms"


class SqlReportStore:
    """Reports in the table of 25_user_data.sql."""

    async def store(self, tx: Transaction, report: Report) -> None:
        await tx.execute(
            f"INSERT INTO reports ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            report.report_id,
            report.reporter,
            report.user_id,
            report.room_id,
            report.event_id,
            report.reason,
            report.created_ts_ms,
            report.resolved_ts_ms,
        )

    async def load(self, tx: Read, *, after: int, with_resolved: bool, count_max: int) -> list[Report]:
        condition = "" if with_resolved else "AND resolved_ts_ms IS NULL "
        sql = f"SELECT {_COLUMNS} FROM reports WHERE report_id > ? {condition}ORDER BY report_id LIMIT ?"
        return [Report(*row) for row in await tx.fetch(sql, after, count_max)]

    async def count_since(self, tx: Read, reporter: str, since_ts_ms: int) -> int:
        sql = "SELECT count(*) FROM reports WHERE reporter = ? AND created_ts_ms > ?"
        count: int = await tx.fetch_value(sql, reporter, since_ts_ms)
        return count

    async def resolve(self, tx: Transaction, report_id: int, resolved_ts_ms: int) -> bool:
        sql = "UPDATE reports SET resolved_ts_ms = ? WHERE report_id = ? AND resolved_ts_ms IS NULL"
        return await tx.execute_counting(sql, resolved_ts_ms, report_id) == 1
