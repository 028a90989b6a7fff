"""Frappe's list of Error Log rows that wait in the cache Redis to be inserted, as it lies there.

Frappe 14 and later push each row that cannot be inserted at once (every error of a web request) to the tail of the
list `<db_name>|insert_queue_for_Error Log`, and a job takes up to 500 from its head every quarter of an hour. An entry
is JSON: a row, or a list of rows. Nothing here changes the list.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from baken.sites.queues import kept_client
from baken.sites.site import Site


@dataclass(frozen=True, slots=True)
class Ends:
    """How long the list is, its first and its last entry (None when it is empty)."""

    length: int
    head: bytes | None
    tail: bytes | None


def ends(site: Site) -> Ends:
    """The list's length and ends, in one round trip.

    Raises NotAvailable when no cache Redis is configured, SiteUnreachable when it does not answer.
    """
    with kept_client(site, "cache") as client:
        pipe = client.pipeline(transaction=False)
        pipe.llen(key(site))
        pipe.lindex(key(site), 0)
        pipe.lindex(key(site), -1)
        length, head, tail = pipe.execute()
    return Ends(int(length), head, tail)


def part(site: Site, first: int, last: int) -> tuple[bytes | None, list[bytes]]:
    """The head of the list and the entries from place `first` to `last`, seen at one moment.

    Raises NotAvailable when no cache Redis is configured, SiteUnreachable when it does not answer.
    """
    with kept_client(site, "cache") as client:
        pipe = client.pipeline(transaction=True)
        pipe.lindex(key(site), 0)
        pipe.lrange(key(site), first, last)
        head, entries = pipe.execute()
    return head, cast("list[bytes]", entries)


def rows(entry: bytes) -> list[dict[str, Any]]:
    """The rows that an entry holds; none when it is not what Frappe writes."""
    try:
        content = json.loads(entry)
    except (ValueError, RecursionError):
        return []
    found = content if isinstance(content, list) else [content]
    return [row for row in found if isinstance(row, dict)]


def key(site: Site) -> str:
    """Under which key the list lies."""
    url = site.config.database_url
    name = url.database or ""
    if url.get_backend_name() == "sqlite":
        name = Path(name).stem
    return f"{name}|insert_queue_for_Error Log"
