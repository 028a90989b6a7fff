"""What every call of another machine needs: a limit for what has none, authorities to trust, and a cause to tell."""

import ssl
import threading
from collections.abc import Callable
from functools import cache
from typing import TypeVar

Result = TypeVar("Result")


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What `work` returns or raises. Raises TimeoutError after `seconds`; the work is then left to itself.

    For what cannot be given a time limit, such as the look-up of a name.
    """
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as problem:  # noqa: BLE001 - raised in the thread that waits
            failed.append(problem)

    thread = threading.Thread(target=run, name="baken-outward", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError
    return done[0]


def cause_of(problem: BaseException) -> str:
    """Why a connection failed, in the system's words: a library's own text may hold the address with its secrets."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate cannot be trusted ({cause.verify_message})"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(problem).__name__


@cache
def authorities() -> ssl.SSLContext:
    """The authorities of the system and those that every browser knows, read once: it takes 20 ms."""
    import certifi

    made = ssl.create_default_context(cafile=certifi.where())
    made.load_default_certs()
    return made
