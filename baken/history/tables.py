"""The tables of the store, written once for SQLite, MariaDB and PostgreSQL.

Moments are whole milliseconds since 1970 in UTC (BIGINT). Texts compare byte by byte on every database
(`utf8mb4_bin` on MariaDB), so that a name means the same everywhere. The migrations create these tables; a
test holds the two against each other.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import LONGBLOB, MEDIUMTEXT

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite numbers rows by itself only in a column that is called INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")
Document = Text().with_variant(MEDIUMTEXT(), "mysql")
Blob = LargeBinary().with_variant(LONGBLOB(), "mysql")

SITE = 140
METRIC = 100
LABELS = 400

_INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
# Rows of these tables are found by their key only: SQLite keeps them in the key's own tree.
_BY_KEY: dict[str, Any] = {**_INNODB, "sqlite_with_rowid": False}


def _site(*, key: bool = False) -> Column[str]:
    return Column("site", String(SITE), primary_key=key, nullable=False)


series = Table(
    "series",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    _site(),
    Column("metric", String(METRIC), nullable=False),
    # Canonical JSON: keys sorted, no spaces, ASCII. 640 characters of key are 2,560 bytes; InnoDB takes 3,072.
    Column("labels", String(LABELS), nullable=False),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("site", "metric", "labels", name="uq_series_site_metric_labels"),
    **_INNODB,
)

latest = Table(
    "latest",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("previous_at", BigInteger),
    Column("previous_value", Double),
    **_BY_KEY,
)

measurements = Table(
    "measurements",
    metadata,
    _site(key=True),
    Column("metric", String(METRIC), primary_key=True),
    Column("at", BigInteger, nullable=False),
    **_BY_KEY,
)

samples = Table(
    "samples",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=False),
    **_BY_KEY,
)

chunks = Table(
    "chunks",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("data", Blob, nullable=False),
    **_BY_KEY,
)


def _rollup(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("series_id", BigInteger, primary_key=True, autoincrement=False),
        Column("at", BigInteger, primary_key=True, autoincrement=False),
        Column("count", Integer, nullable=False),
        Column("min", Double, nullable=False),
        Column("max", Double, nullable=False),
        Column("sum", Double, nullable=False),
        Column("last", Double, nullable=False),
        **_BY_KEY,
    )


hourly = _rollup("hourly")
daily = _rollup("daily")

absences = Table(
    "absences",
    metadata,
    _site(key=True),
    Column("metric", String(METRIC), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    **_BY_KEY,
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    _site(),
    Column("starts", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("site", "starts", name="uq_gaps_site_starts"),
    **_INNODB,
)

observations = Table(
    "observations",
    metadata,
    _site(key=True),
    Column("kind", String(METRIC), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("body", Document, nullable=False),
    **_INNODB,
)

site_states = Table(
    "site_states",
    metadata,
    _site(key=True),
    Column("at", BigInteger, nullable=False),
    Column("ok", Boolean(create_constraint=False), nullable=False),
    Column("reason", Text),
    Column("seconds", Double, nullable=False),
    Column("query_seconds", Double, nullable=False),
    Column("queries", Integer, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    **_INNODB,
)

collect_requests = Table(
    "collect_requests",
    metadata,
    _site(key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", String(SITE), nullable=False),
    **_INNODB,
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(SITE), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("expires", BigInteger, nullable=False),
    **_INNODB,
)

# How far the store's own housekeeping got; changes in the transaction that did the work.
marks = Table(
    "marks",
    metadata,
    Column("name", String(SITE), primary_key=True),
    Column("value", BigInteger, nullable=False),
    **_INNODB,
)

audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    _site(),
    Column("user", String(SITE), nullable=False),
    Column("action", String(SITE), nullable=False),
    Column("target", String(255), nullable=False),
    Column("detail", Document, nullable=False),
    Index("ix_audit_at", "at"),
    Index("ix_audit_site_at", "site", "at"),
    **_INNODB,
)

web_sessions = Table(
    "web_sessions",
    metadata,
    # SHA-256 of the cookie's token: who reads the store cannot sign in with what is in it.
    Column("id", String(64), primary_key=True),
    _site(),
    Column("user", String(SITE), nullable=False),
    Column("full_name", String(255), nullable=False),
    Column("roles", Text, nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("language", String(20), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Index("ix_web_sessions_expires", "expires"),
    Index("ix_web_sessions_site_user", "site", "user"),
    **_INNODB,
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("key", String(64), nullable=False),
    Index("ix_sign_in_attempts_key_at", "key", "at"),
    Index("ix_sign_in_attempts_at", "at"),
    **_INNODB,
)

error_patterns = Table(
    "error_patterns",
    metadata,
    _site(key=True),
    Column("id", String(16), primary_key=True),
    Column("version", String(10), nullable=False),
    Column("exception", String(255), nullable=False),
    Column("template", Text, nullable=False),
    Column("category", String(60), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("area", String(SITE), nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    **_INNODB,
)

error_counts = Table(
    "error_counts",
    metadata,
    _site(key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("pattern", String(16), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Index("ix_error_counts_site_pattern_hour", "site", "pattern", "hour"),
    **_BY_KEY,
)

error_watermarks = Table(
    "error_watermarks",
    metadata,
    _site(key=True),
    Column("source", String(SITE), primary_key=True),
    # The position in UTC to the microsecond, as text: a millisecond is too coarse to go on from.
    Column("modified", String(32), nullable=False),
    Column("seen", Document, nullable=False),
    **_INNODB,
)
