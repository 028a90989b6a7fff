"""Every table's name begins with `baken_`: the store may live in the database of a site.

Constraints and indexes keep the names that they have.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = (
    "absences",
    "alert_events",
    "alert_links",
    "alert_marks",
    "alert_mirrors",
    "alert_requests",
    "alert_states",
    "alerts",
    "audit",
    "channel_states",
    "chunks",
    "collect_requests",
    "daily",
    "dashboards",
    "error_contexts",
    "error_counts",
    "error_echoes",
    "error_findings",
    "error_groupings",
    "error_hit_days",
    "error_hits",
    "error_patterns",
    "error_watermarks",
    "gaps",
    "hourly",
    "kept_settings",
    "latest",
    "leases",
    "marks",
    "measurements",
    "observations",
    "outbox",
    "profiles",
    "push_subscriptions",
    "releases",
    "samples",
    "series",
    "sign_in_attempts",
    "silences",
    "site_states",
    "web_sessions",
)


def upgrade() -> None:
    """Rename the tables. Can be run again after it was cut off."""
    for name in TABLES:
        if sa.inspect(op.get_bind()).has_table(name):
            op.rename_table(name, f"baken_{name}")
