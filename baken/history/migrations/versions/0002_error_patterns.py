"""Patterns of errors get a number, a state, a place and an example; counts get users, groups and components.

What was counted before is kept. Every statement can be repeated: MariaDB keeps what was made before a migration
was cut off, so the old tables go only after their rows have arrived.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
BY_KEY: dict[str, Any] = {**INNODB, "sqlite_with_rowid": False}


def upgrade() -> None:
    _set_aside()
    _create()
    _bring_back()


def _set_aside() -> None:
    """Copy the rows of the first tables to plain ones, and make room for the new tables."""
    found = sa.inspect(op.get_bind())
    if found.has_table("error_patterns") and "number" not in {c["name"] for c in found.get_columns("error_patterns")}:
        for name in ("error_patterns", "error_counts"):
            if not found.has_table(name):
                continue
            op.drop_table(f"old_{name}", if_exists=True)
            op.execute(f"CREATE TABLE old_{name} AS SELECT * FROM {name}")  # noqa: S608 - one of two names
        # Patterns last: as long as they are there, this begins anew.
        op.drop_table("error_counts", if_exists=True)
        op.drop_table("error_patterns")


def _create() -> None:
    op.create_table(
        "error_patterns",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=10), nullable=False),
        sa.Column("exception", sa.String(length=255), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("area", sa.String(length=140), nullable=False),
        sa.Column("app", sa.String(length=140), nullable=False),
        sa.Column("module", sa.String(length=140), nullable=False),
        sa.Column("doctype", sa.String(length=140), nullable=False),
        sa.Column("method", sa.String(length=140), nullable=False),
        sa.Column("component", sa.String(length=20), nullable=False),
        sa.Column("frames", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("state_at", sa.BigInteger()),
        sa.Column("state_by", sa.String(length=140), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("muted_until", sa.BigInteger()),
        sa.Column("muted_above", sa.BigInteger()),
        sa.Column("regressed_at", sa.BigInteger()),
        sa.Column("merged_into", sa.BigInteger()),
        sa.Column("split_by", sa.String(length=20)),
        sa.Column("split_of", sa.BigInteger()),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("example", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_error_patterns"),
        sa.UniqueConstraint("site", "id", name="uq_error_patterns_site_id"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "error_counts",
        sa.Column("pattern", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pattern", "hour", name="pk_error_counts"),
        if_not_exists=True,
        **BY_KEY,
    )
    op.create_index("ix_audit_site_target", "audit", ["site", "target"], if_not_exists=True)
    op.create_index("ix_error_counts_hour", "error_counts", ["hour"], if_not_exists=True)
    op.create_table(
        "error_contexts",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("user", sa.String(length=40), nullable=False),
        sa.Column("user_group", sa.String(length=20), nullable=False),
        sa.Column("component", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_error_contexts"),
        sa.UniqueConstraint("site", "user", "user_group", "component", name="uq_error_contexts_site_user"),
        if_not_exists=True,
        **INNODB,
    )
    for name, moment in (("error_hits", "hour"), ("error_hit_days", "day")):
        op.create_table(
            name,
            sa.Column("pattern", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column(moment, sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("context", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("count", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("pattern", moment, "context", name=f"pk_{name}"),
            if_not_exists=True,
            **BY_KEY,
        )
    op.create_table(
        "error_echoes",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_error_echoes"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_error_echoes_site_key", "error_echoes", ["site", "key"], if_not_exists=True)
    op.create_index("ix_error_echoes_site_at", "error_echoes", ["site", "at"], if_not_exists=True)
    op.create_table(
        "error_findings",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("pattern", sa.BigInteger()),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("site", "kind", "key", name="pk_error_findings"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "error_groupings",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("version", sa.String(length=10), nullable=False),
        sa.Column("previous", sa.String(length=10)),
        sa.Column("adopted_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_error_groupings"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "releases",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("app", sa.String(length=140), nullable=False),
        sa.Column("version", sa.String(length=140), nullable=False),
        sa.Column("previous", sa.String(length=140), nullable=False),
        sa.PrimaryKeyConstraint("site", "at", "app", name="pk_releases"),
        if_not_exists=True,
        **INNODB,
    )


def _bring_back() -> None:
    """Put what was counted before into the new tables."""
    found = sa.inspect(op.get_bind())
    if not (found.has_table("old_error_patterns") and found.has_table("old_error_counts")):
        return
    op.execute("DELETE FROM error_counts")
    op.execute("DELETE FROM error_patterns")
    op.execute(
        "INSERT INTO error_patterns (site, id, version, exception, template, title, category, severity, area, app, "
        "module, doctype, method, component, frames, why, example, first_seen, last_seen, total, bytes, state, "
        "state_by, note) "
        "SELECT p.site, p.id, p.version, p.exception, p.template, '', p.category, p.severity, p.area, '', '', '', '', "
        "'unknown', '[]', '', '', p.first_seen, p.last_seen, "
        "(SELECT COALESCE(SUM(c.count), 0) FROM old_error_counts c WHERE c.site = p.site AND c.pattern = p.id), "
        "0, 'open', '', '' FROM old_error_patterns p"
    )
    op.execute(
        "INSERT INTO error_counts (pattern, hour, count) SELECT p.number, c.hour, c.count FROM old_error_counts c "
        "JOIN error_patterns p ON p.site = c.site AND p.id = c.pattern"
    )
    op.drop_table("old_error_counts")
    op.drop_table("old_error_patterns")


def downgrade() -> None:
    raise NotImplementedError("errors are counted by more than the tables before could hold; restore a backup")
