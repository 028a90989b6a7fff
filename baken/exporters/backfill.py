"""The past, by remote write: what the store had before a target was set, sent once and on command."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from baken.clock import from_ms, to_ms
from baken.exporters import remote_write
from baken.exporters.disk_queue import Begun, begun_of, prepare
from baken.exporters.pushing import NotTaken
from baken.exporters.write_delivery import Delivered, Delivery
from baken.history import after
from baken.history.rollups import DAY_MS, day_of
from baken.history.store import Store
from baken.settings import Settings, SettingsError

_PAUSE, _LONGEST_PAUSE = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What was sent: figures that were taken and refused, why, and the oldest and newest day with single figures."""

    sent: int
    rejected: int
    problem: str
    first: datetime | None
    last: datetime | None


def backfill(
    settings: Settings,
    store: Store,
    name: str,
    days: int,
    now: datetime,
    tell: Callable[[datetime, int], None],
    *,
    patience: float = 120.0,
) -> Backfilled:
    """Send the figures of the last `days` from before the target's queue began, oldest first.

    What came later has gone, or goes, through the queue: each series arrives in the order of time when this runs before
    Baken first does with the target. Single figures only: what the store keeps by the hour or day is left out. Doing it
    again sends the same again, which does no harm.

    Args:
        settings: all settings.
        store: the store.
        name: the target, as its `name` says or else its host and port.
        days: how far back.
        now: the present moment.
        tell: is told of each day (its beginning), and of how many figures were sent so far.
        patience: seconds for which a target that does not take it is tried again.

    Raises:
        SettingsError: there is no such target.
        NotTaken: the target could not be reached for that long, or what its queue says of itself is damaged.
        StoreError: the store cannot be read.
        OSError: the target's queue cannot be made.
    """
    targets = remote_write.named(settings)
    if name not in targets:
        known = ", ".join(targets) or "none is set"
        raise SettingsError(f"exporters.remote_write has no target {name}; targets: {known}")
    folder = remote_write.folder_of(settings.data_dir, name)
    with store.read() as conn:
        marks = after.newest(conn)
        series = after.series_of_sites(conn, marks)
    prepare(folder, Begun(marks, max(marks.values(), default=0)))
    try:
        begun = begun_of(folder)
    except (ValueError, KeyError, TypeError):
        raise NotTaken(
            f"the queue of {name} cannot be read: look at the folder {remote_write.FOLDER}/{folder.name} in data_dir"
        ) from None
    delivery = Delivery(targets[name], settings.exporters.labels)
    sent = rejected = 0
    problem = ""
    first: int | None = None
    last: int | None = None
    day = day_of(to_ms(now - timedelta(days=days)))
    while day <= to_ms(now):
        for site, its in series.items():
            end = min(day + DAY_MS - 1, begun.marks.get(site, begun.otherwise))
            if end < day:
                continue
            with store.read() as conn:
                moments = after.moments(conn, site, its, day - 1, end)
            parts: list[bytes] = []
            count = 0
            for place, moment in enumerate(moments, start=1):
                parts.append(delivery.figures(site, moment.at, moment.values))
                count += len(moment.values)
                if count >= remote_write.MOST_FIGURES or place == len(moments):
                    done = _patiently(partial(delivery.send, parts, count), patience)
                    sent, rejected, problem = sent + done.sent, rejected + done.rejected, problem or done.problem
                    parts, count = [], 0
            if moments:
                first, last = min(first or day, day), day
        tell(from_ms(day), sent)
        day += DAY_MS
    return Backfilled(
        sent, rejected, problem, None if first is None else from_ms(first), None if last is None else from_ms(last)
    )


def _patiently(send: Callable[[], Delivered], patience: float) -> Delivered:
    ends, pause = time.monotonic() + patience, _PAUSE
    while True:
        try:
            return send()
        except NotTaken:
            if time.monotonic() + pause > ends:
                raise
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
