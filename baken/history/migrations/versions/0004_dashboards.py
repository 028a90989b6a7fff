"""Dashboards that people put together."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"

DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    op.create_table(
        "dashboards",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("owner", sa.String(length=140), nullable=False),
        sa.Column("title", sa.String(length=140), nullable=False),
        sa.Column("shared", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("locked", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=140), nullable=False),
        sa.Column("deleted", sa.BigInteger()),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dashboards"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_dashboards_site_owner", "dashboards", ["site", "owner"], if_not_exists=True)


def downgrade() -> None:
    op.drop_table("dashboards", if_exists=True)
