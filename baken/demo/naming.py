"""Names of documents that count on, as Frappe's naming series do: `ACC-PAY-2026-00042`."""

from collections import Counter


class NamingSeries:
    """One counter per prefix. Whoever names documents of the same kind must draw from the same series.

    No two names are alike: a prefix ends in `-` and what follows it are digits alone, so a name tells its prefix and
    its number, and a number is given once per prefix. It may grow beyond `digits`.
    """

    def __init__(self, digits: int) -> None:
        self._digits = digits
        self._current: Counter[str] = Counter()

    def next(self, prefix: str) -> str:
        """The next name of `prefix`, counting from 1. Raises ValueError when `prefix` does not end in `-`."""
        if not prefix.endswith("-"):
            raise ValueError(f"the prefix of a naming series ends in a hyphen, unlike {prefix!r}")
        self._current[prefix] += 1
        return f"{prefix}{self._current[prefix]:0{self._digits}d}"
