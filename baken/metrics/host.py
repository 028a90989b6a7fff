"""The machine: processor, memory, disks, network, and the processes that a bench needs."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from baken.metrics.catalogue import HostSubject, Values, metric
from baken.sites.problems import NotAvailable

ROLES = ("web", "worker", "scheduler", "socketio", "redis", "database")
_DATABASES = {"mariadbd", "mysqld", "postgres", "postmaster"}
_REDIS = {"redis-server", "valkey-server"}
_SHELLS = {"sh", "bash", "dash", "zsh"}
# The three process metrics of one run look at the process table once.
_PROCESSES_KEPT_SECONDS = 5.0


@dataclass
class _Memory:
    """What the last measuring saw: figures that are differences need it."""

    cpu: Any = None
    processes: tuple[float, dict[str, list["_Process"]]] | None = None
    cpu_seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    cpu_seen: dict[tuple[int, float], float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class _Process:
    """A process: its id with the moment it began (ids are used again), memory in bytes, processor time in seconds."""

    identity: tuple[int, float]
    memory: int
    cpu_seconds: float


_memory = _Memory()


@metric(
    "host_cpu_ratio",
    unit="ratio",
    title="Processor use",
    help="Share of the processors' time that was used since the last look",
    nl=("Processorgebruik", "Deel van de processortijd dat sinds de vorige meting is gebruikt"),
    scope="host",
    good="down",
)
def cpu_ratio(host: HostSubject) -> Values:
    with _memory.lock:
        before, now = _memory.cpu, psutil.cpu_times()
        _memory.cpu = now
    if before is None:
        raise NotAvailable("processor use is known from the second look on")
    # user and nice hold the time of virtual guests already.
    names = [name for name in now._fields if name not in ("guest", "guest_nice")]
    total = sum(max(0.0, getattr(now, name) - getattr(before, name)) for name in names)
    idle = sum(max(0.0, getattr(now, name) - getattr(before, name)) for name in ("idle", "iowait") if name in names)
    if total <= 0:
        raise NotAvailable("the last look was too short ago to tell processor use")
    yield ((total - idle) / total,)


@metric(
    "host_load",
    unit="processes",
    title="System load",
    help="Processes that ran or waited to run, on average",
    nl=("Systeembelasting", "Processen die gemiddeld liepen of op hun beurt wachtten"),
    labels=("window",),
    scope="host",
    good="down",
)
def load(host: HostSubject) -> Values:
    yield from zip(("1m", "5m", "15m"), psutil.getloadavg(), strict=True)


@metric(
    "host_cpus",
    unit="processors",
    title="Processors",
    help="Processors of the machine",
    nl=("Processors", "Processors van de server"),
    scope="host",
)
def cpus(host: HostSubject) -> Values:
    found = psutil.cpu_count()
    if not found:
        raise NotAvailable("the system does not tell how many processors it has")
    yield (found,)


@metric(
    "host_memory_bytes",
    unit="bytes",
    title="Memory",
    help="Memory of the machine; available: what programs can have without swapping",
    nl=("Geheugen", "Geheugen van de server; beschikbaar is wat programma's kunnen krijgen zonder wisselgeheugen"),
    labels=("state",),
    scope="host",
)
def memory_bytes(host: HostSubject) -> Values:
    memory = psutil.virtual_memory()
    yield "total", memory.total
    yield "used", memory.used
    yield "available", memory.available


@metric(
    "host_memory_used_ratio",
    unit="ratio",
    title="Memory use",
    help="Share of the machine's memory that is not available to programs",
    nl=("Geheugengebruik", "Deel van het geheugen van de server dat niet meer beschikbaar is voor programma's"),
    scope="host",
    good="down",
)
def memory_used_ratio(host: HostSubject) -> Values:
    memory = psutil.virtual_memory()
    yield ((memory.total - memory.available) / memory.total,)


@metric(
    "host_swap_used_ratio",
    unit="ratio",
    title="Swap use",
    help="Share of the swap space that is in use",
    nl=("Gebruik van wisselgeheugen", "Deel van het wisselgeheugen (swap) dat in gebruik is"),
    scope="host",
    good="down",
)
def swap_used_ratio(host: HostSubject) -> Values:
    swap = psutil.swap_memory()
    if not swap.total:
        raise NotAvailable("this machine has no swap space")
    yield (swap.used / swap.total,)


@metric(
    "host_disk_bytes",
    unit="bytes",
    title="Disk space",
    help="Disks that hold the system, the benches and the databases; free: what programs may still use",
    nl=(
        "Schijfruimte",
        "Schijven met het systeem, de benches en de databases; vrij is wat programma's nog mogen gebruiken",
    ),
    labels=("mount", "state"),
    scope="host",
)
def disk_bytes(host: HostSubject) -> Values:
    for mount, usage in _disks(host):
        yield mount, "total", usage.total
        yield mount, "used", usage.used
        yield mount, "free", usage.free


@metric(
    "host_disk_used_ratio",
    unit="ratio",
    title="Disk use",
    help="Share of a disk's usable space that is in use",
    nl=("Schijfgebruik", "Deel van de bruikbare schijfruimte dat in gebruik is"),
    labels=("mount",),
    scope="host",
    good="down",
)
def disk_used_ratio(host: HostSubject) -> Values:
    for mount, usage in _disks(host):
        if usage.used + usage.free:
            yield mount, usage.used / (usage.used + usage.free)


@metric(
    "host_uptime_seconds",
    unit="seconds",
    title="Server uptime",
    help="Time since the machine started",
    nl=("Looptijd van de server", "Tijd sinds de server is gestart"),
    scope="host",
)
def uptime_seconds(host: HostSubject) -> Values:
    yield (time.time() - psutil.boot_time(),)


@metric(
    "host_network_bytes_total",
    unit="bytes",
    title="Network traffic",
    help="Bytes that came in and went out over the network since the machine started, its loopback left out",
    nl=(
        "Netwerkverkeer",
        "Bytes die sinds de start van de server via het netwerk binnenkwamen en uitgingen, zonder het verkeer"
        " binnen de server zelf",
    ),
    labels=("direction",),
    kind="counter",
    scope="host",
)
def network_bytes_total(host: HostSubject) -> Values:
    cards = [counts for name, counts in psutil.net_io_counters(pernic=True).items() if not name.startswith("lo")]
    if not cards:
        raise NotAvailable("this machine shows no network interface")
    yield "in", sum(counts.bytes_recv for counts in cards)
    yield "out", sum(counts.bytes_sent for counts in cards)


@metric(
    "host_disk_io_bytes_total",
    unit="bytes",
    title="Disk reads and writes",
    help="Bytes read from and written to all disks since the machine started",
    nl=(
        "Lezen en schrijven op schijf",
        "Bytes die sinds de start van de server van alle schijven zijn gelezen en erop zijn geschreven",
    ),
    labels=("direction",),
    kind="counter",
    scope="host",
)
def disk_io_bytes_total(host: HostSubject) -> Values:
    counts = psutil.disk_io_counters()
    if counts is None:
        raise NotAvailable("this machine shows no disk counters (as in some containers)")
    yield "read", counts.read_bytes
    yield "write", counts.write_bytes


@metric(
    "host_processes",
    unit="processes",
    title="Processes by role",
    help="Processes on this machine per role, children included",
    nl=("Processen per rol", "Processen op deze server per rol, met hun onderliggende processen"),
    labels=("role",),
    scope="host",
)
def processes(host: HostSubject) -> Values:
    found = _processes(host)
    for role in ROLES:
        yield role, len(found[role])


@metric(
    "host_process_memory_bytes",
    unit="bytes",
    title="Memory by role",
    help="Resident memory of a role's processes; what they share is counted for each of them",
    nl=("Geheugen per rol", "Geheugen van de processen van een rol; wat zij delen, telt voor elk mee"),
    labels=("role",),
    scope="host",
    good="down",
)
def process_memory_bytes(host: HostSubject) -> Values:
    found = _processes(host)
    for role in ROLES:
        if found[role]:
            yield role, sum(process.memory for process in found[role])


@metric(
    "host_process_cpu_seconds_total",
    unit="seconds",
    title="Processor time by role",
    help="Processor time that a role's processes used, those that have ended since Baken started included",
    nl=(
        "Processortijd per rol",
        "Processortijd die de processen van een rol gebruikten, met die welke zijn geëindigd sinds Baken startte",
    ),
    labels=("role",),
    kind="counter",
    scope="host",
)
def process_cpu_seconds_total(host: HostSubject) -> Values:
    found = _processes(host)
    with _memory.lock:
        seen: dict[tuple[int, float], float] = {}
        for role in ROLES:
            for process in found[role]:
                before = _memory.cpu_seen.get(process.identity, 0.0)
                # Adding up what came since keeps the counter from falling when a worker ends.
                _memory.cpu_seconds[role] += max(0.0, process.cpu_seconds - before)
                seen[process.identity] = process.cpu_seconds
        _memory.cpu_seen = seen
        totals = dict(_memory.cpu_seconds)
    for role in ROLES:
        if role in totals:
            yield role, totals[role]


def role_of(name: str, command: Sequence[str]) -> str | None:
    """Which of ROLES a process plays, by its name and its command line; None for any other process."""
    words = [Path(word).name for word in command]
    if name in _DATABASES:
        return "database"
    if name in _REDIS or (words and words[0].split(" ")[0] in _REDIS):
        return "redis"
    if name in _SHELLS:
        return None  # it only starts the process that counts
    if "socketio.js" in words:
        return "socketio"
    if any("frappe.app:application" in word for word in command):
        return "web"
    # `python -m frappe.utils.bench_helper frappe [--site x] worker --queue long`, or `frappe worker` outright.
    if "frappe" not in words and not any("bench_helper" in word for word in words):
        return None
    if "serve" in words:
        return "web"
    if "worker" in words or "worker-pool" in words:
        return "worker"
    return "scheduler" if "schedule" in words else None


def _processes(host: HostSubject) -> dict[str, list[_Process]]:
    if not any(site.config.bench for site in host.sites):
        raise NotAvailable("no watched bench is on this machine, so its processes are elsewhere")
    with _memory.lock:
        kept = _memory.processes
        if kept is None or time.monotonic() - kept[0] > _PROCESSES_KEPT_SECONDS:
            kept = (time.monotonic(), _look_at_processes())
            _memory.processes = kept
    return kept[1]


def _look_at_processes() -> dict[str, list[_Process]]:
    found: dict[str, list[_Process]] = {role: [] for role in ROLES}
    if not psutil.pid_exists(1) or 1 not in psutil.pids():
        raise NotAvailable("the system hides other users' processes (mount option hidepid of /proc)")
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                role = role_of(process.name(), process.cmdline())
                if role:
                    used = process.cpu_times()
                    found[role].append(
                        _Process(
                            identity=(process.pid, process.create_time()),
                            memory=process.memory_info().rss,
                            cpu_seconds=used.user + used.system,
                        )
                    )
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue  # it ended while being looked at
        except psutil.AccessDenied:
            continue  # another user's process whose command line is closed: no bench of ours
    return found


def _disks(host: HostSubject) -> Iterable[tuple[str, Any]]:
    devices = {part.mountpoint: part.device for part in psutil.disk_partitions(all=True)}
    seen: set[Any] = set()
    for place in [Path("/"), *_places(host)]:
        try:
            mount = _mount(place)
            device = devices.get(str(mount), "")
            # One device may be mounted in several places; what is no device (overlay) is told apart by its number.
            key = device if device.startswith("/") else mount.stat().st_dev
            usage = psutil.disk_usage(str(mount))
        except OSError:
            continue  # a folder that is gone is told by what needs it; its disk cannot be told
        if key not in seen and usage.total:
            seen.add(key)
            yield str(mount), usage


def _places(host: HostSubject) -> list[Path]:
    places: set[Path] = set()
    for site in host.sites:
        if site.config.bench:
            places.add(site.config.bench)
        if site.dialect == "sqlite" and site.config.database_url.database:
            places.add(Path(site.config.database_url.database).parent)
        folder = site.memory.get("database_folder")
        if folder:
            places.add(Path(folder))
    return sorted(places)


def _mount(place: Path) -> Path:
    place = place.resolve(strict=True)
    while not os.path.ismount(place):
        place = place.parent
    return place
