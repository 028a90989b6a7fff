"""The small chart: what is on the picture, and that it says the same to those who do not see it."""

import io
import random
from dataclasses import replace

import pytest
from PIL import Image

from baken.alerts import chart
from baken.alerts.message import Chart
from tests.alerts.news import COURSE, START

ZONE = "Europe/Amsterdam"


def picture(course: Chart, dark: bool | None = False, scale: int = 2) -> Image.Image:
    """The chart's picture as it is shown, in RGBA."""
    return Image.open(io.BytesIO(chart.png(course, language="en", zone=ZONE, dark=dark, scale=scale))).convert("RGBA")


def count(shown: Image.Image, colour: tuple[int, int, int], *, x: tuple[float, float] = (0, 1)) -> int:
    """So many pixels are about of this colour, within a share of the width."""
    left, right = round(x[0] * shown.width), round(x[1] * shown.width)
    data = shown.crop((left, 0, right, shown.height)).tobytes()
    return sum(
        all(abs(part - wanted) < 40 for part, wanted in zip(data[place : place + 3], colour, strict=True))
        and data[place + 3] > 128
        for place in range(0, len(data), 4)
    )


LINE, LIMIT = (27, 90, 130), (179, 38, 30)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("dark", [False, True, None])
def test_it_is_a_png_of_its_size_and_small(dark: bool | None, scale: int) -> None:
    data = chart.png(COURSE, language="nl", zone=ZONE, dark=dark, scale=scale)
    assert data.startswith(b"\x89PNG")
    assert len(data) < 20_000
    assert picture(COURSE, dark, scale).size == (chart.WIDTH * scale, chart.HEIGHT * scale)


def test_even_a_wild_course_of_many_points_is_small_and_quick() -> None:
    dice = random.Random(1)
    wild = replace(
        COURSE, at=tuple(START + n * 1000 for n in range(20_000)), value=tuple(dice.random() for _ in range(20_000))
    )
    assert len(chart.png(wild, language="en", zone=ZONE)) < 20_000


def test_its_ground_is_light_dark_or_none() -> None:
    def corner(dark: bool | None) -> tuple[int, ...]:
        found = picture(COURSE, dark).getpixel((chart.WIDTH * 2 - 1, 0))
        assert isinstance(found, tuple)
        return found

    assert min(corner(False)[:3]) > 245
    assert corner(False)[3] == 255
    assert max(corner(True)[:3]) < 60
    assert corner(True)[3] == 255
    assert corner(None)[3] == 0


def test_the_limit_is_drawn_where_there_is_one() -> None:
    without = replace(COURSE, limit=None, fired=None)
    assert count(picture(without), LIMIT) == 0
    assert count(picture(replace(without, limit=10.0)), LIMIT) > 300


def test_the_moment_of_firing_is_marked_where_it_lies_within_the_course() -> None:
    quiet = replace(COURSE, limit=None, fired=None)
    middle = (0.5, 0.68)
    marked = picture(replace(quiet, fired=START + 170 * 60_000))
    assert count(marked, LIMIT, x=middle) > 100
    assert count(marked, LIMIT, x=(0, 0.4)) == 0
    assert count(picture(replace(quiet, fired=START - 60_000)), LIMIT) == 0
    assert count(picture(quiet), LIMIT) == 0


def test_a_gap_stays_empty() -> None:
    whole = replace(COURSE, limit=None, fired=None, value=tuple(5.0 for _ in COURSE.at))
    kept = [place for place in range(len(whole.at)) if not 60 <= place < 90]
    broken = replace(whole, at=tuple(whole.at[n] for n in kept), value=tuple(whole.value[n] for n in kept))
    gap = (0.45, 0.58)
    assert count(picture(whole), LINE, x=gap) > 100
    assert count(picture(broken), LINE, x=gap) == 0
    assert count(picture(broken), LINE, x=(0.1, 0.35)) > 100


def test_stretches_part_at_more_than_five_times_the_usual_distance() -> None:
    at = [0, 10, 20, 30, 80, 90, 141, 151]
    found = chart.stretches(at, [float(each) for each in at])
    assert [[moment for moment, _ in run] for run in found] == [[0, 10, 20, 30, 80, 90], [141, 151]]


def test_a_spike_of_one_point_among_thousands_is_seen() -> None:
    at = tuple(START + n * 1000 for n in range(5000))
    flat = replace(COURSE, at=at, value=tuple(1.0 for _ in at), limit=100.0, fired=None)
    spiky = replace(flat, value=tuple(90.0 if n == 2500 else 1.0 for n in range(5000)))
    assert count(picture(spiky), LINE, x=(0.4, 0.55)) > count(picture(flat), LINE, x=(0.4, 0.55)) + 100


@pytest.mark.parametrize(
    "course",
    [
        Chart((START,), (5.0,), None, "seconds", "One point"),
        Chart((START, START), (5.0, 5.0), 5.0, "seconds", "One moment twice"),
        Chart((START, START + 60_000), (0.0, 0.0), 0.0, "errors", "Nothing but zeros", START),
        Chart((START, START + 60_000), (-5.0, -1.0), -3.0, "EUR", "Below zero"),
        Chart((START, START + 60_000), (1e18, 2e18), 1.5e18, "bytes", "Very large"),
        Chart((START, START + 60_000, START + 10**9), (1.0, 2.0, 3.0), None, "jobs", "A point alone at the end"),
    ],
    ids=lambda course: course.caption,
)
def test_uncommon_courses_are_drawn(course: Chart) -> None:
    assert count(picture(course), LINE) > 10


def test_no_points_make_no_chart() -> None:
    empty = Chart((), (), 10.0, "errors", "Errors")
    with pytest.raises(ValueError, match="at least one point"):
        chart.png(empty, language="en", zone=ZONE)
    assert chart.alt(empty, "nl") == "Errors: geen cijfers"


def test_the_alternative_text_says_what_is_on_it() -> None:
    said = chart.alt(COURSE, "nl", ZONE)
    assert said.startswith("Errors within an hour: tussen 0 en 19 van 27 nov ")
    assert said.endswith("aan het eind 19; de grens is 10")
    assert "limit" not in chart.alt(replace(COURSE, limit=None), "en", ZONE)
