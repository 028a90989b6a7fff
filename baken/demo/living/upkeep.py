"""Old rows of the logs are deleted, as Frappe's Log Settings do."""

from datetime import datetime, timedelta

from baken.demo.living.stage import Stage
from baken.demo.rhythm import local, stamp

# Rows a log keeps at most, whatever its days: the demo may run for weeks.
_MOST_ROWS = {
    "Error Log": 12_000,
    "Scheduled Job Log": 20_000,
    "Email Queue": 15_000,
    "Activity Log": 12_000,
    "Version": 5_000,
}
_KEPT_DAYS = {"Error Log": 90, "Scheduled Job Log": 7, "Email Queue": 30, "Activity Log": 90, "Version": 90}


def prune(stage: Stage, now: datetime) -> None:
    """Delete old log rows by `modified`, as Frappe's Log Settings do, some hundreds at a time."""
    stage.pruned = now
    for doctype, days in _KEPT_DAYS.items():
        table = f'"tab{doctype}"'
        oldest = stamp(local(now) - timedelta(days=days))
        over = int(stage.one(f"SELECT COUNT(*) FROM {table}")) - _MOST_ROWS[doctype]  # noqa: S608 - own names
        expired = int(stage.one(f"SELECT COUNT(*) FROM {table} WHERE modified < ?", oldest))  # noqa: S608
        count = min(3000, max(over, expired))
        if count > 0:
            stage.conn.execute(
                f"DELETE FROM {table} WHERE name IN (SELECT name FROM {table} ORDER BY modified LIMIT ?)",  # noqa: S608
                (count,),
            )
    stage.conn.execute('DELETE FROM "tabEmail Queue Recipient" WHERE parent NOT IN (SELECT name FROM "tabEmail Queue")')
