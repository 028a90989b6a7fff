"""Charts of a store that keeps little, with a real VictoriaMetrics behind it."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from baken import clock
from baken.api import registry, snapshots
from baken.api.context import DASHBOARD_ROLES, Call, Caller
from baken.exporters.backfill import backfill
from baken.history import joined, remote, retention
from baken.history.ranges import Points
from baken.history.samples import Cycle, record
from tests.api.alerted import SITE, ask
from tests.api.test_figures import RESPONSE, course, remember
from tests.conftest import in_ci
from tests.server.world import ADMIN, World, make_world
from tests.server_victoria import VictoriaMetrics
from tests.servers import ServerMissingError, running

DAYS = 40


@pytest.fixture(scope="module")
def victoria() -> Iterator[VictoriaMetrics]:
    try:
        with running(VictoriaMetrics) as server:
            yield server
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))


@contextlib.contextmanager
def world_of(folder: Path, url: str) -> Iterator[World]:
    """A world with its long history at `url`."""
    remote.forget()
    target = {"url": f"{url}/api/v1/write", "name": "long"}
    more = {"history": {"metrics_url": url}, "exporters": {"remote_write": [target]}}
    with make_world(folder, names=(SITE,), more=more) as found:
        yield found
    remote.forget()


def asked(world: World, **args: Any) -> Any:
    snapshots.forget(world.store)
    return ask(world, "baken.get_series", metric=RESPONSE, site=SITE, **args)


def test_a_chart_goes_on_where_the_store_ends(tmp_path: Path, victoria: VictoriaMetrics) -> None:
    with world_of(tmp_path, victoria.url) as world:
        # VictoriaMetrics keeps some fifteen digits.
        remember(world, RESPONSE, [round(value, 4) for value in course(DAYS)])
        with world.store.write() as conn:
            record(conn, [Cycle(SITE, clock.now(), [])])
        backfill(world.settings, world.store, "long", DAYS + 1, clock.now(), lambda _day, _sent: None)
        victoria.flush()
        whole = asked(world, hours=30 * 24, step=3600, usual=1)
        while not retention.maintain(world.store, clock.now(), retention.Retention(2, 2, 2)).complete:
            pass
        found = asked(world, hours=30 * 24, step=3600, usual=1)
    assert found["series"] == whole["series"]
    assert found["series"][0]["usual"] is not None
    assert found["gaps"] == whole["gaps"]
    assert len(found["series"][0]["at"]) > 29 * 24


def test_a_long_history_that_is_away_is_a_gap_with_its_reason(tmp_path: Path) -> None:
    with world_of(tmp_path, "http://127.0.0.1:1") as world:
        remember(world, RESPONSE, course(3))
        found = asked(world, hours=10 * 24, step=3600)
        (line,) = found["series"]
        (gap,) = found["gaps"]
        assert gap["reason"] == "the long history at 127.0.0.1 cannot be reached: Connection refused"
        assert gap["start"] <= found["start"]
        assert gap["end"] == line["at"][0]
        assert asked(world, hours=24, step=3600)["gaps"] == []


def test_nobody_waits_for_the_store_while_the_long_history_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more who wait for the long history than the store has connections, another answer comes at once."""
    waiting, go_on = threading.Semaphore(0), threading.Event()

    def slowly(*_: Any, **__: Any) -> list[Points]:
        waiting.release()
        go_on.wait(20)
        return []

    monkeypatch.setattr(joined, "read_remote", slowly)
    with world_of(tmp_path, "http://127.0.0.1:1") as world:
        remember(world, RESPONSE, course(3))
        admin = Caller(ADMIN, "Admin", DASHBOARD_ROLES)

        def chart(hours: int) -> Any:
            call = Call(world.settings, world.store, world.sites, world.sites[SITE], admin, clock.now())
            return registry.invoke(call, "baken.get_series", {"metric": RESPONSE, "hours": hours, "step": 3600})

        threads = [threading.Thread(target=chart, args=(24 * 10 + hours,)) for hours in range(20)]
        for thread in threads:
            thread.start()
        try:
            for _ in threads:
                assert waiting.acquire(timeout=15)
            assert len(chart(6)["series"]) == 1
        finally:
            go_on.set()
            for thread in threads:
                thread.join()
