"""Errors that a site sends by itself, as it would to Sentry: what an event tells, and of which failure.

Frappe sends, from the same call that files the row of the Error Log, every error that it files in a request or a job
(`frappe.utils.sentry.capture_exception`), without those that are people's mistakes: ValidationError, PermissionError.
The site stands where Sentry has the user (`user.id`), the user in the tag `frappe_user`, the job in `extra.job`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from baken.errors.event import SENTRY, Event
from baken.errors.scrub import shorten
from baken.errors.sentry_envelope import Envelope, failure_text, last_exception, text_of
from baken.privacy import mask

KEPT = timedelta(days=7)
"""What is said to have happened longer ago is filed under the moment at which it came."""

# What a row of the Error Log is filed under fits into its column.
_LONGEST_TITLE = 140
_LONGEST_NAME = 140
# A shorter difference between the two clocks may be the way that the event took.
_LEAST_SKEW = timedelta(seconds=10)
_NO_ERROR = frozenset({"warning", "info", "debug", "log"})
_METHOD = re.compile(r"[A-Za-z_][\w.]{1,199}")
_WORD = re.compile(r"[\w.+@/-]{1,60}")
_NO_USER = frozenset({"", "Unidentified", "None"})


@dataclass(frozen=True, slots=True)
class Sent:
    """One error that was sent. Its texts are raw, as those of its event.

    Attributes:
        event: the error; its name is the id that the sender gave it.
        clock: the moment by the sender's own clock, which its other sources go by as well; never in the future.
        site: the site that it tells itself; "" when it tells none.
        release: the version that the sender runs; "" when it tells none.
        sdk: what sent it: name and version; "" when it does not tell.
    """

    event: Event
    clock: datetime
    site: str
    release: str
    sdk: str


def errors(envelope: Envelope, now: datetime) -> list[Sent]:
    """The errors among the events of an envelope that came at the moment `now`. Whatever it holds is accepted."""
    return [sent for event in envelope.events if (sent := error(event, envelope.headers, now)) is not None]


def error(event: dict[str, Any], headers: dict[str, Any], now: datetime) -> Sent | None:
    """The error that an event tells of; None when it tells of none: a measurement, or a message that is no error.

    Args:
        event: as it was sent.
        headers: those of its envelope: `sent_at` tells by how much the sender's clock is wrong.
        now: the moment at which it came.
    """
    if text_of(event.get("type")) == "transaction" or text_of(event.get("level")) in _NO_ERROR:
        return None
    tags, user = _pairs(event.get("tags")), _object(event.get("user"))
    site = _name(tags.get("site"))
    if not site and "frappe_user" in tags:
        site = _name(user.get("id"))
    job = _object(_object(event.get("extra")).get("job"))
    method = _name(event.get("transaction")) if job else ""
    failure = failure_text(event)
    title, text = _said(event) if failure is None else (last_exception(event).strip()[:_LONGEST_TITLE], failure)
    if text is None and not title:
        return None
    if failure is not None and _METHOD.fullmatch(method):
        # A worker files what fails under the method that it ran.
        title = method
    component = ("scheduler" if job.get("scheduled") is True else "worker") if job else ""
    if not component and isinstance(event.get("request"), dict):
        component = "web"
    clock, at = _moments(event, headers, now)
    found = Event(
        SENTRY,
        _name(event.get("event_id")) or _name(headers.get("event_id")),
        at,
        title or None,
        shorten(text) if text is not None else None,
        _user(tags, user, site),
        job=method if job else None,
        component=component,
    )
    return Sent(found, clock, site, _word(event.get("release")), _sdk(event, headers))


def _said(event: dict[str, Any]) -> tuple[str, str | None]:
    """What the row of a message would be filed under, and its text."""
    entry = event.get("logentry") if isinstance(event.get("logentry"), dict) else event.get("message")
    if isinstance(entry, dict):
        # A line of a log has no title.
        return "", text_of(entry.get("formatted")) or text_of(entry.get("message")) or None
    # Frappe puts the row's title into the first line, and its text below.
    title, _, rest = text_of(entry).partition("\n")
    return title, rest or None


def _user(tags: dict[str, Any], user: dict[str, Any], site: str) -> str | None:
    """Whom it happened to, as the site writes it."""
    given = _name(tags.get("frappe_user"))
    if not given:
        names = (_name(user.get(key)) for key in ("email", "username", "id"))
        given = next((name for name in names if name and name != site), "")
    return None if given in _NO_USER else given


def _moments(event: dict[str, Any], headers: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """When it happened by the sender's clock, never in the future, and by Baken's."""
    told = _moment(event.get("timestamp"))
    if told is None:
        return now, now
    sent = _moment(headers.get("sent_at"))
    skew = now - sent if sent is not None else timedelta()
    at = told + skew if abs(skew) >= _LEAST_SKEW and _fits(told, skew) else told
    at = at if now - KEPT <= at <= now else now
    return (min(told, now) if told >= now - KEPT else at), at


def _fits(moment: datetime, skew: timedelta) -> bool:
    return abs(skew) < timedelta(days=20_000) and 1971 < moment.year < 9000


def _moment(given: Any) -> datetime | None:
    """A moment as Sentry writes it: seconds since 1970, or ISO 8601, in UTC where no zone is named."""
    try:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return datetime.fromtimestamp(given, UTC)
        found = datetime.fromisoformat(text_of(given, 60))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _sdk(event: dict[str, Any], headers: dict[str, Any]) -> str:
    told = _object(event.get("sdk")) or _object(headers.get("sdk"))
    return " ".join(word for word in (_word(told.get("name")), _word(told.get("version"))) if word)


def _pairs(value: Any) -> dict[str, Any]:
    """Tags, which are an object or a list of pairs."""
    if isinstance(value, list):
        pairs = (each for each in value if isinstance(each, list) and len(each) == 2)
        return {name: content for name, content in pairs if isinstance(name, str)}
    return _object(value)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: Any) -> str:
    """A name of something; "" for what is none, or is longer than any."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30:
        return str(value)
    found = text_of(value, _LONGEST_NAME + 1).strip()
    return found if len(found) <= _LONGEST_NAME else ""


def _word(value: Any) -> str:
    found = _WORD.fullmatch(text_of(value, 61))
    # A version may look like frappe@15.2, and may be whatever else somebody put there.
    return mask(found[0]) if found else ""
