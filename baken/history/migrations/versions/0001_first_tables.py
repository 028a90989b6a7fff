"""The first tables: samples and their roll-ups, the state of sites, people's sessions, the audit trail, errors.

Every statement can be repeated: MariaDB keeps what was made before a migration was cut off.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
BY_KEY: dict[str, Any] = {**INNODB, "sqlite_with_rowid": False}


def upgrade() -> None:
    op.create_table(
        "absences",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("metric", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "metric", name="pk_absences"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_table(
        "audit",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("user", sa.String(length=140), nullable=False),
        sa.Column("action", sa.String(length=140), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_audit_at", "audit", ["at"], if_not_exists=True)
    op.create_index("ix_audit_site_at", "audit", ["site", "at"], if_not_exists=True)
    op.create_table(
        "chunks",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("data", BLOB, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "day", name="pk_chunks"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_table(
        "collect_requests",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=140), nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_collect_requests"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "daily",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("min", sa.Double(), nullable=False),
        sa.Column("max", sa.Double(), nullable=False),
        sa.Column("sum", sa.Double(), nullable=False),
        sa.Column("last", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "at", name="pk_daily"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_table(
        "error_counts",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pattern", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "hour", "pattern", name="pk_error_counts"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_index(
        "ix_error_counts_site_pattern_hour", "error_counts", ["site", "pattern", "hour"], if_not_exists=True
    )
    op.create_table(
        "error_patterns",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=10), nullable=False),
        sa.Column("exception", sa.String(length=255), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("area", sa.String(length=140), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "id", name="pk_error_patterns"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "error_watermarks",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("source", sa.String(length=140), nullable=False),
        sa.Column("modified", sa.String(length=32), nullable=False),
        sa.Column("seen", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("site", "source", name="pk_error_watermarks"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "gaps",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gaps"),
        sa.UniqueConstraint("site", "starts", name="uq_gaps_site_starts"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "hourly",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("min", sa.Double(), nullable=False),
        sa.Column("max", sa.Double(), nullable=False),
        sa.Column("sum", sa.Double(), nullable=False),
        sa.Column("last", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "at", name="pk_hourly"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_table(
        "latest",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("previous_at", sa.BigInteger(), nullable=True),
        sa.Column("previous_value", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("series_id", name="pk_latest"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=140), nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.String(length=140), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_marks"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "measurements",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("metric", sa.String(length=100), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "metric", name="pk_measurements"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_table(
        "observations",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("site", "kind", name="pk_observations"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "samples",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "at", name="pk_samples"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_table(
        "series",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("metric", sa.String(length=100), nullable=False),
        sa.Column("labels", sa.String(length=400), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("site", "metric", "labels", name="uq_series_site_metric_labels"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_attempts"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_sign_in_attempts_at", "sign_in_attempts", ["at"], if_not_exists=True)
    op.create_index("ix_sign_in_attempts_key_at", "sign_in_attempts", ["key", "at"], if_not_exists=True)
    op.create_table(
        "site_states",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("query_seconds", sa.Double(), nullable=False),
        sa.Column("queries", sa.Integer(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_site_states"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("user", sa.String(length=140), nullable=False),
        sa.Column("full_name", sa.String(length=255), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_web_sessions"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_web_sessions_expires", "web_sessions", ["expires"], if_not_exists=True)
    op.create_index("ix_web_sessions_site_user", "web_sessions", ["site", "user"], if_not_exists=True)


def downgrade() -> None:
    for name in (
        "absences",
        "audit",
        "chunks",
        "collect_requests",
        "daily",
        "error_counts",
        "error_patterns",
        "error_watermarks",
        "gaps",
        "hourly",
        "latest",
        "leases",
        "marks",
        "measurements",
        "observations",
        "samples",
        "series",
        "sign_in_attempts",
        "site_states",
        "web_sessions",
    ):
        op.drop_table(name, if_exists=True)
