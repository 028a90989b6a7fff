"""Moments: aware UTC datetimes in memory, whole milliseconds since 1970 in the store."""

from datetime import UTC, datetime, timedelta

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The present moment as an aware UTC datetime."""
    return datetime.now(UTC)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970-01-01T00:00Z of an aware `moment`.

    Raises ValueError for a naive datetime: only its site can say which moment that is.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC datetime `milliseconds` after 1970-01-01T00:00Z."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def iso(moment: datetime | None) -> str | None:
    """`moment` as ISO 8601 in UTC with seconds and a Z, as every answer of the API writes it."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
