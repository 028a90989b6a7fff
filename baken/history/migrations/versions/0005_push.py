"""Browsers that get push messages."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("user", sa.String(length=140), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.String(length=100), nullable=False),
        sa.Column("auth", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("at_least", sa.String(length=10), nullable=False),
        sa.Column("browser", sa.String(length=60), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("last_ok", sa.BigInteger()),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_push_subscriptions"),
        sa.UniqueConstraint("key", name="uq_push_subscriptions_key"),
        if_not_exists=True,
        sqlite_autoincrement=True,
        **INNODB,
    )
    op.create_index("ix_push_subscriptions_site", "push_subscriptions", ["site", "user"], if_not_exists=True)


def downgrade() -> None:
    op.drop_table("push_subscriptions", if_exists=True)
