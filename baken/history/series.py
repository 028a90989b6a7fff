"""Series: a metric of a site with one set of labels, known in the store by a number.

The numbers are looked up in the transaction that uses them and never kept beyond it: a number from a
transaction that was undone, or from a store that was replaced by its backup, would file figures under a
stranger. One query per batch of sites is cheap enough.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import Connection, select

from baken.history.tables import LABELS, METRIC, SITE, series
from baken.history.upserts import insert_missing

T = TypeVar("T")
Labels = tuple[tuple[str, str], ...]
# Databases limit how many values one statement may carry; SQLite's old limit of 999 is the smallest.
BATCH = 500


@lru_cache(maxsize=65536)
def labels_text(labels: Labels) -> str:
    """Canonical JSON of `labels` as the store keeps it; at most 400 characters.

    Values that are too long together are shortened, with a digest of the whole so that two long values that
    begin alike stay two.
    """
    text = json.dumps(dict(labels), sort_keys=True, separators=(",", ":"))
    if len(text) <= LABELS:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    room = LABELS // max(1, len(labels))
    while True:
        # One character may take six in JSON: shorten until it fits.
        cut = {name[:room]: f"{value[:room]}~{digest}" for name, value in labels}
        text = json.dumps(cut, sort_keys=True, separators=(",", ":"))
        if len(text) <= LABELS or room == 0:
            return text[:LABELS]
        room //= 2


def labels_of(text: str) -> dict[str, str]:
    """The labels that `labels_text` wrote."""
    found: dict[str, str] = json.loads(text)
    return found


def check_names(site: str, metrics: Iterable[str]) -> None:
    """Raise ValueError for a site or metric whose name does not fit; MariaDB and SQLite would not agree."""
    if len(site) > SITE:
        raise ValueError(f"the site's name {site!r} is longer than {SITE} characters")
    for metric in metrics:
        if not metric or len(metric) > METRIC:
            raise ValueError(f"a metric's name has 1 to {METRIC} characters, not {metric!r}")


def batches(items: Sequence[T], size: int = BATCH) -> Iterable[Sequence[T]]:
    """`items` in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def series_of(conn: Connection, site: str, metric: str, labels: Mapping[str, str]) -> list[tuple[int, dict[str, str]]]:
    """Numbers and labels of the series of `metric` whose labels contain `labels`, in the order of labels."""
    rows = conn.execute(
        select(series.c.id, series.c.labels)
        .where(series.c.site == site, series.c.metric == metric)
        .order_by(series.c.labels)
    )
    found = [(row.id, labels_of(row.labels)) for row in rows]
    wanted = labels.items()
    return [(number, own) for number, own in found if wanted <= own.items()]


def create_series(
    conn: Connection, missing: Collection[tuple[str, str, str]], created: int
) -> dict[tuple[str, str, str], int]:
    """Make the series (site, metric, canonical labels) of `missing`; returns their numbers.

    Another process that makes the same ones at the same time does no harm. `created` is in milliseconds.
    """
    insert_missing(
        conn,
        series,
        [{"site": site, "metric": metric, "labels": labels, "created": created} for site, metric, labels in missing],
        key=("site", "metric", "labels"),
    )
    sites = sorted({site for site, _, _ in missing})
    numbers: dict[tuple[str, str, str], int] = {}
    for some in batches(sites):
        for row in conn.execute(
            select(series.c.site, series.c.metric, series.c.labels, series.c.id).where(series.c.site.in_(some))
        ):
            key = (row.site, row.metric, row.labels)
            if key in missing:
                numbers[key] = row.id
    return numbers
