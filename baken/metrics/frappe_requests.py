"""How long requests and background jobs take: from the log that Frappe writes when `monitor: 1` is set.

The file is the bench's, shared by all its sites, and grows without end. It is read from where the last look stopped,
a bounded piece at a time.
"""

import json
import math
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from baken.metrics.catalogue import Values, metric
from baken.sites import bench
from baken.sites.problems import NotAvailable
from baken.sites.reading import Reading

QUANTILES = ("0.5", "0.95", "0.99")
_WINDOW = timedelta(hours=1)
_PIECE_BYTES = 4 * 1024 * 1024
# Entries of one site that are kept: a busy site makes fewer in an hour, and more would only cost memory.
_KEPT = 100_000


@metric(
    "frappe_request_seconds",
    unit="seconds",
    title="Request duration",
    help="Time that requests of the last hour took, as far as Frappe has written them to monitor.json.log",
    nl=(
        "Duur van verzoeken",
        "Tijd die verzoeken van het laatste uur duurden, voor zover Frappe ze in monitor.json.log heeft geschreven",
    ),
    labels=("quantile",),
    good="down",
)
def request_seconds(r: Reading) -> Values:
    yield from _quantiles(_durations(r, "request"), "request")


@metric(
    "frappe_requests",
    unit="requests",
    title="Requests",
    help="Requests of the last hour, as far as Frappe has written them to monitor.json.log (every few minutes)",
    nl=(
        "Verzoeken",
        "Verzoeken van het laatste uur, voor zover Frappe ze in monitor.json.log heeft geschreven (om de paar minuten)",
    ),
    labels=("window",),
)
def requests(r: Reading) -> Values:
    yield "1h", len(_durations(r, "request"))


@metric(
    "frappe_job_seconds",
    unit="seconds",
    title="Job duration",
    help="Time that background jobs of the last hour took, as far as Frappe has written them to monitor.json.log",
    nl=(
        "Duur van achtergrondtaken",
        "Tijd die achtergrondtaken van het laatste uur duurden, voor zover Frappe ze in monitor.json.log "
        "heeft geschreven",
    ),
    labels=("quantile",),
    good="down",
)
def job_seconds(r: Reading) -> Values:
    yield from _quantiles(_durations(r, "job"), "background job")


@dataclass
class _Log:
    """One bench's monitor.json.log: how far it was read, and what it told of the last hour.

    `entries` is (site, transaction type) -> (moment as epoch seconds, duration in seconds). `whole_since` is the
    moment from which on every entry was seen.
    """

    path: Path
    inode: int = 0
    offset: int = 0
    behind: bool = False
    whole_since: float = 0.0
    entries: dict[tuple[str, str], deque[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_KEPT))
    )
    lock: threading.Lock = field(default_factory=threading.Lock)


_logs: dict[Path, _Log] = {}
_logs_lock = threading.Lock()


def _durations(r: Reading, kind: str) -> list[float]:
    log = r.once("monitor log", lambda: _read(r))
    since = (r.now - _WINDOW).timestamp()
    with log.lock:
        if log.behind:
            raise NotAvailable("monitor.json.log grew faster than it was read; the rest follows in the next runs")
        if log.whole_since > since:
            raise NotAvailable("monitor.json.log has been followed for less than an hour")
        return [seconds for at, seconds in log.entries[r.site.name, kind] if since < at <= r.now.timestamp()]


def _quantiles(durations: list[float], what: str) -> Values:
    if not durations:
        raise NotAvailable(f"no {what} of the last hour is in monitor.json.log")
    ordered = sorted(durations)
    for quantile in QUANTILES:
        # The nearest rank: a duration that was measured, not one between two.
        yield quantile, ordered[max(0, math.ceil(float(quantile) * len(ordered)) - 1)]


def _read(r: Reading) -> _Log:
    config = r.site.config
    flags = bench.flags(config)
    path = Path(str(config.bench)) / "logs" / "monitor.json.log"
    if not bench.is_on(flags, "monitor"):
        raise NotAvailable(
            "Frappe does not time requests and jobs here; "
            "`monitor: 1` in common_site_config.json makes it write logs/monitor.json.log"
        )
    with _logs_lock:
        log = _logs.setdefault(path, _Log(path))
    with log.lock:
        try:
            _go_on(log, r.now)
        except FileNotFoundError:
            raise NotAvailable("Frappe has not written logs/monitor.json.log yet, although monitor is set") from None
        except OSError as error:
            raise NotAvailable(f"logs/monitor.json.log of the bench cannot be read: {error.strerror}") from None
    return log


def _go_on(log: _Log, now: datetime) -> None:
    state = log.path.stat()
    if not log.inode:
        # The first look begins near the end; what lies before it is unknown.
        log.offset = max(0, state.st_size - _PIECE_BYTES)
        if log.offset:
            log.whole_since = math.inf
    elif state.st_ino != log.inode or state.st_size < log.offset:
        if not _finish_rotated(log):
            log.whole_since = now.timestamp()
        log.offset = 0
    log.inode = state.st_ino
    _take(log, log.path)
    forget = (now - 2 * _WINDOW).timestamp()
    for kept in log.entries.values():
        while kept and kept[0][0] < forget:
            kept.popleft()


def _finish_rotated(log: _Log) -> bool:
    # logrotate moves the file aside; what was written to it after the last look is still there.
    for path in sorted(log.path.parent.glob(f"{log.path.name}*")):
        state = path.stat()
        if path != log.path and state.st_ino == log.inode and state.st_size >= log.offset:
            _take(log, path)
            return not log.behind
    return False


def _take(log: _Log, path: Path) -> None:
    with path.open("rb") as file:
        file.seek(log.offset)
        piece = file.read(_PIECE_BYTES)
        file_goes_on = bool(file.read(1))
    log.behind = len(piece) == _PIECE_BYTES and file_goes_on
    end = piece.rfind(b"\n") + 1
    if not end and len(piece) == _PIECE_BYTES:
        end = len(piece)  # no entry of Frappe's is as long as that
    log.offset += end
    for site, kind, at, seconds in _entries(piece[:end]):
        if log.whole_since == math.inf:
            log.whole_since = at
        log.entries[site, kind].append((at, seconds))


def _entries(lines: bytes) -> Iterator[tuple[str, str, float, float]]:
    for line in lines.splitlines():
        try:
            entry: Any = json.loads(line)
            at = datetime.fromisoformat(str(entry["timestamp"]))
            seconds = float(entry["duration"]) / 1_000_000
            site, kind = str(entry["site"]), str(entry["transaction_type"])
        except (ValueError, KeyError, TypeError):
            continue  # the first line of a piece may be cut, and other programs may write here
        if seconds >= 0:
            yield site, kind, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp(), seconds
