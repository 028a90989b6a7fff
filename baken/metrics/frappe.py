"""The site as Frappe runs it: does it answer, who uses it, its backups, its Redis, its certificate.

Errors, jobs and requests are in `frappe_errors`, `frappe_jobs` and `frappe_requests`.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import case, func, select

from baken import clock
from baken.metrics import database
from baken.metrics.catalogue import FIVE_MINUTES, HOUR, TEN_SECONDS, Values, metric, observation
from baken.sites import bench, probe, queues
from baken.sites.problems import NotAvailable, SiteProblem, SiteUnreachable
from baken.sites.reading import Reading

INSTANCES = ("cache", "queue")
# Sites of a bench share what its Redis said for this long.
_SHARED_SECONDS = 2.0
# Sessions are found by reading the whole table; a larger one is left in peace.
_SESSIONS_READ_AT_MOST = 50_000


@metric(
    "frappe_site_up",
    unit="bool",
    title="Site answers",
    help="1 when the site answers a ping over HTTP, 0 when it does not or says that it is under maintenance",
    nl=(
        "Site bereikbaar",
        "1 als de site via HTTP antwoordt, 0 als dat niet zo is of als de site zegt in onderhoud te zijn",
    ),
    good="up",
)
def site_up(r: Reading) -> Values:
    try:
        yield (int(_ping(r).up),)
    except SiteUnreachable:
        yield (0,)


@metric(
    "frappe_site_response_seconds",
    unit="seconds",
    title="Site response time",
    help="Time in which the site answers a ping over HTTP",
    nl=("Antwoordtijd van de site", "Tijd waarin de site via HTTP op een ping antwoordt"),
    good="down",
)
def site_response_seconds(r: Reading) -> Values:
    yield (_ping(r).seconds,)


@metric(
    "frappe_maintenance_mode",
    unit="bool",
    title="Maintenance mode",
    help="1 while maintenance_mode is set in the site's configuration",
    nl=("Onderhoudsmodus", "1 zolang maintenance_mode in de configuratie van de site aanstaat"),
    good="down",
)
def maintenance_mode(r: Reading) -> Values:
    yield (int(bench.is_on(bench.flags(r.site.config), "maintenance_mode")),)


@metric(
    "frappe_users",
    unit="users",
    title="Users",
    help="Users of the site, Guest left out",
    nl=("Gebruikers", "Gebruikers van de site, zonder Guest"),
    labels=("state",),
    needs={"User": ("enabled",)},
    every=FIVE_MINUTES,
)
def users(r: Reading) -> Values:
    table = r.table("User")
    query = select(table.c.enabled, func.count()).where(table.c.name != "Guest").group_by(table.c.enabled)
    counts = {"enabled": 0, "disabled": 0}
    for enabled, number in r.rows(query):
        counts["enabled" if enabled else "disabled"] += number
    yield from counts.items()


@metric(
    "frappe_active_users",
    unit="users",
    title="Active users",
    help="Users who were active on the site within the window",
    nl=("Actieve gebruikers", "Gebruikers die binnen het tijdvak actief waren op de site"),
    labels=("window",),
    needs={"User": ("last_active",)},
    every=FIVE_MINUTES,
)
def active_users(r: Reading) -> Values:
    table = r.table("User")
    windows = {"1h": timedelta(hours=1), "24h": timedelta(hours=24)}
    counts = [
        func.coalesce(func.sum(case((table.c.last_active >= r.local(r.now - span), 1), else_=0)), 0)
        for span in windows.values()
    ]
    query = select(*counts).where(
        table.c.name != "Guest", table.c.last_active >= r.local(r.now - max(windows.values()))
    )
    found = r.row(query)
    if found is not None:
        yield from ((window, int(number)) for window, number in zip(windows, found, strict=True))


@metric(
    "frappe_sessions",
    unit="sessions",
    title="Active sessions",
    help="Sessions of signed-in users that were in use within the last hour; Frappe notes that every ten minutes",
    nl=(
        "Actieve sessies",
        "Sessies van aangemelde gebruikers die in het laatste uur zijn gebruikt; Frappe noteert dat elke tien minuten",
    ),
    every=FIVE_MINUTES,
)
def sessions(r: Reading) -> Values:
    table = r.raw_table("tabSessions")
    missing = [name for name in ("user", "lastupdate") if name not in table.c]
    if missing:
        raise NotAvailable(f"table tabSessions of this site has no column {', '.join(missing)}")
    rows = database.estimate(r, "tabSessions").rows
    if rows > _SESSIONS_READ_AT_MOST:
        raise NotAvailable(f"tabSessions has about {rows} rows and no index on lastupdate: reading it costs too much")
    query = select(func.count()).where(
        table.c.lastupdate >= r.local(r.now - timedelta(hours=1)), table.c.user != "Guest"
    )
    yield (r.scalar(query),)


@metric(
    "frappe_backup_age_seconds",
    unit="seconds",
    title="Age of newest backup",
    help="Age of the newest database backup in the site's private/backups",
    nl=("Leeftijd van nieuwste back-up", "Leeftijd van de nieuwste databaseback-up in private/backups van de site"),
    every=HOUR,
    good="down",
)
def backup_age_seconds(r: Reading) -> Values:
    changed, _ = _backup(r)
    yield (max(0.0, r.now.timestamp() - changed),)


@metric(
    "frappe_backup_bytes",
    unit="bytes",
    title="Size of newest backup",
    help="Size of the newest database backup in the site's private/backups",
    nl=("Omvang van nieuwste back-up", "Omvang van de nieuwste databaseback-up in private/backups van de site"),
    every=HOUR,
    good="up",
)
def backup_bytes(r: Reading) -> Values:
    yield (_backup(r)[1],)


@metric(
    "frappe_redis_up",
    unit="bool",
    title="Redis answers",
    help="1 when the bench's Redis answers, 0 when it does not",
    nl=("Redis bereikbaar", "1 als de Redis van de bench antwoordt, 0 als dat niet zo is"),
    labels=("instance",),
    every=TEN_SECONDS,
    good="up",
)
def redis_up(r: Reading) -> Values:
    found = 0
    for instance in INSTANCES:
        try:
            _redis(r, instance)
        except SiteUnreachable:
            yield instance, 0
        except NotAvailable:
            continue
        else:
            yield instance, 1
        found += 1
    if not found:
        raise NotAvailable(f"no Redis is configured for site {r.site.name}")


@metric(
    "frappe_redis_memory_bytes",
    unit="bytes",
    title="Redis memory",
    help="Memory that Redis uses",
    nl=("Geheugen van Redis", "Geheugen dat Redis gebruikt"),
    labels=("instance",),
    every=TEN_SECONDS,
    good="down",
)
def redis_memory_bytes(r: Reading) -> Values:
    yield from _each_redis(r, lambda health: health.memory_bytes)


@metric(
    "frappe_redis_hit_ratio",
    unit="ratio",
    title="Found in Redis",
    help="Share of look-ups in Redis that found something, since it started",
    nl=("Gevonden in Redis", "Deel van de zoekvragen aan Redis dat iets vond, sinds Redis startte"),
    labels=("instance",),
    good="up",
)
def redis_hit_ratio(r: Reading) -> Values:
    yield from _each_redis(r, lambda health: health.hit_ratio)


@metric(
    "frappe_redis_evictions_total",
    unit="keys",
    title="Keys evicted by Redis",
    help="Keys that Redis threw away because its memory was full, since it started",
    nl=(
        "Door Redis verwijderde sleutels",
        "Sleutels die Redis weggooide omdat het geheugen vol was, sinds Redis startte",
    ),
    labels=("instance",),
    kind="counter",
    good="down",
)
def redis_evictions_total(r: Reading) -> Values:
    yield from _each_redis(r, lambda health: health.evictions)


@metric(
    "frappe_certificate_days_left",
    unit="days",
    title="Certificate days left",
    help="Days until the certificate of the site's URL expires; negative when it has expired",
    nl=("Certificaat nog geldig", "Dagen tot het certificaat van de site verloopt; negatief als het al verlopen is"),
    every=HOUR,
    good="up",
)
def certificate_days_left(r: Reading) -> Values:
    yield ((probe.certificate_ends(r.site) - r.now) / clock.DAY,)


def _ping(r: Reading) -> probe.Answer:
    return r.once("ping", lambda: probe.ping(r.site))


def _redis(r: Reading, instance: str) -> queues.RedisHealth:
    url = r.site.config.redis_cache if instance == "cache" else r.site.config.redis_queue
    key = f"redis {instance} {url}"
    return r.once(key, lambda: r.shared(key, _SHARED_SECONDS, lambda: queues.health(r.site, instance)))


def _each_redis(r: Reading, value: Callable[[queues.RedisHealth], float | None]) -> Values:
    problems: list[SiteProblem] = []
    found = 0
    for instance in INSTANCES:
        try:
            figure = value(_redis(r, instance))
        except SiteProblem as problem:
            problems.append(problem)
            continue
        if figure is not None:
            found += 1
            yield instance, figure
    if not found:
        raise problems[0] if problems else NotAvailable("nothing has been looked up in Redis since it started")


def _backup(r: Reading) -> tuple[float, int]:
    return r.once("backup", lambda: _newest_backup(r))


def _newest_backup(r: Reading) -> tuple[float, int]:
    folder = r.site.config.folder
    if folder is None:
        raise NotAvailable(f"the backups of site {r.site.name} are on another machine: its bench is not here")
    place: Path = folder / "private" / "backups"
    found: list[tuple[float, int]] = []
    try:
        for file in place.iterdir():
            # Encrypted ones end with -database-enc.sql.gz.
            if file.name.endswith(".sql.gz") and "-database" in file.name:
                state = file.stat()
                found.append((state.st_mtime, state.st_size))
    except FileNotFoundError:
        raise NotAvailable(
            f"site {r.site.name} has no folder private/backups: nothing was backed up here yet"
        ) from None
    except OSError as error:
        raise NotAvailable(f"private/backups of site {r.site.name} cannot be read: {error.strerror}") from None
    if not found:
        raise NotAvailable(f"private/backups of site {r.site.name} holds no database backup (*-database.sql.gz)")
    return max(found)


@observation("site_facts", help="The site's time zone, kind of database, and installed apps with versions", every=HOUR)
def site_facts(r: Reading) -> dict[str, object]:
    return {"time_zone": r.site.zone(r).key, "database": r.dialect, "apps": _apps(r)}


def _apps(r: Reading) -> dict[str, str | None]:
    if not r.has("Installed Application", "app_name", "app_version"):
        return {}
    table = r.table("Installed Application")
    rows = r.rows(select(table.c.app_name, table.c.app_version).order_by(table.c.idx, table.c.app_name).limit(100))
    return {str(row.app_name): row.app_version for row in rows if row.app_name}
