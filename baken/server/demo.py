"""`baken demo`: makes the demo association when it is not there, and serves it together with its life."""

import ipaddress
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from baken import clock, logs
from baken.demo import fleet
from baken.demo.bench import DemoBench, make_bench, open_bench
from baken.demo.error_log import ERROR_DAYS
from baken.demo.life import run_life
from baken.demo.past import write_past
from baken.demo.world import SITE
from baken.errors.backfill import backfill
from baken.history.store import open_store
from baken.privacy import Pseudonyms, installation_key
from baken.server.demo_alerts import write_alerts
from baken.server.demo_checks import run_jobs, write_checks
from baken.server.run import CannotServe, Child, listen, prepare, serve, until_parent_ends
from baken.settings import Settings, load
from baken.sites.watched import WatchedSites

USERS = (
    ("admin@example.test", "System Manager", "demo-key:demo-secret"),
    ("board@example.test", "Verenigingen Administrator", "board-key:board-secret"),
    ("member@example.test", "neither role: may not see the dashboard", "member-key:member-secret"),
)
PASSWORD = "baken-demo"  # noqa: S105 - the demo holds invented data and listens on loopback only
_STALE = 12 * clock.HOUR
# The past takes about as long to write as the association takes to make.
_SITE_SHARE = 0.6


def run_demo(
    folder: Path,
    *,
    host: str,
    port: int,
    members: int,
    seed: int,
    speed: float,
    fresh: bool,
    console: Console,
    sites: int = 0,
) -> None:
    """Make the demo when needed and serve it until Ctrl-C.

    Args:
        folder: where the demo lives; made when it is not there.
        host, port: where to listen; only loopback is allowed.
        members, seed: which association; another one than is there is made anew.
        speed: how fast life goes on, 1 is life's own pace, 0 stands still.
        fresh: make it anew in any case.
        console: where to tell what happens.
        sites: so many small sites beside it; the administrator is an operator of them all then.

    Raises:
        CannotServe: the address is not loopback, the port is taken, or the folder holds something else.
    """
    if not _is_loopback(host):
        raise CannotServe(
            f"the demo listens on loopback only, not on {host}: its passwords are known to everybody; "
            "use 127.0.0.1, or `baken serve` for a real site"
        )
    listening = listen(host, port)
    settings = _settings(folder, host, sites)
    logs.configure(settings.log)
    bench = _prepare(folder, settings, members=members, seed=seed, fresh=fresh, console=console, sites=sites)
    fleet.stir(bench, clock.now())
    prepare(settings)
    store = open_store(settings.store_url, pool_size=1)
    write_checks(store, bench.site, now=clock.now(), seed=seed)
    store.close()
    where, number = listening.getsockname()[:2]
    console.print(f"\n[bold]Baken demo[/]  http://{where}:{number}\n")
    for user, role, token in USERS:
        console.print(f"  {user:<20} password {PASSWORD}   API token {token:<24} {role}", markup=False, soft_wrap=True)
    console.print("\nCtrl-C stops all of it.")
    life = [Child("life", _life, (bench, speed, seed, settings, (where, number)))] if speed > 0 else []
    shown = {"demo_users": [user for user, _, _ in USERS], "demo_password": PASSWORD}
    serve(settings, listening, life, shown)


def _settings(folder: Path, host: str, sites: int) -> Settings:
    operators = [{"user": USERS[0][0], "site": SITE}] if sites else []
    over = {
        "data_dir": str(folder / "data"),
        "benches": [{"path": str(folder / "bench")}],
        "sites": [],
        "server": {"host": host, "operators": operators},
        # `curl http://127.0.0.1:8800/metrics` works as it is: the demo holds invented data.
        "exporters": {"prometheus": {"allow": ["127.0.0.0/8", "::1"]}},
        "log": {"level": "warning"},
    }
    return load(None, over)


def _prepare(
    folder: Path, settings: Settings, *, members: int, seed: int, fresh: bool, console: Console, sites: int
) -> DemoBench:
    redis_port, web_port = _free_port(), _free_port()
    finished = folder / "data" / "finished"
    bench = open_bench(folder / "bench", redis_port=redis_port, web_port=web_port)
    wanted = (seed, members, sites)
    if (
        bench is not None
        and finished.exists()
        and not fresh
        and (bench.seed, bench.members, fleet.known(bench)) == wanted
    ):
        if clock.now() - bench.made < _STALE:
            return bench
        console.print("The demo is more than half a day old: its past is written anew up to now.")
    shutil.rmtree(folder / "data", ignore_errors=True)
    started = time.monotonic()
    now = clock.now()
    columns = (TextColumn("{task.description:<32}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("Demo association", total=1.0)

        def making(text: str, share: float) -> None:
            progress.update(bar, description=text, completed=share * _SITE_SHARE)

        def remembering(text: str, share: float) -> None:
            progress.update(bar, description=text, completed=_SITE_SHARE + share * (1 - _SITE_SHARE))

        try:
            bench = make_bench(
                folder / "bench",
                seed=seed,
                members=members,
                now=now,
                progress=making,
                redis_port=redis_port,
                web_port=web_port,
            )
            fleet.add_sites(bench, sites, now=now, progress=making)
        except OSError as problem:
            # Without a number it is the bench's own refusal, which says what to do.
            if problem.errno is None:
                raise CannotServe(str(problem)) from None
            raise CannotServe(
                f"the demo cannot be made in {folder}: {problem.strerror}; give a folder that can be written with --dir"
            ) from None
        store = open_store(settings.store_url)
        store.migrate()
        write_past(store, bench.site, bench.database, now=now, seed=seed, progress=remembering)
        progress.update(bar, description="Errors")
        pseudonyms = Pseudonyms(installation_key(settings.data_dir))
        for site in WatchedSites(settings).values():
            backfill(site, store, now, ERROR_DAYS, pseudonyms)
        progress.update(bar, description="Alerts")
        write_alerts(store, settings, bench.site, now=now, seed=seed)
        store.close()
    finished.touch()
    console.print(f"Demo association of {members} members made in {time.monotonic() - started:.0f} s in {folder}")
    return bench


def _life(bench: DemoBench, speed: float, seed: int, settings: Settings, address: tuple[str, int]) -> None:
    logs.configure(settings.log)
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    until_parent_ends(stop.set)
    store = open_store(settings.store_url, pool_size=1)
    jobs = threading.Thread(
        target=run_jobs, args=(settings, store, bench.site, address, seed, stop), name="jobs", daemon=True
    )
    jobs.start()
    run_life(bench, speed=speed, seed=seed, stop=stop)
    jobs.join(2 * clock.SECOND.total_seconds())
    store.close()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
