r"""Regular expressions between Python's dialect, which Baken's matchers speak, and RE2, which Alertmanager's do.

Both compare a label's whole value. Only what means the same in both is carried over, written so that it does: Python's
`\d` is any decimal digit, RE2's is 0 to 9. What has no equal on the other side is refused; nothing is guessed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Dialect = Literal["python", "re2"]

_MOST_REPEATED = 1000
"""RE2 repeats nothing more often."""

_LAST = 0x10FFFF
_BOUNDS = {
    "re2": re.compile(r"\{(\d+)(?:(,)(\d*))?\}"),
    # Without a first number it begins at none; RE2 takes the same for plain text.
    "python": re.compile(r"\{(\d*)(?:(,)(\d*))?\}"),
}
_CONTROL = {"a": 7, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_GROUP = re.compile(r"\((?:\?(?::|P<[A-Za-z_]\w*>))?", re.ASCII)
_SPACES = ((9, 13), (28, 32), (133, 133), (160, 160), (5760, 5760), (8192, 8202), (8232, 8233), (8239, 8239),
           (8287, 8287), (12288, 12288))  # fmt: skip
_ASCII = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 10), (12, 13), (32, 32)),
}
_CLASSES = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_"}
"""Python's classes in RE2's words: `str.isdecimal`, and `str.isalnum` with the underscore."""

Ranges = Sequence[tuple[int, int]]


class NoEqual(ValueError):
    """An expression has no equal in the other dialect; the text says what of it."""


def translated(text: str, of: Dialect) -> str:
    """An expression of the dialect `of` in the other one, matching exactly the same values as a whole.

    Raises NoEqual. Whether `text` is an expression at all is for the other side to say.
    """
    return _Reader(text, of).all()


def literal(text: str) -> str:
    """An expression, in both dialects, that matches this text alone."""
    return "".join(_char(ord(char)) for char in text)


@dataclass(slots=True)
class _Reader:
    text: str
    of: Dialect
    at: int = 0
    depth: int = 0

    def all(self) -> str:
        parts = []
        while self.at < len(self.text):
            parts.append(self.one())
        return "".join(parts)

    def one(self) -> str:
        char = self.text[self.at]
        if char == "\\":
            return self.escape()
        if char == "[":
            return self.char_class()
        if char == "(":
            found = _GROUP.match(self.text, self.at)
            if found is None or self.text.startswith("?", found.end()):
                raise NoEqual(f"{self.text[self.at : self.at + 4]!r} has no equal")
            self.at, self.depth = found.end(), self.depth + 1
            return "(?:"
        if char == "{":
            bounds = _BOUNDS[self.of].match(self.text, self.at)
            # Braces without a number are plain text.
            if bounds is None or (not bounds[1] and not bounds[2]):
                self.at += 1
                return r"\{"
            self.at = bounds.end()
            return self.repeated(bounds)
        self.at += 1
        if char in "*+?":
            return char + self.lazy()
        if char == ")":
            self.depth -= 1
            return char
        if char in "|.^":
            return char
        if char == "$":
            return self.end()
        return _char(ord(char))

    def lazy(self) -> str:
        """What stands behind a repetition: taking little instead of much makes no difference to a whole value."""
        if self.text.startswith("?", self.at):
            self.at += 1
        if self.text[self.at : self.at + 1] in ("*", "+", "?"):
            raise NoEqual("a repetition of a repetition has no equal")
        return ""

    def repeated(self, bounds: re.Match[str]) -> str:
        first, comma, last = bounds[1] or "0", bounds[2], bounds[3]
        if max(int(first), int(last or 0)) > _MOST_REPEATED:
            raise NoEqual(f"{bounds[0]!r} repeats more than {_MOST_REPEATED} times")
        self.lazy()
        return f"{{{first}{comma or ''}{last or ''}}}"

    def end(self) -> str:
        if self.of == "re2":
            return r"\Z"
        # In Python it also stands before a last line break; where nothing can follow, that makes no difference.
        rest = self.text[self.at :]
        if not rest or (self.depth == 0 and rest.startswith("|")):
            return r"\z"
        raise NoEqual("'$' has an equal only at the end")

    def escape(self) -> str:
        self.at += 1
        char = self.text[self.at : self.at + 1]
        if not char:
            raise NoEqual("a backslash at the end has no equal")
        if char.lower() in "dws":
            self.at += 1
            return self.category(char)
        if char == "A":
            self.at += 1
            return "^"
        if char == ("Z" if self.of == "python" else "z"):
            self.at += 1
            return r"\z" if self.of == "python" else r"\Z"
        return _char(self.escaped())

    def category(self, char: str) -> str:
        name, negated = char.lower(), "^" if char.isupper() else ""
        if self.of == "re2":
            return f"[{negated}{_ranges(_ASCII[name])}]"
        return f"[{negated}{_CLASSES.get(name) or _ranges(_SPACES)}]"

    def escaped(self) -> int:
        """The character that an escape at this place stands for; the backslash is read already."""
        char = self.text[self.at]
        if char in _CONTROL:
            self.at += 1
            return _CONTROL[char]
        digits = r"x([0-9A-Fa-f]{2})"
        digits += r"|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})" if self.of == "python" else r"|x\{([0-9A-Fa-f]{1,8})\}"
        found = re.compile(digits).match(self.text, self.at)
        if found is not None:
            self.at = found.end()
            code = int(next(filter(None, found.groups())), 16)
            if code > _LAST or 0xD800 <= code <= 0xDFFF:
                raise NoEqual(f"{found[0]!r} is no character")
            return code
        if char.isascii() and char.isalnum():
            raise NoEqual(f"'\\{char}' has no equal")
        self.at += 1
        return ord(char)

    def char_class(self) -> str:
        self.at += 1
        negated = self.text.startswith("^", self.at)
        self.at += negated
        ranges: list[tuple[int, int]] = []
        more = ""
        first = True
        while first or not self.text.startswith("]", self.at):
            first = False
            low = self.member()
            if isinstance(low, str):
                more += self.class_within(low, ranges)
                if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                    raise NoEqual("a range from a class of characters has no equal")
                continue
            high: int | str = low
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                high = self.member()
            if isinstance(high, str) or high < low:
                raise NoEqual("a range of characters is wrong")
            ranges.append((low, high))
        self.at += 1
        return f"[{'^' if negated else ''}{_ranges(ranges)}{more}]"

    def member(self) -> int | str:
        """A character of a class, or the letter of a class within it."""
        char = self.text[self.at : self.at + 1]
        if not char:
            raise NoEqual("a class of characters has no end")
        if char == "[" and self.text[self.at + 1 : self.at + 2] in (":", ".", "="):
            raise NoEqual("a named class of characters has no equal")
        if char != "\\":
            self.at += 1
            return ord(char)
        self.at += 1
        name = self.text[self.at : self.at + 1]
        if not name:
            raise NoEqual("a class of characters has no end")
        if name.lower() in "dws":
            self.at += 1
            return name
        return self.escaped()

    def class_within(self, name: str, ranges: list[tuple[int, int]]) -> str:
        kind = name.lower()
        if self.of == "python" and kind in _CLASSES:
            if name == "W":
                raise NoEqual(r"'\W' within a class has no equal")
            return r"\P{Nd}" if name == "D" else _CLASSES[kind]
        own = _SPACES if self.of == "python" else _ASCII[kind]
        ranges += _others(own) if name.isupper() else own
        return ""


def _others(ranges: Ranges) -> Ranges:
    found, begin = [], 0
    for low, high in ranges:
        if begin < low:
            found.append((begin, low - 1))
        begin = high + 1
    return [*found, (begin, _LAST)]


def _ranges(ranges: Ranges) -> str:
    return "".join(_char(low) if low == high else f"{_char(low)}-{_char(high)}" for low, high in ranges)


def _char(code: int) -> str:
    """A character as both dialects write it, inside a class and outside."""
    char = chr(code)
    if code < 32 or code == 127:
        return f"\\x{code:02x}"
    if code < 128:
        return char if char.isalnum() or char in " _" else f"\\{char}"
    if 0xD800 <= code <= 0xDFFF:
        raise NoEqual("half a character has no equal")
    return char
