"""Remote write's message, decoded by protobuf's own library."""

import math

from hypothesis import given
from hypothesis import strategies as st

from baken.exporters import write_request
from tests.exporters.write_receiver import decoded

labels = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True), st.text(max_size=200), max_size=5)
values = st.one_of(st.none(), st.floats(allow_nan=False))


@given(st.lists(st.tuples(labels, values), max_size=8), st.integers(-(2**62), 2**62))
def test_what_is_written_is_what_is_read(figures: list[tuple[dict[str, str], float | None]], at: int) -> None:
    series = [(write_request.labels("baken_x", pairs), value) for pairs, value in figures]
    content = write_request.figures(at, series)
    read = decoded(content)
    assert [samples for _, samples in read] == [[(at, value)] for _, value in figures]
    for (pairs, _), (given_labels, _) in zip(figures, read, strict=True):
        assert [name for name, _ in given_labels] == sorted(name for name, _ in given_labels)
        kept = {name: value for name, value in pairs.items() if value}
        assert dict(given_labels) == kept | {"__name__": "baken_x"}
    assert write_request.unpacked(write_request.packed(content)) == content
    assert b"".join(write_request.apart(content)) == content
    assert [decoded(part) for part in write_request.apart(content)] == [[each] for each in read]


def test_a_series_that_ends_has_prometheus_own_nan() -> None:
    content = write_request.figures(1, [(write_request.labels("x", {}), None)])
    assert write_request.STALE in content
    assert decoded(write_request.figures(1, [(write_request.labels("x", {}), math.nan)]))[0][1] != [(1, None)]


def test_labels_are_sorted_and_empty_ones_are_left_out() -> None:
    content = write_request.figures(1, [(write_request.labels("m", {"site": "s", "a": "", "Zone": "z"}), 1)])
    assert decoded(content)[0][0] == (("Zone", "z"), ("__name__", "m"), ("site", "s"))
