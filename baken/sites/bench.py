"""Finds the sites of a bench folder and reads their configuration the way Frappe does."""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from baken.settings import RemoteSite, Settings
from baken.sites.problems import BenchProblem, NotAvailable
from baken.sites.site import SiteConfig

_FLAGS = (
    "maintenance_mode", "pause_scheduler", "disable_scheduler", "mute_emails", "monitor", "developer_mode",
    "rq_job_failure_ttl",
)  # fmt: skip
_DEFAULT_PORTS = {"mariadb": 3306, "postgres": 5432}


def site_names(bench: Path) -> list[str]:
    """Names of the sites of the bench at `bench`: folders below `sites/` with a site_config.json.

    Raises BenchProblem when the folder is no bench or has no site.
    """
    sites = bench / "sites"
    if not bench.is_dir():
        raise BenchProblem(f"{bench} is no folder; give the path of the bench, the folder that holds sites/")
    if not sites.is_dir():
        raise BenchProblem(f"{bench} is no bench: it has no folder sites/; give the folder that holds sites/ and apps/")
    found = sorted(folder.parent.name for folder in sites.glob("*/site_config.json"))
    if not found:
        raise BenchProblem(f"bench {bench} has no sites: no folder below {sites} holds a site_config.json")
    return found


def read_site(bench: Path, name: str, url: str | None = None) -> SiteConfig:
    """The configuration of one site of a bench.

    Args:
        bench: the bench's folder.
        name: the site's name.
        url: address of the bench's web server; None: http://127.0.0.1:<webserver_port>.

    Raises:
        BenchProblem: a file is missing or broken, or lacks what is needed to read the site.
    """
    bench = bench.resolve()
    config = configuration(bench, name)
    return SiteConfig(
        name=name,
        database_url=_database_url(config, bench, name, f"sites/{name}/site_config.json"),
        bench=bench,
        redis_cache=_redis(config.get("redis_cache")),
        redis_queue=_redis(config.get("redis_queue")),
        bench_id=str(config.get("bench_id") or str(bench).strip("/").replace("/", "-")),
        url=url or f"http://127.0.0.1:{config.get('webserver_port') or 8000}",
        host=name,
        encryption_key=config.get("encryption_key"),
        time_zone=None,
        flags={flag: config[flag] for flag in _FLAGS if flag in config},
    )


def configuration(bench: Path, name: str) -> dict[str, Any]:
    """What the configuration files of a site say now: the bench's, and over it the site's own.

    Raises BenchProblem: a file is missing or broken.
    """
    own = bench / "sites" / name / "site_config.json"
    if not own.is_file():
        known = ", ".join(site_names(bench))
        raise BenchProblem(f"bench {bench} has no site {name!r} ({own} does not exist); it has: {known}")
    return _json(bench / "sites" / "common_site_config.json", optional=True) | _json(own)


def flags(config: SiteConfig) -> dict[str, Any]:
    """The switches of a site's configuration files as they are now (maintenance_mode, pause_scheduler, monitor…).

    The files are read again only when they changed. Raises NotAvailable for a site that is read from elsewhere,
    BenchProblem for a broken file.
    """
    if config.bench is None or config.folder is None:
        raise NotAvailable(
            f"the configuration files of site {config.name} are on another machine: name its bench in baken.toml"
        )
    common = _flags_in(*_version(config.bench / "sites" / "common_site_config.json"))
    return common | _flags_in(*_version(config.folder / "site_config.json"))


def is_on(flags: dict[str, Any], name: str) -> bool:
    """Whether the switch `name` is set, read as leniently as Frappe's `cint` does."""
    value = flags.get(name)
    try:
        return bool(int(float(value or 0)))
    except (TypeError, ValueError):
        return False


def _version(path: Path) -> tuple[Path, int, int]:
    try:
        found = path.stat()
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=4096)
def _flags_in(path: Path, changed: int, size: int) -> dict[str, Any]:
    content = _json(path, optional=True)
    return {flag: content[flag] for flag in _FLAGS if flag in content}


def remote_site(given: RemoteSite) -> SiteConfig:
    """The configuration of a site that baken.toml gives by its addresses.

    Raises BenchProblem when the database URL cannot be read.
    """
    try:
        url = make_url(given.database_url.get_secret_value())
    except ArgumentError:
        raise BenchProblem(
            f"database_url of site {given.name} is no URL; write mysql+pymysql://user:password@host:3306/database, "
            "postgresql+psycopg2://… or sqlite:////absolute/path"
        ) from None
    if url.get_backend_name() not in ("mysql", "mariadb", "postgresql", "sqlite"):
        raise BenchProblem(f"database_url of site {given.name}: Baken reads MariaDB, PostgreSQL and SQLite")
    return SiteConfig(
        name=given.name,
        database_url=url,
        redis_cache=given.redis_cache.get_secret_value() if given.redis_cache else None,
        redis_queue=given.redis_queue.get_secret_value() if given.redis_queue else None,
        bench_id=given.bench_id,
        url=given.url,
        host=None,
        encryption_key=given.encryption_key.get_secret_value() if given.encryption_key else None,
        time_zone=given.time_zone,
    )


def find_sites(settings: Settings) -> tuple[list[SiteConfig], list[tuple[str, BenchProblem]]]:
    """All sites that the settings name, and what keeps the others from being watched.

    Returns:
        The configurations, by name; and pairs of (site or bench, problem). A site that cannot be read does not
        keep the others from being watched.
    """
    configs: dict[str, SiteConfig] = {}
    troubles: list[tuple[str, BenchProblem]] = []

    def add(name: str, make: Any) -> None:
        try:
            config = make()
        except BenchProblem as problem:
            troubles.append((name, problem))
            return
        if name in configs:
            troubles.append((name, BenchProblem(f"two sites are called {name}; the first is watched, rename one")))
            return
        configs[name] = config

    for bench in settings.benches:
        try:
            names: Iterable[str] = bench.sites or site_names(bench.path)
        except BenchProblem as problem:
            troubles.append((str(bench.path), problem))
            continue
        for name in names:
            add(name, lambda bench=bench, name=name: read_site(bench.path, name, bench.url))
    for given in settings.sites:
        add(given.name, lambda given=given: remote_site(given))
    return sorted(configs.values(), key=lambda config: config.name), troubles


def _json(path: Path, *, optional: bool = False) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if optional:
            return {}
        raise BenchProblem(f"{path} does not exist") from None
    except json.JSONDecodeError as error:
        raise BenchProblem(
            f"{path} is not valid JSON (line {error.lineno}, column {error.colno}): {error.msg}; correct the file"
        ) from None
    except UnicodeDecodeError:
        raise BenchProblem(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise BenchProblem(f"{path} cannot be read ({error.strerror}); let the user that runs Baken read it") from None
    if not isinstance(content, dict):
        raise BenchProblem(f"{path} holds no JSON object; it should begin with {{")
    return content


def _database_url(config: dict[str, Any], bench: Path, name: str, shown: str) -> URL:
    kind = str(config.get("db_type") or "mariadb")
    database = config.get("db_name")
    if not database:
        raise BenchProblem(f"site '{name}' has no db_name in {shown}")
    if kind == "sqlite":
        return URL.create("sqlite", database=str(bench / "sites" / name / "db" / f"{database}.db"))
    if kind not in _DEFAULT_PORTS:
        raise BenchProblem(f"site '{name}' has db_type {kind!r} in {shown}; Baken reads mariadb, postgres and sqlite")
    password = config.get("db_password")
    if not password:
        raise BenchProblem(f"site '{name}' has no database password in {shown}; set db_password")
    driver = "mysql+pymysql" if kind == "mariadb" else "postgresql+psycopg2"
    socket = config.get("db_socket")
    port = config.get("db_port") or _DEFAULT_PORTS[kind]
    try:
        port = int(port)
    except (TypeError, ValueError):
        raise BenchProblem(f"site '{name}' has db_port {port!r} in its configuration: that is no number") from None
    query = {"unix_socket" if kind == "mariadb" else "host": str(socket)} if socket else {}
    return URL.create(
        driver,
        username=str(config.get("db_user") or database),
        password=str(password),
        host=None if socket else str(config.get("db_host") or "127.0.0.1"),
        port=None if socket and kind == "mariadb" else port,
        database=str(database),
        query=query,
    )


def _redis(value: Any) -> str | None:
    if not value:
        return None
    text = str(value)
    return text if "://" in text else f"redis://{text}"
