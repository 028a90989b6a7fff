"""What the demo's scheduled jobs leave when they fail reads as a real failure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL

from baken.demo.bench import make_bench
from baken.demo.jobs import FLAKY
from baken.errors import counts, scheduled_jobs
from baken.errors.counts import Occurrence
from baken.settings import Settings
from baken.sites.site import Site, SiteConfig

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Occurrence]]:
    folder: Path = tmp_path_factory.mktemp("demo")
    bench = make_bench(folder / "b", members=60, now=NOW, progress=lambda *_: None)
    url = URL.create("sqlite", database=str(bench.database))
    site = Site(SiteConfig("demo", url, time_zone="Europe/Amsterdam"), Settings())
    with site.reading(NOW) as reading:
        yield counts.digest(scheduled_jobs.read(reading, {}, NOW).events, {})


def test_failures_of_the_last_day_tell_what_went_wrong(found: list[Occurrence]) -> None:
    assert found
    assert all(NOW - timedelta(hours=24) <= each.event.at <= NOW for each in found)
    for each in found:
        method = each.event.job or ""
        assert ".".join(method.split(".")[-2:]) in FLAKY or "QueryTimeoutError" in (each.event.error or "")
        assert each.found.exception
        assert each.component in ("scheduler", "email", "integration")


def test_each_job_fails_in_its_own_way(found: list[Occurrence]) -> None:
    by_pattern: dict[str, set[str | None]] = {}
    for each in found:
        by_pattern.setdefault(each.found.pattern, set()).add(each.event.job)
    assert all(len(jobs) == 1 for jobs in by_pattern.values())
    assert len(by_pattern) >= 2
