"""How long requests take: Frappe's monitor.json.log is followed, however it grows, breaks and is rotated."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from baken.metrics import frappe_requests
from baken.sites.problems import NotAvailable
from tests.conftest import FrappeSite
from tests.metrics.conftest import NOW, Subject
from tests.metrics.test_frappe import configured, figures


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frappe_requests, "_logs", {})


@pytest.fixture
def log(frappe_site: FrappeSite) -> Iterator[Path]:
    """Where the bench's log belongs, with monitoring switched on; it does not exist yet."""
    folder = frappe_site.bench / "logs"
    folder.mkdir(exist_ok=True)
    with configured(frappe_site, monitor=1):
        yield folder / "monitor.json.log"
    for file in folder.glob("monitor.json.log*"):
        file.unlink()


def line(milliseconds: float, at: datetime, kind: str = "request", site: str = "dev.example.test") -> str:
    """A line as Frappe writes it."""
    entry: dict[str, Any] = {
        "duration": int(milliseconds * 1000),
        "site": site,
        "timestamp": str(at),
        "transaction_type": kind,
        "uuid": "0",
    }
    return json.dumps(entry, sort_keys=True, separators=(",", ":")) + "\n"


def append(log: Path, *lines: str) -> None:
    with log.open("a") as file:
        file.writelines(lines)


def test_without_the_switch_it_says_how_to_turn_it_on(frappe_subject: Subject) -> None:
    with pytest.raises(NotAvailable, match="monitor: 1"):
        figures("frappe_requests", frappe_subject)


def test_without_the_file(frappe_subject: Subject, log: Path) -> None:
    with pytest.raises(NotAvailable, match="not written"):
        figures("frappe_requests", frappe_subject)


def test_quantiles_of_the_last_hour_of_this_site(frappe_subject: Subject, log: Path) -> None:
    append(log, *(line(number, NOW - timedelta(minutes=30)) for number in range(1, 101)))
    append(log, line(9_000, NOW - timedelta(minutes=61)), line(9_000, NOW, site="other.example.test"))
    append(log, line(250, NOW - timedelta(minutes=5), "job"))
    assert figures("frappe_request_seconds", frappe_subject) == {"0.5": 0.05, "0.95": 0.095, "0.99": 0.099}
    assert figures("frappe_requests", frappe_subject) == {"1h": 100}
    assert figures("frappe_job_seconds", frappe_subject) == {"0.5": 0.25, "0.95": 0.25, "0.99": 0.25}
    later = NOW + timedelta(minutes=31)
    assert figures("frappe_requests", frappe_subject, later) == {"1h": 0}
    with pytest.raises(NotAvailable, match="no request"):
        figures("frappe_request_seconds", frappe_subject, later)


def test_what_is_appended_is_read_once_also_a_line_in_two_pieces(frappe_subject: Subject, log: Path) -> None:
    append(log, line(10, NOW), "no json\n", '{"site": "dev.example.test"}\n', "\n")
    assert figures("frappe_requests", frappe_subject) == {"1h": 1}
    whole = line(20, NOW)
    append(log, whole[:30])
    assert figures("frappe_requests", frappe_subject) == {"1h": 1}
    append(log, whole[30:])
    assert figures("frappe_requests", frappe_subject) == {"1h": 2}
    assert figures("frappe_requests", frappe_subject) == {"1h": 2}


def test_a_rotated_log_is_read_to_its_end(frappe_subject: Subject, log: Path) -> None:
    append(log, line(10, NOW))
    assert figures("frappe_requests", frappe_subject) == {"1h": 1}
    append(log, line(20, NOW))
    log.rename(log.with_name("monitor.json.log.1"))
    append(log, line(30, NOW))
    assert figures("frappe_requests", frappe_subject) == {"1h": 3}


def test_a_truncated_log_is_not_called_whole(frappe_subject: Subject, log: Path) -> None:
    append(log, *(line(10, NOW) for _ in range(10)))
    assert figures("frappe_requests", frappe_subject) == {"1h": 10}
    log.write_text(line(10, NOW))
    with pytest.raises(NotAvailable, match="less than an hour"):
        figures("frappe_requests", frappe_subject)
    later = NOW + timedelta(minutes=61)
    append(log, line(10, later - timedelta(minutes=1)))
    assert figures("frappe_requests", frappe_subject, later) == {"1h": 1}


def test_each_look_reads_a_bounded_piece(frappe_subject: Subject, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frappe_requests, "_PIECE_BYTES", 1000)
    append(log, line(1, NOW - timedelta(hours=2)))
    assert figures("frappe_requests", frappe_subject) == {"1h": 0}
    append(log, *(line(10, NOW) for _ in range(20)))
    with pytest.raises(NotAvailable, match="grew faster"):
        figures("frappe_requests", frappe_subject)
    looks = 0
    while looks < 10:
        looks += 1
        try:
            assert figures("frappe_requests", frappe_subject) == {"1h": 20}
            break
        except NotAvailable:
            continue
    assert 1 <= looks < 10


def test_a_long_log_is_begun_near_its_end(frappe_subject: Subject, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frappe_requests, "_PIECE_BYTES", 1000)
    append(log, *(line(10, NOW - timedelta(minutes=20)) for _ in range(50)))
    with pytest.raises(NotAvailable, match="less than an hour"):
        figures("frappe_requests", frappe_subject)
