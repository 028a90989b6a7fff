"""The tables of the store, written once for SQLite, MariaDB and PostgreSQL.

Moments are whole milliseconds since 1970 in UTC (BIGINT). Texts compare byte by byte on every database
(`utf8mb4_bin` on MariaDB), so that a name means the same everywhere. A new store gets these tables as they stand here,
an older one by the migrations; a test holds the two against each other.
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

PREFIX = "baken_"
"""What the name of every table begins with: the store may live in a database that holds other tables."""


def _bare(_constraint: object, table: Table) -> str:
    return table.name.removeprefix(PREFIX)


metadata = MetaData(
    naming_convention={
        "bare": _bare,
        "pk": "pk_%(bare)s",
        "uq": "uq_%(bare)s_%(column_0_N_name)s",
        "ix": "ix_%(bare)s_%(column_0_N_name)s",
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
    "baken_series",
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
    "baken_latest",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("previous_at", BigInteger),
    Column("previous_value", Double),
    **_BY_KEY,
)

measurements = Table(
    "baken_measurements",
    metadata,
    _site(key=True),
    Column("metric", String(METRIC), primary_key=True),
    Column("at", BigInteger, nullable=False),
    **_BY_KEY,
)

samples = Table(
    "baken_samples",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=False),
    **_BY_KEY,
)

chunks = Table(
    "baken_chunks",
    metadata,
    Column("series_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("data", Blob, nullable=False),
    **_BY_KEY,
)


def _rollup(name: str) -> Table:
    return Table(
        f"{PREFIX}{name}",
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
    "baken_absences",
    metadata,
    _site(key=True),
    Column("metric", String(METRIC), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    **_BY_KEY,
)

gaps = Table(
    "baken_gaps",
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
    "baken_observations",
    metadata,
    _site(key=True),
    Column("kind", String(METRIC), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("body", Document, nullable=False),
    **_INNODB,
)

site_states = Table(
    "baken_site_states",
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
    "baken_collect_requests",
    metadata,
    _site(key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", String(SITE), nullable=False),
    **_INNODB,
)

leases = Table(
    "baken_leases",
    metadata,
    Column("name", String(SITE), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("expires", BigInteger, nullable=False),
    **_INNODB,
)

# How far the store's own housekeeping got; changes in the transaction that did the work.
marks = Table(
    "baken_marks",
    metadata,
    Column("name", String(SITE), primary_key=True),
    Column("value", BigInteger, nullable=False),
    **_INNODB,
)

audit = Table(
    "baken_audit",
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
    Index("ix_audit_site_target", "site", "target"),
    **_INNODB,
)

web_sessions = Table(
    "baken_web_sessions",
    metadata,
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
    # SHA-256 of the cookie's token: who reads the store cannot sign in with what is in it. The sessions of one cookie,
    # one a site, share it.
    Column("group_id", String(64), nullable=False, server_default=""),
    Index("ix_web_sessions_group_id", "group_id"),
    Index("ix_web_sessions_expires", "expires"),
    Index("ix_web_sessions_site_user", "site", "user"),
    **_INNODB,
)

sign_in_attempts = Table(
    "baken_sign_in_attempts",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("key", String(64), nullable=False),
    Index("ix_sign_in_attempts_key_at", "key", "at"),
    Index("ix_sign_in_attempts_at", "at"),
    **_INNODB,
)

# A pattern's number is known within the store only; people and other programs name it by site and id.
error_patterns = Table(
    "baken_error_patterns",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    _site(),
    Column("id", String(16), nullable=False),
    Column("version", String(10), nullable=False),
    Column("exception", String(255), nullable=False),
    Column("template", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("category", String(60), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("area", String(SITE), nullable=False),
    Column("app", String(SITE), nullable=False),
    Column("module", String(SITE), nullable=False),
    Column("doctype", String(SITE), nullable=False),
    Column("method", String(SITE), nullable=False),
    Column("component", String(20), nullable=False),
    Column("frames", Text, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("state_at", BigInteger),
    Column("state_by", String(SITE), nullable=False),
    Column("note", Text, nullable=False),
    Column("muted_until", BigInteger),
    Column("muted_above", BigInteger),
    Column("regressed_at", BigInteger),
    Column("merged_into", BigInteger),
    Column("split_by", String(20)),
    Column("split_of", BigInteger),
    # Long texts come last: a database that stores a row as one string reads up to the column it needs.
    Column("why", Text, nullable=False),
    Column("example", Document, nullable=False),
    UniqueConstraint("site", "id", name="uq_error_patterns_site_id"),
    **_INNODB,
)

error_counts = Table(
    "baken_error_counts",
    metadata,
    Column("pattern", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Index("ix_error_counts_hour", "hour"),
    **_BY_KEY,
)

# Who was hit, and through which part of the system: a pseudonym ("" when nobody knows who), a group, a component.
error_contexts = Table(
    "baken_error_contexts",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    _site(),
    Column("user", String(40), nullable=False),
    Column("user_group", String(20), nullable=False),
    Column("component", String(20), nullable=False),
    UniqueConstraint("site", "user", "user_group", "component", name="uq_error_contexts_site_user"),
    **_INNODB,
)

error_hits = Table(
    "baken_error_hits",
    metadata,
    Column("pattern", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("context", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    **_BY_KEY,
)

error_hit_days = Table(
    "baken_error_hit_days",
    metadata,
    Column("pattern", BigInteger, primary_key=True, autoincrement=False),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("context", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    **_BY_KEY,
)

error_watermarks = Table(
    "baken_error_watermarks",
    metadata,
    _site(key=True),
    Column("source", String(SITE), primary_key=True),
    # The position in UTC to the microsecond, as text: a millisecond is too coarse to go on from.
    Column("modified", String(32), nullable=False),
    Column("seen", Document, nullable=False),
    **_INNODB,
)

# Errors that were counted from one source and may show up again in another.
error_echoes = Table(
    "baken_error_echoes",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    _site(),
    Column("key", String(32), nullable=False),
    Column("source", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_error_echoes_site_key", "site", "key"),
    Index("ix_error_echoes_site_at", "site", "at"),
    **_INNODB,
)

error_findings = Table(
    "baken_error_findings",
    metadata,
    _site(key=True),
    Column("kind", String(20), primary_key=True),
    Column("key", String(120), primary_key=True),
    Column("pattern", BigInteger),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("detail", Document, nullable=False),
    **_INNODB,
)

# Which rules of grouping a site's errors follow; `previous` applies beside them until `until`.
error_groupings = Table(
    "baken_error_groupings",
    metadata,
    _site(key=True),
    Column("version", String(10), nullable=False),
    Column("previous", String(10)),
    Column("adopted_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    **_INNODB,
)

# Versions of apps that a site changed to.
releases = Table(
    "baken_releases",
    metadata,
    _site(key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("app", String(SITE), primary_key=True),
    Column("version", String(SITE), nullable=False),
    Column("previous", String(SITE), nullable=False),
    **_INNODB,
)

# An alert from its opening to its end. At most one is open per rule, site and labels: `open_key` is its key until then.
alerts = Table(
    "baken_alerts",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    _site(),
    Column("rule", String(METRIC), nullable=False),
    Column("key", String(32), nullable=False),
    Column("open_key", String(32)),
    Column("labels", String(LABELS), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("area", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("fired", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("occurrences", BigInteger, nullable=False),
    Column("value", Double),
    Column("step", Integer, nullable=False),
    # When the ladder's next step or the next reminder is due.
    Column("step_due", BigInteger),
    # Why nobody is told: "silence:3", "maintenance:4", "inhibited:17".
    Column("suppressed", String(40)),
    # Whether somebody was told, or nobody had to be: what is suppressed is told when that ends.
    Column("told", Boolean(create_constraint=False), nullable=False),
    Column("flapping", Boolean(create_constraint=False), nullable=False),
    Column("assigned_to", String(SITE), nullable=False),
    Column("acknowledged_at", BigInteger),
    Column("acknowledged_by", String(SITE), nullable=False),
    Column("resolved_at", BigInteger),
    # Empty: it was over by itself.
    Column("resolved_by", String(SITE), nullable=False),
    # "useful", "false_alarm" or empty.
    Column("feedback", String(20), nullable=False),
    Column("texts", Document, nullable=False),
    Column("details", Document, nullable=False),
    UniqueConstraint("open_key", name="uq_alerts_open_key"),
    Index("ix_alerts_site_status", "site", "status"),
    Index("ix_alerts_site_fired", "site", "fired"),
    Index("ix_alerts_key", "key"),
    Index("ix_alerts_step_due", "step_due"),
    **_INNODB,
)

# Everything that ever happened to an alert.
alert_events = Table(
    "baken_alert_events",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("alert", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(30), nullable=False),
    Column("user", String(SITE), nullable=False),
    Column("text", Text, nullable=False),
    Column("detail", Document, nullable=False),
    Index("ix_alert_events_alert", "alert"),
    Index("ix_alert_events_at", "at"),
    **_INNODB,
)

# What the evaluation of a rule remembers of one label set between two looks.
alert_states = Table(
    "baken_alert_states",
    metadata,
    _site(key=True),
    Column("key", String(32), primary_key=True),
    Column("rule", String(METRIC), nullable=False),
    Column("labels", String(LABELS), nullable=False),
    Column("phase", String(20), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("alert", BigInteger),
    Column("value", Double),
    Column("unknown_since", BigInteger),
    Column("reason", Text, nullable=False),
    # Moments (ms) of the last firings, as a JSON list: what fires again and again flaps.
    Column("fires", Text, nullable=False),
    **_INNODB,
)

# How far the evaluation has read what it reads in order, such as new patterns of errors.
alert_marks = Table(
    "baken_alert_marks",
    metadata,
    _site(key=True),
    Column("name", String(METRIC), primary_key=True),
    Column("value", BigInteger, nullable=False),
    **_INNODB,
)

# Silences, and maintenance windows, which come again.
silences = Table(
    "baken_silences",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    # Empty: for all sites.
    _site(),
    Column("kind", String(20), nullable=False),
    Column("matchers", Document, nullable=False),
    Column("starts", BigInteger, nullable=False),
    Column("ends", BigInteger),
    Column("recurrence", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(SITE), nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_by", String(SITE), nullable=False),
    Index("ix_silences_site", "site"),
    **_INNODB,
)

# Notifications that wait to be sent or were. Addresses are not kept: the settings have them under the recipient's name.
outbox = Table(
    "baken_outbox",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False),
    _site(),
    Column("kind", String(20), nullable=False),
    Column("alert", BigInteger),
    Column("event", BigInteger),
    Column("channel", String(SITE), nullable=False),
    Column("recipient", String(SITE), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    # "waiting", "sent" or "dropped".
    Column("state", String(10), nullable=False),
    # Why it waits for a digest: "cap" or "hours"; empty otherwise.
    Column("held", String(10), nullable=False),
    Column("holder", String(200)),
    Column("leased_until", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", BigInteger),
    # What was sent together has the same message.
    Column("message", String(64), nullable=False),
    Column("problem", Text, nullable=False),
    Column("body", Document, nullable=False),
    UniqueConstraint("key", name="uq_outbox_key"),
    Index("ix_outbox_state_due", "state", "due"),
    Index("ix_outbox_alert", "alert"),
    Index("ix_outbox_recipient_sent_at", "recipient", "sent_at"),
    Index("ix_outbox_sent_at", "sent_at"),
    **_INNODB,
)

# Whether a channel (recipient empty) or a recipient of it works.
channel_states = Table(
    "baken_channel_states",
    metadata,
    Column("channel", String(SITE), primary_key=True),
    Column("recipient", String(SITE), primary_key=True),
    Column("failing_since", BigInteger),
    Column("disabled_at", BigInteger),
    Column("problem", Text, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("last_sent", BigInteger),
    **_INNODB,
)

# Links of e-mails that were used: each works once.
alert_links = Table(
    "baken_alert_links",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("ix_alert_links_at", "at"),
    **_INNODB,
)

# What the process that evaluates is asked for: a test of the whole chain, or to evaluate a site now.
alert_requests = Table(
    "baken_alert_requests",
    metadata,
    Column("id", String(32), primary_key=True),
    _site(),
    Column("kind", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(SITE), nullable=False),
    Column("done_at", BigInteger),
    Column("answer", Document, nullable=False),
    Index("ix_alert_requests_done_at", "done_at"),
    **_INNODB,
)

# What people put together for themselves or for everybody of their site. A deleted one can be brought back for a while.
dashboards = Table(
    "baken_dashboards",
    metadata,
    Column("id", String(32), primary_key=True),
    _site(),
    Column("owner", String(SITE), nullable=False),
    Column("title", String(SITE), nullable=False),
    Column("shared", Boolean(create_constraint=False), nullable=False),
    # Shared, but only the owner changes it.
    Column("locked", Boolean(create_constraint=False), nullable=False),
    # Counts the savings: who saves names the one that was read, so that nobody overwrites another unawares.
    Column("version", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(SITE), nullable=False),
    Column("deleted", BigInteger),
    Column("body", Document, nullable=False),
    Index("ix_dashboards_site_owner", "site", "owner"),
    **_INNODB,
)

# Browsers that get push messages. Without the private key in the data folder nobody can send to one of them.
push_subscriptions = Table(
    "baken_push_subscriptions",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    _site(),
    Column("user", String(SITE), nullable=False),
    # SHA-256 of the endpoint: a browser has one subscription.
    Column("key", String(64), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("p256dh", String(100), nullable=False),
    Column("auth", String(40), nullable=False),
    Column("language", String(5), nullable=False),
    Column("at_least", String(10), nullable=False),
    # What kind of browser it is, in words: "Firefox on Android".
    Column("browser", String(60), nullable=False),
    # Baken's address as this browser reaches it.
    Column("origin", String(255), nullable=False),
    Column("created", BigInteger, nullable=False),
    # When the site last said that this user may see the dashboard.
    Column("checked", BigInteger, nullable=False),
    Column("last_ok", BigInteger),
    Column("failures", BigInteger, nullable=False),
    UniqueConstraint("key", name="uq_push_subscriptions_key"),
    Index("ix_push_subscriptions_site", "site", "user"),
    # A number is never given out again: what waits for one browser must not reach another one.
    sqlite_autoincrement=True,
    **_INNODB,
)

# Alerts that a channel keeps elsewhere under a name of its own, such as a site's System Alert.
alert_mirrors = Table(
    "baken_alert_mirrors",
    metadata,
    Column("channel", String(SITE), primary_key=True),
    Column("alert", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(SITE), nullable=False),
    **_INNODB,
)

# What people set on the page instead of in a file: changes of rules, recipients, retention. An empty site: for all.
kept_settings = Table(
    "baken_kept_settings",
    metadata,
    _site(key=True),
    Column("kind", String(20), primary_key=True),
    Column("name", String(SITE), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", String(SITE), nullable=False),
    Column("body", Document, nullable=False),
    **_INNODB,
)

# How somebody likes the dashboard, so that it follows to another browser.
profiles = Table(
    "baken_profiles",
    metadata,
    _site(key=True),
    Column("user", String(SITE), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("body", Document, nullable=False),
    **_INNODB,
)

# How each target of an export fares: a store of figures, an Alertmanager, a Zabbix.
export_states = Table(
    "baken_export_states",
    metadata,
    Column("target", String(SITE), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("last_ok", BigInteger),
    Column("failing_since", BigInteger),
    Column("sent", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    # Of the last delivery.
    Column("last_rejected", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    Column("problem", Text, nullable=False),
    **_INNODB,
)

# Jobs that report by pings, and what was heard of each last. A job's secret is not in here: see baken.alerts.ping_keys.
checks = Table(
    "baken_checks",
    metadata,
    Column("id", String(16), primary_key=True),
    _site(),
    Column("name", String(SITE), nullable=False),
    # The public half of its address.
    Column("address", String(16), nullable=False),
    # Seconds between two runs; or a cron expression, with its time zone (empty: the site's).
    Column("period", BigInteger),
    Column("cron", String(120), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("grace", BigInteger, nullable=False),
    Column("paused_at", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(SITE), nullable=False),
    # From when on it is waited for: made, resumed, or given another schedule.
    Column("since", BigInteger, nullable=False),
    # The first start without an end, and the last one.
    Column("started", BigInteger),
    Column("last_start", BigInteger),
    Column("last_ok", BigInteger),
    Column("ended", BigInteger),
    # The first failure since the last success, and the exit code of the last one.
    Column("failed", BigInteger),
    Column("exit_code", Integer),
    Column("last_ping", BigInteger),
    Column("last_kind", String(10), nullable=False),
    # For how long the last run that ended took.
    Column("last_ms", BigInteger),
    # How many pings there were: numbers those that are kept.
    Column("pings", BigInteger, nullable=False),
    UniqueConstraint("site", "name", name="uq_checks_site_name"),
    UniqueConstraint("address", name="uq_checks_address"),
    **_INNODB,
)

# The last pings of each job. What a job sends along is not kept: logs hold names and amounts.
check_pings = Table(
    "baken_check_pings",
    metadata,
    Column("check_id", String(16), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("exit_code", Integer),
    Column("ms", BigInteger),
    **_BY_KEY,
)

# Alerts that an Alertmanager was told of, each under its labels there: none is left firing there when it is over.
pushed_alerts = Table(
    "baken_pushed_alerts",
    metadata,
    Column("target", String(SITE), primary_key=True),
    # Digest of the labels.
    Column("key", String(32), primary_key=True),
    Column("alert", BigInteger, nullable=False),
    Column("labels", Document, nullable=False),
    Column("fired", BigInteger, nullable=False),
    # Whether the other side has taken it.
    Column("told", Boolean(create_constraint=False), nullable=False),
    # When it was over; it is told of that for a while.
    Column("ended", BigInteger),
    **_INNODB,
)

# Which silence of Baken and which silence of an Alertmanager are one.
silence_links = Table(
    "baken_silence_links",
    metadata,
    Column("target", String(SITE), primary_key=True),
    # The other side's id.
    Column("remote", String(64), primary_key=True),
    Column("silence", BigInteger, nullable=False),
    # Where it was made: "baken" or "alertmanager".
    Column("origin", String(20), nullable=False),
    # Of maintenance: which time it is.
    Column("starts", BigInteger, nullable=False),
    # The end on which both sides agree.
    Column("ends", BigInteger, nullable=False),
    # Whether one side has ended it: then it stays so.
    Column("over", Boolean(create_constraint=False), nullable=False),
    # Since when the other side does not know it any more.
    Column("missing", BigInteger),
    Index("ix_silence_links_silence", "silence"),
    **_INNODB,
)

# The last event of each trigger of a Zabbix that was reported: messages may come late and in any order.
zabbix_events = Table(
    "baken_zabbix_events",
    metadata,
    # The identity of the alert.
    Column("key", String(32), primary_key=True),
    Column("event", BigInteger, nullable=False),
    Column("over", Boolean(create_constraint=False), nullable=False),
    Column("at", BigInteger, nullable=False),
    **_INNODB,
)
