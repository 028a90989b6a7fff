"""The small chart of a message: the course of a figure as a PNG, with its limit and the moment at which it fired."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from baken import clock
from baken.alerts import words
from baken.alerts.message import Chart

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

WIDTH, HEIGHT = 536, 156
"""Size in logical pixels: what a message shows it at."""

_TOP, _BOTTOM = 21, 25
_MARGIN = 6
_TEXT = 13
_GAP = 5
# Lines are drawn so many times larger and made small again: smoother than what can be drawn at once.
_FINER = 2

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Palette:
    ground: Colour | None
    line: Colour
    limit: Colour
    text: Colour
    grid: Colour


_LIGHT = _Palette((255, 255, 255), (27, 90, 130), (179, 38, 30), (86, 97, 112), (220, 225, 231))
_DARK = _Palette((23, 29, 36), (110, 176, 222), (240, 128, 116), (156, 168, 182), (52, 62, 73))
# Legible on white and on a dark ground alike: what a mail program makes of the ground cannot be known.
_EITHER = _Palette(None, (52, 138, 194), (214, 74, 62), (118, 130, 144), (142, 152, 163))


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where moments and values lie, in logical pixels. `left` and `right` are the edges of the course."""

    start: int
    end: int
    low: float
    high: float
    left: float
    right: float

    def x(self, at: float) -> float:
        share = (at - self.start) / (self.end - self.start) if self.end > self.start else 1.0
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


@dataclass(frozen=True, slots=True)
class _Words:
    """What is written on the chart."""

    low: str
    high: str
    limit: str
    start: str
    end: str
    fired: str


def png(chart: Chart, *, language: str, zone: str, dark: bool | None = False, scale: int = 2) -> bytes:
    """The chart as a PNG of less than 20 kB.

    Args:
        chart: the course; gaps longer than 5 times the usual distance between two points stay empty.
        language: "en" or "nl".
        zone: IANA name of the time zone of its times.
        dark: for a dark ground; None: with no ground of its own, legible on both.
        scale: pixels per logical pixel; 2 is sharp on the screens of today.

    Raises ValueError for a chart without points.
    """
    from PIL import Image, ImageDraw, ImageFont

    if not chart.at:
        raise ValueError("a chart needs at least one point")
    palette = _EITHER if dark is None else _DARK if dark else _LIGHT
    said = _said(chart, language, zone)
    font = ImageFont.load_default(_TEXT * scale)
    left = max(font.getlength(said.low), font.getlength(said.high)) / scale + 8
    right = WIDTH - (font.getlength(said.limit) / scale + 8 if said.limit else _MARGIN)
    measure = _measure(chart, left, right)
    size = scale * _FINER
    ground = (*(palette.ground or palette.line), 255 if palette.ground else 0)
    fine = Image.new("RGBA", (WIDTH * size, HEIGHT * size), ground)
    fine.alpha_composite(_area(chart, measure, palette, size))
    _draw_course(ImageDraw.Draw(fine), chart, measure, palette, size)
    picture = fine.resize((WIDTH * scale, HEIGHT * scale), Image.Resampling.LANCZOS)
    _write(ImageDraw.Draw(picture), chart, said, measure, palette, font, scale)
    return _packed(picture)


def alt(chart: Chart, language: str, zone: str = "") -> str:
    """The chart in a sentence, for those who do not see it: what, between which figures, from when to when."""
    if not chart.at:
        return words.word("chart.alt_none", language, caption=chart.caption)
    said = words.word(
        "chart.alt",
        language,
        caption=chart.caption.rstrip("."),
        low=words.figure(min(chart.value), chart.unit, language),
        high=words.figure(max(chart.value), chart.unit, language),
        start=words.moment(clock.from_ms(chart.at[0]), zone, language),
        end=words.moment(clock.from_ms(chart.at[-1]), zone, language),
        last=words.figure(chart.value[-1], chart.unit, language),
    )
    if chart.limit is None:
        return said
    return said + words.word("chart.alt_limit", language, limit=words.figure(chart.limit, chart.unit, language))


def stretches(at: Sequence[int], value: Sequence[float]) -> list[list[tuple[int, float]]]:
    """The course in stretches without a gap: a distance of more than 5 times the median parts two of them."""
    distances = [later - earlier for earlier, later in pairwise(at)]
    longest = _GAP * median(distances) if distances else 0
    found: list[list[tuple[int, float]]] = []
    for place, point in enumerate(zip(at, value, strict=True)):
        if place == 0 or at[place] - at[place - 1] > longest:
            found.append([])
        found[-1].append(point)
    return found


def _said(chart: Chart, language: str, zone: str) -> _Words:
    def figure(value: float) -> str:
        return words.figure(value, chart.unit, language)

    start = words.moment(clock.from_ms(chart.at[0]), zone, language)
    end = words.moment(clock.from_ms(chart.at[-1]), zone, language)
    fired = ""
    if chart.fired is not None and chart.at[0] <= chart.fired <= chart.at[-1]:
        at = clock.from_ms(chart.fired).astimezone(words.zone(zone))
        fired = words.word("chart.fired", language, at=f"{at:%H:%M}")
    low, high = figure(min(chart.value)), figure(max(chart.value))
    limit = words.word("chart.limit", language, limit=figure(chart.limit)) if chart.limit is not None else ""
    return _Words(low if low != high else "", high, limit, start, end if end != start else "", fired)


def _measure(chart: Chart, left: float, right: float) -> _Scale:
    shown = [*chart.value, *([chart.limit] if chart.limit is not None else [])]
    low, high = min(shown), max(shown)
    # From zero where that does not flatten the course: half of a bar must not look like nothing.
    if low >= 0 and low < 0.6 * high:
        low = 0.0
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    bottom = low if low == 0 and high >= 0 else low - room
    return _Scale(chart.at[0], chart.at[-1], bottom, high + room, left, right)


def _area(chart: Chart, measure: _Scale, palette: _Palette, size: int) -> "Image":
    from PIL import Image, ImageDraw

    area = Image.new("RGBA", (WIDTH * size, HEIGHT * size), (*palette.line, 0))
    draw = ImageDraw.Draw(area)
    base = (HEIGHT - _BOTTOM) * size
    for run in _runs(chart, measure, size):
        if len(run) > 1:
            draw.polygon([(run[0][0], base), *run, (run[-1][0], base)], fill=(*palette.line, 36))
    return area


def _draw_course(draw: "ImageDraw", chart: Chart, measure: _Scale, palette: _Palette, size: int) -> None:
    left, right, base = measure.left * size, measure.right * size, (HEIGHT - _BOTTOM) * size
    draw.line([(left, base), (right, base)], fill=(*palette.grid, 255), width=size)
    runs = _runs(chart, measure, size)
    for run in runs:
        if len(run) > 1:
            draw.line(run, fill=(*palette.line, 255), width=round(1.8 * size), joint="curve")
        else:
            _dot(draw, run[0], 2.2 * size, palette.line)
    _dot(draw, runs[-1][-1], 3 * size, palette.line)
    if chart.limit is not None:
        level, place = measure.y(chart.limit) * size, left
        while place < right:
            line = [(place, level), (min(place + 5 * size, right), level)]
            draw.line(line, fill=(*palette.limit, 255), width=round(1.2 * size))
            place += 9 * size
    if chart.fired is not None and chart.at[0] <= chart.fired <= chart.at[-1]:
        place = measure.x(chart.fired) * size
        draw.line([(place, _TOP * size), (place, base)], fill=(*palette.limit, 255), width=size)
        _dot(draw, (place, measure.y(_value_at(chart, chart.fired)) * size), 4.2 * size, palette.limit)


def _runs(chart: Chart, measure: _Scale, size: int) -> list[list[tuple[float, float]]]:
    """The course in pixels of the finer drawing, one list per stretch."""
    return [
        [(x * size, y * size) for x, y in _thinned([(measure.x(at), measure.y(value)) for at, value in run])]
        for run in stretches(chart.at, chart.value)
    ]


def _thinned(run: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most the lowest and the highest point of each pixel, in their order: a spike stays. And the last point."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in run:
        columns.setdefault(int(point[0]), []).append(point)
    found: list[tuple[float, float]] = []
    for points in columns.values():
        found.extend(sorted({min(points, key=lambda each: each[1]), max(points, key=lambda each: each[1])}))
    return found if found[-1] == run[-1] else [*found, run[-1]]


def _value_at(chart: Chart, at: int) -> float:
    """The last value before a moment."""
    return next(value for then, value in reversed(list(zip(chart.at, chart.value, strict=True))) if then <= at)


def _dot(draw: "ImageDraw", centre: tuple[float, float], radius: float, colour: Colour) -> None:
    x, y = centre
    draw.ellipse([(x - radius, y - radius), (x + radius, y + radius)], fill=(*colour, 255))


def _write(
    draw: "ImageDraw",
    chart: Chart,
    said: _Words,
    measure: _Scale,
    palette: _Palette,
    font: "FreeTypeFont | ImageFont",
    scale: int,
) -> None:
    """The few words on the chart, drawn at its final size: letters made small are not sharp."""

    def put(text: str, x: float, y: float, colour: Colour, anchor: str) -> None:
        x, y = x * scale, y * scale
        box = draw.textbbox((x, y), text, font=font, anchor=anchor)
        # Never beyond the picture's edge.
        x += max(0.0, -box[0]) - max(0.0, box[2] - WIDTH * scale)
        draw.text((x, y), text, fill=(*colour, 255), font=font, anchor=anchor)

    foot = HEIGHT - _BOTTOM + 7
    put(said.start, measure.left if said.end else measure.right, foot, palette.text, "la" if said.end else "ra")
    put(said.end, measure.right, foot, palette.text, "ra")
    high, low = measure.y(max(chart.value)), measure.y(min(chart.value))
    put(said.high, measure.left - 6, high, palette.text, "rm")
    if low - high > _TEXT + 2:
        put(said.low, measure.left - 6, low, palette.text, "rm")
    if said.limit and chart.limit is not None:
        put(said.limit, measure.right + 6, measure.y(chart.limit), palette.limit, "lm")
    if said.fired and chart.fired is not None:
        put(said.fired, measure.x(chart.fired), 2, palette.limit, "ma")


def _packed(picture: "Image") -> bytes:
    """As a palette of 64 colours: a fifth of the size, and nobody sees it."""
    from PIL import Image

    small = picture.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()
