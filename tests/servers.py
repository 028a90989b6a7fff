"""Private database and Redis servers for the tests.

Each server lives in its own temporary folder, listens on a free port of 127.0.0.1 only, and can be
stopped and started again, so that a test can see what Baken does when a server goes away. Durability is
switched off (no fsync): these servers are thrown away.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psycopg2
import pymysql
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

START_SECONDS = 90.0
PASSWORD = "baken-tests"


class Runs(Protocol):
    """A server that can be started and stopped, again and again."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


Server = TypeVar("Server", bound=Runs)


class ServerMissingError(Exception):
    """A server's program is not installed on this machine."""


class ServerFailedError(Exception):
    """A server did not start; the message carries the end of its log."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses at this moment.

    None of those that the system gives to whoever connects somewhere (32768 and above): a server that is stopped for
    a while would not get its port back.
    """
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def program(*names: str, folders: tuple[str, ...] = ("/usr/sbin", "/usr/local/sbin")) -> str:
    """Path of the first of `names` that is installed; raises ServerMissingError when none is."""
    search = os.pathsep.join([os.environ.get("PATH", ""), *folders])
    for name in names:
        found = shutil.which(name, path=search)
        if found:
            return found
    raise ServerMissingError(f"{' or '.join(names)} is not installed")


@dataclass
class Process:
    """One server process: how it is started, how one sees that it is ready, and its log."""

    name: str
    folder: Path
    command: list[str]
    ready: Callable[[], None]
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def start(self) -> None:
        """Start the server and wait until it answers; no effect when it runs already."""
        if self.process is not None and self.process.poll() is None:
            return
        identity: dict[str, Any] = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own session: Ctrl-C in the terminal must not reach the server before the tests end.
                start_new_session=True,
                **identity,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ready()
                return
            except (OSError, pymysql.Error, psycopg2.Error, redis.RedisError) as problem:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    tail = self.log.read_text(errors="replace")[-2000:]
                    raise ServerFailedError(f"{self.name} did not start: {problem}\n{tail}") from problem
            time.sleep(0.03)

    def stop(self) -> None:
        """Shut the server down in an orderly way and wait for its end."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class MariaDB:
    """A MariaDB server. `url(database)` connects over TCP as a user who may do everything."""

    user = "baken"
    password = PASSWORD

    def __init__(self, folder: Path) -> None:
        server = program("mariadbd", "mysqld")
        install = program("mariadb-install-db", "mysql_install_db")
        self.folder = folder
        self.port = free_port()
        self.socket = str(folder / "mariadb.sock")
        data, temporary = folder / "data", folder / "tmp"
        # A server that starts deletes the temporary tables of all others that use the same folder for them.
        temporary.mkdir()
        # MariaDB refuses to run as root unless it is told so by name.
        identity = ["--user=root"] if os.geteuid() == 0 else []
        installed = subprocess.run(
            [
                install,
                "--no-defaults",
                *identity,
                f"--datadir={data}",
                f"--tmpdir={temporary}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-log-file-size=8M",
                "--innodb-flush-log-at-trx-commit=0",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode:
            raise ServerFailedError(f"{install} failed: {installed.stdout[-1000:]}{installed.stderr[-1000:]}")
        first = folder / "first.sql"
        first.write_text(
            f"CREATE USER IF NOT EXISTS '{self.user}'@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{self.user}'@'%' WITH GRANT OPTION;\n"
        )
        self.process = Process(
            "MariaDB",
            folder,
            [
                server,
                "--no-defaults",
                *identity,
                f"--datadir={data}",
                f"--tmpdir={temporary}",
                f"--socket={self.socket}",
                f"--port={self.port}",
                f"--pid-file={folder / 'mariadb.pid'}",
                f"--init-file={first}",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_unicode_ci",
                "--innodb-buffer-pool-size=64M",
                "--innodb-log-file-size=16M",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-flush-method=nosync",
                "--innodb-doublewrite=0",
                "--innodb-fast-shutdown=1",
                "--max-connections=200",
                "--max-allowed-packet=64M",
                "--performance-schema=OFF",
            ],
            self._ping,
        )

    def _ping(self) -> None:
        self.connect().close()

    def connect(self, database: str | None = None, **options: Any) -> "pymysql.Connection[Any]":
        """A new connection with all privileges (autocommit on); the caller closes it."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            # Who may set up TLS reads the machine's authorities for it at each connection, 20 ms of processor time.
            ssl_disabled=True,
            **options,
        )

    def execute(self, statement: str, *, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement as administrator and return its rows."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def create_database(self, name: str) -> str:
        """Make an empty database (an old one of that name goes) and return its SQLAlchemy URL."""
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        return self.url(name)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database of this server."""
        return f"mysql+pymysql://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}?charset=utf8mb4"

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()


class Postgres:
    """A PostgreSQL server. Its super-user is `postgres`, trusted on 127.0.0.1."""

    user = "postgres"

    def __init__(self, folder: Path) -> None:
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        places = tuple(str(path) for path in reversed(versions))
        initdb = program("initdb", folders=places)
        server = program("postgres", folders=places)
        self.folder = folder
        self.port = free_port()
        # PostgreSQL refuses to run as root, without an exception.
        owner = "postgres" if os.geteuid() == 0 else None
        if owner:
            shutil.chown(folder, owner, owner)
        data = folder / "data"
        identity: dict[str, Any] = {"user": owner, "group": owner, "extra_groups": []} if owner else {}
        made = subprocess.run(
            [initdb, "-D", data, "-U", self.user, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            **identity,
        )
        if made.returncode:
            raise ServerFailedError(f"initdb failed: {made.stdout[-1000:]}{made.stderr[-1000:]}")
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "shared_buffers": "32MB",
            "max_connections": "100",
        }
        self.process = Process(
            "PostgreSQL",
            folder,
            [server, "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())],
            self._ping,
            user=owner,
            # "Fast" shutdown: end the sessions that are open instead of waiting for them.
            stop_signal=signal.SIGINT,
        )

    def _ping(self) -> None:
        self.connect().close()

    def connect(self, database: str = "postgres") -> "psycopg2.extensions.connection":
        """A new connection as super-user (autocommit on); the caller closes it."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=self.user, dbname=database)
        connection.autocommit = True
        return connection

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as administrator and return its rows."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def create_database(self, name: str) -> str:
        """Make an empty database (an old one of that name goes) and return its SQLAlchemy URL."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database of this server."""
        return f"postgresql+psycopg2://{self.user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()


class RedisServer:
    """A Redis server without persistence: after stop() and start() it is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = Process(
            "Redis",
            folder,
            [
                program("redis-server", "valkey-server"),
                *("--port", str(self.port)),
                *("--bind", "127.0.0.1"),
                *("--dir", str(folder)),
                *("--save", ""),
                *("--appendonly", "no"),
            ],
            self._ping,
        )

    def _ping(self) -> None:
        with contextlib.closing(self.client()) as client:
            client.ping()

    def client(self) -> redis.Redis:
        """A new client that does not retry; the caller closes it."""
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=60, retry=Retry(NoBackoff(), 0))

    def flush(self) -> None:
        """Throw everything away that is in the server."""
        with contextlib.closing(self.client()) as client:
            client.flushall()

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.stop()


@contextlib.contextmanager
def running(make: Callable[[Path], Server]) -> Iterator[Server]:
    """A started server in a temporary folder of its own; stopped and removed at the end."""
    # Short and outside pytest's folders: the path of a socket may have 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="baken-server-"))
    try:
        server = make(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
