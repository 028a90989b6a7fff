"""What the store knows of silences that Baken and an Alertmanager have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update

from baken.alerts import lifecycle, silences
from baken.alerts.lifecycle import Act
from baken.alerts.silences import EVERYWHERE, Silence
from baken.clock import to_ms
from baken.exporters.alertmanager_remote import NOBODY, Remote
from baken.history import audit
from baken.history.series import batches, labels_of
from baken.history.store import Store
from baken.history.tables import alerts
from baken.history.tables import silence_links as links
from baken.history.tables import silences as table
from baken.history.upserts import upsert
from baken.settings import Alerts

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Looked:
    """What one look at the store found.

    Attributes:
        present: silences that are not over, by number.
        ended: numbers of silences of links that somebody has ended.
        links: the pairs of this Alertmanager.
        elsewhere: by silence, its pairs in other Alertmanagers.
    """

    present: dict[int, Silence]
    ended: frozenset[int]
    links: list[Row[Any]]
    elsewhere: dict[int, list[Row[Any]]]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of one Alertmanager, `target`."""

    target: str
    store: Store
    settings: Alerts

    def look(self, now: datetime) -> Looked:
        """What there is at this moment."""
        with self.store.read() as conn:
            every = conn.execute(select(links)).all()
            own = [row for row in every if row.target == self.target]
            present = {silence.id: silence for silence in silences.load(conn, now)}
            ended = set()
            for some in batches(sorted({row.silence for row in own})):
                query = select(table.c.id).where(table.c.id.in_(some), table.c.ended_at.is_not(None))
                ended |= set(conn.execute(query).scalars())
        elsewhere: dict[int, list[Row[Any]]] = {}
        for row in every:
            if row.target != self.target:
                elsewhere.setdefault(row.silence, []).append(row)
        return Looked(present, frozenset(ended), own, elsewhere)

    def held(self, remote: Mapping[str, Remote]) -> frozenset[int]:
        """Numbers of Baken's silences that Alertmanager holds at this moment."""
        with self.store.read() as conn:
            rows = conn.execute(select(links.c.remote, links.c.silence).where(links.c.target == self.target)).all()
        return frozenset(row.silence for row in rows if (each := remote.get(row.remote)) is not None and each.active)

    def end_here(self, link: Row[Any], now: datetime) -> None:
        """End a silence of Baken because it was ended over there."""
        with self.store.write() as conn:
            site = conn.execute(select(table.c.site).where(table.c.id == link.silence)).scalar()
            try:
                silences.end(conn, link.silence, site=site or EVERYWHERE, by=NOBODY, now=now)
            except silences.Refused as reason:
                log.debug("a silence was over already", silence=link.silence, reason=str(reason))
            conn.execute(update(links).where(is_pair(link)).values(over=True))

    def hold(self, conn: Connection, number: int, now: datetime, instead: int | None = None) -> None:
        """Hold back at once what nothing else holds back; what ends is left to those who look at all of it."""
        silence = next((each for each in silences.load(conn, now) if each.id == number), None)
        before = None if instead is None else f"silence:{instead}"
        if silence is None or not silence.active(now):
            return
        act = Act(conn, self.settings, now)
        rows = conn.execute(select(alerts).where(alerts.c.open_key.is_not(None)).order_by(alerts.c.number)).all()
        for row in rows:
            facts = {**labels_of(row.labels), "rule": row.rule, "severity": row.severity, "area": row.area}
            if (row.suppressed is None or row.suppressed == before) and silence.means(facts, row.site):
                lifecycle.suppress(act, row.number, f"silence:{number}")

    def link(
        self,
        conn: Connection,
        there: Remote,
        silence: int,
        origin: str,
        starts: int,
        *,
        ends: int | None = None,
        over: bool = False,
    ) -> None:
        """Remember a pair; `ends` (ms) is the end on which both sides agree, where it is not the one over there."""
        row = {
            "target": self.target,
            "remote": there.id,
            "silence": silence,
            "origin": origin,
            "starts": starts,
            "ends": to_ms(there.ends) if ends is None else ends,
            "over": over,
            "missing": None,
        }
        upsert(conn, links, [row])

    def forget(self, link: Row[Any]) -> None:
        """Remember a pair no more."""
        with self.store.write() as conn:
            conn.execute(delete(links).where(is_pair(link)))

    def change(self, link: Row[Any], **values: Any) -> None:
        """Set columns of a pair."""
        with self.store.write() as conn:
            conn.execute(update(links).where(is_pair(link)).values(**values))

    def note(self, number: int, silence: Silence | None, action: str, now: datetime) -> None:
        """Write into the audit trail what Baken did over there."""
        with self.store.write() as conn:
            site = silence.site if silence is not None else None
            if site is None:
                site = conn.execute(select(table.c.site).where(table.c.id == number)).scalar() or EVERYWHERE
            detail = {"alertmanager": self.target}
            audit.write(conn, at=now, site=site, user="", action=action, target=str(number), detail=detail)


def is_pair(link: Row[Any]) -> ColumnElement[bool]:
    """Finds a pair's row."""
    return and_(links.c.target == link.target, links.c.remote == link.remote)
