"""What can be wrong with a site, told for people: what happened, to which thing, what to do."""

import re
from typing import Any, cast

from sqlalchemy.exc import DBAPIError, SQLAlchemyError


class SiteProblem(Exception):
    """Something about a site keeps Baken from reading it. `str()` of it is a sentence for the reader."""


class BenchProblem(SiteProblem):
    """A bench folder or one of its configuration files cannot be used."""


class SiteUnreachable(SiteProblem):
    """The site's database does not answer or refuses Baken."""


class QueryTimeout(SiteProblem):
    """A statement ran into the time limit."""


class NotAvailable(SiteProblem):
    """A figure cannot be had here; the text says why."""


class MissingTable(SiteProblem):
    """The site has no such DocType."""

    def __init__(self, doctype: str) -> None:
        super().__init__(f"this site has no DocType {doctype}")
        self.doctype = doctype


class MissingField(SiteProblem):
    """The site's DocType has no such field."""

    def __init__(self, doctype: str, *fields: str) -> None:
        super().__init__(f"DocType {doctype} of this site has no field {', '.join(fields)}")
        self.doctype, self.fields = doctype, fields


def explain(error: SQLAlchemyError, site: str, limit: float) -> SiteProblem:
    """The SiteProblem that a driver's `error` on `site` means.

    Args:
        error: what SQLAlchemy raised.
        site: the site's name, for the text.
        limit: the statement time limit in seconds, for the text.
    """
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    code, text = _code(original), _text(original)
    for codes, pattern, build in _TABLE:
        if code in codes or (pattern and re.search(pattern, text, re.IGNORECASE)):
            return cast("SiteProblem", build(site, text, limit))
    return SiteProblem(f"reading site {site} failed: {text}")


def _code(original: Any) -> Any:
    # psycopg2 gives an SQLSTATE, PyMySQL a number as its first argument, sqlite3 only a text.
    state = getattr(original, "pgcode", None)
    if state:
        return state
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def _text(original: Any) -> str:
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    text = str(arguments[1] if len(arguments) > 1 and isinstance(arguments[0], int) else original)
    return " ".join(text.split())[:300]


def _doctype(text: str) -> str:
    found = re.search(r"tab([\w -]+?)(?:['\"`]|$| does)", text)
    return found.group(1) if found else text


def _field(text: str) -> str:
    found = re.search(r"column:? ['\"`]?([\w.]+)", text, re.IGNORECASE)
    return found.group(1).rsplit(".", 1)[-1] if found else text


def _missing_field(site: str, text: str, limit: float) -> SiteProblem:
    return SiteProblem(f"site {site} has no column {_field(text)} (any more)")


def _missing_table(site: str, text: str, limit: float) -> SiteProblem:
    return MissingTable(_doctype(text))


def _denied(site: str, text: str, limit: float) -> SiteProblem:
    return NotAvailable(f"the database user of site {site} may not read this: {text}; grant it SELECT")


def _login(site: str, text: str, limit: float) -> SiteProblem:
    return SiteUnreachable(
        f"the database refuses the user of site {site}: {text}; "
        "check db_name, db_user and db_password in its site_config.json or the site's database_url"
    )


def _no_database(site: str, text: str, limit: float) -> SiteProblem:
    return SiteUnreachable(f"the database of site {site} does not exist: {text}; check db_name")


def _down(site: str, text: str, limit: float) -> SiteProblem:
    return SiteUnreachable(
        f"the database server of site {site} does not answer: {text}; "
        "check that it runs and that db_host and db_port are right"
    )


def _crowded(site: str, text: str, limit: float) -> SiteProblem:
    return SiteUnreachable(f"the database server of site {site} takes no more connections: {text}")


def _slow(site: str, text: str, limit: float) -> SiteProblem:
    return QueryTimeout(f"a query on site {site} took longer than {limit:g} s and was stopped")


def _locked(site: str, text: str, limit: float) -> SiteProblem:
    return QueryTimeout(f"a query on site {site} waited for a lock and was given up: {text}")


_TABLE: list[tuple[set[Any], str, Any]] = [
    ({1045, 1698, "28P01", "28000"}, r"password authentication failed|access denied for user", _login),
    ({1044, 1049, "3D000"}, r"unable to open database file|file is not a database", _no_database),
    ({1040, 1203, 1226, "53300"}, r"too many (clients|connections)", _crowded),
    ({1969, 3024, "57014"}, r"^interrupted$|max_statement_time", _slow),
    ({1205, 1213, "55P03", "40P01"}, r"database( table)? is locked", _locked),
    ({1146, "42P01"}, r"no such table", _missing_table),
    ({1054, "42703"}, r"no such column", _missing_field),
    ({1142, 1143, 1227, "42501"}, r"permission denied", _denied),
    (
        {2002, 2003, 2005, 2006, 2013, 2014, 1053, 1927, "57P01", "57P03", "08006", "08001"},
        r"connection refused|could not connect|server closed the connection|timed? ?out|connection to server",
        _down,
    ),
]
