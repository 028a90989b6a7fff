"""What Baken exchanges with other monitoring systems."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Make the tables that are not there yet. Can be run again after it was cut off."""
    op.create_table(
        "baken_export_states",
        sa.Column("target", sa.String(length=140), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("last_ok", sa.BigInteger()),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("last_rejected", sa.BigInteger(), nullable=False),
        sa.Column("waiting", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("target", name="pk_export_states"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "baken_checks",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("name", sa.String(length=140), nullable=False),
        sa.Column("address", sa.String(length=16), nullable=False),
        sa.Column("period", sa.BigInteger()),
        sa.Column("cron", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("grace", sa.BigInteger(), nullable=False),
        sa.Column("paused_at", sa.BigInteger()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=140), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger()),
        sa.Column("last_start", sa.BigInteger()),
        sa.Column("last_ok", sa.BigInteger()),
        sa.Column("ended", sa.BigInteger()),
        sa.Column("failed", sa.BigInteger()),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("last_ping", sa.BigInteger()),
        sa.Column("last_kind", sa.String(length=10), nullable=False),
        sa.Column("last_ms", sa.BigInteger()),
        sa.Column("pings", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checks"),
        sa.UniqueConstraint("site", "name", name="uq_checks_site_name"),
        sa.UniqueConstraint("address", name="uq_checks_address"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "baken_check_pings",
        sa.Column("check_id", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("check_id", "number", name="pk_check_pings"),
        if_not_exists=True,
        sqlite_with_rowid=False,
        **INNODB,
    )
    op.create_table(
        "baken_pushed_alerts",
        sa.Column("target", sa.String(length=140), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("alert", sa.BigInteger(), nullable=False),
        sa.Column("labels", DOCUMENT, nullable=False),
        sa.Column("fired", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.PrimaryKeyConstraint("target", "key", name="pk_pushed_alerts"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "baken_silence_links",
        sa.Column("target", sa.String(length=140), nullable=False),
        sa.Column("remote", sa.String(length=64), nullable=False),
        sa.Column("silence", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("over", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("missing", sa.BigInteger()),
        sa.PrimaryKeyConstraint("target", "remote", name="pk_silence_links"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_silence_links_silence", "baken_silence_links", ["silence"], if_not_exists=True)
    op.create_table(
        "baken_zabbix_events",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("over", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_zabbix_events"),
        if_not_exists=True,
        **INNODB,
    )
