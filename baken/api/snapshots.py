"""A site's present as the store has it, kept in memory until the store has something newer."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from baken.errors import patterns
from baken.history import samples
from baken.history.store import Store
from baken.insights import figures
from baken.insights.figures import OWN, Figures

T = TypeVar("T")

CHECK_SECONDS = 0.5
"""So often at most the store is asked whether it has something newer."""

RELOAD_SECONDS = 10.0
"""After so long everything is read anew: a run that was stored late does not show in the site's last run."""

MOST_KEPT = 200
"""So many answers are kept for one snapshot; arguments are the caller's to choose."""

_NOTHING = object()


@dataclass(slots=True)
class Snapshot:
    """A site's present.

    Attributes:
        figures: the last figures of the site, the host and Baken itself.
        states: how the last run over each site went.
        version: changes when the store has something newer about this site.
        loaded: monotonic seconds at which it was read.
    """

    figures: Figures
    states: dict[str, samples.SiteState]
    version: Any
    loaded: float
    _kept: dict[Any, Any] = field(default_factory=dict)
    _working: dict[Any, threading.RLock] = field(default_factory=dict)

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """What `compute` gives, computed once for this snapshot; callers must not change it.

        Of many who ask at once one computes and the others wait for it: hold no connection to the store meanwhile.
        """
        found = self._kept.get(key, _NOTHING)
        if found is not _NOTHING:
            return cast("T", found)
        with self._working.setdefault(key, threading.RLock()):
            found = self._kept.get(key, _NOTHING)
            if found is _NOTHING:
                found = compute()
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                    self._working.clear()
                self._kept[key] = found
        return cast("T", found)


@dataclass(slots=True)
class _Place:
    """Where a site's snapshot is kept, and when the store was last asked for something newer (monotonic seconds)."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    checked: float = 0.0
    snapshot: Snapshot | None = None


_places: WeakKeyDictionary[Store, dict[str, _Place]] = WeakKeyDictionary()
_guard = threading.Lock()


def of(store: Store, site: str) -> Snapshot:
    """The site's present, at most CHECK_SECONDS behind the store. Raises StoreError."""
    place = _place(store, site)
    known = place.snapshot
    if known is not None and time.monotonic() - place.checked < CHECK_SECONDS:
        return known
    with place.lock:
        known, moment = place.snapshot, time.monotonic()
        if known is not None and moment - place.checked < CHECK_SECONDS:
            return known
        with store.read() as conn:
            states = samples.site_states(conn)
            # Errors are read in runs of their own, which leave no other trace than the counts.
            version = (states.get(site), states.get(OWN), patterns.version(conn, site))
            if known is None or known.version != version or moment - known.loaded > RELOAD_SECONDS:
                known = Snapshot(figures.read(conn, site, states.get(site)), states, version, moment)
        place.snapshot, place.checked = known, moment
        return known


def forget(store: Store) -> None:
    """Read everything anew at the next call."""
    with _guard:
        _places.pop(store, None)


def _place(store: Store, site: str) -> _Place:
    places = _places.get(store)
    place = places.get(site) if places is not None else None
    if place is not None:
        return place
    with _guard:
        return _places.setdefault(store, {}).setdefault(site, _Place())
