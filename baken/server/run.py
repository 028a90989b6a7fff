"""`baken serve`: the web process and the collector side by side, each started again when it dies."""

import contextlib
import errno
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any

import structlog

from baken import logs
from baken.alerts import ready
from baken.collector.run import new_holder
from baken.exporters.pushing import exporters_of
from baken.history.store import open_store
from baken.privacy import installation_key
from baken.settings import Settings

log = structlog.get_logger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_HEALTHY_AFTER = 60.0
_FAREWELL = 15.0
_WATCH_PARENT = 1.0

_context = multiprocessing.get_context("spawn")


class CannotServe(Exception):
    """The server cannot start; the text says why and what to do."""


@dataclass(slots=True)
class Child:
    """A process to keep alive: `target` is called with `args` in a process of its own."""

    role: str
    target: Callable[..., None]
    args: tuple[Any, ...]
    process: SpawnProcess | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    not_before: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Keeps children alive until it is told to stop."""

    children: list[Child]
    stop: threading.Event = field(default_factory=threading.Event)
    on_start: Callable[[str, int], None] = lambda role, pid: None

    def run(self) -> None:
        """Start the children, start each again when it dies, end all of them when `stop` is set."""
        try:
            while not self.stop.is_set():
                for child in self.children:
                    self._tend(child)
                self.stop.wait(0.2)
        finally:
            self._end()

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            if child.process.is_alive():
                return
            code = child.process.exitcode
            lived = now - child.started
            child.pause = _FIRST_PAUSE if lived > _HEALTHY_AFTER else min(_LONGEST_PAUSE, child.pause * 2)
            child.not_before = now + (0 if lived > _HEALTHY_AFTER else child.pause / 2)
            child.process = None
            if code == 0 and self.stop.is_set():
                return
            log.error("a process ended and is started again", process=child.role, exit_code=code)
        if now < child.not_before:
            return
        process = _context.Process(target=child.target, args=child.args, name=f"baken-{child.role}", daemon=False)
        with _without_main():
            process.start()
        child.process, child.started = process, now
        self.on_start(child.role, process.pid or 0)

    def _end(self) -> None:
        alive = [child.process for child in self.children if child.process is not None]
        for process in alive:
            if process.is_alive():
                process.terminate()
        ends = time.monotonic() + _FAREWELL
        for process in alive:
            process.join(max(0.1, ends - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Let a child that is started meanwhile not import the program that this process runs: it needs no command line."""
    main = sys.modules["__main__"]
    names = ("__spec__", "__file__")
    kept: dict[str, Any] = {name: main.__dict__.pop(name) for name in names if name in main.__dict__}
    # What multiprocessing looks for; with neither of the two it imports nothing.
    main.__dict__["__spec__"] = None
    try:
        yield
    finally:
        main.__dict__.update(kept)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`. Raises CannotServe when the port is taken or the address unknown."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # The protocol by its number: asyncio sends at once, without waiting to fill a packet (40 ms an answer on a
        # kept connection), only on sockets that say that they are TCP.
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError as error:
        raise CannotServe(
            f"cannot listen on {host} port {port}: {error.strerror or error}; {_listen_remedy(error)}"
        ) from None
    return listening


def _listen_remedy(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "give an address of this machine with --host, such as 127.0.0.1, or 0.0.0.0 for all of them"
    if isinstance(error, PermissionError):
        return "choose a port above 1023 with --port"
    return "stop what uses the port or choose another one with --port"


def prepare(settings: Settings) -> None:
    """Make or update what the processes need before they start: the installation's key and the store.

    Raises KeyProblem, SettingsError when rules, channels or recipients of alerts or targets of exports cannot be used,
    and StoreError when the store cannot be opened or prepared.
    """
    installation_key(settings.data_dir)
    ready.check(settings)
    store = open_store(settings.store_url, pool_size=1)
    store.migrate()
    for each in exporters_of(settings, store, lambda: ()):
        each.close()
    store.close()


def serve(
    settings: Settings,
    listening: socket.socket,
    extra: list[Child] | None = None,
    demo: Mapping[str, Any] | None = None,
) -> None:
    """Serve the web pages and collect until SIGINT or SIGTERM.

    Args:
        settings: all settings.
        listening: the socket from `listen`.
        extra: further processes to keep alive beside them, such as the demo's life.
        demo: what the sign-in page may tell of the demo.

    The store is there and up to date: see `prepare`.
    """
    pids = _context.Array("i", 2)
    children = [
        Child("web", _web, (settings, listening, dict(demo or {}))),
        Child("collector", _collect, (settings, pids, new_holder())),
        *(extra or []),
    ]
    supervisor = Supervisor(children)

    def remember(role: str, pid: int) -> None:
        if role == "web":
            pids[0], pids[1] = pid, os.getpid()

    supervisor.on_start = remember

    def stop(_signal: int, _frame: FrameType | None) -> None:
        supervisor.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    supervisor.run()


def until_parent_ends(stop: Callable[[], None]) -> None:
    """Call `stop` when the process that started this one is gone, so that no orphan goes on writing."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_PARENT)
        stop()

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def _web(settings: Settings, listening: socket.socket, demo: dict[str, Any]) -> None:
    import uvicorn

    from baken.server.app import create_app
    from baken.sites.watched import WatchedSites

    logs.configure(settings.log)
    # Ctrl-C reaches the whole process group; the supervisor alone decides when it is over.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    store = open_store(settings.store_url, pool_size=settings.history.pool_size)
    sites = WatchedSites(settings)
    stopping = threading.Event()

    def refresh() -> None:
        while not stopping.wait(30):
            sites.refresh()

    threading.Thread(target=refresh, name="sites", daemon=True).start()
    app = create_app(settings, store, sites, demo=demo)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Pages that listen for changes would be waited for in vain.
            app.state.close_streams()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        http="httptools",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)

    def leave() -> None:
        server.should_exit = True

    until_parent_ends(leave)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    stopping.set()
    store.close()


def _collect(settings: Settings, pids: Any, holder: str) -> None:
    from baken.collector.run import Collector
    from baken.sites.watched import WatchedSites

    logs.configure(settings.log)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    until_parent_ends(stop.set)
    store = open_store(settings.store_url, pool_size=settings.history.pool_size)

    def processes() -> dict[str, int]:
        return {role: pid for role, pid in (("web", pids[0]), ("supervisor", pids[1])) if pid}

    Collector(settings, store, WatchedSites(settings), processes, holder).run(stop)
    store.close()
