"""What is written along with the runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from baken.collector.buffer import Buffer
from baken.history import releases
from baken.history.samples import Cycle
from baken.history.store import open_store

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SITE = "vereniging.test"


def run(at: datetime, **observations: Any) -> Cycle:
    return Cycle(
        site=SITE,
        at=at,
        samples=[],
        absences={},
        measured=(),
        observations=observations,
        seconds=0.1,
        query_seconds=0.0,
        queries=0,
        ok=True,
        reason=None,
    )


def test_versions_that_change_become_releases(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    buffer = Buffer(store, 100)
    hour = timedelta(hours=1)
    for number, version in enumerate(("15.90.0", "15.90.0", "15.91.0")):
        buffer.add(run(NOW + number * hour, site_facts={"time_zone": "UTC", "apps": {"erpnext": version}}))
        buffer.add(run(NOW + number * hour + hour / 2))
    buffer.add(run(NOW + 4 * hour, site_facts={"time_zone": "UTC", "apps": {}}))
    assert buffer.flush(0.0)
    with store.read() as conn:
        (found,) = releases.recent(conn, SITE)
    store.close()
    assert (found.app, found.version, found.previous) == ("erpnext", "15.91.0", "15.90.0")
    assert found.answer()["at"] == "2026-07-01T14:00:00Z"
