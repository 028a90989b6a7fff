"""From the store into a queue: what the queue lacks, in the order of time."""

from collections.abc import Callable, Mapping, Sequence

from baken import clock
from baken.clock import to_ms
from baken.exporters.disk_queue import DiskQueue, Entry
from baken.history import after
from baken.history.after import Moment, Series
from baken.history.rollups import DAY_MS, day_of, fold_until
from baken.history.store import Store

# Sites go on side by side: Prometheus takes nothing that is an hour older than its newest figure of whatever series.
_SLICE_MS = 10 * 60_000


def fill(
    store: Store,
    queue: DiskQueue,
    upto: Mapping[str, int],
    encode: Callable[[Moment], Entry],
    go_on: Callable[[], bool],
) -> bool:
    """Put into the queue what lies between its marks and some moments.

    Args:
        store: the store.
        queue: the queue, open.
        upto: by site, the moment (milliseconds) up to which.
        encode: makes an entry of the figures of a moment.
        go_on: is asked now and then; False: leave it for another time.

    Returns:
        Whether all of it is done. What is done is marked.

    Raises:
        StoreError: the store cannot be read.
        OSError: the queue cannot be written.
    """
    every: dict[str, list[Series]] | None = None
    while True:
        behind = {site: at for site, at in upto.items() if queue.mark(site) < at}
        if not behind:
            return True
        if not go_on():
            return False
        if every is None:
            with store.read() as conn:
                every = after.series_of_sites(conn, behind)
        cursor = min(queue.mark(site) for site in behind)
        packed = cursor < fold_until(to_ms(clock.now()))
        end = day_of(cursor + 1) + DAY_MS - 1 if packed else cursor + _SLICE_MS
        step = _day if packed else _slice
        count = step(store, queue, {site: min(at, end) for site, at in behind.items()}, every, encode, go_on)
        if count is None:
            return False
        if not count:
            # Nothing was measured for a while: on to where there is something again.
            with store.read() as conn:
                following = after.next_at(conn, end)
            end = max(end, max(behind.values()) if following is None else following - 1)
        queue.advance({site: min(at, end) for site, at in behind.items()})


def _slice(
    store: Store,
    queue: DiskQueue,
    upto: Mapping[str, int],
    every: Mapping[str, Sequence[Series]],
    encode: Callable[[Moment], Entry],
    _go_on: Callable[[], bool],
) -> int | None:
    """Some minutes of all sites together."""
    found: list[Entry] = []
    for site, end in upto.items():
        found += _read(store, queue, site, end, every, encode)
    queue.append(sorted(found, key=lambda entry: entry.at))
    return len(found)


def _day(
    store: Store,
    queue: DiskQueue,
    upto: Mapping[str, int],
    every: Mapping[str, Sequence[Series]],
    encode: Callable[[Moment], Entry],
    go_on: Callable[[], bool],
) -> int | None:
    """A day that may be packed: one site after the other, for unpacking it takes time. None: it was broken off."""
    count = 0
    for site, end in upto.items():
        if not go_on():
            return None
        found = _read(store, queue, site, end, every, encode)
        queue.append(found)
        queue.advance({site: end})
        count += len(found)
    return count


def _read(
    store: Store,
    queue: DiskQueue,
    site: str,
    end: int,
    every: Mapping[str, Sequence[Series]],
    encode: Callable[[Moment], Entry],
) -> list[Entry]:
    if queue.mark(site) >= end or not every.get(site):
        return []
    with store.read() as conn:
        moments = after.moments(conn, site, every[site], queue.mark(site), end)
    return [encode(moment) for moment in moments]
