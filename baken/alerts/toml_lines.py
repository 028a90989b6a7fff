"""On which line each key of a TOML text stands: what reads TOML tells it for broken text only.

The text was read by `tomllib` before, so it is known to be valid; this walks through it once more.
"""

import re

Path = tuple[str, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')[ \t]*(\.?)""")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|""?(?!"))*"{3,5}' r"|'''(?:[^']|''?(?!'))*'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}\n#]+")


def lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table and key in `text`, valid TOML, by its path: `("HIGH_CPU", "recover", "below")`.

    A table that is only implied by those within it stands where the first of them does. Members of arrays of tables
    have their number in the path: `("test", "0", "name")`.
    """
    return _Walk(text).found


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.found: dict[Path, int] = {}
        self._counted = (0, 1)
        self._members: dict[Path, int] = {}
        table: Path = ()
        self._skip()
        while self.at < len(self.text):
            table = self._header() if self.text[self.at] == "[" else self._pair(table)
            self._skip()

    def _line(self) -> int:
        done, line = self._counted
        line += self.text.count("\n", done, self.at)
        self._counted = (self.at, line)
        return line

    def _skip(self) -> None:
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at

    def _note(self, path: Path) -> None:
        line = self._line()
        for length in range(1, len(path) + 1):
            self.found.setdefault(path[:length], line)

    def _name(self) -> Path:
        parts: list[str] = []
        while match := _KEY.match(self.text, self.at):
            self.at = match.end()
            parts.append(next(part for part in match.groups()[:3] if part is not None))
            if not match[4]:
                break
        return tuple(parts)

    def _header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        path: Path = ()
        name = self._name()
        for number, part in enumerate(name, start=1):
            path = (*path, part)
            if many and number == len(name):
                self._members[path] = self._members.get(path, -1) + 1
            if path in self._members:
                path = (*path, str(self._members[path]))
        self._note(path)
        self.at += 2 if many else 1
        return path

    def _pair(self, table: Path) -> Path:
        path = (*table, *self._name())
        self._note(path)
        self.at += 1  # the equals sign
        self._value(path)
        return table

    def _value(self, path: Path) -> None:
        self._skip()
        if self.text[self.at] == "{":
            self.at += 1
            self._skip()
            while self.text[self.at] != "}":
                self._pair(path)
                self._separator()
            self.at += 1
        elif self.text[self.at] == "[":
            self.at += 1
            self._skip()
            number = 0
            while self.text[self.at] != "]":
                self._note((*path, str(number)))
                self._value((*path, str(number)))
                self._separator()
                number += 1
            self.at += 1
        else:
            plain = _STRING.match(self.text, self.at) or _PLAIN.match(self.text, self.at)
            self.at = plain.end() if plain else self.at + 1

    def _separator(self) -> None:
        self._skip()
        if self.text[self.at] == ",":
            self.at += 1
            self._skip()
