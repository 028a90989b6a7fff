"""The dashboard of a template for Zabbix: a page for each domain, with its graphs two in a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

_HEIGHT = 5


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard of a version of Zabbix; 6.0 has 24 columns, 7.0 has 72, and names of widgets differ."""

    name: str
    version: str

    @property
    def columns(self) -> int:
        """How wide it is."""
        return 24 if self.version == "6.0" else 72


def pages(board: Board, template: str, graphs: Sequence[tuple[str, str, bool]]) -> list[dict[str, Any]]:
    """The pages of a dashboard.

    Args:
        board: which dashboard.
        template: name of the template.
        graphs: (page, graph, whether it is discovered), those of a page one after the other.
    """
    return [
        {"name": page, "widgets": list(_widgets(board, template, [(name, found) for _, name, found in some]))}
        for page, some in groupby(graphs, key=lambda each: each[0])
    ]


def _widgets(board: Board, template: str, graphs: Sequence[tuple[str, bool]]) -> Iterator[dict[str, Any]]:
    half = board.columns // 2
    ordered = sorted(graphs, key=lambda each: each[1])
    for place, (name, discovered) in enumerate(ordered):
        row, column = divmod(place, 2)
        yield {
            "type": _kind(board, discovered),
            **({"x": str(half)} if column else {}),
            **({"y": str(row * _HEIGHT)} if row else {}),
            "width": str(half),
            "height": str(_HEIGHT),
            "fields": _fields(board, template, name, place, discovered=discovered),
        }


def _kind(board: Board, discovered: bool) -> str:
    if board.version == "6.0":
        return "GRAPH_PROTOTYPE" if discovered else "GRAPH_CLASSIC"
    return "graphprototype" if discovered else "graph"


def _fields(board: Board, template: str, name: str, place: int, *, discovered: bool) -> list[dict[str, Any]]:
    graph = {
        "type": "GRAPH_PROTOTYPE" if discovered else "GRAPH",
        "name": "graphid" if board.version == "6.0" else "graphid.0",
        "value": {"host": template, "name": name},
    }
    found: list[dict[str, Any]] = [graph]
    if discovered:
        found = [{"type": "INTEGER", "name": "columns", "value": "2"}, graph]
    if board.version != "6.0":
        found.append({"type": "STRING", "name": "reference", "value": _reference(place)})
    return found


def _reference(place: int) -> str:
    """Five letters by which widgets of a page tell each other apart."""
    letters = ""
    for _ in range(5):
        place, letter = divmod(place, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
