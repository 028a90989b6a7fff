"""Failed sign-ins are counted in the store, per address and per user, and too many of them are refused for a while."""

import hashlib
import hmac
import math
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from baken import clock
from baken.history import websessions
from baken.history.store import Store
from baken.server.answers import TooMany
from baken.settings import Server


class Attempts:
    """Counts failed sign-ins under keyed hashes: the store never holds an address or a name that was tried."""

    def __init__(self, store: Store, key: bytes, settings: Server) -> None:
        self._store = store
        self._key = key
        self._most = settings.sign_in_attempts
        self._window = timedelta(seconds=settings.sign_in_window)
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def hash(self, *parts: str) -> str:
        """The keyed hash under which attempts of this kind and thing are counted."""
        text = "\0".join(parts).encode("utf-8", "backslashreplace")
        return hmac.new(self._key, b"attempt\0" + text, hashlib.sha256).hexdigest()

    @contextmanager
    def trying(self, keys: Sequence[str]) -> Iterator[None]:
        """Hold a place for one attempt of each of `keys` while it is checked, so that many at once count as many.

        Raises TooMany (with Retry-After) when there were too many already, StoreError when they cannot be counted.
        """
        since = clock.now() - self._window
        with self._lock:
            # Whoever came before is counted either here or, once it failed, in the store: never in neither.
            before = {key: self._running[key] for key in keys}
            self._running.update(keys)
        try:
            with self._store.read() as conn:
                counted = {key: websessions.attempts_since(conn, key, since) + before[key] for key in keys}
            if max(counted.values()) >= self._most:
                seconds = math.ceil(self._window.total_seconds())
                raise TooMany(f"too many failed sign-ins; try again in {seconds} s", {"Retry-After": str(seconds)})
            yield
        finally:
            with self._lock:
                self._running.subtract(keys)
                for key in keys:
                    if not self._running[key]:
                        del self._running[key]

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
