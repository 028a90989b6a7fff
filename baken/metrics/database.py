"""The database server and the site's database in it.

Figures of the server (connections, queries, buffer pool) are those of all its sites; sizes, locks and transactions
are the site's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, text

from baken.metrics.catalogue import HOUR, Values, metric
from baken.sites.problems import NotAvailable, SiteUnreachable
from baken.sites.reading import Reading

# Sites that share a server share its status figures for this long.
_SHARED_SECONDS = 2.0
_LARGEST = 10
# A right that was refused is tried again after this long.
_ASKED_AGAIN = timedelta(hours=1)

_STATUS_NAMES = (
    "Threads_connected",
    "Slow_queries",
    "Questions",
    "Innodb_deadlocks",
    "Innodb_row_lock_current_waits",
    "Innodb_buffer_pool_read_requests",
    "Innodb_buffer_pool_reads",
    "Created_tmp_disk_tables",
)
_STATUS = text("SHOW GLOBAL STATUS WHERE Variable_name IN :names").bindparams(bindparam("names", expanding=True))
_POSTGRES_STATUS = text(
    "SELECT (SELECT SUM(numbackends) FROM pg_stat_database) AS connections, deadlocks, temp_files, blks_hit, blks_read "
    "FROM pg_stat_database WHERE datname = current_database()"
)
_TABLES = {
    "mariadb": "SELECT table_name, data_length, index_length FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
    "postgres": "SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = current_schema()",
}
_ESTIMATES = {
    "mariadb": "SELECT table_rows, data_length + index_length FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_name = :name",
    "postgres": "SELECT c.reltuples, pg_total_relation_size(c.oid) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = :name AND n.nspname = current_schema()",
}
# innodb_trx tells the start in the server's own zone, whatever the session's is.
_LONGEST_MARIADB = text(
    "SELECT COALESCE(MAX(TIMESTAMPDIFF(MICROSECOND, CONVERT_TZ(t.trx_started, 'SYSTEM', '+00:00'), UTC_TIMESTAMP(6)))"
    " / 1000000, 0) FROM information_schema.innodb_trx t "
    "JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
    "WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID()"
)
_LONGEST_POSTGRES = text(
    "SELECT EXTRACT(EPOCH FROM clock_timestamp() - MIN(xact_start)), "
    "COUNT(*) FILTER (WHERE query = '<insufficient privilege>' AND usesysid IS NOT NULL), current_user "
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_LOCK_WAITS_POSTGRES = text(
    "SELECT COUNT(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE NOT l.granted AND a.datname = current_database()"
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How big a table is: rows as the database estimates them, and bytes with its indexes, None where not told."""

    rows: int
    bytes: int | None


@metric(
    "database_up",
    unit="bool",
    title="Database answers",
    help="1 when the site's database answers, 0 when it does not",
    nl=("Database bereikbaar", "1 als de database van de site antwoordt, 0 als dat niet zo is"),
    good="up",
)
def up(r: Reading) -> Values:
    try:
        r.scalar(text("SELECT 1"))
    except SiteUnreachable:
        yield (0,)
    else:
        yield (1,)


@metric(
    "database_response_seconds",
    unit="seconds",
    title="Database response time",
    help="Time in which the database answers SELECT 1",
    nl=("Antwoordtijd van de database", "Tijd waarin de database op SELECT 1 antwoordt"),
    good="down",
)
def response_seconds(r: Reading) -> Values:
    # Asked twice: the first may have to make the connection.
    r.scalar(text("SELECT 1"))
    before = r.seconds
    r.scalar(text("SELECT 1"))
    yield (r.seconds - before,)


@metric(
    "database_connections",
    unit="connections",
    title="Database connections",
    help="Connections to the database server, of all its sites",
    nl=("Databaseverbindingen", "Verbindingen met de databaseserver, van alle sites daarop"),
)
def connections(r: Reading) -> Values:
    yield (_connections(r),)


@metric(
    "database_connections_limit",
    unit="connections",
    title="Connection limit",
    help="Connections that the database server allows",
    nl=("Maximum aan verbindingen", "Verbindingen die de databaseserver toestaat"),
)
def connections_limit(r: Reading) -> Values:
    yield (_limit(r),)


@metric(
    "database_connections_used_ratio",
    unit="ratio",
    title="Connections in use",
    help="Share of the database server's connections that is in use",
    nl=("Verbindingen in gebruik", "Deel van de toegestane verbindingen met de databaseserver dat in gebruik is"),
    good="down",
)
def connections_used_ratio(r: Reading) -> Values:
    yield (_connections(r) / _limit(r),)


@metric(
    "database_size_bytes",
    unit="bytes",
    title="Database size",
    help="Size of the site's database by the server's own figures; SQLite tells the whole file as data",
    nl=(
        "Omvang van de database",
        "Omvang van de database van de site volgens de server zelf; SQLite telt het hele bestand als gegevens",
    ),
    labels=("part",),
    every=HOUR,
    good="down",
)
def size_bytes(r: Reading) -> Values:
    if r.dialect == "sqlite":
        yield "data", r.scalar(text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
        return
    tables = _tables(r)
    yield "data", sum(data for data, _ in tables.values())
    yield "index", sum(index for _, index in tables.values())


@metric(
    "database_tables",
    unit="tables",
    title="Database tables",
    help="Tables of the site's database",
    nl=("Databasetabellen", "Tabellen in de database van de site"),
    every=HOUR,
)
def tables(r: Reading) -> Values:
    if r.dialect == "sqlite":
        yield (
            r.scalar(
                text("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'")
            ),
        )
        return
    yield (len(_tables(r)),)


@metric(
    "database_table_bytes",
    unit="bytes",
    title="Largest tables",
    help="Size of the ten largest tables with their indexes",
    nl=("Grootste tabellen", "Omvang van de tien grootste tabellen met hun indexen"),
    labels=("table",),
    every=HOUR,
    good="down",
)
def table_bytes(r: Reading) -> Values:
    if r.dialect == "sqlite":
        raise NotAvailable("SQLite does not tell the size of one table")
    sizes = {name: data + index for name, (data, index) in _tables(r).items()}
    yield from sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0]))[:_LARGEST]


@metric(
    "database_slow_queries_total",
    unit="queries",
    title="Slow queries",
    help="Queries on the database server that took longer than its long_query_time",
    nl=("Trage query's", "Query's op de databaseserver die langer duurden dan long_query_time van de server"),
    kind="counter",
    good="down",
)
def slow_queries_total(r: Reading) -> Values:
    yield (_status(r, "Slow_queries", postgres="PostgreSQL does not count slow queries"),)


@metric(
    "database_queries_total",
    unit="queries",
    title="Queries",
    help="Statements that clients sent to the database server",
    nl=("Query's", "Opdrachten die programma's naar de databaseserver stuurden"),
    kind="counter",
)
def queries_total(r: Reading) -> Values:
    yield (_status(r, "Questions", postgres="PostgreSQL counts transactions, not statements"),)


@metric(
    "database_deadlocks_total",
    unit="deadlocks",
    title="Deadlocks",
    help="Deadlocks that the server resolved by ending a transaction; PostgreSQL: in the site's database",
    nl=(
        "Deadlocks",
        "Deadlocks die de server oploste door een transactie af te breken; bij PostgreSQL: in de database van de site",
    ),
    kind="counter",
    good="down",
)
def deadlocks_total(r: Reading) -> Values:
    yield (_postgres_status(r)["deadlocks"] if r.dialect == "postgres" else _status(r, "Innodb_deadlocks"),)


@metric(
    "database_lock_waits",
    unit="transactions",
    title="Waiting for a lock",
    help="Transactions that wait for a lock at this moment; MariaDB: on the whole server",
    nl=(
        "Wachten op vergrendeling",
        "Transacties die op dit moment op een vergrendeling wachten; bij MariaDB: op de hele server",
    ),
    good="down",
)
def lock_waits(r: Reading) -> Values:
    if r.dialect == "postgres":
        yield (r.scalar(_LOCK_WAITS_POSTGRES),)
    else:
        yield (_status(r, "Innodb_row_lock_current_waits"),)


@metric(
    "database_longest_transaction_seconds",
    unit="seconds",
    title="Longest open transaction",
    help="Age of the oldest open transaction in the site's database; 0 when none is open",
    nl=(
        "Langste open transactie",
        "Leeftijd van de oudste open transactie in de database van de site; 0 als er geen openstaat",
    ),
    good="down",
)
def longest_transaction_seconds(r: Reading) -> Values:
    _needs_server(r)
    if r.dialect == "postgres":
        found = r.row(_LONGEST_POSTGRES)
        if found is not None and found[1]:
            raise NotAvailable(
                "other users' transactions are hidden from Baken's database user; "
                f"GRANT pg_read_all_stats TO {found[2]} shows them"
            )
        yield (float(found[0] or 0) if found is not None else 0.0,)
        return
    denied = r.site.memory.get("transactions_denied")
    if denied is None or r.now - denied > _ASKED_AGAIN:
        try:
            yield (float(r.scalar(_LONGEST_MARIADB)),)
        except NotAvailable:
            r.site.memory["transactions_denied"] = r.now
        else:
            r.site.memory.pop("transactions_denied", None)
            return
    raise NotAvailable(
        "the site's database user may not see transactions; GRANT PROCESS ON *.* to it shows them, "
        "and the statements of all sites on that server"
    )


@metric(
    "database_buffer_pool_hit_ratio",
    unit="ratio",
    title="Read from memory",
    help="Share of page reads that memory answered since the last look; at the first look: since the server started",
    nl=(
        "Uit geheugen gelezen",
        "Deel van de gelezen pagina's dat sinds de vorige meting uit het geheugen kwam; bij de eerste meting:"
        " sinds de start van de server",
    ),
    good="up",
)
def buffer_pool_hit_ratio(r: Reading) -> Values:
    if r.dialect == "postgres":
        status = _postgres_status(r)
        asked, missed = int(status["blks_hit"]) + int(status["blks_read"]), int(status["blks_read"])
    else:
        asked = _status(r, "Innodb_buffer_pool_read_requests")
        missed = _status(r, "Innodb_buffer_pool_reads")
    before = r.site.memory.get("buffer_pool", (0, 0))
    r.site.memory["buffer_pool"] = (asked, missed)
    if asked < before[0] or missed < before[1]:
        before = (0, 0)  # the server was restarted
    if asked == before[0]:
        raise NotAvailable("no page was read since the last look")
    yield (max(0.0, 1 - (missed - before[1]) / (asked - before[0])),)


@metric(
    "database_temporary_disk_tables_total",
    unit="tables",
    title="Temporary tables on disk",
    help="Temporary tables that the server wrote to disk; PostgreSQL: temporary files of the site's database",
    nl=(
        "Tijdelijke tabellen op schijf",
        "Tijdelijke tabellen die de server naar schijf schreef; bij PostgreSQL: tijdelijke bestanden van de "
        "database van de site",
    ),
    kind="counter",
    good="down",
)
def temporary_disk_tables_total(r: Reading) -> Values:
    yield (_postgres_status(r)["temp_files"] if r.dialect == "postgres" else _status(r, "Created_tmp_disk_tables"),)


def estimate(r: Reading, name: str) -> Estimate:
    """How big the table `name` of the site is, from the database's own figures, at no cost.

    Raises NotAvailable when the database has no such figure yet.
    """
    if r.dialect == "sqlite":
        quoted = name.replace('"', '""')
        ends = r.row(text(f'SELECT (SELECT MIN(rowid) FROM "{quoted}"), (SELECT MAX(rowid) FROM "{quoted}")'))  # noqa: S608
        low, high = (ends[0], ends[1]) if ends is not None else (None, None)
        return Estimate(0 if high is None else high - low + 1, None)
    found = r.row(text(_ESTIMATES[r.dialect]), {"name": name})
    if found is None or found[0] is None:
        raise NotAvailable(f"the database does not tell the size of table {name}")
    if found[0] < 0:
        raise NotAvailable(f"PostgreSQL never counted table {name}; it does so at the next ANALYZE")
    return Estimate(int(found[0]), int(found[1]))


def _needs_server(r: Reading) -> None:
    if r.dialect == "sqlite":
        raise NotAvailable("SQLite is a file and has no server")


def _connections(r: Reading) -> int:
    if r.dialect == "postgres":
        return int(_postgres_status(r)["connections"])
    return _status(r, "Threads_connected")


def _limit(r: Reading) -> int:
    _needs_server(r)
    return int(r.once("database limit", lambda: _ask_limit(r)))


def _ask_limit(r: Reading) -> int:
    if r.dialect == "postgres":
        return int(r.scalar(text("SELECT current_setting('max_connections')")))
    found = r.row(text("SELECT @@GLOBAL.max_connections, @@GLOBAL.datadir"))
    if found is None:
        raise NotAvailable("the database server does not tell its limit of connections")
    url = r.site.config.database_url
    if "unix_socket" in url.query or url.host in ("localhost", "127.0.0.1", "::1"):
        # The host's metrics look at the disk that holds it.
        r.site.memory["database_folder"] = str(found[1])
    return int(found[0])


def _status(r: Reading, name: str, *, postgres: str = "PostgreSQL does not tell this") -> int:
    _needs_server(r)
    if r.dialect == "postgres":
        raise NotAvailable(postgres)
    found: Mapping[str, str] = r.once(
        "database status", lambda: r.shared("database status", _SHARED_SECONDS, lambda: _ask_status(r))
    )
    if name not in found:
        raise NotAvailable(f"this database server does not tell {name}")
    return int(found[name])


def _ask_status(r: Reading) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in r.rows(_STATUS, {"names": _STATUS_NAMES})}


def _postgres_status(r: Reading) -> Mapping[str, Any]:
    def ask() -> Mapping[str, Any]:
        found = r.row(_POSTGRES_STATUS)
        if found is None:
            raise NotAvailable("PostgreSQL keeps no statistics about this database")
        return dict(found._mapping)

    return r.once("database status", ask)


def _tables(r: Reading) -> dict[str, tuple[int, int]]:
    def ask() -> dict[str, tuple[int, int]]:
        return {str(row[0]): (int(row[1] or 0), int(row[2] or 0)) for row in r.rows(text(_TABLES[r.dialect]))}

    return r.once("database tables", ask)
