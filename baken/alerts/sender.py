"""The sender: takes what is due from the outbox, has it sent, and marks it. A channel sends in a thread of its own.

A slow or broken channel holds up no other. What a channel refuses for good is kept, and the channel is stopped and told
of over the others; it is used again after a restart of Baken, or `baken alert enable`.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, delete, select, update

from baken import clock
from baken.alerts import browsers, channels, compose, outbox, routing
from baken.alerts.compose import Desk
from baken.alerts.lifecycle import Act, note
from baken.alerts.message import Gone, Message, Undelivered
from baken.history import kept, push
from baken.history.store import Store, StoreError
from baken.history.tables import alert_mirrors, alerts
from baken.history.tables import outbox as table
from baken.history.upserts import upsert
from baken.privacy import mask, masked_trace
from baken.settings import Channel, Recipient, Settings
from baken.sites.site import Site

log = structlog.get_logger(__name__)

_EVERY = 1.0
_TIMEOUT = 20.0
# Shorter than a lease: until then nobody else sends the same.
_PATIENCE = 80.0
_JOINING = 0.2
# How often users of browsers are looked after whom nothing was sent to.
_REVIEW = 3600.0
# When what is for somebody who was set on the page a moment ago is tried again.
_SOON = timedelta(seconds=1)
_MOOT = "it need not be told any more: held back, acknowledged or over meanwhile"
_GONE = "nobody of that name gets messages over this channel any more"

Report = Callable[[Connection, Row[Any], Recipient], Message | None]
"""Makes the message of a report's row; None when there is nothing to report."""


@dataclass(slots=True)
class Mirrors:
    """Names that a channel keeps alerts under elsewhere."""

    store: Store
    channel: str

    def get(self, alert: int) -> str | None:
        """The alert's name there, or None."""
        with self.store.read() as conn:
            return conn.execute(
                select(alert_mirrors.c.name).where(
                    alert_mirrors.c.channel == self.channel, alert_mirrors.c.alert == alert
                )
            ).scalar()

    def put(self, alert: int, name: str) -> None:
        """Remember the alert's name there; an empty name forgets it."""
        with self.store.write() as conn:
            if name:
                upsert(conn, alert_mirrors, [{"channel": self.channel, "alert": alert, "name": name[:140]}])
            else:
                conn.execute(
                    delete(alert_mirrors).where(alert_mirrors.c.channel == self.channel, alert_mirrors.c.alert == alert)
                )


class Sender:
    """Sends what is due until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        desk: Desk,
        holder: str,
        report: Report,
        now: Callable[[], datetime] = clock.now,
        site_of: Callable[[str], Site | None] = lambda _name: None,
    ) -> None:
        """Prepare a sender.

        Args:
            settings: all settings.
            store: the store.
            desk: what composing messages needs.
            holder: under which name rows are claimed; the process that takes a dead one's place has the same.
            report: makes the message of a report's row.
            now: the clock.
            site_of: a watched site by its name, which is asked whether somebody may see its dashboard still.
        """
        self._settings = settings
        self._store = store
        self._desk = desk
        self._version: int | None = None
        self._holder = holder
        self._report = report
        self._now = now
        self._wake = threading.Event()
        self._busy: dict[str, threading.Thread] = {}
        self._channels = {each.name: each for each in [*settings.alerts.channels, browsers.channel(settings)]}
        self._site_of = site_of
        self._operators = frozenset((each.user, each.site) for each in settings.server.operators)
        self._silent: dict[str, float] = {}
        self._review_due = time.monotonic() + _REVIEW
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def use(self, settings: Settings, desk: Desk, version: int | None = None) -> None:
        """Go by these settings from the next message on. Channels are those of the file, and stay.

        `version`: of what was set on the page (`kept.version`), as far as these settings know it.
        """
        self._settings, self._desk, self._version = settings, desk, version

    def start(self) -> None:
        """Begin to send, after giving back what an earlier process of the same name had claimed."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._loop, name="outbox", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether it is at work."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self, patience: float = 5.0) -> None:
        """Begin nothing new, and wait up to `patience` seconds for what is being sent."""
        self._stopping.set()
        self._wake.set()
        ends = time.monotonic() + patience
        for thread in [self._thread, *self._busy.values()]:
            if thread is not None:
                thread.join(max(0.0, ends - time.monotonic()))
        self._thread = None

    def drain(self, patience: float, sites: Collection[str] | None = None) -> int:
        """Send what is due now and wait for it, up to `patience` seconds; how many rows still wait. For commands.

        `sites`: only what is about these, for one of several that send by turns; None: everything, as after a restart.
        """
        if sites is None:
            self.recover()
        ends = time.monotonic() + patience
        while time.monotonic() < ends:
            begun = self._begin_due(sites)
            busy = [thread for thread in self._busy.values() if thread.is_alive()]
            if not begun and not busy and not self._due_soon(sites):
                break
            for thread in busy:
                thread.join(max(0.0, ends - time.monotonic()))
        with self._store.read() as conn:
            return outbox.waiting(conn, sites)

    def _due_soon(self, sites: Collection[str] | None) -> bool:
        """Whether something waits for a moment for others to join it; lets some of that moment pass."""
        now = self._now()
        with self._store.read() as conn:
            due = outbox.next_due(conn, sites)
        # What is due already and was not begun waits for something else, such as a channel that works again.
        soon = due is not None and now < due <= now + timedelta(seconds=self._settings.alerts.group_wait + 1)
        if soon:
            time.sleep(_JOINING)
        return soon

    def _loop(self) -> None:
        recovered = False
        while not self._stopping.is_set():
            try:
                if not recovered:
                    self.recover()
                    recovered = True
                self._begin_due()
                self._review()
            except StoreError as problem:
                log.debug("the outbox cannot be read", reason=str(problem))
            except Exception as error:  # noqa: BLE001
                # Whatever happens, what comes next must still be told.
                log.error("planning what to send failed", error=masked_trace(error))
            self._wake.wait(_EVERY)
            self._wake.clear()

    def recover(self) -> None:
        """What a restart does: give back what was claimed, and try the channels again that were stopped."""
        with self._store.write() as conn:
            outbox.release(conn, self._holder)
            outbox.forget_future(conn, self._now())
            # Whoever restarts Baken may have mended what a channel was stopped for.
            outbox.enable(conn, None, self._now())
            outbox.forget_removed(conn, self._settings.alerts)
            outbox.drop_outdated(conn, self._now())

    def _begin_due(self, sites: Collection[str] | None = None) -> int:
        """Begin to send what is due, one message per channel at a time; how many were begun."""
        now = self._now()
        zones = self._zones()
        with self._store.read() as conn:
            busy = {name for name, thread in self._busy.items() if thread.is_alive()}
            paced = outbox.plan(conn, self._settings.alerts, now, zones, busy, sites)
        if paced.put_off:
            with self._store.write() as conn:
                outbox.put_off(conn, paced.put_off)
        begun = 0
        for batch in paced.batches:
            if self._stopping.is_set():
                break
            thread = threading.Thread(target=self._work, args=(batch,), name=f"channel {batch.channel}", daemon=True)
            self._busy[batch.channel] = thread
            thread.start()
            begun += 1
        return begun

    def _review(self) -> None:
        """Now and then, in a thread of its own: sites may take long to answer, and what is due must go out."""
        if time.monotonic() < self._review_due:
            return
        self._review_due = time.monotonic() + _REVIEW
        threading.Thread(target=self._look_after_browsers, name="push review", daemon=True).start()

    def _look_after_browsers(self) -> None:
        try:
            browsers.review(self._store, self._site_of, self._now(), self._operators)
        except StoreError as problem:
            log.debug("browsers could not be looked after", reason=str(problem))
        except Exception as error:  # noqa: BLE001
            log.error("looking after browsers failed inside Baken", error=masked_trace(error))

    def _zones(self) -> Mapping[str, str]:
        with self._store.read() as conn:
            sites = conn.execute(select(table.c.site).where(table.c.state == "waiting").distinct()).scalars().all()
        return {site: self._desk.zone_of(site) for site in sites}

    def _work(self, batch: outbox.Batch) -> None:
        try:
            self.send(batch)
        except StoreError as problem:
            log.warning("a notification waits for the store", channel=batch.channel, reason=str(problem))
        except Exception as error:  # noqa: BLE001
            log.error("sending failed inside Baken", channel=batch.channel, error=masked_trace(error))
            self._give_back(batch, f"{outbox.FAULT}: {type(error).__name__}")
        finally:
            self._wake.set()

    def _give_back(self, batch: outbox.Batch, problem: str) -> None:
        with contextlib.suppress(StoreError), self._store.write() as conn:
            rows = conn.execute(select(table).where(table.c.id.in_(batch.rows), table.c.holder == self._holder)).all()
            if rows:
                # From now on each is tried alone: one that cannot be told takes no other with it.
                outbox.failed(conn, rows, self._holder, problem, self._now())
                outbox.went_wrong(conn, batch.channel, batch.recipient, problem, self._now(), disable=False)

    def send(self, batch: outbox.Batch) -> bool:
        """Claim the rows of a batch, send them as one message, mark them; whether the other side took it.

        Raises StoreError: before sending nothing has happened; after it, the lease ends and the message is repeated.
        """
        with self._store.write() as conn:
            rows = outbox.claim(conn, batch, self._holder, self._now())
        if not rows:
            return False
        channel, recipient = self._channels.get(batch.channel), self._recipient(batch)
        if recipient is None or channel is None:
            self._unknown(batch, rows)
            return False
        with self._store.read() as conn:
            moot = compose.moot(conn, rows)
            rows = [row for row in rows if row not in moot]
            message = self._compose(conn, batch, rows, recipient) if rows else None
        if moot:
            self._drop_moot(moot)
        if message is None:
            self._drop(rows, "there was nothing to tell")
            return False
        context = channels.Context(
            allow_private=tuple(self._settings.alerts.allow_private),
            timeout=_TIMEOUT,
            mirrors=Mirrors(self._store, batch.channel),
        )
        try:
            detail = channels.send(channel, recipient.to, message, context)
        except Gone as problem:
            self._gone(batch, rows, problem)
            return False
        except Undelivered as problem:
            self._undelivered(batch, rows, channel, recipient, problem)
            return False
        self._delivered(batch, rows, recipient, message, detail)
        return True

    def _recipient(self, batch: outbox.Batch) -> Recipient | None:
        """Whom a batch is for, as far as there is still somebody who may be told."""
        number = browsers.number_of(batch.recipient) if batch.channel == channels.BUILT_IN else None
        if number is None:
            return routing.named(self._settings.alerts, batch.channel, batch.recipient)
        if not browsers.allowed(self._store, number, self._site_of, self._now(), self._operators, self._silent):
            return None
        with self._store.read() as conn:
            found = push.find(conn, number)
        return None if found is None else browsers.recipient(found)

    def _unknown(self, batch: outbox.Batch, rows: list[Row[Any]]) -> None:
        """Somebody whom these settings do not have: gone, or set on the page a moment ago."""
        now, ids = self._now(), [row.id for row in rows]
        with self._store.write() as conn:
            if self._version is not None and kept.version(conn) != self._version:
                outbox.give_back(conn, ids, now + _SOON)
            else:
                outbox.unknown(conn, ids, batch.channel, batch.recipient, _GONE, now)

    def _gone(self, batch: outbox.Batch, rows: list[Row[Any]], problem: Gone) -> None:
        """A browser that is there no more: nobody need mend anything, so nothing counts as broken."""
        now, number = self._now(), browsers.number_of(batch.recipient)
        with self._store.write() as conn:
            outbox.drop(conn, [row.id for row in rows], str(problem))
            found = None if number is None else push.find(conn, number)
            if found is not None:
                browsers.end(conn, found, str(problem), now)
            for alert, events in _events_of(rows).items():
                told: dict[str, Any] = {"channel": batch.channel, "recipient": batch.recipient, "events": events}
                told |= {"permanent": True, "again": None}
                note(Act(conn, self._settings.alerts, now), alert, "notification_failed", str(problem), told)
        log.info("a recipient is there no more", channel=batch.channel, recipient=batch.recipient)

    def _compose(
        self, conn: Connection, batch: outbox.Batch, rows: list[Row[Any]], recipient: Recipient
    ) -> Message | None:
        if batch.kind == "report":
            return self._report(conn, rows[0], recipient)
        return compose.message(conn, self._desk, recipient, batch, rows, self._now())

    def _drop(self, rows: list[Row[Any]], why: str) -> None:
        with self._store.write() as conn:
            outbox.drop(conn, [row.id for row in rows], why)

    def _drop_moot(self, rows: list[Row[Any]]) -> None:
        """Drop rows that are moot still; what has become news again meanwhile is given back."""
        with self._store.write() as conn:
            still = compose.moot(conn, rows)
            outbox.drop(conn, [row.id for row in still], _MOOT)
            outbox.give_back(conn, [row.id for row in rows if row not in still], self._now())
            for number in sorted({row.alert for row in still if row.alert is not None}):
                if outbox.nobody_told(conn, number, 0):
                    conn.execute(update(alerts).where(alerts.c.number == number).values(told=False))

    def _delivered(
        self, batch: outbox.Batch, rows: list[Row[Any]], recipient: Recipient, message: Message, detail: str
    ) -> None:
        # The other side has it: a store that is busy at this moment is no reason to send it again.
        ends = time.monotonic() + _PATIENCE
        while True:
            try:
                self._mark(batch, rows, message, detail)
                break
            except StoreError:
                if time.monotonic() > ends or self._stopping.is_set():
                    raise
                time.sleep(_EVERY)
            except Exception as error:  # noqa: BLE001
                log.error("what was sent cannot be marked", channel=batch.channel, error=masked_trace(error))
                break
        log.info("told", channel=batch.channel, recipient=recipient.name, kind=batch.kind, alerts=len(message.items))

    def _mark(self, batch: outbox.Batch, rows: list[Row[Any]], message: Message, detail: str) -> None:
        now = self._now()
        with self._store.write() as conn:
            outbox.sent(conn, [row.id for row in rows], self._holder, message.id, now)
            outbox.went_well(conn, batch.channel, batch.recipient, now)
            browser = browsers.number_of(batch.recipient) if batch.channel == channels.BUILT_IN else None
            if browser is not None:
                push.worked(conn, browser, now)
            for number, events in _events_of(rows).items():
                told: dict[str, Any] = {"channel": batch.channel, "recipient": batch.recipient, "events": events}
                if batch.held:
                    told["digest"] = True
                note(Act(conn, self._settings.alerts, now), number, "notified", mask(detail)[:500], told)

    def _undelivered(
        self, batch: outbox.Batch, rows: list[Row[Any]], channel: Channel, recipient: Recipient, problem: Undelivered
    ) -> None:
        now = self._now()
        text = mask(str(problem))
        with self._store.write() as conn:
            again = outbox.failed(conn, rows, self._holder, text, now)
            whom = batch.recipient if problem.whom == "recipient" else ""
            outbox.went_wrong(conn, batch.channel, whom, text, now, disable=problem.permanent)
            browser = browsers.number_of(batch.recipient) if batch.channel == channels.BUILT_IN else None
            if browser is not None:
                push.failed(conn, browser)
            # The trail tells a problem once, not each time that it is tried again.
            news = [row for row in rows if problem.permanent or row.problem != text[:1000]]
            for number, events in _events_of(news).items():
                told: dict[str, Any] = {"channel": batch.channel, "recipient": batch.recipient, "events": events}
                told |= {"permanent": problem.permanent, "again": None if problem.permanent else clock.iso(again)}
                note(Act(conn, self._settings.alerts, now), number, "notification_failed", text[:500], told)
        say = log.error if problem.permanent else log.warning
        say(
            "a channel is stopped until it is mended" if problem.permanent else "a channel does not work",
            channel=channel.name,
            recipient=recipient.name,
            reason=text,
        )


def _events_of(rows: list[Row[Any]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in rows:
        if row.alert is not None:
            found.setdefault(row.alert, []).append(str(json.loads(row.body).get("event") or ""))
    return found
