"""Every setting of Baken: defaults, the file `baken.toml`, the environment (`BAKEN_SERVER__PORT=8801`).

A later source wins: defaults < file < environment < command line. An unknown key is an error that names the
nearest known one. The reference page `docs/configuration.md` is generated from this file.
"""

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as PydanticSettingsError

_file_values: ContextVar[dict[str, Any]] = ContextVar("_file_values", default={})  # noqa: B039 - never changed


class SettingsError(Exception):
    """A setting is unknown or has a value that cannot be used. The text says which and what to do."""


class Section(BaseModel):
    """A table of `baken.toml`. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Auth(Section):
    """How Baken says who it is to another program: a token, or a user with a password, or further headers."""

    token: SecretStr | None = Field(None, description="Sent as `Authorization: Bearer …`.")
    user: str = Field("", description="User of Basic authentication.")
    password: SecretStr | None = Field(None, description="Password of Basic authentication.")
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="Further headers, such as Mimir's `X-Scope-OrgID`."
    )


class Operator(Section):
    """Somebody who may see and act on all watched sites: a user of one site, who signs in there."""

    user: str = Field(min_length=1, max_length=140, description="The user's name on that site: the e-mail address.")
    site: str = Field(
        min_length=1, max_length=140, description="The site that knows the user. The same name elsewhere is nobody."
    )


class Server(Section):
    """The web server."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8800, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    session_hours: float = Field(12, gt=0, description="A sign-in ends after so many hours.")
    cookie_secure: bool | None = Field(
        None, description="Send the session cookie over HTTPS only. Unset: when the request came by HTTPS."
    )
    trusted_proxies: list[str] = Field(
        default_factory=lambda: ["127.0.0.1", "::1"],
        description="Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    sign_in_attempts: int = Field(
        10, ge=1, description="Failed sign-ins that one address or one user may make within `sign_in_window`."
    )
    sign_in_window: float = Field(300, gt=0, description="Seconds over which failed sign-ins are counted.")
    role_cache_seconds: float = Field(
        30, ge=0, description="Seconds that a user's roles and API token are believed without asking again."
    )
    operators: list[Operator] = Field(
        default_factory=list,
        description="Users who may see all watched sites, with the roles of the site that they sign in to.",
    )


class History(Section):
    """The store: what Baken remembers and for how long."""

    url: str | None = Field(
        None,
        description="SQLAlchemy URL of the store. Unset: SQLite in `data_dir`. "
        "PostgreSQL: postgresql+psycopg2://…, MariaDB: mysql+pymysql://…",
    )
    pool_size: int = Field(5, ge=1, description="Connections to the store that one process keeps at most.")
    raw_days: int = Field(90, ge=1, description="Days that every sample is kept (analytics data: 90 days).")
    hourly_days: int = Field(730, ge=1, description="Days that hourly figures are kept.")
    daily_days: int = Field(2557, ge=1, description="Days that daily figures are kept (7 years).")
    audit_days: int = Field(2557, ge=1, description="Days that the audit trail is kept (7 years).")
    metrics_url: SecretStr | None = Field(
        None,
        description="Address of a Prometheus, VictoriaMetrics or Mimir that keeps what `exporters.remote_write` sends: "
        "charts take from there what the store has no more. Such as https://mimir.example.org/prometheus.",
    )
    metrics_auth: Auth = Field(default_factory=Auth, description="How Baken says who it is there.")
    metrics_match: dict[str, str] = Field(
        default_factory=dict,
        description="Labels that tell this Baken's series there from those of others, as in `exporters.labels`.",
    )
    metrics_seconds: float = Field(5, gt=0, description="Seconds that a chart waits for it at most.")

    @field_validator("metrics_url")
    @classmethod
    def _address(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not re.match(r"https?://[^/?#]", given.get_secret_value()):
            raise PydanticCustomError("address", "it is no address; give it as https://host/path")
        return given


class Collector(Section):
    """Reading the sites."""

    workers: int = Field(32, ge=1, description="Sites that are read at the same time at most.")
    deadline: float = Field(
        20, gt=0, description="Seconds after which a site's run counts as hung and frees its place."
    )
    cost_share: float = Field(
        0.001,
        gt=0,
        le=1,
        description="Share of a site's time that reading it may take (0.001 = 60 ms a minute). "
        "A metric that costs more is read less often.",
    )
    buffer_cycles: int = Field(20_000, ge=1, description="Runs kept in memory while the store cannot be written.")


class SiteAccess(Section):
    """How a site's database is read."""

    statement_seconds: float = Field(5, gt=0, description="Time limit of each statement on a site.")
    connect_seconds: float = Field(5, gt=0, description="Time limit for connecting, in seconds.")
    reflect_seconds: float = Field(3600, gt=0, description="For so long the layout of a site's tables is remembered.")


class Bench(Section):
    """A bench folder whose sites are watched."""

    path: Path = Field(description="The bench's folder: the one that holds `sites/`.")
    sites: list[str] = Field(default_factory=list, description="Sites to watch; empty: all of them.")
    url: str | None = Field(
        None, description="Address of the bench's web server. Unset: http://127.0.0.1:<webserver_port>."
    )


class RemoteSite(Section):
    """A site that is read from elsewhere, without its bench's folder."""

    name: str = Field(description="The site's name, as its bench calls it.")
    database_url: SecretStr = Field(
        description="mysql+pymysql://user:password@host/db, postgresql+psycopg2://… or sqlite:///path."
    )
    redis_queue: SecretStr | None = Field(None, description="redis:// URL of the bench's queue Redis.")
    redis_cache: SecretStr | None = Field(None, description="redis:// URL of the bench's cache Redis.")
    bench_id: str | None = Field(None, description="The bench's id in queue names: home-frappe-frappe-bench.")
    url: str | None = Field(None, description="The site's own URL, probed from outside.")
    encryption_key: SecretStr | None = Field(
        None, description="encryption_key of site_config.json: needed for sign-in by API token."
    )
    time_zone: str | None = Field(None, description="IANA name; unset: the site's System Settings.")


class ErrorAnalysis(Section):
    """ANALYTICS_CONFIG["error_analysis"]."""

    default_days: int = Field(30, ge=1, description="Days that an error analysis covers by default.")
    trend_threshold: float = Field(0.1, description="Smallest relative growth that is called a trend.")
    recurring_threshold: int = Field(3, ge=1, description="So many occurrences make an error recurring.")


class Forecasting(Section):
    """ANALYTICS_CONFIG["forecasting"]."""

    confidence_threshold: float = Field(0.6, description="Forecasts with less confidence are not acted upon.")
    forecast_days: int = Field(7, ge=1, description="Days to look ahead.")
    historical_days: int = Field(30, ge=1, description="Days to look back.")


class ComplianceTargets(Section):
    """ANALYTICS_CONFIG["compliance"]."""

    sepa_threshold: float = Field(90, description="Least SEPA compliance rate, percent.")
    audit_completeness_threshold: float = Field(95, description="Least audit-trail completeness, percent.")


class Analytics(Section):
    """The documented ANALYTICS_CONFIG."""

    error_analysis: ErrorAnalysis = Field(default_factory=ErrorAnalysis)
    forecasting: Forecasting = Field(default_factory=Forecasting)
    compliance: ComplianceTargets = Field(default_factory=ComplianceTargets)


class Errors(Section):
    """How the errors of sites become patterns."""

    max_patterns: int = Field(
        5000, ge=10, description="Patterns of a site that are kept apart; errors of further ones are counted as one."
    )
    transition_days: int = Field(
        30, ge=1, description="After other rules of grouping were adopted, the ones before are known for so many days."
    )


class OptimizerCaching(Section):
    """OPTIMIZER_CONFIG["caching"]."""

    member_ttl: int = Field(300, ge=0, description="Seconds that member data is cached.")
    sepa_ttl: int = Field(900, ge=0, description="Seconds that SEPA data is cached (encrypted).")
    api_ttl: int = Field(120, ge=0, description="Seconds that answers of the API are cached.")


class OptimizerDatabase(Section):
    """OPTIMIZER_CONFIG["database"]."""

    batch_size: int = Field(100, ge=1, description="Rows read from a site's log table in one statement.")
    query_timeout: float = Field(
        300, gt=0, description="Upper limit in seconds for `site_access.statement_seconds`, whatever it says."
    )
    connection_pool_size: int = Field(20, ge=1, description="Connections to one site's database at most.")


class OptimizerResources(Section):
    """OPTIMIZER_CONFIG["resources"]."""

    memory_threshold: float = Field(0.8, gt=0, le=1, description="Share of memory above which to save it.")
    cleanup_interval: int = Field(
        3600, ge=60, description="Seconds between two clean-ups of the store (packing, roll-ups, retention)."
    )


class Optimizer(Section):
    """The documented OPTIMIZER_CONFIG."""

    caching: OptimizerCaching = Field(default_factory=OptimizerCaching)
    database: OptimizerDatabase = Field(default_factory=OptimizerDatabase)
    resources: OptimizerResources = Field(default_factory=OptimizerResources)


class Thresholds(Section):
    """Limits of the health check of `get_system_health`."""

    memory_percent: float = Field(85, description="Memory in use, percent.")
    cpu_percent: float = Field(80, description="Processor time in use, percent.")
    disk_percent: float = Field(90, description="Disk space in use, percent.")
    active_connections: int = Field(100, description="Connections to the database server.")
    queue_length: int = Field(50, description="Jobs that wait in a background queue.")
    errors_per_hour: int = Field(10, description="Error Log rows within an hour.")
    applications_stalled: int = Field(5, description="Applications that wait for longer than a week.")


class Channel(Section):
    """A way by which notifications go out. What else it takes depends on its kind: see the manual, *Alerts*."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(min_length=1, max_length=140, description="Its name, as recipients and the alert trail call it.")
    kind: str = Field(description="email, webhook, ntfy, telegram, slack, teams, apprise or system_alert.")


class Recipient(Section):
    """Somebody who is told about alerts over one channel; who has two channels is listed twice."""

    name: str = Field(min_length=1, max_length=140, description="Who it is; shown in the alert trail.")
    channel: str = Field(description="Name of the channel.")
    to: str = Field("", description="Address, topic or chat within the channel; empty where the channel has only one.")
    at_least: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] = Field("MEDIUM", description="Least severity to be told.")
    areas: list[str] = Field(default_factory=list, description="Only alerts of these areas; empty: of all.")
    rules: list[str] = Field(default_factory=list, description="Only alerts of these rules; empty: of all.")
    sites: list[str] = Field(default_factory=list, description="Only alerts of these sites; empty: of all.")
    step: int = Field(1, ge=1, le=9, description="From which step of the escalation on: 1 is told at once.")
    hours: str = Field(
        "", description="When to be told: `mon-fri 08:00-22:00`; several with commas. Outside, all but CRITICAL waits."
    )
    time_zone: str = Field("", description="Of `hours` and of reports; empty: the site's.")
    language: Literal["", "en", "nl"] = Field("", description="Language of messages; empty: `language`.")
    reports: list[Literal["daily", "weekly"]] = Field(default_factory=list, description="Reports to get.")


class Heartbeat(Section):
    """An address that is called while Baken is well, so that another monitor notices when it is not."""

    url: SecretStr = Field(description="Called with GET; with `/fail` behind it when Baken runs but is not well.")
    every: float = Field(60, ge=10, description="Seconds between two calls.")
    fail: bool = Field(True, description="Call the address with `/fail` behind it; false: stay silent then.")


class Ladder(Section):
    """Seconds after which an alert that nobody has acknowledged climbs to the next step."""

    LOW: float = Field(86400, gt=0, description="24 hours.")
    MEDIUM: float = Field(14400, gt=0, description="4 hours.")
    HIGH: float = Field(3600, gt=0, description="1 hour.")
    CRITICAL: float = Field(900, gt=0, description="15 minutes.")


class Reminders(Section):
    """Seconds between reminders of an alert that nobody has acknowledged and that has climbed the whole ladder."""

    LOW: float = Field(604800, gt=0, description="A week.")
    MEDIUM: float = Field(86400, gt=0, description="A day.")
    HIGH: float = Field(14400, gt=0, description="4 hours.")
    CRITICAL: float = Field(3600, gt=0, description="1 hour.")


class Alerts(Section):
    """Alerts: rules, who is told, and how often."""

    rules: Path | None = Field(
        None, description="File with rules beside those that Baken brings; unset: `rules.toml` in `data_dir`, if there."
    )
    channels: list[Channel] = Field(default_factory=list, description="Ways by which notifications go out.")
    recipients: list[Recipient] = Field(default_factory=list, description="Who is told about what.")
    heartbeats: list[Heartbeat] = Field(default_factory=list, description="Other monitors that watch over Baken.")
    escalation: Ladder = Field(default_factory=Ladder)
    reminders: Reminders = Field(default_factory=Reminders)
    public_url: str = Field("", description="Address of Baken as recipients reach it, for links; unset: no links.")
    night: str = Field("22:00-07:00", description="When the night limits of rules apply, in the site's time zone.")
    group_wait: float = Field(1, ge=0, description="Seconds that a first notification waits for others to join it.")
    group_interval: float = Field(300, ge=0, description="Seconds between two messages to somebody about one site.")
    group_interval_critical: float = Field(30, ge=0, description="The same where a CRITICAL alert is new.")
    hourly_cap: int = Field(
        20, ge=1, description="Messages an hour to one recipient; further ones wait for a digest. CRITICAL: 10 more."
    )
    reopen_within: float = Field(
        1800, ge=0, description="An alert that comes back within so many seconds is the same one, opened again."
    )
    flapping: int = Field(3, ge=2, description="An alert that fired so often within an hour flaps.")
    flapping_hold: float = Field(1800, ge=0, description="A flapping alert is over after so many seconds without.")
    remind_acknowledged: float = Field(
        86400, ge=0, description="Seconds between reminders of a HIGH or CRITICAL alert that is acknowledged; 0: none."
    )
    tell_acknowledged: bool = Field(False, description="Tell those who were told that somebody has acknowledged.")
    report_at: str = Field("07:00", description="When the daily report goes out, in the recipient's time zone.")
    weekly_report_day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = Field(
        "mon", description="Day on which the weekly report goes out."
    )
    allow_private: list[str] = Field(
        default_factory=list,
        description="Networks such as `10.0.0.0/8` that webhooks may reach beside public addresses.",
    )
    closed_days: int = Field(730, ge=1, description="Days that resolved alerts are kept with their trail.")

    @field_validator("public_url")
    @classmethod
    def _address(cls, given: str) -> str:
        try:
            # Both are looked at when they are asked for.
            parts = urlsplit(given)
            _ = parts.hostname, parts.port
        except ValueError:
            problem = f"{given!r} is no address; write it as https://baken.example.org"
            raise PydanticCustomError("address", "{problem}", {"problem": problem}) from None
        return given


class PrometheusPage(Section):
    """`/metrics`, from which Prometheus fetches the last figures. Unset: only for those whom the dashboard lets in."""

    token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Whoever sends it as a bearer token gets the figures of all sites; at least 16 characters.",
    )
    allow: list[str] = Field(
        default_factory=list, description="Addresses or networks that get the figures of all sites without a token."
    )
    most_series: int = Field(
        500,
        ge=1,
        description="Series of one metric of one site that are given out; `baken_series_left_out` counts the rest.",
    )

    @field_validator("allow")
    @classmethod
    def _networks(cls, given: list[str]) -> list[str]:
        for each in given:
            try:
                ipaddress.ip_network(each, strict=False)
            except ValueError:
                problem = f"{each!r} is no address and no network; write one such as 10.0.0.5 or 10.0.0.0/8"
                raise PydanticCustomError("network", "{problem}", {"problem": problem}) from None
        return given


class RemoteWrite(Section):
    """A store of figures that takes Prometheus' remote write: Prometheus, VictoriaMetrics, Mimir, Thanos."""

    url: SecretStr = Field(description="Such as http://127.0.0.1:9090/api/v1/write.")
    name: str = Field("", max_length=100, description="How it is called; empty: by its host.")
    auth: Auth = Field(default_factory=Auth)
    queue_megabytes: int = Field(
        512, ge=1, description="Disk space that figures may take while it cannot be reached; then the oldest give way."
    )
    timeout: float = Field(30, gt=0, description="Seconds that one delivery may take.")


class AlertmanagerTarget(Section):
    """An Alertmanager that is told of every alert that is open."""

    url: SecretStr = Field(description="Such as http://127.0.0.1:9093.")
    name: str = Field("", max_length=100, description="How it is called; empty: by its host.")
    auth: Auth = Field(default_factory=Auth)
    silences: bool = Field(True, description="Keep silences in step: one that is made or ended on one side is on both.")
    timeout: float = Field(10, gt=0, description="Seconds that one call may take.")


class ZabbixTarget(Section):
    """A Zabbix server or proxy that gets the figures as trapper items."""

    server: str = Field(min_length=1, description="Host name or address of the Zabbix server or proxy.")
    port: int = Field(10051, ge=1, le=65535, description="Its trapper port.")
    host: str = Field("Baken", min_length=1, description="The Zabbix host of this machine and of Baken itself.")
    host_prefix: str = Field(
        "", description="The Zabbix host of a site is called by the site's name, with this before it."
    )
    every: float = Field(60, ge=5, description="Seconds between two deliveries.")
    psk_identity: str = Field("", description="Identity of the pre-shared key, where the server wants TLS-PSK.")
    psk: SecretStr | None = Field(None, description="The pre-shared key in hexadecimal.")
    timeout: float = Field(10, gt=0, description="Seconds that one delivery may take.")


class Otlp(Section):
    """An OpenTelemetry collector that gets the figures over OTLP/HTTP. Needs the libraries of the extra `otlp`."""

    url: SecretStr = Field(description="Such as http://127.0.0.1:4318/v1/metrics.")
    auth: Auth = Field(default_factory=Auth)
    every: float = Field(60, ge=5, description="Seconds between two deliveries.")
    timeout: float = Field(10, gt=0, description="Seconds that one delivery may take.")


class Exporters(Section):
    """Other monitoring systems that get what Baken knows."""

    labels: dict[str, str] = Field(
        default_factory=dict,
        description="Labels that everything sent by remote write, OTLP and to Alertmanager bears, such as "
        '{baken = "host-1"}.',
    )
    prometheus: PrometheusPage = Field(default_factory=PrometheusPage)
    remote_write: list[RemoteWrite] = Field(default_factory=list, description="Stores that get every figure.")
    alertmanagers: list[AlertmanagerTarget] = Field(
        default_factory=list, description="Alertmanagers that are told of alerts."
    )
    zabbix: list[ZabbixTarget] = Field(default_factory=list, description="Zabbix servers that get the figures.")
    otlp: list[Otlp] = Field(default_factory=list, description="OpenTelemetry collectors that get the figures.")


class Incoming(Section):
    """Other systems that tell Baken something. Each is closed until it has a secret."""

    alertmanager_token: SecretStr | None = Field(
        None, min_length=16, description="Alertmanager's webhook sends it as a bearer token or as Basic password."
    )
    zabbix_token: SecretStr | None = Field(
        None, min_length=16, description="The shared secret that Zabbix' webhook sends along."
    )
    sentry_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="The key in the DSN by which sites send their errors as to Sentry: "
        "https://KEY@baken.example.org/1. Letters and digits.",
    )

    @field_validator("sentry_key")
    @classmethod
    def _in_an_address(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not re.fullmatch(r"[A-Za-z0-9]+", given.get_secret_value()):
            raise PydanticCustomError("letters", "it stands in an address, and has letters and digits only")
        return given


class Log(Section):
    """What Baken writes about itself, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level written.")
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, JSON lines elsewhere."
    )


class Settings(BaseSettings):
    """All settings. Build it with `load`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="BAKEN_", env_nested_delimiter="__")

    data_dir: Path = Field(
        default_factory=lambda: _default_data_dir(),
        description="Folder for the store and the installation's secret key.",
    )
    language: Literal["en", "nl"] = Field("en", description="Language of texts when the reader chose none.")
    server: Server = Field(default_factory=Server)
    history: History = Field(default_factory=History)
    collector: Collector = Field(default_factory=Collector)
    site_access: SiteAccess = Field(default_factory=SiteAccess)
    benches: list[Bench] = Field(default_factory=list, description="Bench folders whose sites are watched.")
    sites: list[RemoteSite] = Field(default_factory=list, description="Sites given one by one.")
    errors: Errors = Field(default_factory=Errors)
    analytics: Analytics = Field(default_factory=Analytics)
    optimizer: Optimizer = Field(default_factory=Optimizer)
    thresholds: Thresholds = Field(default_factory=Thresholds)
    alerts: Alerts = Field(default_factory=Alerts)
    exporters: Exporters = Field(default_factory=Exporters)
    incoming: Incoming = Field(default_factory=Incoming)
    log: Log = Field(default_factory=Log)

    @property
    def store_url(self) -> str:
        """URL of the store; SQLite in `data_dir` when none is set."""
        return self.history.url or f"sqlite:///{self.data_dir / 'baken.db'}"

    @property
    def statement_seconds(self) -> float:
        """Time limit of a statement on a site, in seconds."""
        return min(self.site_access.statement_seconds, self.optimizer.database.query_timeout)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line, then the environment, then the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=_file_values.get())


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "baken"


def load(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    Args:
        file: a TOML file; None: `baken.toml` in the current folder if there is one.
        overrides: values of the command line as a nested mapping; they win over everything.

    Raises:
        SettingsError: the file is missing or broken, a key is unknown, a value is unusable.
    """
    if file is None:
        here = Path("baken.toml")
        values = _read(here) if here.is_file() else {}
        source = str(here)
    else:
        if not file.is_file():
            raise SettingsError(f"settings file {file} does not exist; give the path of a baken.toml")
        values, source = _read(file), str(file)
    return build(values, source, overrides)


def build(values: Mapping[str, Any], source: str, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings from values as a file would give them, the environment, and `overrides`.

    `source` says in an error where the values come from. Raises SettingsError.
    """
    _refuse_unknown_environment()
    given = _file_values.set(dict(values))
    try:
        return Settings(**dict(overrides or {}))
    except (ValidationError, PydanticSettingsError) as error:
        raise SettingsError(_explain(error, source)) from None
    finally:
        _file_values.reset(given)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None


def _refuse_unknown_environment() -> None:
    known = {f"BAKEN_{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if name.startswith("BAKEN_") and name.split("__")[0].upper() not in known | ENVIRONMENT_ONLY:
            hint = _nearest(name, sorted(known | _nested_environment()))
            raise SettingsError(f"environment variable {name} sets nothing in Baken{hint}")


def _nested_environment() -> set[str]:
    """Every variable that sets a value within a section."""
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {
        f"BAKEN_{name}__{key}".upper()
        for name, section in sections.items()
        if isinstance(section, type) and issubclass(section, BaseModel)
        for key in section.model_fields
    }


ENVIRONMENT_ONLY = {"BAKEN_REFERENCE", "BAKEN_LOGHUB", "BAKEN_TEST_BENCHES"}
"""Variables that are read elsewhere: tests find the reference site, sets of logs and Frappe benches by them."""


def _nearest(word: str, known: list[str]) -> str:
    # A name that lacks its section is meant more often than one of the same length.
    close = [each for each in known if each.rpartition("__")[2] == word.removeprefix("BAKEN_")]
    close = close or difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are: {', '.join(known)}"


def _explain(error: ValidationError | PydanticSettingsError, source: str) -> str:
    if not isinstance(error, ValidationError):
        return f"{error} (environment)"
    lines = []
    for detail in error.errors(include_url=False, include_input=False):
        path = [str(part) for part in detail["loc"]]
        where = ".".join(path)
        if detail["type"] == "extra_forbidden":
            lines.append(
                f"unknown setting {where} ({source} or environment){_nearest(path[-1], _known_keys(path[:-1]))}"
            )
        else:
            lines.append(f"setting {where} ({source} or environment): {_said(detail)}")
    return "; ".join(lines)


def _said(detail: ErrorDetails) -> str:
    """What is wrong with a value. Of a secret Pydantic counts "items after validation"; people count characters."""
    about = detail.get("ctx", {})
    if detail["type"] == "too_short" and about.get("field_type") == "Value":
        return f"it needs at least {about['min_length']} characters and has {about['actual_length']}"
    return detail["msg"]


def _known_keys(path: list[str]) -> list[str]:
    section: type[BaseModel] = Settings
    for part in path:
        if part.isdigit():
            continue
        annotation = section.model_fields[part].annotation if part in section.model_fields else None
        if get_origin(annotation) is list:
            annotation = get_args(annotation)[0]
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        section = annotation
    return sorted(section.model_fields)
