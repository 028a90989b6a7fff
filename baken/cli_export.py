"""The commands `baken export …`: what other monitoring systems need to know of Baken, as files.

None of them writes a secret unless it is asked to in so many words; what holds one says so.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from baken import logs
from baken.cli_options import (
    BenchOption,
    ConfigOption,
    DataOption,
    SiteOption,
    err,
    fail,
    settings_of,
    store_of,
    tell_troubles,
    watched,
)
from baken.settings import Settings

if TYPE_CHECKING:
    from baken.exporters.prometheus_targets import Address

# Prometheus' own grammar, without the units that no interval has.
_DURATION = re.compile(r"(?=\d)(?:\d+h)?(?:\d+m)?(?:\d+s)?")

app = typer.Typer(
    help="What other monitoring systems need to know of Baken: rules, configuration, targets, dashboards.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="File to write, as a whole or not at all; without it: standard output."),
]
AddressOption = Annotated[
    str,
    typer.Option(
        "--address",
        help="Where Prometheus reaches Baken: HOST:PORT. Default: alerts.public_url, or server.host and port.",
    ),
]
HttpsOption = Annotated[
    bool | None, typer.Option("--https/--http", help="Over HTTPS, or not. Default: as alerts.public_url begins.")
]
LanguageOption = Annotated[str, typer.Option("--language", help="en or nl; default: that of the settings.")]


def write(text: str, file: Path | None, *, secret: bool = False) -> None:
    """Write a text to a file or to standard output; leaves with a message when that cannot be done."""
    from baken.exporters.prometheus_targets import write_whole

    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        write_whole(file, text, secret=secret)
    except OSError as problem:
        fail(f"{file} cannot be written: {problem.strerror or problem}")
    err.print(f"baken: wrote {file}", markup=False, soft_wrap=True)


@app.command("prometheus-rules")
def prometheus_rules(
    file: OutOption = None,
    job: Annotated[str, typer.Option(help="The job under which Prometheus fetches Baken.")] = "baken",
    language: LanguageOption = "",
    interval: Annotated[
        str, typer.Option(help="How often the rules are judged: 30s; default: as Prometheus says.")
    ] = "",
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Write keep_firing_for, which Prometheus has since 2.42.")
    ] = True,
    bench: BenchOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write recording and alerting rules for Prometheus from Baken's rules, with what was changed on the page.

    What Prometheus cannot judge as Baken does alerts when Baken's own rule has an open alert; the file's head names it.
    """
    from baken.alerts import kept_recipients, kept_rules, rulebook
    from baken.exporters import prometheus_rules as exporter

    if interval and not _DURATION.fullmatch(interval):
        fail(f"--interval: {interval} is no duration as Prometheus writes it; give it as 30s or 1m", 2)
    settings = settings_of(config, bench, None, data_dir)
    logs.configure(settings.log)
    book = rulebook.load(settings)
    with store_of(settings).read() as conn:
        people = kept_recipients.chosen(conn, settings, None).settings
        books = kept_rules.books(conn, book, people.alerts)
    for site, problems in books.problems.items():
        for problem in problems:
            err.print(f"baken: {site or 'all sites'}: {problem}", markup=False, soft_wrap=True)
    wishes = exporter.Wishes(
        job=job,
        language=_language(language, settings),
        public_url=settings.alerts.public_url,
        keep=keep,
        interval=interval,
    )
    write(exporter.text(exporter.make(books, wishes)), file)


@app.command("alertmanager-inhibitions")
def alertmanager_inhibitions(file: OutOption = None, config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Write `inhibit_rules` for Alertmanager: which alerts of `prometheus-rules` are not told while others fire."""
    from baken.alerts import rulebook
    from baken.exporters import prometheus_rules as exporter

    settings = settings_of(config, None, None, data_dir)
    write(exporter.inhibitions(rulebook.load(settings).enabled), file)


@app.command("alertmanager-config")
def alertmanager_config(
    file: OutOption = None,
    url: Annotated[
        str,
        typer.Option(help="Baken's address as Alertmanager reaches it. Default: alerts.public_url, or server.host."),
    ] = "",
    token_file: Annotated[str, typer.Option(help="Where Alertmanager reads the token.")] = (
        "/etc/alertmanager/baken.token"  # noqa: S107 - where the token is to be put, not the token
    ),
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Write the token itself: the output is a secret then.")
    ] = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write what alertmanager.yml needs to report its alerts to Baken: a receiver and a route."""
    from baken.exporters import alertmanager_config as exporter
    from baken.exporters import prometheus_targets

    if url and not url.startswith(("https://", "http://")):
        fail(f"--url: {url} is no address; give it as https://baken.example.org", 2)
    settings = settings_of(config, None, None, data_dir)
    secret = settings.incoming.alertmanager_token
    if secret is None:
        err.print(
            "baken: the webhook is closed until incoming.alertmanager_token is set in baken.toml",
            markup=False,
            soft_wrap=True,
        )
        if with_token:
            fail("--with-token: there is no token", 2)
    base = url.rstrip("/") or prometheus_targets.address_of(settings).url
    token = secret.get_secret_value() if secret is not None and with_token else None
    write(exporter.text(base, token_file=token_file, token=token), file, secret=with_token)
    if with_token:
        err.print("baken: this holds a secret, the token of the webhook", markup=False, soft_wrap=True)


@app.command("prometheus-config")
def prometheus_config(
    file: OutOption = None,
    address: AddressOption = "",
    https: HttpsOption = None,
    job: Annotated[str, typer.Option(help="What the job is called.")] = "baken",
    targets: Annotated[
        str, typer.Option(help="A target per site, from this file (see prometheus-targets); else all sites at once.")
    ] = "",
    discover: Annotated[
        bool, typer.Option("--discover", help="A target per site, which Prometheus asks Baken for (HTTP discovery).")
    ] = False,
    token_file: Annotated[str, typer.Option(help="Where Prometheus reads the token.")] = (
        "/etc/prometheus/baken.token"  # noqa: S107 - where the token is to be put, not the token
    ),
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Write the token itself: the output is a secret then.")
    ] = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write what prometheus.yml needs to fetch Baken's figures."""
    from baken.exporters import prometheus_targets as exporter

    if targets and discover:
        fail("--targets and --discover exclude each other: give one of them", 2)
    settings = settings_of(config, None, None, data_dir)
    if with_token and settings.exporters.prometheus.token is None:
        fail("--with-token: there is no token; set exporters.prometheus.token in baken.toml", 2)
    text = exporter.config(
        settings,
        _address(settings, address, https),
        job=job,
        targets_file=targets,
        discover=discover,
        token_file=token_file,
        with_token=with_token,
    )
    write(text, file, secret=with_token)
    if with_token:
        err.print("baken: this holds a secret, the token of /metrics", markup=False, soft_wrap=True)


@app.command("prometheus-targets")
def prometheus_targets(
    file: OutOption = None,
    address: AddressOption = "",
    https: HttpsOption = None,
    bench: BenchOption = None,
    site: SiteOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write a target per watched site for Prometheus' file discovery (JSON); Prometheus reads it anew by itself."""
    from baken.exporters import prometheus_targets as exporter

    settings = settings_of(config, bench, site, data_dir)
    logs.configure(settings.log)
    sites = watched(settings)
    tell_troubles(sites)
    if sites.troubles and not sites:
        fail("no site can be watched; nothing was written")
    found = exporter.targets(list(sites), _address(settings, address, https), settings.exporters.labels)
    write(exporter.targets_text(found), file)


def _address(settings: Settings, given: str, https: bool | None) -> "Address":
    from baken.exporters import prometheus_targets as exporter

    known = exporter.address_of(settings)
    if given and "://" in given:
        fail(f"--address: {given} is an address with a scheme; give HOST:PORT, and --https where it is one", 2)
    return exporter.Address(given or known.at, known.https if https is None else https)


def _language(given: str, settings: Settings) -> str:
    if given not in ("", "en", "nl"):
        fail(f"--language: there are en and nl, not {given}", 2)
    return given or settings.language


VersionOption = Annotated[str, typer.Option("--version", help="Of Zabbix: 6.0 or 7.0; later ones read 7.0.")]


@app.command("zabbix-template")
def zabbix_template(
    file: OutOption = None,
    version: VersionOption = "6.0",
    way: Annotated[
        str, typer.Option(help="trapper: Baken sends (exporters.zabbix). http: Zabbix fetches from Baken.")
    ] = "trapper",
    bench: BenchOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write the templates for Zabbix (YAML), made from the catalogue and the rules: one of a site, one of the server.

    Importing a newer file updates what an older one made. What Zabbix cannot judge by itself Baken judges for it.
    """
    from baken.alerts import kept_recipients, kept_rules, rulebook
    from baken.exporters import zabbix_template as exporter

    if version not in exporter.VERSIONS:
        fail(f"--version: there are {' and '.join(exporter.VERSIONS)}, not {version}", 2)
    if way not in exporter.WAYS:
        fail(f"--way: there are {' and '.join(exporter.WAYS)}, not {way}", 2)
    settings = settings_of(config, bench, None, data_dir)
    logs.configure(settings.log)
    book = rulebook.load(settings)
    with store_of(settings).read() as conn:
        people = kept_recipients.chosen(conn, settings, None).settings
        rules = kept_rules.books(conn, book, people.alerts).everywhere
    made = exporter.document(
        list(rules.rules.values()),
        version=version,
        way=way,
        night=settings.alerts.night,
        url=settings.alerts.public_url.rstrip("/"),
    )
    write(exporter.text(made), file)


@app.command("zabbix-mediatype")
def zabbix_mediatype(file: OutOption = None, version: VersionOption = "6.0") -> None:
    """Write the media type by which Zabbix reports its problems to Baken (YAML)."""
    from baken.exporters import zabbix_mediatype as exporter
    from baken.exporters import zabbix_template

    if version not in zabbix_template.VERSIONS:
        fail(f"--version: there are {' and '.join(zabbix_template.VERSIONS)}, not {version}", 2)
    write(zabbix_template.text(exporter.document(version)), file)


FolderOption = Annotated[Path, typer.Option("--out", "-o", help="Folder to write into.")]


@app.command("grafana-dashboards")
def grafana_dashboards(
    folder: FolderOption,
    language: LanguageOption = "",
    bench: BenchOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write Grafana's dashboards for a Prometheus data source, a JSON file each, made from the catalogue and the rules.

    They lead back to Baken where `alerts.public_url` is set.
    """
    from baken.alerts import kept_recipients, kept_rules, rulebook
    from baken.exporters import grafana

    settings = settings_of(config, bench, None, data_dir)
    logs.configure(settings.log)
    book = rulebook.load(settings)
    with store_of(settings).read() as conn:
        people = kept_recipients.chosen(conn, settings, None).settings
        rules = kept_rules.books(conn, book, people.alerts).everywhere
    try:
        made = grafana.dashboards(
            rules.rules.values(), _language(language, settings), settings.alerts.public_url.rstrip("/")
        )
        files = grafana.write_dashboards(folder, made)
    except grafana.BadAddress as problem:
        fail(f"alerts.public_url: {problem}")
    except OSError as problem:
        fail(f"{folder} cannot be written: {problem.strerror or problem}")
    for file in files:
        err.print(f"baken: wrote {file}", markup=False, soft_wrap=True)


@app.command("grafana-provisioning")
def grafana_provisioning(
    folder: FolderOption,
    prometheus: Annotated[str, typer.Option(help="Address of Prometheus, as Grafana reaches it.")] = (
        "http://localhost:9090"
    ),
    alertmanager: Annotated[str, typer.Option(help="Address of Alertmanager likewise; without it: no source.")] = "",
    dashboards: Annotated[str, typer.Option(help="Where Grafana finds the dashboards' files.")] = (
        "/var/lib/grafana/dashboards/baken"
    ),
) -> None:
    """Write what Grafana reads of its folder `provisioning` when it starts: data sources, and where dashboards are."""
    from baken.exporters import grafana

    try:
        files = grafana.write_provisioning(
            folder, grafana.provisioning(prometheus, dashboards, alertmanager=alertmanager)
        )
    except grafana.BadAddress as problem:
        fail(str(problem), 2)
    except OSError as problem:
        fail(f"{folder} cannot be written: {problem.strerror or problem}")
    for file in files:
        err.print(f"baken: wrote {file}", markup=False, soft_wrap=True)


@app.command("backfill")
def backfill(
    target: Annotated[str, typer.Option("--target", help="A target of exporters.remote_write: its name, or its host.")],
    days: Annotated[int, typer.Option(min=1, help="How many days back.")] = 30,
    bench: BenchOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Send by remote write what the store had before this target was set: once, oldest first.

    Do it before Baken first runs with the target; then every series arrives in the order of time, as Prometheus wants
    it. A Prometheus that has other figures already takes old ones only with `out_of_order_time_window`.
    """
    from baken import clock
    from baken.exporters.backfill import backfill as send
    from baken.exporters.pushing import NotTaken
    from baken.history.store import StoreError
    from baken.settings import SettingsError

    settings = settings_of(config, bench, None, data_dir)
    logs.configure(settings.log)

    told = 0

    def tell(day: datetime, sent: int) -> None:
        nonlocal told
        if sent == told:
            return  # a day of which the store has nothing
        told = sent
        err.print(f"baken: up to {day:%Y-%m-%d}: {sent:,} figures taken", markup=False, soft_wrap=True)

    try:
        done = send(settings, store_of(settings), target, days, clock.now(), tell)
    except (NotTaken, SettingsError, StoreError) as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"the queue of {target} in {settings.data_dir} cannot be made: {problem.strerror or problem}")
    if done.first is None:
        err.print("baken: the store has no single figures of that time that were not sent", markup=False)
        return
    if done.rejected:
        fail(f"{done.rejected:,} figures were refused, {done.sent:,} taken: {done.problem}")
    err.print(f"baken: {done.sent:,} figures taken, the oldest of {done.first:%Y-%m-%d}", markup=False, soft_wrap=True)
