"""What the reading of errors brought to light beside the errors: credentials, lost errors, sources that fail."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from baken.clock import from_ms, iso
from baken.errors import echoes, log_files
from baken.errors.event import SENTRY, SOURCES
from baken.errors.leaks import KINDS, KINDS_NL
from baken.errors.looked import Looked, look
from baken.history.tables import error_findings, error_patterns

SILENT = timedelta(minutes=10)
"""A source that was not read for so long is behind."""

_DELETE = "Then delete the rows of the Error Log, and keep it out of what is logged (a newer Frappe masks more)."
_ADVICE = {
    "password": f"Have it changed: it stands in the Error Log for whoever may read that. {_DELETE}",
    "password_hash": f"Have the password changed: hashes can be tried out in peace. {_DELETE}",
    "session_cookie": f"End the sessions of these users (log them out everywhere). {_DELETE}",
    "one_time_link": f"Ask for new links: who opens these first sets the password. {_DELETE}",
    "private_key": f"Make a new pair of keys and withdraw this one. {_DELETE}",
}
_REPLACE = f"Replace it at the service that gave it: it stands in the Error Log for whoever may read that. {_DELETE}"
_LOST = {
    log_files.TOO_LONG: (
        "error with a title that is too long",
        "Shorten the title where frappe.log_error is called: the Error Log takes 140 characters.",
    ),
    log_files.REFUSED: (
        "error that the Error Log refused",
        "Look into frappe.log for the reason; Baken counted the error where another source showed it.",
    ),
    log_files.NOT_TAKEN: (
        "error that Frappe could not write down",
        "Look into frappe.log: the database did not take the row when the error happened.",
    ),
    echoes.LEFT: (
        "error that left the cache without becoming a row",
        "Look whether the scheduler runs and Redis keeps its data: errors wait there for up to 15 minutes.",
    ),
}
_LOST_NL = {
    log_files.TOO_LONG: "fout met een te lange titel",
    log_files.REFUSED: "fout die het foutenlogboek weigerde",
    log_files.NOT_TAKEN: "fout die Frappe niet kon opschrijven",
    echoes.LEFT: "fout die uit de cache verdween zonder een regel te worden",
}


def labels(kind: str, name: str) -> dict[str, str]:
    """What a finding is called, per language: {"en": "password", "nl": "wachtwoord"}.

    Args:
        kind: "leak" or "lost".
        name: the kind of credential, or why the error was lost; one that has no name is called by itself.
    """
    return {"en": _label(kind, name), "nl": (KINDS_NL if kind == "leak" else _LOST_NL).get(name, _label(kind, name))}


def _label(kind: str, name: str) -> str:
    if kind == "leak":
        return KINDS.get(name, name.replace("_", " "))
    return _LOST[name][0] if name in _LOST else name


def found(conn: Connection, site: str, now: datetime) -> dict[str, Any]:
    """Everything that was found, the newest first.

    Returns leaks and lost: kind, label, pattern (id, or None when it is not known), template, count, first_seen,
    last_seen, advice; and sources: source, state ("ok", "absent" or "behind"), read_at, detail.
    """
    return {"leaks": leaks(conn, site), "lost": lost(conn, site), "sources": sources(look(conn, site), now)}


def leaks(conn: Connection, site: str) -> list[dict[str, Any]]:
    """Kinds of credentials that stand in the site's errors, per pattern, the newest first."""
    return _rows(conn, site, "leak")


def lost(conn: Connection, site: str) -> list[dict[str, Any]]:
    """Why errors of the site were lost before they became rows, the newest first."""
    return _rows(conn, site, "lost")


def _rows(conn: Connection, site: str, kind: str) -> list[dict[str, Any]]:
    table, pattern = error_findings, error_patterns
    query = (
        select(table.c.key, table.c.first_seen, table.c.last_seen, table.c.count, table.c.detail, pattern.c.id,
               pattern.c.template, pattern.c.merged_into)
        .join_from(table, pattern, pattern.c.number == table.c.pattern, isouter=True)
        .where(table.c.site == site, table.c.kind == kind)
        .order_by(table.c.last_seen.desc(), table.c.key)
    )  # fmt: skip
    rows = conn.execute(query).all()
    heads = _heads(conn, site, {row.merged_into for row in rows if row.merged_into is not None})
    out = []
    for row in rows:
        detail: Mapping[str, Any] = json.loads(row.detail)
        if kind == "leak":
            name = str(detail.get("kind") or row.key.partition(":")[0])
            advice = _ADVICE.get(name, _REPLACE)
        else:
            name = str(detail.get("reason") or row.key)
            advice = _LOST[name][1] if name in _LOST else "Look into frappe.log for the reason."
        out.append(
            {
                "kind": name,
                "label": _label(kind, name),
                "pattern": heads.get(row.merged_into, row.id),
                "template": row.template,
                "count": row.count,
                "first_seen": iso(from_ms(row.first_seen)),
                "last_seen": iso(from_ms(row.last_seen)),
                "advice": advice,
            }
        )
    return out


def _heads(conn: Connection, site: str, numbers: set[int]) -> dict[int | None, str]:
    if not numbers:
        return {}
    table = error_patterns
    query = select(table.c.number, table.c.id).where(table.c.site == site, table.c.number.in_(sorted(numbers)))
    return {row.number: row.id for row in conn.execute(query)}


def sources(looked: Looked, now: datetime) -> list[dict[str, Any]]:
    """Where errors come from, and whether they still do, in the order of `event.SOURCES`."""
    read = {each.source: each for each in looked.sources}
    out: list[dict[str, Any]] = []
    for name in SOURCES:
        each, state, detail = read.get(name), "ok", None
        if name == SENTRY:
            # Whether a site sends its errors is its own affair, and one that fails nowhere sends nothing.
            if each is None:
                continue
        elif each is None:
            state, detail = "absent", "it has not been read yet"
        elif each.absent:
            state, detail = "absent", each.absent
        elif each.behind:
            state, detail = "behind", "still being read" + (f"; read up to {each.until}" if each.until else "")
        elif now - each.read_at > SILENT:
            state, detail = "behind", f"last read {iso(each.read_at)}; check that the collector runs"
        read_at = iso(each.read_at) if each else None
        out.append({"source": name, "state": state, "read_at": read_at, "detail": detail})
    return out
