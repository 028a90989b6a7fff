"""Groups are the failures that the labels name, whatever varies; what was not tuned on is measured as well."""

import pytest

from baken.errors.fingerprint import fingerprint_text
from tests.errors.labelled import browsers, sentences, tracebacks
from tests.errors.labelled.scoring import Scores, mistakes, score
from tests.errors.labelled.tracebacks import Row


def _scores(rows: list[Row], version: str = "v1") -> tuple[Scores, list[str]]:
    found = [fingerprint_text(row.method, row.error, version).pattern for row in rows]
    labels = [row.label for row in rows]
    return score(found, labels), mistakes(found, labels)


@pytest.mark.parametrize(("name", "fga", "ga", "pairs"), [("tuned", 0.99, 0.99, 0.99), ("held_out", 0.94, 0.96, 0.99)])
def test_tracebacks_of_frappe(name: str, fga: float, ga: float, pairs: float) -> None:
    found, wrong = _scores(tracebacks.rows(tracebacks.load(name), 30, seed=11))
    assert (found.fga >= fga, found.ga >= ga, found.pairs >= pairs) == (True, True, True), (found, wrong)


def test_stacks_of_browsers() -> None:
    found, wrong = _scores(browsers.rows(20, seed=5))
    assert (found.fga, found.ga) == (1.0, 1.0), wrong


def test_rows_without_a_traceback() -> None:
    found, wrong = _scores(sentences.rows(30, seed=9))
    assert (found.fga, found.ga) == (1.0, 1.0), wrong


def test_by_place_alone_groups_are_no_finer() -> None:
    rows = tracebacks.rows(tracebacks.load("tuned"), 20, seed=3)
    assert _scores(rows, "v2")[0].groups < _scores(rows)[0].groups
    whole: dict[str, set[str]] = {}
    for row in rows:
        fine, coarse = (fingerprint_text(row.method, row.error, version).pattern for version in ("v1", "v2"))
        whole.setdefault(fine, set()).add(coarse)
    assert all(len(coarse) == 1 for coarse in whole.values())
    one = {
        fingerprint_text(row.method, row.error, "v2").pattern for row in rows if row.label.startswith("own: mandate")
    }
    assert len(one) == 1


def test_the_same_seed_makes_the_same_rows() -> None:
    failures = tracebacks.load("tuned")
    assert tracebacks.rows(failures, 2, seed=1) == tracebacks.rows(failures, 2, seed=1)
    assert tracebacks.rows(failures, 2, seed=1) != tracebacks.rows(failures, 2, seed=2)


def test_scores_are_those_of_the_literature() -> None:
    perfect = score(["a", "a", "b"], ["x", "x", "y"])
    assert (perfect.fga, perfect.ga, perfect.pairs) == (1.0, 1.0, 1.0)
    merged = score(["a", "a", "a", "b"], ["x", "x", "y", "z"])
    assert (merged.fga, merged.ga, merged.pairs) == (2 * 1 / 5, 0.25, 2 * 1 / 4)
    with pytest.raises(ValueError, match="one group and one label"):
        score([], [])
