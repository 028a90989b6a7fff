"""What people set on the page, and their profiles."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"

DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    op.create_table(
        "kept_settings",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=140), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=140), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("site", "kind", "name", name="pk_kept_settings"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "profiles",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("user", sa.String(length=140), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("site", "user", name="pk_profiles"),
        if_not_exists=True,
        **INNODB,
    )


def downgrade() -> None:
    op.drop_table("profiles", if_exists=True)
    op.drop_table("kept_settings", if_exists=True)
