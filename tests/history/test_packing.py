"""Packing: what goes in comes out, bit for bit, and takes little room."""

import math
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.history.packing import PackingError, decode, encode

START = 1_772_323_200_000
times = st.integers(-(2**53), 2**53)
floats = st.floats(allow_nan=False, allow_infinity=True)
decimals = st.builds(lambda whole, places: whole / 10**places, st.integers(-(10**12), 10**12), st.integers(0, 6))


def bits(values: list[float]) -> bytes:
    return struct.pack(f"{len(values)}d", *values)


def check(at: list[int], value: list[float]) -> None:
    came_at, came_value = decode(encode(at, value))
    assert came_at == at
    assert bits(came_value) == bits(value)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(times, st.one_of(floats, decimals, st.just(-0.0), st.integers().map(float)))))
def test_any_samples_come_back(samples: list[tuple[int, float]]) -> None:
    check([at for at, _ in samples], [value for _, value in samples])


@settings(max_examples=200, deadline=None)
@given(st.lists(decimals, min_size=1, max_size=200), st.integers(1, 86_400_000), times)
def test_decimals_at_a_regular_interval_come_back(values: list[float], step: int, start: int) -> None:
    check([min(start, 2**52) + step * place for place in range(len(values))], values)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**53).map(float), min_size=1), st.sampled_from([1, 1000, 4096, 2**40]))
def test_whole_numbers_come_back(values: list[float], factor: int) -> None:
    check(list(range(len(values))), [value * factor for value in values])


@pytest.mark.parametrize(
    "values",
    [
        [],
        [0.0],
        [-0.0],
        [0.0, -0.0],
        [-0.0, 5.0],
        [5e-324, -5e-324],
        [math.inf, 1.0, -math.inf],
        [1.7976931348623157e308, -1.7976931348623157e308],
        [2.0**53, 2.0**53 + 2, -(2.0**53)],
        [0.1, 0.2, 0.1 + 0.2],
        [0.1, 9007199254740991.0],
    ],
)
def test_the_edges_come_back(values: list[float]) -> None:
    check([START + place for place in range(len(values))], values)


def test_a_not_a_number_keeps_its_bits() -> None:
    assert bits(decode(encode([1, 2], [math.nan, 1.0]))[1]) == bits([math.nan, 1.0])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        encode([1], [])
    with pytest.raises(ValueError, match="out of range"):
        encode([2**54], [1.0])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_bytes_are_noticed_or_harmless(data: st.DataObject) -> None:
    generator = random.Random(3)
    good = encode([START + place * 60_000 for place in range(300)], [generator.random() for _ in range(300)])
    cut = data.draw(st.integers(0, len(good) - 1))
    with pytest.raises(PackingError):
        decode(good[:cut])
    # The values are most of the block, and zlib's checksum guards them.
    place = data.draw(st.integers(len(good) // 2, len(good) - 1))
    broken = bytearray(good)
    broken[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PackingError):
        decode(bytes(broken))


def noisy_day() -> dict[str, list[float]]:
    """A day at one sample a minute of the kinds of figures that a site gives."""
    generator = random.Random(20260301)
    day = [0.5 + 0.5 * math.sin(2 * math.pi * minute / 1440) for minute in range(1440)]
    total, walk = 0, 200
    counter: list[float] = []
    sessions: list[float] = []
    for height in day:
        total += int(generator.lognormvariate(9, 1) * (1 + height))
        walk = max(0, walk + generator.randint(-3, 3))
        counter.append(float(total))
        sessions.append(float(walk))
    return {
        "members": [float(500 + minute // 400) for minute in range(1440)],
        "workers": [5.0] * 1440,
        "queue": [float(int(generator.expovariate(1.5))) for _ in day],
        "sessions": sessions,
        "cpu": [round(0.3 * height + generator.gauss(0.1, 0.03), 4) for height in day],
        "load": [round(1 + height + generator.gauss(0, 0.2), 2) for height in day],
        "memory": [float(4096 * (1_000_000 + int(generator.gauss(0, 3000)))) for _ in day],
        "bytes_total": counter,
        "seconds": [round(0.02 * generator.lognormvariate(0, 0.4), 6) for _ in day],
        "hit_ratio": [round(0.99 + 0.005 * generator.random(), 6) for _ in day],
    }


@pytest.mark.parametrize("jitter", [0, 1000])
def test_a_sample_takes_less_than_three_bytes(jitter: int) -> None:
    generator = random.Random(7)
    at = [START + place * 60_000 + jitter * generator.randint(0, 2) for place in range(1440)]
    series = noisy_day()
    packed = {name: len(encode(at, value)) / 1440 for name, value in series.items()}
    assert sum(packed.values()) / len(packed) < (1.8 if jitter == 0 else 2.2)
    assert max(packed.values()) < 3
    assert packed["workers"] < (0.03 if jitter == 0 else 0.5)
