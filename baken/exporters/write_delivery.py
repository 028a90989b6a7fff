"""Delivering figures by remote write: how series are called there, and what each answer means."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from baken import __version__, clock
from baken.exporters import calling, write_request
from baken.exporters.names import exported, exported_labels
from baken.exporters.pushing import NotTaken
from baken.history.after import Series
from baken.history.series import labels_of
from baken.settings import RemoteWrite as Target

WHAT = "remote write"

# So many tries are made to find out which figures of a request were refused; the rest of them is given up together.
_TRIES = 512
# These say that something is wrong with the figures; any other answer, that something is wrong with the way there.
_ABOUT_FIGURES = frozenset({400, 409, 413, 415, 422})
_THERE = re.compile(r"out[ -]of[ -](?:order|bounds)|duplicate|too old", re.IGNORECASE)
_LONGEST_REST = 300.0
_MOST_NAMES = 500_000


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of figures: how many were taken, how many refused for good, and why."""

    sent: int
    rejected: int = 0
    problem: str = ""


class Delivery:
    """The way to one target.

    Attributes:
        repeats: whether what is sent next may have been taken before: by a process that was killed then, or with an
            answer that never came. That such figures are refused for being there already is no loss.
    """

    def __init__(self, target: Target, further: Mapping[str, str]) -> None:
        """`further`: labels that every series bears."""
        self._target = target
        self._url = target.url.get_secret_value()
        self._further = dict(further)
        self._names: dict[tuple[str, str, str], bytes] = {}
        self._rests_until, self._why = 0.0, ""
        self.repeats = True

    def series(self, site: str, metric: str, labels: str) -> bytes:
        """The labels of a series as they are sent; `labels` as the store writes them."""
        key = (site, metric, labels)
        found = self._names.get(key)
        if found is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            pairs = {**self._further, **exported_labels(site, labels_of(labels))}
            found = self._names[key] = write_request.labels(exported(metric), pairs)
        return found

    def figures(self, site: str, at: int, values: Iterable[tuple[Series, float | None]]) -> bytes:
        """Figures of one site and moment (milliseconds) as they are sent; None: the series has ended."""
        named = [(self.series(site, series.metric, series.labels), value) for series, value in values]
        return write_request.figures(at, named)

    def send(self, parts: Sequence[bytes], count: int) -> Delivered:
        """Deliver `count` figures: parts of a WriteRequest in the order of time, each of one site and moment.

        Raises NotTaken: nothing is known to be taken; all of it is to be sent again.
        """
        if time.monotonic() < self._rests_until:
            raise NotTaken(self._why)
        try:
            delivered = self._send(parts, count)
        except NotTaken:
            self.repeats = True
            raise
        self.repeats = False
        return delivered

    def _send(self, parts: Sequence[bytes], count: int) -> Delivered:
        sent = rejected = there = 0
        problem, tries = "", _TRIES
        # Prometheus takes all of a request or nothing, and says only what was wrong with one figure: the others are
        # found by halving, in the order of time, for once a newer figure of a series was taken an older one no longer
        # is. First the parts, each a run over a site, then the figures of a part.
        whole = list(parts)
        waiting = [whole]
        while waiting:
            some = waiting.pop()
            reply = self._post(b"".join(some))
            if reply is None:
                if some is whole:
                    return Delivered(count)
                sent += _figures(some)
                continue
            if len(some) > 1:
                waiting += [some[len(some) // 2 :], some[: len(some) // 2]]
                continue
            each = list(write_request.apart(some[0]))
            if self.repeats and _THERE.search(calling.said(reply)):
                # It was taken as it stands here, with all that is in it.
                there += len(each)
            elif len(each) > 1 and tries > 0:
                tries -= 1
                waiting += [[b"".join(each[len(each) // 2 :])], [b"".join(each[: len(each) // 2])]]
            else:
                rejected += len(each)
                problem = problem or f"{WHAT} answered {reply.status}{calling.said(reply)}"
        return Delivered(sent + there, rejected, problem)

    def _post(self, content: bytes) -> calling.Reply | None:
        """None when it was taken, or the answer that refuses it for good. Raises NotTaken."""
        reply = calling.call(
            "POST",
            self._url,
            auth=self._target.auth,
            what=WHAT,
            content=write_request.packed(content),
            headers={**write_request.HEADERS, "User-Agent": f"Baken/{__version__}"},
            timeout=self._target.timeout,
        )
        if reply.ok:
            return None
        if reply.status in _ABOUT_FIGURES:
            return reply
        try:
            calling.check(reply, self._url, WHAT)
        except NotTaken as problem:
            rest = _rest(reply.headers.get("retry-after", ""))
            if rest and (reply.status == 429 or reply.status >= 500):
                self._rests_until, self._why = time.monotonic() + rest, str(problem)
            raise
        return None


def _figures(parts: Sequence[bytes]) -> int:
    return sum(1 for part in parts for _ in write_request.apart(part))


def _rest(text: str) -> float:
    """Seconds for which a target wants to be left alone, by its Retry-After: a number, or a date."""
    try:
        seconds = float(text) if text.strip().isdigit() else (parsedate_to_datetime(text) - clock.now()).total_seconds()
    except (TypeError, ValueError):
        return 0.0
    return min(max(0.0, seconds), _LONGEST_REST)
