"""Alerts: their lives and trails, what evaluation remembers, silences, and the outbox of notifications."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
INNODB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("open_key", sa.String(length=32)),
        sa.Column("labels", sa.String(length=400), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("area", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("fired", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("occurrences", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("step_due", sa.BigInteger()),
        sa.Column("suppressed", sa.String(length=40)),
        sa.Column("told", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("flapping", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("assigned_to", sa.String(length=140), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger()),
        sa.Column("acknowledged_by", sa.String(length=140), nullable=False),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.Column("resolved_by", sa.String(length=140), nullable=False),
        sa.Column("feedback", sa.String(length=20), nullable=False),
        sa.Column("texts", DOCUMENT, nullable=False),
        sa.Column("details", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_alerts"),
        sa.UniqueConstraint("open_key", name="uq_alerts_open_key"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_alerts_key", "alerts", ["key"], if_not_exists=True)
    op.create_index("ix_alerts_site_fired", "alerts", ["site", "fired"], if_not_exists=True)
    op.create_index("ix_alerts_site_status", "alerts", ["site", "status"], if_not_exists=True)
    op.create_index("ix_alerts_step_due", "alerts", ["step_due"], if_not_exists=True)
    op.create_table(
        "alert_events",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("alert", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("user", sa.String(length=140), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("detail", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_events"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_alert_events_alert", "alert_events", ["alert"], if_not_exists=True)
    op.create_index("ix_alert_events_at", "alert_events", ["at"], if_not_exists=True)
    op.create_table(
        "alert_states",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("labels", sa.String(length=400), nullable=False),
        sa.Column("phase", sa.String(length=20), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("alert", sa.BigInteger()),
        sa.Column("value", sa.Double()),
        sa.Column("unknown_since", sa.BigInteger()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fires", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", "key", name="pk_alert_states"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "alert_marks",
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "name", name="pk_alert_marks"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "silences",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("matchers", DOCUMENT, nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger()),
        sa.Column("recurrence", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=140), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("ended_by", sa.String(length=140), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silences"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_silences_site", "silences", ["site"], if_not_exists=True)
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("alert", sa.BigInteger()),
        sa.Column("event", sa.BigInteger()),
        sa.Column("channel", sa.String(length=140), nullable=False),
        sa.Column("recipient", sa.String(length=140), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("held", sa.String(length=10), nullable=False),
        sa.Column("holder", sa.String(length=200)),
        sa.Column("leased_until", sa.BigInteger()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_outbox_alert", "outbox", ["alert"], if_not_exists=True)
    op.create_index("ix_outbox_recipient_sent_at", "outbox", ["recipient", "sent_at"], if_not_exists=True)
    op.create_index("ix_outbox_sent_at", "outbox", ["sent_at"], if_not_exists=True)
    op.create_index("ix_outbox_state_due", "outbox", ["state", "due"], if_not_exists=True)
    op.create_table(
        "channel_states",
        sa.Column("channel", sa.String(length=140), nullable=False),
        sa.Column("recipient", sa.String(length=140), nullable=False),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("last_sent", sa.BigInteger()),
        sa.PrimaryKeyConstraint("channel", "recipient", name="pk_channel_states"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_table(
        "alert_links",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_links"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_alert_links_at", "alert_links", ["at"], if_not_exists=True)
    op.create_table(
        "alert_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=140), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=140), nullable=False),
        sa.Column("done_at", sa.BigInteger()),
        sa.Column("answer", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_requests"),
        if_not_exists=True,
        **INNODB,
    )
    op.create_index("ix_alert_requests_done_at", "alert_requests", ["done_at"], if_not_exists=True)
    op.create_table(
        "alert_mirrors",
        sa.Column("channel", sa.String(length=140), nullable=False),
        sa.Column("alert", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=140), nullable=False),
        sa.PrimaryKeyConstraint("channel", "alert", name="pk_alert_mirrors"),
        if_not_exists=True,
        **INNODB,
    )


def downgrade() -> None:
    op.drop_table("alert_mirrors", if_exists=True)
    op.drop_table("alert_requests", if_exists=True)
    op.drop_table("alert_links", if_exists=True)
    op.drop_table("channel_states", if_exists=True)
    op.drop_table("outbox", if_exists=True)
    op.drop_table("silences", if_exists=True)
    op.drop_table("alert_marks", if_exists=True)
    op.drop_table("alert_states", if_exists=True)
    op.drop_table("alert_events", if_exists=True)
    op.drop_table("alerts", if_exists=True)
