"""How well a grouping matches labels: the three figures that studies of log parsing report."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scores:
    """Agreement of groups with labels, each 0 to 1.

    Attributes:
        fga: F1 of groups: a group counts as right when it holds all rows of one label and no other.
        ga: share of rows that are in such a group.
        pairs: F1 over pairs of rows: together in both.
        groups: number of groups found.
        labels: number of groups there are.
    """

    fga: float
    ga: float
    pairs: float
    groups: int
    labels: int


def score(found: Sequence[Hashable], labels: Sequence[Hashable]) -> Scores:
    """Compare the group of each row with its label; both are as long as the rows are many, at least one."""
    if len(found) != len(labels) or not found:
        raise ValueError("one group and one label for each row, and at least one row")
    both = Counter(zip(found, labels, strict=True))
    groups, named = Counter(found), Counter(labels)
    right = sum(1 for (group, label), count in both.items() if count == groups[group] == named[label])
    rows = sum(count for (group, label), count in both.items() if count == groups[group] == named[label])
    together = sum(map(_pairs, both.values()))
    possible = sum(map(_pairs, groups.values())) + sum(map(_pairs, named.values()))
    return Scores(
        2 * right / (len(groups) + len(named)),
        rows / len(found),
        2 * together / possible if possible else 1.0,
        len(groups),
        len(named),
    )


def mistakes(found: Sequence[str], labels: Sequence[str]) -> list[str]:
    """What went wrong, for people: labels that fell apart, and groups that hold several."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    named: dict[str, Counter[str]] = defaultdict(Counter)
    for group, label in zip(found, labels, strict=True):
        groups[group][label] += 1
        named[label][group] += 1
    out = [f"{label} fell into {dict(counts)}" for label, counts in named.items() if len(counts) > 1]
    return out + [f"group {group} holds {dict(counts)}" for group, counts in groups.items() if len(counts) > 1]


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
