"""Figures of the machine, against the system's own."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from baken.metrics import catalogue, host
from baken.metrics.catalogue import HostSubject
from baken.sites.problems import NotAvailable
from tests.metrics.conftest import Subject


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_memory", host._Memory())


@pytest.fixture
def subject(frappe_subject: Subject) -> Iterator[HostSubject]:
    yield HostSubject((frappe_subject.site,))


def measure(name: str, subject: HostSubject) -> list[tuple[Any, ...]]:
    found = catalogue.get(name)
    assert found is not None
    assert found.scope == "host"
    return list(found.measure(subject))


def test_every_figure_is_there_or_says_why_not(subject: HostSubject) -> None:
    for entry in catalogue.metrics("host"):
        try:
            values = list(entry.measure(subject))
        except NotAvailable as reason:
            assert str(reason)
        else:
            assert values, entry.name
            assert all(len(value) == len(entry.labels) + 1 for value in values)


def test_processor_use_is_a_difference(subject: HostSubject) -> None:
    with pytest.raises(NotAvailable, match="second look"):
        measure("host_cpu_ratio", subject)
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        pass
    [(busy,)] = measure("host_cpu_ratio", subject)
    # This was busy all the time on one of them, or others were.
    assert 0.5 / (psutil.cpu_count() or 1) < busy <= 1


def test_memory_is_the_machines(subject: HostSubject) -> None:
    found = dict(measure("host_memory_bytes", subject))
    assert found["total"] == psutil.virtual_memory().total
    assert found["available"] < found["total"]


def test_disks_hold_the_system_and_the_bench_once(subject: HostSubject) -> None:
    mounts = [mount for mount, state, _ in measure("host_disk_bytes", subject) if state == "total"]
    assert len(mounts) == len(set(mounts))
    assert "/" in mounts
    usage = os.statvfs("/")
    found = {(mount, state): value for mount, state, value in measure("host_disk_bytes", subject)}
    assert found["/", "total"] == usage.f_frsize * usage.f_blocks
    assert all(0 <= ratio <= 1 for _, ratio in measure("host_disk_used_ratio", subject))


def test_a_bench_that_is_gone_hides_no_other_disk() -> None:
    config = SimpleNamespace(bench=Path("/nowhere/at/all"), database_url=SimpleNamespace(database=None))
    gone: Any = SimpleNamespace(config=config, dialect="mariadb", memory={})
    assert "/" in dict(measure("host_disk_used_ratio", HostSubject((gone,))))


def test_processes_count_the_servers_of_the_tests(subject: HostSubject) -> None:
    before = dict(measure("host_processes", subject))
    assert before["database"] >= 1
    assert before["redis"] >= 1
    assert dict(measure("host_process_memory_bytes", subject))["database"] > 1_000_000
    assert dict(measure("host_process_cpu_seconds_total", subject))["database"] > 0


def test_processes_are_elsewhere_without_a_bench_here() -> None:
    with pytest.raises(NotAvailable, match="no watched bench"):
        measure("host_processes", HostSubject(()))


def test_cpu_seconds_do_not_fall_when_a_process_ends(subject: HostSubject, monkeypatch: pytest.MonkeyPatch) -> None:
    def show(*found: host._Process) -> float:
        processes: dict[str, list[host._Process]] = {role: [] for role in host.ROLES}
        processes["worker"] = list(found)
        monkeypatch.setattr(host, "_processes", lambda _: processes)
        return float(dict(measure("host_process_cpu_seconds_total", subject))["worker"])

    assert show(host._Process((1, 1.0), 1, 10.0), host._Process((2, 1.0), 1, 5.0)) == 15
    assert show(host._Process((1, 1.0), 1, 12.0)) == 17
    # The id is used again by another process.
    assert show(host._Process((1, 1.0), 1, 12.0), host._Process((2, 9.0), 1, 1.0)) == 18


@pytest.mark.parametrize(
    ("name", "command", "role"),
    [
        ("gunicorn", "/b/env/bin/python /b/env/bin/gunicorn -b 127.0.0.1:8000 frappe.app:application --preload", "web"),
        ("python3", "/b/env/bin/python -m frappe.utils.bench_helper frappe serve --port 8000", "web"),
        ("python", "/b/env/bin/python -m frappe.utils.bench_helper frappe worker --queue short,default", "worker"),
        ("python", "/b/env/bin/python -m frappe.utils.bench_helper frappe worker-pool --num-workers 4", "worker"),
        ("python", "/b/env/bin/python -m frappe.utils.bench_helper frappe schedule", "scheduler"),
        ("node", "/usr/bin/node apps/frappe/socketio.js", "socketio"),
        ("redis-server", "/usr/bin/redis-server 127.0.0.1:13000", "redis"),
        ("mariadbd", "/usr/sbin/mariadbd --datadir=/var/lib/mysql", "database"),
        ("postgres", "postgres: checkpointer", "database"),
        ("sh", "sh -c bench worker && frappe worker", None),
        ("vim", "vim apps/frappe/worker.py", None),
        ("python", "python -m http.server serve", None),
    ],
)
def test_roles(name: str, command: str, role: str | None) -> None:
    assert host.role_of(name, command.split()) == role


def test_hidden_processes_are_no_zero(subject: HostSubject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "pid_exists", lambda pid: False)
    with pytest.raises(NotAvailable, match="hidepid"):
        measure("host_processes", subject)
