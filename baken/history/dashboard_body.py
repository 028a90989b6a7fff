"""What a dashboard consists of: the format in which it is kept, exported and imported, and its check.

A body is a JSON object: `format` ("baken-dashboard"), `version` (1) and `panels`. A panel has an `id`, a `kind`, its
place on a grid of 12 columns (`x`, `y`, `w`, `h`, in columns and rows), a `title`, and what its kind shows:

- chart: `metrics` (1 to 12 of metric, labels, title), `draw` (line, area, stack, bars), `sum` (one line per metric in
  place of one per label set), `compare` (none, week, period), `limit` (a line, or null).
- figure: one of `metrics`, `compare`. Its label sets are added up.
- table: `metrics` (1 to 20), `rows` (1 to 100).
- alerts: `rows`, `severities` (some of LOW, MEDIUM, HIGH, CRITICAL; empty for all).
- errors: `rows`, `sort` (count, latest).
- text: `text`.

`labels` names the values that are shown: `{"status": ["Active", "Pending"]}`; what is not named is shown in full. A
body holds names of metrics and labels and what people wrote, nothing that was measured.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

FORMAT = "baken-dashboard"
VERSION = 1
COLUMNS = 12
MOST_PANELS = 100
MOST_BYTES = 100_000
MOST_ROWS_DOWN = 2000

# What a terminal would take for a command, and what turns the direction of writing, is no part of a line.
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"

Line = Annotated[str, StringConstraints(max_length=120, pattern=_LINE)]
Value = Annotated[str, StringConstraints(max_length=300, pattern=_LINE)]
Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
Compare = Literal["none", "week", "period"]


class BadBody(ValueError):
    """A body that is no dashboard; `str()` of it says which panel and what of it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Shown(_Strict):
    """A metric, or the label sets of it that have one of the named values."""

    metric: Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z][a-z0-9_]*$")]
    labels: Annotated[
        dict[
            Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z][a-z0-9_]*$")],
            Annotated[list[Value], Field(max_length=50)],
        ],
        Field(max_length=10),
    ] = {}
    title: Line = ""


class _Panel(_Strict):
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    title: Line = ""
    x: Annotated[int, Field(ge=0, lt=COLUMNS)]
    y: Annotated[int, Field(ge=0, le=MOST_ROWS_DOWN)]
    w: Annotated[int, Field(ge=1, le=COLUMNS)]
    h: Annotated[int, Field(ge=1, le=40)]


class Chart(_Panel):
    """Courses over time."""

    kind: Literal["chart"]
    metrics: Annotated[list[Shown], Field(min_length=1, max_length=12)]
    draw: Literal["line", "area", "stack", "bars"] = "line"
    sum: bool = False
    compare: Compare = "none"
    limit: Annotated[float, Field(strict=False)] | None = None


class Figure(_Panel):
    """One figure in large, its course and its change."""

    kind: Literal["figure"]
    metrics: Annotated[list[Shown], Field(min_length=1, max_length=1)]
    compare: Compare = "week"


class LastValues(_Panel):
    """The last figures as a table."""

    kind: Literal["table"]
    metrics: Annotated[list[Shown], Field(min_length=1, max_length=20)]
    rows: Annotated[int, Field(ge=1, le=100)] = 20


class Alerts(_Panel):
    """What is wrong now."""

    kind: Literal["alerts"]
    rows: Annotated[int, Field(ge=1, le=50)] = 5
    severities: Annotated[list[Severity], Field(max_length=4)] = []


class Errors(_Panel):
    """Which errors there were."""

    kind: Literal["errors"]
    rows: Annotated[int, Field(ge=1, le=50)] = 5
    sort: Literal["count", "latest"] = "count"


class Words(_Panel):
    """What people want to say."""

    kind: Literal["text"]
    text: Annotated[str, StringConstraints(max_length=10_000, pattern=_LINES)] = ""


Panel = Annotated[Chart | Figure | LastValues | Alerts | Errors | Words, Field(discriminator="kind")]


class Body(_Strict):
    """A dashboard's panels."""

    format: Literal["baken-dashboard"] = "baken-dashboard"
    version: Literal[1] = 1
    panels: Annotated[list[Panel], Field(max_length=MOST_PANELS)]

    @property
    def metrics(self) -> set[str]:
        """Names of all metrics that are shown."""
        return {one.metric for panel in self.panels for one in getattr(panel, "metrics", ())}


def parse(text: str) -> Body:
    """The dashboard that the JSON `text` describes.

    Raises BadBody for what is no JSON, no dashboard, too large, or has panels that lie over each other.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise BadBody(f"it is larger than {MOST_BYTES} bytes")
    try:
        given = json.loads(text)
    except json.JSONDecodeError as problem:
        raise BadBody(f"it is no JSON: {problem.msg} in line {problem.lineno}, column {problem.colno}") from None
    except (ValueError, RecursionError):
        raise BadBody("it is no JSON that can be read") from None
    try:
        body = Body.model_validate(given)
    except ValidationError as problem:
        raise BadBody(_told(problem, given)) from None
    _check_places(body)
    return body


def dump(body: Body) -> str:
    """The body as it is kept: JSON in ASCII, without spaces."""
    return json.dumps(body.model_dump(), separators=(",", ":"))


def _check_places(body: Body) -> None:
    seen: set[str] = set()
    taken: dict[tuple[int, int], int] = {}
    for number, panel in enumerate(body.panels, 1):
        if panel.id in seen:
            raise BadBody(f"panel {number}: its id {panel.id!r} is another's already")
        seen.add(panel.id)
        if panel.x + panel.w > COLUMNS:
            raise BadBody(f"panel {number}: it reaches to column {panel.x + panel.w} of {COLUMNS}")
        for column in range(panel.x, panel.x + panel.w):
            for row in range(panel.y, panel.y + panel.h):
                other = taken.setdefault((column, row), number)
                if other != number:
                    raise BadBody(f"panel {number}: it lies over panel {other}")


def _told(problem: ValidationError, given: Any) -> str:
    """The first thing that is wrong, as a sentence with the panel's number, counted from one."""
    first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
    place, said = list(first["loc"]), first["msg"]
    if first["type"] == "string_pattern_mismatch":
        said = "it has characters that cannot be there"
    said = said[:1].lower() + said[1:]
    if len(place) > 1 and place[0] == "panels" and isinstance(place[1], int):
        panel = given["panels"][place[1]]
        kind = panel.get("kind") if isinstance(panel, dict) else None
        # The branch that was tried, by the kind, stands in the place after the panel.
        rest = place[3:] if place[2:3] == [kind] else place[2:]
        words = [f"panel {place[1] + 1}{f' ({kind[:20]})' if isinstance(kind, str) else ''}", _named(rest), said]
        return ": ".join(word for word in words if word)
    where = _named(place)
    return f"{where}: {said}" if where else said


def _named(place: list[int | str]) -> str:
    return " ".join(str(part + 1 if isinstance(part, int) else part)[:60] for part in place)
