"""`baken doctor`: what of a site can be read, what cannot, why, and what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text

from baken import clock
from baken.collector.cycle import run_site
from baken.errors.collect import FURTHER
from baken.errors.event import ERROR_LOG
from baken.errors.reader import index_column
from baken.errors.sources import gather
from baken.metrics import catalogue
from baken.sites import probe, queues, users
from baken.sites.problems import NotAvailable, SiteProblem
from baken.sites.reading import Reading
from baken.sites.site import Site

State = Literal["ok", "partly", "no"]

_VERSIONS = {"mariadb": "SELECT VERSION()", "postgres": "SHOW server_version", "sqlite": "SELECT sqlite_version()"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part of a site. `detail` says what is, or why not and what to do."""

    part: str
    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings about one site. It cannot be watched when its database cannot be read."""

    site: str
    findings: tuple[Finding, ...]
    watchable: bool


def examine(site: Site) -> Examination:
    """Try everything that watching `site` needs; nothing is stored and nothing is written to the site."""
    with site.reading() as reading:
        findings = [_try("database", lambda: _database(reading))]
        watchable = findings[0].state == "ok"
        if watchable:
            findings += [
                _try("time zone", lambda: f"times are read as {site.zone(reading).key}"),
                _try("sign-in", lambda: _sign_in(reading)),
            ]
        findings += [
            _try("queue Redis", lambda: _queues(site)),
            _try("cache Redis", lambda: f"{queues.health(site, 'cache').memory_bytes / 2**20:.0f} MiB in use"),
            _try("site URL", lambda: _url(site)),
        ]
        if watchable:
            findings += _errors(reading)
    if watchable:
        findings += _metrics(site)
    return Examination(site.name, tuple(findings), watchable)


def _try(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, "ok", look())
    except NotAvailable as problem:
        return Finding(part, "partly", str(problem))
    except SiteProblem as problem:
        return Finding(part, "no", str(problem))


def _database(reading: Reading) -> str:
    version = reading.scalar(text(_VERSIONS[reading.dialect]))
    if not reading.has("DocType", "name") or not reading.has("User", "name"):
        raise SiteProblem(
            f"{reading.site.config.server} answers, but shows no tables of Frappe to this user: grant it SELECT on the "
            "site's database, or check the database's name"
        )
    return f"{reading.dialect} {version}, {reading.site.config.server}, read-only, {reading.site.statement_seconds:g} s"


def _sign_in(reading: Reading) -> str:
    reading.raw_table("__Auth")
    if users.load(reading, "Administrator") is None:
        raise NotAvailable("the site has no enabled user Administrator; other users may sign in")
    if not reading.site.config.encryption_key:
        raise NotAvailable(
            "users can sign in with a password; API tokens cannot be checked, for the encryption_key is unknown: "
            "Frappe adds it to site_config.json when it first needs it; in baken.toml it is the site's encryption_key"
        )
    return "by password and by API token"


def _queues(site: Site) -> str:
    found = queues.queues(site)
    if not found:
        raise NotAvailable(
            "the Redis answers, but it holds no queue of this bench: no worker was started yet, or bench_id is wrong "
            f"({site.config.bench_id or 'not given'})"
        )
    return ", ".join(f"{queue.name}: {queue.waiting} waiting, {queue.workers} workers" for queue in found)


def _url(site: Site) -> str:
    answer = probe.ping(site)
    if answer.maintenance:
        raise NotAvailable(f"{site.config.url} answers 503: the site is in maintenance mode")
    if not answer.up:
        raise SiteProblem(f"{site.config.url} answers {answer.status} to {probe.PING}; is it the right site and port?")
    return f"{site.config.url} answers in {answer.seconds * 1000:.0f} ms"


def _errors(reading: Reading) -> list[Finding]:
    """From which sources errors can be read."""
    reasons: dict[str, str] = {}
    try:
        index_column(reading, reading.require("Error Log", "name", "creation", "modified", "method", "error"))
    except SiteProblem as problem:
        reasons[ERROR_LOG] = str(problem)
    for source, read in FURTHER:
        _found, state, _news = gather(source, read, reading, None, reading.now)
        if state.absent:
            reasons[source] = state.absent
    total = len(FURTHER) + 1
    verdict: State = "ok" if not reasons else "no" if len(reasons) == total else "partly"
    return [
        Finding("errors", verdict, f"{total - len(reasons)} of {total} sources can be read"),
        *(Finding(f"  {source}", "no", reason) for source, reason in reasons.items()),
    ]


def _metrics(site: Site) -> list[Finding]:
    everything = {entry.name for entry in catalogue.metrics("site")}
    deadline = site.settings.collector.deadline
    # Some figures need two looks: the first one counts what is old, or takes the value to compare with.
    first = run_site(site, everything, clock.now(), deadline)
    run = run_site(site, everything, clock.now(), deadline)
    findings = []
    for domain in catalogue.DOMAINS:
        mine = [entry for entry in catalogue.metrics("site") if entry.domain == domain]
        if not mine:
            continue
        absent = [entry.name for entry in mine if entry.name in run.absences]
        state: State = "ok" if not absent else "no" if len(absent) == len(mine) else "partly"
        findings.append(
            Finding(f"{domain} metrics", state, f"{len(mine) - len(absent)} of {len(mine)} can be measured")
        )
        # What fails for one reason is told once.
        for reason in dict.fromkeys(run.absences[name] for name in absent):
            names = [name for name in absent if run.absences[name] == reason]
            findings.append(Finding("  " + ", ".join(names), "no", reason))
    cost = f"{run.query_seconds * 1000:.0f} ms of query time for everything once ({run.queries} queries)"
    start = f"{first.query_seconds * 1000:.0f} ms at the start"
    findings.append(Finding("cost", "ok", f"{cost}, {start}; the slowest: {max(run.costs.values()) * 1000:.0f} ms"))
    return findings
