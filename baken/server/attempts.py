"""Failed sign-ins are counted in the store, per address and per user, and too many of them are refused for a while."""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from baken import clock
from baken.history import websessions
from baken.history.store import Store
from baken.privacy import Pseudonyms
from baken.server.answers import TooMany
from baken.settings import Server

_PATIENCE = 5.0


class Attempts:
    """Counts failed sign-ins under keyed hashes: the store never holds an address or a name that was tried."""

    def __init__(self, store: Store, key: bytes, settings: Server) -> None:
        self._store = store
        self._pseudonyms = Pseudonyms(key)
        self._most = settings.sign_in_attempts
        self._window = timedelta(seconds=settings.sign_in_window)
        self._running: Counter[str] = Counter()
        self._turn = threading.Condition()

    def hash(self, *parts: str) -> str:
        """The keyed hash under which attempts of this kind and thing are counted."""
        return self._pseudonyms.of("attempt", "\0".join(parts))

    @contextmanager
    def trying(self, keys: Sequence[str]) -> Iterator[None]:
        """Hold a place for one attempt of each of `keys` while it is checked.

        Those that are being checked count like failures: of many at once, only as many are checked together as may
        still fail; the others wait for their turn.

        Raises TooMany (with Retry-After) when there were too many failures, StoreError when they cannot be counted.
        """
        since = clock.now() - self._window
        deadline = time.monotonic() + _PATIENCE
        with self._turn:
            while True:
                with self._store.read() as conn:
                    failed = {key: websessions.attempts_since(conn, key, since) for key in keys}
                if max(failed.values()) >= self._most:
                    raise _too_many(math.ceil(self._window.total_seconds()))
                if all(failed[key] + self._running[key] < self._most for key in keys):
                    break
                if not self._turn.wait(deadline - time.monotonic()):
                    raise _too_many(1)
            self._running.update(keys)
        try:
            yield
        finally:
            with self._turn:
                self._running.subtract(keys)
                for key in keys:
                    if not self._running[key]:
                        del self._running[key]
                self._turn.notify_all()

    def failed(self, keys: Sequence[str]) -> None:
        """Count a failure of each of `keys`."""
        moment = clock.now()
        with self._store.write() as conn:
            for key in keys:
                websessions.record_attempt(conn, key, moment)

    def forget(self, key: str) -> None:
        """Begin anew for `key`, after it signed in."""
        with self._store.write() as conn:
            websessions.forget_attempts(conn, key)


def _too_many(seconds: int) -> TooMany:
    return TooMany(f"too many failed sign-ins; try again in {seconds} s", {"Retry-After": str(seconds)})
