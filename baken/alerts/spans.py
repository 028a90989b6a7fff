"""Lengths of time as people write them: `90s`, `5m`, `1h30m`, `7d`."""

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def parse(text: str) -> timedelta:
    """The length that `text` says. Raises ValueError with what is expected."""
    whole = text.strip()
    parts = _PART.findall(whole)
    if not parts or "".join(number + unit for number, unit in parts) != whole:
        raise ValueError(f"{text!r} is no length of time; write 90s, 5m, 1h30m or 7d")
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError(f"{text[:40]!r} is longer than any time that can be waited for") from None


def short(length: timedelta) -> str:
    """`length` as `parse` reads it: 5400 seconds are `1h30m`."""
    seconds = round(length.total_seconds())
    found = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        found += f"{count}{unit}" if count else ""
    return found or "0s"
