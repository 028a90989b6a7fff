"""History that lives elsewhere: read through the query API of a Prometheus, VictoriaMetrics or Mimir.

A step means what it means in `ranges.read_range`: the point at `t` stands for the samples from `t` (included) to
`t + step` (excluded). PromQL looks back from the moment of evaluation instead, so each step is asked for at its last
millisecond. Whether a range there includes its first moment has changed with Prometheus 3, and is found out by asking.
"""

import contextlib
import json
import math
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from baken.clock import from_ms, to_ms
from baken.history.prometheus_names import SITE_LABEL, catalogue_label, exported, exported_label
from baken.history.ranges import Points
from baken.outward import authorities, cause_of, within
from baken.privacy import mask
from baken.settings import History

MOST_STEPS = 10_000
"""Steps that are asked for at once: Prometheus gives 11,000 points of a series at most."""

MOST_BYTES = 24_000_000
"""Bytes that all answers to one question may have together; while they are read they take some fifteen times as much.
A hundred series of a thousand steps have about ten million."""

_RAW_MS = 86_400_000
_FIGURE = "baken_figure"
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_KNOWN_SECONDS = 3600.0
_REST, _LONGEST_REST = 30.0, 600.0
# A range of a second over a figure at every full second: with its first moment it holds two.
_LOOK_BACK = "count_over_time(vector(1)[1s:1s])"
_LOOK_BACK_AT = "2024-01-01T00:00:00Z"


class LongHistoryProblem(Exception):
    """What lives elsewhere cannot be had now. The text says why, and whether something is to be done."""


def read_remote(
    history: History,
    site: str,
    metric: str,
    start: datetime,
    end: datetime,
    *,
    step: timedelta | None = None,
    labels: Mapping[str, str] | None = None,
    counter: bool = False,
    names: Sequence[str] = (),
) -> list[Points]:
    """The series of `metric` as `ranges.read_range` gives them, from `history.metrics_url`.

    Args:
        history: the settings: address, who asks, which labels tell this Baken's series, and the time limit.
        site: the site; empty for the host's and Baken's own.
        metric: as the catalogue calls it.
        start: from this moment on.
        end: up to this moment, which is not included.
        step: as in `read_range`; None: the samples as they were sent.
        labels: only series whose labels contain these.
        counter: whether a step has its last value instead of its mean.
        names: the labels that the metric has. Others, which the way there has added, are left out.

    Raises:
        LongHistoryProblem: it does not answer in time, or not with figures. One that did not answer is left alone for
            a while, and then says so at once.
    """
    width = None if step is None else max(1, step // timedelta(milliseconds=1))
    first, last = to_ms(start), to_ms(end)
    if width is not None:
        first, last = first - first % width, -(-last // width) * width
    if first >= last:
        return []
    selector = _selector(history, site, metric, labels or {})
    with _asking(history) as ask:
        if width is None:
            return _series(_samples(ask, selector, first, last), names, stepped=False)
        return _series(_steps(ask, selector, first, last, width, counter=counter), names, stepped=True)


# (labels in Prometheus, which figure of a step, (moment in milliseconds, value)…)
_Row = tuple[dict[str, str], str, Iterable[tuple[int, float]]]


def _selector(history: History, site: str, metric: str, labels: Mapping[str, str]) -> str:
    # An empty value also stands for a label that is not there: the host's figures have no site.
    wanted = {**history.metrics_match, SITE_LABEL: site}
    wanted |= {exported_label(name): value for name, value in labels.items()}
    parts = [f"__name__={_quoted(exported(metric))}"]
    for name, value in sorted(wanted.items()):
        if not _LABEL.fullmatch(name):
            raise LongHistoryProblem(f"history.metrics_match: {name} cannot be a label; it has letters, digits and _")
        parts.append(f"{name}={_quoted(value)}")
    return "{" + ",".join(parts) + "}"


def _quoted(text: str) -> str:
    """A string of PromQL; its escapes are those of JSON."""
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)


def _steps(ask: "_Asking", selector: str, first: int, last: int, width: int, *, counter: bool) -> Iterator[_Row]:
    reach = width - 1 if _includes_first(ask) else width
    looked = f"{selector}[{reach}ms]"
    figures = {
        "value": f"last_over_time({looked})" if counter else f"avg_over_time({looked})",
        "minimum": f"min_over_time({looked})",
        "maximum": f"max_over_time({looked})",
    }
    query = " or ".join(
        f'label_replace({asked},"{_FIGURE}","{name}","{SITE_LABEL}",".*")' for name, asked in figures.items()
    )
    for start in range(first, last, MOST_STEPS * width):
        steps = min(MOST_STEPS, (last - start) // width)
        answer = ask(
            "query_range",
            {
                "query": query,
                "start": _moment(start + width - 1),
                "end": _moment(start + steps * width - 1),
                "step": f"{width}ms",
                # VictoriaMetrics would otherwise move the steps to suit its cache.
                "nocache": "1",
            },
        )
        for labels, values in answer:
            yield labels, labels.get(_FIGURE, ""), [(at - width + 1, value) for at, value in values]


def _samples(ask: "_Asking", selector: str, first: int, last: int) -> Iterator[_Row]:
    for start in range(first, last, _RAW_MS):
        end = min(start + _RAW_MS, last)
        # Whatever its first moment means there: what lies before it is not taken.
        query = {"query": f"{selector}[{end - start}ms]", "time": _moment(end - 1), "nocache": "1"}
        for labels, values in ask("query", query):
            yield labels, "value", [(at, value) for at, value in values if start <= at < end]


def _series(rows: Iterable[_Row], names: Sequence[str], *, stepped: bool) -> list[Points]:
    found: dict[tuple[tuple[str, str], ...], dict[str, dict[int, float]]] = {}
    wanted = {exported_label(name) for name in names}
    for labels, figure, values in rows:
        own = {catalogue_label(name): value for name, value in labels.items() if name in wanted}
        # A label without a value is not sent.
        key = tuple(sorted({**dict.fromkeys(names, ""), **own}.items()))
        # Two that differ in other labels only are the same figures that came two ways.
        known = found.setdefault(key, {}).setdefault(figure, {})
        for moment, number in values:
            known.setdefault(moment, number)
    lines = []
    for key in sorted(found, key=lambda key: json.dumps(dict(key), sort_keys=True, separators=(",", ":"))):
        value, low, high = (found[key].get(name, {}) for name in ("value", "minimum", "maximum"))
        at = sorted(moment for moment in value if not stepped or (moment in low and moment in high))
        if at:
            points = Points(dict(key), at, [value[moment] for moment in at])
            if stepped:
                points.minimum, points.maximum = [low[moment] for moment in at], [high[moment] for moment in at]
            lines.append(points)
    return lines


def _moment(at: int) -> str:
    # As a number of seconds it would be rounded on the way.
    return from_ms(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_Answer = list[tuple[dict[str, str], list[tuple[int, float]]]]


class _Unreachable(Exception):
    """There is no connection, or nothing behind it; the text says why."""


@dataclass(slots=True)
class _Remote:
    """What is known of one address. Times are monotonic seconds."""

    rests_until: float = 0.0
    rest: float = _REST
    includes_first: bool = True
    known_until: float = 0.0


_remotes: dict[str, _Remote] = {}
_guard = threading.Lock()


@dataclass(slots=True)
class _Asking:
    """One question, of however many parts: they share its time and its size."""

    history: History
    remote: _Remote
    ends: float
    room: int

    def __call__(self, method: str, arguments: Mapping[str, str]) -> _Answer:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        status, content = within(left, lambda: _get(self.history, method, arguments, self.ends, self.room))
        self.room -= len(content)
        if status >= 500:
            raise _Unreachable(f"it answered {status}")
        if status != 200:
            raise LongHistoryProblem(_refused(self.history, status, content))
        try:
            data = json.loads(content)["data"]
            return [_row(data["resultType"], each) for each in data["result"]]
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise LongHistoryProblem(
                f"the long history at {_host(self.history)} did not answer with figures; check history.metrics_url"
            ) from None


@contextlib.contextmanager
def _asking(history: History) -> Iterator[_Asking]:
    """Ask within the time limit; one that does not answer is left alone for a while."""
    address = _address(history)
    with _guard:
        remote = _remotes.setdefault(address, _Remote())
    if time.monotonic() < remote.rests_until:
        raise LongHistoryProblem(
            f"the long history at {_host(history)} did not answer a moment ago; it is asked again soon"
        )
    try:
        yield _Asking(history, remote, time.monotonic() + history.metrics_seconds, MOST_BYTES)
    except (TimeoutError, _Unreachable) as problem:
        remote.rests_until = time.monotonic() + remote.rest
        remote.rest = min(_LONGEST_REST, remote.rest * 2)
        if isinstance(problem, TimeoutError):
            raise LongHistoryProblem(
                f"the long history at {_host(history)} gave no answer within {history.metrics_seconds:g} s"
            ) from None
        raise LongHistoryProblem(f"the long history at {_host(history)} cannot be reached: {problem}") from None
    remote.rest = _REST


def forget() -> None:
    """Ask every address anew."""
    with _guard:
        _remotes.clear()


def _includes_first(ask: _Asking) -> bool:
    """Whether a range there includes its first moment."""
    remote = ask.remote
    if time.monotonic() >= remote.known_until:
        found = ask("query", {"query": _LOOK_BACK, "time": _LOOK_BACK_AT})
        count = found[0][1][0][1] if len(found) == 1 and len(found[0][1]) == 1 else 0
        if count not in (1, 2):
            raise LongHistoryProblem(
                f"the long history at {_host(ask.history)} does not speak PromQL; check history.metrics_url"
            )
        remote.includes_first, remote.known_until = count == 2, time.monotonic() + _KNOWN_SECONDS
    return remote.includes_first


def _row(kind: str, each: Mapping[str, Any]) -> tuple[dict[str, str], list[tuple[int, float]]]:
    pairs = [each["value"]] if kind == "vector" else each["values"]
    values = [(round(float(at) * 1000), float(value)) for at, value in pairs]
    return dict(each["metric"]), [(at, value) for at, value in values if math.isfinite(value)]


def _get(history: History, method: str, arguments: Mapping[str, str], ends: float, most: int) -> tuple[int, bytes]:
    """The status of an answer and its bytes. Raises TimeoutError, httpx.HTTPError, LongHistoryProblem."""
    import httpx

    auth = history.metrics_auth
    headers = {name: value.get_secret_value() for name, value in auth.headers.items()}
    basic = None
    if auth.token is not None:
        headers["Authorization"] = f"Bearer {auth.token.get_secret_value()}"
    elif auth.user:
        basic = (auth.user, auth.password.get_secret_value() if auth.password is not None else "")
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise LongHistoryProblem(
            f"the long history at {_host(history)} cannot be asked: a token or header of history.metrics_auth has a "
            "sign that no header may have, such as a line break at its end"
        )
    limit = max(0.05, ends - time.monotonic())
    found = bytearray()
    try:
        with (
            httpx.Client(verify=authorities(), trust_env=False, follow_redirects=False, timeout=limit) as client,
            client.stream(
                "GET",
                f"{_address(history)}/api/v1/{method}",
                params={**arguments, "timeout": f"{math.ceil(limit * 1000)}ms"},
                headers={"User-Agent": "Baken", **headers},
                auth=basic,
            ) as answer,
        ):
            for part in answer.iter_bytes():
                found += part
                if len(found) > most:
                    raise LongHistoryProblem(
                        f"the long history at {_host(history)} has more points than a chart can take; "
                        "ask for a shorter time or a longer step"
                    )
                if time.monotonic() > ends:
                    raise TimeoutError
            return answer.status_code, bytes(found)
    except httpx.TimeoutException:
        raise TimeoutError from None
    except httpx.HTTPError as problem:
        # The exception's own text may hold the address.
        raise _Unreachable(cause_of(problem)) from None
    except (httpx.InvalidURL, UnicodeError):
        raise LongHistoryProblem("history.metrics_url cannot be used; give it as https://host/path") from None


def _refused(history: History, status: int, content: bytes) -> str:
    host = _host(history)
    if status in (401, 403):
        return f"the long history at {host} answered {status}; check history.metrics_auth"
    if status == 404 or 300 <= status < 400:
        return f"the long history at {host} answered {status}; check history.metrics_url: there is nothing there"
    try:
        said = mask(str(json.loads(content)["error"]))[:200]
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"the long history at {host} answered {status}"
    return f"the long history at {host} answered {status}: {said}"


def _address(history: History) -> str:
    if history.metrics_url is None:
        raise LongHistoryProblem("history.metrics_url is not set")
    return history.metrics_url.get_secret_value().rstrip("/")


def _host(history: History) -> str:
    """Where it is, without what may be secret in its address."""
    return urlsplit(_address(history)).hostname or "?"
