"""The Error Log of a real site: what groups come out, and that nothing personal is stored."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select, text

from baken.errors import patterns, reader
from baken.errors.collect import collect
from baken.history import tables
from baken.history.store import Store
from baken.settings import Settings
from baken.sites.site import Site, SiteConfig
from tests.conftest import FrappeSite
from tests.errors.logs import PSEUDONYMS, store_at

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
SITE = "real"


@pytest.fixture(scope="module")
def real(frappe_site: FrappeSite) -> Iterator[Site]:
    site = Site(SiteConfig(SITE, make_url(frappe_site.database_url)), Settings())
    yield site


@pytest.fixture(scope="module")
def read(real: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = store_at(Path(tmp_path_factory.mktemp("real")) / "store.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "FIRST_READING", timedelta(days=90))
        while True:
            with real.reading(NOW) as reading:
                if not collect(reading, store, NOW, PSEUDONYMS, max_rows=1500).behind:
                    break
    yield store
    store.close()


def test_every_row_is_counted_once(real: Site, read: Store) -> None:
    with real.reading(NOW) as reading:
        rows = reading.scalar(text("SELECT COUNT(*) FROM `tabError Log`"))
        last_day = reading.scalar(text("SELECT COUNT(*) FROM `tabError Log` WHERE creation >= '2026-11-21 20:00:00'"))
        failed = "SELECT COUNT(*) FROM `tabScheduled Job Log` WHERE status = 'Failed' AND modified >= "
        rows += reading.scalar(text(failed + "'2026-11-21 19:00:00'"))
        last_day += reading.scalar(text(failed + "'2026-11-21 20:00:00'"))
        assert collect(reading, read, NOW, PSEUDONYMS).rows == 0
    with read.read() as conn:
        assert patterns.recent(conn, SITE, hours=24 * 60, now=NOW)["total"] == rows
        assert patterns.recent(conn, SITE, now=NOW)["total"] == last_day


def _all(store: Store) -> list[dict[str, Any]]:
    with store.read() as conn:
        found: list[dict[str, Any]] = patterns.recent(conn, SITE, hours=24 * 60, limit=None, now=NOW)["patterns"]
    return found


def test_the_groups_are_the_failures_that_happened(read: Store) -> None:
    found = _all(read)
    # Counted by hand: 118 titles of the provoked failures and what their exceptions tell apart.
    assert 125 <= len(found) <= 145
    counts = Counter({pattern["template"]: pattern["count"] for pattern in found})
    assert counts["Failed to send SEPA notification: verenigingen/templates/emails/sepa_mandate_created.html"] == 421
    assert counts["Missing assignment history for <name> in team Perf Test <n>"] == 90
    assert counts["Race condition in payment history for member <id> invoice <id>"] == 8
    assert counts["User not allowed to delete Customer: <name>"] == 15
    assert counts["SEPA Mandate Discrepancy Check Results:"] == 18
    too_long = [pattern for pattern in found if "CharacterLengthExceeded" in pattern["exception"]]
    assert [pattern["count"] for pattern in too_long] == [923]
    # The first 100 characters of the traceback made 31 groups; no pattern of ours mixes many failures.
    assert found[0]["share"] < 0.19


def test_nothing_personal_is_stored(real: Site, read: Store) -> None:
    with read.read() as conn:
        stored = "\n".join(
            str(value)
            for table in (tables.error_patterns, tables.error_counts, tables.error_watermarks)
            for row in conn.execute(select(table))
            for value in row
        )
    lowered = stored.lower()
    compact = "".join(stored.split())
    with real.reading(NOW) as reading:
        members = reading.rows(
            text("SELECT full_name, first_name, last_name, email, contact_number, iban FROM tabMember")
        )
        users = reading.rows(text("SELECT name, full_name FROM tabUser"))
        documents = {row[0] for row in reading.rows(text("SELECT name FROM tabMember"))}
    sought = {value for member in members for value in (member[0], member[3], member[4]) if value}
    sought |= {f"{member[1]} {member[2]}" for member in members if member[1] and member[2]}
    sought |= {value for user in users for value in user if value and value not in ("Administrator", "Guest")}
    assert len(sought) > 1400
    assert [value for value in sought if value.lower() in lowered] == []
    assert [member[5] for member in members if member[5] and "".join(member[5].split()) in compact] == []
    assert [name for name in documents if name in stored] == []


def test_queries_are_few_small_and_on_an_index(real: Site, read: Store) -> None:
    with real.reading(NOW) as reading:
        collect(reading, read, NOW, PSEUDONYMS)
        plan = reading.rows(
            text("EXPLAIN SELECT name, modified, creation FROM `tabError Log` "
                 "WHERE modified >= '2026-11-22 18:00:00' ORDER BY modified LIMIT 1000")
        )  # fmt: skip
    assert plan[0].key == "modified"
    assert reading.queries <= 4
