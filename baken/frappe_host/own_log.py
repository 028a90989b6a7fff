"""Baken's own log in a bench: logs/baken.log. What goes wrong is told there, and nowhere in the site."""

import contextlib
import logging
import threading
from logging.handlers import RotatingFileHandler
from typing import Any

import frappe
import structlog

_BYTES, _FILES = 5_000_000, 5
_lock = threading.Lock()
_ready = False


def prepare() -> None:
    """Let this process write into the bench's logs/baken.log. A folder that cannot be written: to standard error."""
    global _ready
    with _lock:
        if _ready:
            return
        _ready = True
        logger = logging.getLogger("baken")
        logger.propagate = False
        logger.setLevel(logging.INFO)
        handler: logging.Handler
        try:
            from baken.frappe_host.config import bench_folder

            folder = bench_folder() / "logs"
            folder.mkdir(exist_ok=True)
            handler = RotatingFileHandler(folder / "baken.log", maxBytes=_BYTES, backupCount=_FILES, delay=True)
        except OSError:
            handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.handlers[:] = [handler]
        from baken.logs import without_locals

        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _with_site,
                without_locals,
                _without_addresses,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=_factory,
            cache_logger_on_first_use=True,
        )


def _factory(*_names: Any) -> logging.Logger:
    return logging.getLogger("baken")


def _with_site(_logger: Any, _method: str, event: Any) -> Any:
    event.setdefault("site", getattr(frappe.local, "site", None))
    return event


def _without_addresses(_logger: Any, _method: str, event: Any) -> Any:
    # System Managers are called by their e-mail addresses where somebody is told.
    from baken.privacy import mask

    return {name: mask(value) if isinstance(value, str) and "@" in value else value for name, value in event.items()}


def guarded(what: str) -> "Guard":
    """Whatever goes wrong inside stays inside: it is told in Baken's log, without personal data, and nowhere else.

    `what` is what is being done, as in "a round".
    """
    return Guard(what)


class Guard:
    """The block that `guarded` guards. It leaves only what ends a process, and what ends a job for its time."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        # A log that cannot be prepared must not keep anything from being done.
        with contextlib.suppress(Exception):
            prepare()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        try:
            from baken.privacy import masked_trace

            structlog.get_logger(__name__).error(f"{self._what} failed", error=masked_trace(error))
        except Exception:  # noqa: BLE001 - a broken installation cannot even say that it is broken
            logging.getLogger("baken").error("%s failed: %s", self._what, type(error).__name__)
        return True
