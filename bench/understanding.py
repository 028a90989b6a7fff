"""How well errors are understood: grouping against labels, and personal data against what was put in.

The labelled sets are those of the tests; the figures of public logs come when BAKEN_LOGHUB names a folder with the
2,000-line sets of loghub (Apache/Apache_2k.log_structured.csv and so on).
"""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from baken.errors.fingerprint import fingerprint_text
from baken.errors.scrub import scrub_text
from bench.figures import Figure, Result, Tell
from tests.errors.labelled import scoring, tracebacks
from tests.errors.pii import cases

_SETS = (
    ("tuned", "tracebacks of Frappe and ERPNext, the set that the rules were made with"),
    ("held_out", "tracebacks of Frappe and ERPNext, a set that they were not"),
)
_SEED = 20261122
_STRICT = 0.995
_TARGETS = {"email": _STRICT, "iban": _STRICT, "phone": _STRICT, "bsn": _STRICT, "credential": _STRICT, "name": 0.90}


def measure(folder: Path, quick: bool, tell: Tell) -> Result:
    """Group labelled sets and scrub made-up texts; `folder` is not needed."""
    figures: list[Figure] = []
    each = 10 if quick else 40
    for name, what in _SETS:
        tell(f"grouping: {name}")
        rows = tracebacks.rows(tracebacks.load(name), each, _SEED)
        found = [fingerprint_text(row.method, row.error).pattern for row in rows]
        figures += _scored(what, scoring.score(found, [row.label for row in rows]), (0.95, 0.97, 0.99), len(rows))
    figures += _public(tell)
    tell("scrubbing")
    figures += _scrubbed(1_000 if quick else 5_000)
    return Result(figures)


def _scored(what: str, scores: scoring.Scores, least: Sequence[float | None], rows: int) -> list[Figure]:
    note = f"{rows:,} rows of {scores.labels} failures, English and Dutch; {scores.groups} groups found"
    names = ("F1 of groups (FGA)", "grouping accuracy (GA)", "F1 of pairs")
    values = (scores.fga, scores.ga, scores.pairs)
    return [
        Figure(f"{what}: {name}", value, "", least=target, note=note)
        for name, value, target in zip(names, values, least, strict=True)
    ]


def _public(tell: Tell) -> list[Figure]:
    place = os.environ.get("BAKEN_LOGHUB")
    names = ("general system logs: grouping accuracy (GA)", "general system logs: F1 of groups (FGA)")
    if not place:
        reason = "BAKEN_LOGHUB names no folder with the sets of loghub"
        return [Figure(name, None, "", least=0.85, note=reason) for name in names]
    accuracy, groups = [], []
    for file in sorted(Path(place).rglob("*_2k.log_structured.csv")):
        tell(f"grouping: {file.parent.name}")
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        found = [fingerprint_text(None, row["Content"]).pattern for row in rows]
        scores = scoring.score(found, [row["EventTemplate"] for row in rows])
        accuracy.append(scores.ga)
        groups.append(scores.fga)
    note = f"mean of {len(accuracy)} systems of 2,000 lines, one setting for all"
    return [
        Figure(name, mean(values), "", least=0.85, note=f"{note}; lowest {min(values):.3f}")
        for name, values in zip(names, (accuracy, groups), strict=True)
    ]


def _scrubbed(count: int) -> list[Figure]:
    sought: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for held in (False, True):
        for case in cases(_SEED, count, held):
            out = scrub_text(None, case.text)
            if case.kind:
                sought[case.kind] += 1
                right[case.kind] += case.gone not in out
            if case.kept:
                sought["kept"] += 1
                right["kept"] += case.kept in out
    return [
        Figure(
            "harmless values kept" if kind == "kept" else f"removed from texts: {kind}",
            right[kind] / total,
            "",
            least=0.97 if kind == "kept" else _TARGETS[kind],
            note=f"{total:,} invented texts, half of them in contexts written before the rules were",
        )
        for kind, total in sorted(sought.items())
    ]
