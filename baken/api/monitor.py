"""Baken about itself: does the collector run, is the store well, could the site be read, does every hop work."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from baken import __version__, clock
from baken.api import snapshots
from baken.api.context import DASHBOARD_ROLES, Call
from baken.api.registry import method
from baken.clock import iso
from baken.errors import watermarks
from baken.history import leases, samples
from baken.history.problems import StoreError
from baken.history.store import Store
from baken.sites.problems import NotAvailable, SiteProblem

SILENT = timedelta(minutes=3)
"""The collector runs over every site at least once a minute; after so long without a run it is not well."""


def collector_state(store: Store, now: Any) -> dict[str, Any]:
    """Whether the collector works.

    Returns:
        {running, last_seen (ISO or null), age_seconds (or null), holder (or null), reason (null when it runs)}

    Raises:
        StoreError: the store cannot be read.
    """
    with store.read() as conn:
        states = samples.site_states(conn)
        lease = leases.collecting(conn, now)
    newest = max((state.at for state in states.values()), default=None)
    held = lease is not None
    reason = None
    if newest is None:
        reason = None if held else "nothing has been collected yet: start `baken serve`, or enable the site's scheduler"
    elif now - newest > SILENT:
        reason = store.lack_of_room() or (
            f"no run since {iso(newest)}; look into Baken's log" + ("" if held else ": the collector is gone")
        )
    return {
        "running": held and (newest is None or now - newest <= SILENT),
        "last_seen": iso(newest),
        "age_seconds": None if newest is None else max(0.0, round((now - newest).total_seconds(), 1)),
        "holder": lease.holder if lease is not None else None,
        "reason": reason
        or (
            None
            if held
            else store.lack_of_room() or "nobody collects: start `baken serve`, or enable the site's scheduler"
        ),
    }


@method("baken.get_monitor_status", roles=DASHBOARD_ROLES)
def get_monitor_status(call: Call) -> dict[str, Any]:
    """How Baken itself is: the collector, the store, the last run over the site, and what it cost the site.

    Returns collector, site, store, absent (how many metrics have no figure), version, timestamp.
    """
    return status(call)


def status(call: Call) -> dict[str, Any]:
    """What `get_monitor_status` answers."""
    shot = snapshots.of(call.store, call.site_name)
    figures, state = shot.figures, shot.figures.state

    def ask() -> dict[str, Any]:
        return collector_state(call.store, call.now)

    # The age grows by itself; once a second is often enough.
    collector = shot.once(("collector", call.now.replace(microsecond=0)), ask)
    site: dict[str, Any] = {"name": call.site_name, "ok": None, "reason": "not looked at yet", "at": None}
    if state is not None:
        site |= {
            "ok": state.ok,
            "reason": state.reason,
            "at": iso(state.at),
            "seconds": round(state.seconds, 4),
            "query_seconds": round(state.query_seconds, 4),
            "queries": state.queries,
            "missed": state.missed,
            "failures": state.failures,
        }
    own = {
        name: figures.one(metric).value
        for name, metric in (("lag_seconds", "monitor_lag_seconds"), ("store_bytes", "monitor_store_bytes"))
    }
    memory = {sample.labels.get("process", ""): sample.value for sample in figures.samples("monitor_memory_bytes")}
    return {
        "collector": collector,
        "site": {**site, "absent": len(figures.absences)},
        "store": {"kind": call.store.dialect, "bytes": own["store_bytes"]},
        "lag_seconds": own["lag_seconds"],
        "memory_bytes": memory,
        "absent": len(figures.absences),
        "version": __version__,
        "timestamp": iso(call.now),
    }


def test_hops(call: Call) -> list[dict[str, Any]]:
    """Try each hop once; never raises.

    Returns a list of {hop, ok (null: does not apply here), ms, detail}.
    """
    hops: list[tuple[str, Callable[[Call], str]]] = [
        ("site database", _database),
        ("redis cache", lambda call: _redis(call, "cache")),
        ("redis queue", lambda call: _redis(call, "queue")),
        ("site address", _address),
        ("store", _store),
        ("collector", _collector),
        ("error reader", _errors),
    ]
    return [_tried(call, name, run) for name, run in hops]


def _tried(call: Call, name: str, run: Callable[[Call], str]) -> dict[str, Any]:
    started = time.perf_counter()
    ok: bool | None
    try:
        ok, detail = True, run(call)
    except NotAvailable as reason:
        ok, detail = None, str(reason)
    except (SiteProblem, StoreError) as problem:
        ok, detail = False, str(problem)
    return {"hop": name, "ok": ok, "ms": round((time.perf_counter() - started) * 1000, 1), "detail": detail}


def _database(call: Call) -> str:
    with call.chosen.reading(call.now) as reading:
        reading.require("User", "enabled")
        reading.single("System Settings", "time_zone")
        return f"{reading.dialect}; {reading.queries} queries"


def _redis(call: Call, which: str) -> str:
    # It brings in the client of Redis, which the web process has no other use for.
    from baken.sites import queues

    health = queues.health(call.chosen, which)
    return f"{health.memory_bytes // 1024} KiB in use"


def _address(call: Call) -> str:
    # It brings in a client of HTTP and what reads certificates.
    from baken.sites import probe

    answer = probe.ping(call.chosen)
    if not answer.up:
        raise SiteProblem(f"the site's address answers with HTTP {answer.status} to a ping")
    return f"HTTP {answer.status} in {answer.seconds * 1000:.0f} ms"


def _store(call: Call) -> str:
    name = "test " + call.site_name[:100]
    ttl = timedelta(seconds=1)
    with call.store.write() as conn:
        # The lease that nobody uses stands for any row: written, read and removed again.
        leases.take(conn, name, "test", ttl, clock.now())
    with call.store.read() as conn:
        found = leases.holder(conn, name)
    with call.store.write() as conn:
        leases.release(conn, name, "test")
    if found is None or found.holder != "test":
        raise StoreError("what was written into the store cannot be read back; look at the disk and the store's log")
    return f"{call.store.dialect}, written and read back"


def _collector(call: Call) -> str:
    found = collector_state(call.store, call.now)
    if not found["running"]:
        raise SiteProblem(found["reason"] or "the collector does not run")
    age = found["age_seconds"]
    return "holds the lease; no run yet" if age is None else f"holds the lease; last run {age:g} s ago"


def _errors(call: Call) -> str:
    with call.store.read() as conn:
        mark = watermarks.load(conn, call.site_name)
    if mark is None:
        raise NotAvailable("the site's Error Log has not been read yet")
    if mark.behind:
        raise SiteProblem(f"the Error Log is still being read; it has been read up to {iso(mark.until)}")
    if call.now - mark.read_at > SILENT:
        raise SiteProblem(f"the Error Log was last read {iso(mark.read_at)}; check that the collector runs")
    return f"read up to {iso(mark.until)}, last looked at {iso(mark.read_at)}"
