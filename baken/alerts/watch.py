"""The watch over the sites: evaluates what was measured, climbs ladders, sends, reports, and calls other monitors.

It runs in two threads of the process that collects, so that neither a slow store nor a slow mail server holds up the
measuring.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Row, select, update

from baken import clock
from baken.alerts import checks, compose, heartbeat, kept_recipients, kept_rules, lifecycle, outbox, ready, suppression
from baken.alerts.compose import Desk
from baken.alerts.engine import Engine
from baken.alerts.heartbeat import Beat, Heartbeats
from baken.alerts.lifecycle import Act
from baken.alerts.message import Message
from baken.alerts.sender import Sender
from baken.alerts.trial_alert import trial_opening
from baken.alerts.view import HOST, zone_of
from baken.clock import to_ms
from baken.errors import watermarks
from baken.errors.event import SENTRY
from baken.history import kept
from baken.history.samples import Cycle
from baken.history.series import batches
from baken.history.store import Store, StoreError
from baken.history.tables import alert_requests, alerts
from baken.privacy import installation_key, masked_trace
from baken.settings import Recipient, Settings
from baken.sites.site import Site

log = structlog.get_logger(__name__)

_EVERY = 1.0
_TICK = 10.0
_FULL = 60.0
_EVERYTHING = 300.0
_REPORTS = 60.0
_ZONES = 600.0
_REPORT_AGE = timedelta(hours=18)
LATE = 120.0
"""Seconds of delay from which on the evaluation is not well."""

DEAF = 300.0
"""Seconds for which all channels have to fail before other monitors hear that Baken is not well."""

_RESTED = timedelta(seconds=55)
# A site that is watched no more has its alerts ended after so many seconds: a folder may be unreadable for a moment.
_GONE = 600.0
_AT_ONCE = 100


class AlertWatch:
    """Everything about alerts that goes on by itself. One process per store does it: the one that collects."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        holder: str,
        sites: Callable[[], Collection[str]],
        now: Callable[[], datetime] = clock.now,
        site_of: Callable[[str], Site | None] = lambda _name: None,
    ) -> None:
        """Read the rules and prepare.

        Args:
            settings: all settings.
            store: the store.
            holder: the name under which notifications are claimed.
            sites: gives the names of the sites that are watched.
            now: the clock.
            site_of: a watched site by its name.

        Raises:
            SettingsError: rules, channels, recipients or times cannot be used.
        """
        book = ready.check(settings)
        # What the files say, and below it what applies with what was set on the page.
        self._filed, self._book = settings, book
        self._settings = settings
        self._store = store
        self._sites = sites
        self._now = now
        self.engine = Engine(settings.alerts, store, book, now)
        self._zones: dict[str, tuple[str, float]] = {}
        self._key = installation_key(settings.data_dir)
        self._desk = Desk(settings, self._key, self.zone)
        self._kept: int | None = None
        self._books = kept_rules.Books(book)
        self._sends = False
        self._kept_wrong: set[str] = set()
        self._kept_failing: str | None = None
        self.sender = Sender(settings, store, self._desk, holder, self._report, now, site_of)
        self.heartbeats = Heartbeats(settings.alerts, self.trouble, self._note_beats)
        self._news: dict[str, set[str]] = {}
        self._errors: set[str] = set()
        self._sent: dict[str, str] | None = None
        self._checks: dict[str, int] = {}
        self._checks_due: dict[str, datetime] = {}
        self._since: float | None = None
        self._lag = 0.0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._broken: set[str] = set()
        self._missing: dict[str, float] = {}
        self._due = dict.fromkeys(("tick", "full", "everything", "reports"), 0.0)
        self._failing: str | None = None

    # What the collector says

    def stored(self, cycles: Iterable[Cycle]) -> None:
        """Figures have been stored: the rules about them are judged."""
        with self._lock:
            for cycle in cycles:
                own = self._news.setdefault(cycle.site, set())
                own.update(cycle.measured, cycle.absences, (sample.metric for sample in cycle.samples))
            self._since = self._since or time.monotonic()
        self._wake.set()

    def errors_changed(self, site: str) -> None:
        """Errors of a site have been counted: the rules about patterns are judged."""
        with self._lock:
            self._errors.add(site)
            self._since = self._since or time.monotonic()
        self._wake.set()

    def start(self) -> None:
        """Begin; what was in mind from an earlier time is read anew."""
        if self._thread is not None:
            return
        # One of its own: a loop that was told to stop and has not yet must not go on.
        self._stopping = threading.Event()
        self.engine.reset()
        with contextlib.suppress(StoreError), self._store.read() as conn:
            self.heartbeats.restore(conn, self._now())
        self._kept = None
        self._checks, self._checks_due = {}, {}
        self._due = dict.fromkeys(self._due, 0.0)
        self._thread = threading.Thread(target=self._loop, args=(self._stopping,), name="alerts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop, after what is being evaluated and sent has ended."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None
            self.sender.stop()
            self._sends = False

    def clock_set_back(self) -> None:
        """The machine's clock was set back: what waits for moments of the clock that was ahead waits no longer."""
        with contextlib.suppress(StoreError), self._store.write() as conn:
            outbox.forget_future(conn, self._now())
            checks.forget_future(conn, self._now())

    @property
    def lag(self) -> float:
        """By how many seconds the evaluation is behind what was stored."""
        since = self._since
        return self._lag if since is None else max(0.0, time.monotonic() - since)

    def trouble(self) -> str | None:
        """Why the chain of alerts is not well, or None when it is."""
        if self._failing is not None or self._kept_failing is not None:
            return self._failing or self._kept_failing
        if self.lag > LATE:
            return f"the evaluation of rules is {self.lag:.0f} s late"
        if self._broken:
            return f"evaluating failed inside Baken for {len(self._broken)} sites"
        if self._thread is not None and self._sends and not self.sender.alive:
            return "nothing is sent: the sender has ended"
        failing, _ = self.figures()
        names = {each.channel for each in self._settings.alerts.recipients}
        if names and all(failing.get(name, 0.0) > DEAF for name in names):
            return "nobody can be told: no channel works"
        return None

    def figures(self) -> tuple[dict[str, float], int | None]:
        """For how long each channel has not worked, and how many notifications wait; None where nobody can say."""
        try:
            with self._store.read() as conn:
                return outbox.failing(conn, self._now()), outbox.overdue(conn, self._now())
        except StoreError:
            return {}, None

    def zone(self, site: str) -> str:
        """IANA name of a site's time zone, looked up every ten minutes."""
        name, until = self._zones.get(site, ("UTC", 0.0))
        if time.monotonic() >= until:
            with contextlib.suppress(StoreError), self._store.read() as conn:
                name = zone_of(conn, site or next(iter(self._sites()), ""))
                self._zones[site] = (name, time.monotonic() + _ZONES)
        return name

    # The loop

    def once(self, patience: float = 30.0) -> int:
        """Evaluate everything, send what is due and wait for it; how many notifications still wait. For commands."""
        self._take_kept()
        self._everything()
        self._tick()
        self._enqueue_reports()
        return self.sender.drain(patience)

    def turn(self, patience: float, sites: Collection[str]) -> int:
        """What the loop does, once: for a host that calls again and again instead of letting it run.

        Args:
            patience: seconds that sending may take.
            sites: whatever is about other sites of the store is left to others.

        Returns how many notifications about these sites still wait. Raises StoreError.
        """
        self._take_kept()
        self._take_requests(sites)
        self._evaluate_news()
        self._everything()
        self._tick()
        self._enqueue_reports()
        with self._store.read() as conn:
            self.heartbeats.restore(conn, self._now())
        self.heartbeats.beat()
        waiting = self.sender.drain(patience, sites)
        self.heartbeats.wait(patience)
        return waiting

    def try_again(self) -> None:
        """What a restart does for the channels: those that were stopped are used again. Raises StoreError."""
        self._take_kept()
        self.sender.recover()

    def _loop(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self._work()
                if self._failing is not None:
                    log.info("alerts are evaluated again")
                self._failing = None
            except StoreError as problem:
                if self._failing is None:
                    log.warning("alerts cannot be evaluated; it is tried again", reason=str(problem))
                self._failing = f"the store cannot be used: {problem}"
                stopping.wait(2.0)
            except Exception as error:  # noqa: BLE001
                # The watch outlives its own mistakes.
                log.error("evaluating alerts failed inside Baken", error=masked_trace(error))
                self._failing = f"evaluating failed inside Baken: {type(error).__name__}"
                stopping.wait(2.0)
            self._wake.wait(_EVERY)
            self._wake.clear()

    def _work(self) -> None:
        now = time.monotonic()
        self._take_kept()
        if self._thread is not None and not self._sends:
            # Not before it is known who is told: what nobody is to get is dropped.
            self.sender.start()
            self._sends = True
        self._take_requests()
        self._take_sent()
        self._evaluate_news()
        self._evaluate_checks()
        for name, every, work in (
            ("tick", _TICK, self._tick),
            ("full", _FULL, self._full),
            ("everything", _EVERYTHING, self._everything),
            ("reports", _REPORTS, self._enqueue_reports),
        ):
            if now >= self._due[name]:
                work()
                self._due[name] = now + every
        self.heartbeats.beat()

    def _evaluate_news(self) -> None:
        with self._lock:
            news, errors, since = self._news, self._errors, self._since
            self._news, self._errors, self._since = {}, set(), None
        if not news and not errors:
            return
        done: set[str] = set()
        try:
            acted = 0
            for site in [*news, *(errors - news.keys())]:
                acted += self._evaluate(site, frozenset(news.get(site, ())), errors=site in errors)
                done.add(site)
            acted += self._across()
        except StoreError:
            # What was not judged is judged when the store is back.
            with self._lock:
                for site in news.keys() - done:
                    self._news.setdefault(site, set()).update(news[site])
                self._errors |= errors - done
                self._since = since
            raise
        self._lag = time.monotonic() - since if since is not None else 0.0
        if acted:
            self.sender.wake()

    def _evaluate_checks(self) -> None:
        """Judge the jobs of sites of which something was heard, or one of which is due now."""
        now, watched = self._now(), frozenset(self._sites())
        with self._store.read() as conn:
            versions = checks.versions(conn)
        heard = {site for site, version in versions.items() if version != self._checks.get(site)}
        due = {site for site, moment in self._checks_due.items() if moment <= now}
        acted = 0
        for site in sorted((heard | due) & watched):
            acted += self._evaluate(site, (), pings=True)
            with self._store.read() as conn:
                zone = zone_of(conn, site)
                moments = [each.standing(now, zone).next_change(now) for each in checks.load(conn, site)]
            self._checks_due.pop(site, None)
            if any(moments):
                self._checks_due[site] = min(moment for moment in moments if moment is not None)
            if site in versions:
                self._checks[site] = versions[site]
        if acted:
            self.sender.wake()

    def _note_beats(self, beats: Sequence[Beat]) -> None:
        """Keep how heartbeats went. A store that is away must not keep the next one from being sent."""
        try:
            with self._store.write() as conn:
                heartbeat.keep(conn, beats, self._now())
        except StoreError as problem:
            log.info("how heartbeats went could not be kept", reason=str(problem))

    def _evaluate(
        self,
        site: str,
        metrics: Collection[str] | None = None,
        *,
        errors: bool = False,
        pings: bool = False,
        rested: timedelta | None = None,
    ) -> int:
        """Evaluate one site; whatever is wrong with it takes no other with it. Raises StoreError."""
        try:
            acted = self.engine.evaluate(site, metrics, errors=errors, pings=pings, rested=rested)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001
            if site not in self._broken:
                log.error("a site could not be evaluated", site=site, error=masked_trace(error))
            self._broken.add(site)
            return 0
        self._broken.discard(site)
        return acted

    def _across(self) -> int:
        return self.engine.evaluate_across(list(self._sites()))

    def _tick(self) -> None:
        """What time alone brings about: conditions that have held for long enough, ladders, silences that end."""
        now = self._now()
        acted = 0
        for site in sorted({site for site, due in self.engine.pending if due <= now}):
            acted += self._evaluate(site)
        acted += self._across()
        with self._store.read() as conn:
            stale = suppression.stale(conn, self.engine.rules, now)
            due = conn.execute(
                select(alerts.c.number, alerts.c.step_due).where(
                    alerts.c.step_due <= to_ms(now), alerts.c.open_key.is_not(None), alerts.c.suppressed.is_(None)
                )
            ).all()
        if stale:
            with self._store.write() as conn:
                acted += suppression.refresh(Act(conn, self._settings.alerts, now), self.engine.rules)
        # Some at a time: nobody else gets to write meanwhile.
        for some in batches(sorted((row.number, row.step_due) for row in due), _AT_ONCE):
            with self._store.write() as conn:
                act = Act(conn, self._settings.alerts, now)
                for number, moment in some:
                    acted += lifecycle.climb(act, number, moment)
        if acted:
            self.sender.wake()

    def _full(self) -> None:
        """Look again at whatever is remembered: figures grow old without anything being measured."""
        acted = 0
        for site in sorted(self.engine.with_states()):
            if self._stopping.is_set():
                return
            acted += self._evaluate(site, rested=_RESTED)
            self._evaluate_news()
        if acted:
            self.sender.wake()

    def _everything(self) -> None:
        acted = 0
        for site in [*self._sites(), HOST]:
            if self._stopping.is_set():
                return
            acted += self._evaluate(site, rested=_RESTED)
            self._evaluate_news()
        acted += self._across()
        acted += self._forget_gone()
        if acted:
            self.sender.wake()

    def _forget_gone(self) -> int:
        """End the alerts of sites that are watched no more."""
        gone = self.engine.with_states() - set(self._sites()) - {HOST}
        now = time.monotonic()
        self._missing = {site: self._missing.get(site, now) for site in gone}
        return sum(self.engine.forget(site) for site, since in self._missing.items() if now - since >= _GONE)

    # What is set on the page

    def _take_kept(self) -> None:
        """Go by what was set on the page since the last look. One row tells whether that is anything."""
        with self._store.read() as conn:
            version = kept.version(conn)
            if version == self._kept or (self._kept is None and version == 0):
                self._kept = version
                self.sender.use(self._settings, self._desk, version)
                return
            try:
                people = kept_recipients.chosen(conn, self._filed, self._key)
                books = kept_rules.books(conn, self._book, people.settings.alerts)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001
                # What holds already goes on; what is for people whom it does not know waits.
                if self._kept is None:
                    self.sender.use(self._settings, self._desk, -1)
                log.error("what was set on the page cannot be used", error=masked_trace(error))
                self._kept, self._kept_failing = version, "what was set on the page cannot be used; the log says why"
                return
        self._kept_failing = None
        self._tell_unusable(people, books)
        self._settings = people.settings
        self._desk = Desk(people.settings, self._key, self.zone)
        self.engine.settings = people.settings.alerts
        self.engine.use(books.everywhere, books.of_sites)
        self.sender.use(people.settings, self._desk, version)
        first, self._kept = self._kept is None, version
        before, self._books = self._books, books
        if first:
            # Everything is looked at anyway.
            return
        # One site's change must not make hundreds of others late.
        everywhere = before.everywhere != books.everywhere
        acted = sum(
            self._evaluate(site) for site in [*self._sites(), HOST] if everywhere or before.of(site) != books.of(site)
        )
        acted += self._across()
        if acted:
            self.sender.wake()

    def _tell_unusable(self, people: kept_recipients.Chosen, books: kept_rules.Books) -> None:
        wrong = {f"{site}: {name}: {why}" for (site, name), why in people.problems.items()}
        wrong |= {f"{site}: {problem}" for site, some in books.problems.items() for problem in some}
        for each in sorted(wrong - self._kept_wrong):
            log.warning("something that was set on the page cannot be used", reason=each)
        self._kept_wrong = wrong

    # What is asked for

    def _take_requests(self, sites: Collection[str] | None = None) -> None:
        query = select(alert_requests).where(alert_requests.c.done_at.is_(None))
        if sites is not None:
            query = query.where(alert_requests.c.site.in_(sorted(sites)))
        with self._store.read() as conn:
            asked = conn.execute(query).all()
        for row in asked:
            self._answer(row)

    def _answer(self, row: Row[Any]) -> None:
        answer: dict[str, Any] = {}
        now = self._now()
        if row.kind == "evaluate":
            answer["acted"] = self._evaluate(row.site) + self._evaluate(HOST)
        with self._store.write() as conn:
            if row.kind == "test":
                act = Act(conn, self._settings.alerts, now)
                tell = json.loads(row.answer or "{}").get("tell", [])
                number = lifecycle.open_alert(act, trial_opening(row.id, row.site, now, tell))
                lifecycle.resolve(act, number, "a test", quietly=True)
                answer["alert"] = number
            conn.execute(
                update(alert_requests)
                .where(alert_requests.c.id == row.id, alert_requests.c.done_at.is_(None))
                .values(done_at=to_ms(now), answer=json.dumps(answer))
            )
        self.sender.wake()

    # What sites send by themselves

    def _take_sent(self) -> None:
        """Have the errors judged that the web process has counted since the last look."""
        if self._settings.incoming.sentry_key is None:
            return
        sites = self._sites()
        with self._store.read() as conn:
            sent = watermarks.moments(conn, SENTRY, sites)
        # After a start everything is judged anyway.
        before, self._sent = sent if self._sent is None else self._sent, sent
        for site in sites:
            if sent.get(site) != before.get(site):
                self.errors_changed(site)

    # Reports

    def _enqueue_reports(self) -> None:
        if not any(recipient.reports for recipient in self._settings.alerts.recipients):
            return
        from baken.alerts import reports

        now = self._now()
        rows: list[dict[str, Any]] = []
        for recipient in self._settings.alerts.recipients:
            for period in recipient.reports:
                for site in self._sites():
                    if recipient.sites and site not in recipient.sites:
                        continue
                    zone = ZoneInfo(recipient.time_zone or self.zone(site))
                    moment = reports.due(now, zone, self._settings.alerts, period)
                    # One that nobody could send in time is no news any more.
                    if moment is None or now - moment > _REPORT_AGE:
                        continue
                    rows.append(
                        {
                            "key": outbox.key_of(
                                reports.report_key(site, period, moment, recipient.name, recipient.channel)
                            ),
                            "site": site,
                            "kind": "report",
                            "channel": recipient.channel,
                            "recipient": recipient.name,
                            "severity": "LOW",
                            "due": to_ms(now),
                            "body": json.dumps({"period": period, "until": to_ms(moment)}),
                        }
                    )
        if not rows:
            return
        with self._store.read() as conn:
            known = outbox.known(conn, [row["key"] for row in rows])
        fresh = [row for row in rows if row["key"] not in known]
        if fresh:
            with self._store.write() as conn:
                outbox.put(conn, fresh, now)
            self.sender.wake()

    def _report(self, conn: Connection, row: Row[Any], recipient: Recipient) -> Message | None:
        from baken.alerts import reports

        body = json.loads(row.body)
        language, zone = self._desk.language(recipient), self._desk.zone(recipient, row.site)
        base = self._settings.alerts.public_url.rstrip("/")
        url = f"{base}/monitoring_dashboard" if base else ""
        built = reports.build(
            conn,
            row.site,
            period=body["period"],
            until=clock.from_ms(body["until"]),
            zone=ZoneInfo(zone),
            language=language,
            settings=self._settings,
            url=base,
            now=self._now(),
        )
        return compose.report_message(recipient, row, built, language=language, zone=zone, url=url, now=self._now())
