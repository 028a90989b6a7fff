"""How rows of a site's table are found without reading it all: by which of their times, and by what kind of name.

Frappe 14 and 15 index `modified` in every table, Frappe 16 `creation`, and `modified` as well where the DocType is
sorted by it. The rows of a log are named by a text, or by a number where the DocType counts them: Frappe 14 counts
most of its logs.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Integer

from baken.sites.problems import NotAvailable
from baken.sites.reading import Reading

MODIFIED, CREATION = "modified", "creation"


def indexed_time(reading: Reading, doctype: str) -> str | None:
    """The time by which the rows of a DocType are found: MODIFIED where it has an index, else CREATION; None: neither.

    By MODIFIED a row is found again whenever somebody changes it, by CREATION it stays where it is.
    """
    return next((name for name in (MODIFIED, CREATION) if reading.indexed(doctype, name)), None)


def require_indexed_time(reading: Reading, doctype: str) -> str:
    """As `indexed_time`. Raises NotAvailable where neither has an index, MissingTable without the table."""
    found = indexed_time(reading, doctype)
    if found is None:
        reading.require(doctype)
        raise NotAvailable(
            f"the {doctype} of site {reading.site.name} has an index neither on modified nor on creation; "
            "reading it would burden the site: add one"
        )
    return found


def as_names(column: ColumnElement[Any], names: Iterable[Any]) -> list[Any]:
    """`names` as the database compares them with the names in `column`, which may be numbers.

    What cannot be the name of a row there is left out: it was remembered while the site had another layout.
    """
    if not isinstance(column.type, Integer):
        return [str(name) for name in names]
    return [int(text) for text in map(str, names) if text.isascii() and text.isdigit()]
