"""Puts placeholders over what rules find in a text, also where the text is escaped or encoded.

A rule is written for plain text. An address in a URL (`jan%40…`), in JSON (`jan\\u0040…`), in HTML (`jan&#64;…`) or in
quoted-printable (`jan=40…`) is found by the same rule: it looks at a decoded view, and what it replaces is replaced in
the text as it was written. What no rule touches stays as it was, character for character.
"""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Replace = Callable[[re.Match[str]], str]

_ESCAPED = re.compile(
    r"(?:%(?:25){0,2}[0-9A-Fa-f]{2})+"
    r"|\\{1,4}(?:u[0-9A-Fa-f]{4}|[nrt])|(?:\\{1,4}x[0-9A-Fa-f]{2})+"
    r"|&(?:\#\d{1,6}|\#x[0-9A-Fa-f]{1,5}|[a-zA-Z]{2,8});"
    r"|(?:=[Cc][2-9A-Fa-f]=[89ABab][0-9A-Fa-f])+|(?<=[\w.-])=40(?=[\w-]{1,60}\.[A-Za-z])"
)
_HINT = re.compile(r"%[0-9A-Fa-f]{2}|\\[unrtx]|&[#a-zA-Z]|=40|=[Cc][2-9A-Fa-f]=")
_BYTE = re.compile(r"%(?:25){0,2}([0-9A-Fa-f]{2})|\\+x([0-9A-Fa-f]{2})|=([0-9A-Fa-f]{2})")
# A line break that is written as \n ends a bare value, but not a quoted one: it is neither a space nor a newline.
LINE = "\u2028"
_LETTERS = {"n": LINE, "r": LINE, "t": "\t"}
# What separates parameters of a URL is data once it is encoded.
_OPAQUE = frozenset("&;%")


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for and what to put in its place.

    Attributes:
        hints: the pattern is tried only on a text that holds one of these, all in lower case; () for any text.
        pattern: what to look for.
        replace: the placeholder, or what makes the replacement of a match.
    """

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replace: str | Replace


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that are tried together.

    Attributes:
        rules: in the order in which they are tried.
        hints: all of them are skipped for a text that holds none of these, in lower case; () to try them.
        needs: all of them are skipped for a text in which this finds nothing; None to try them.
    """

    rules: tuple[Rule, ...]
    hints: tuple[str, ...] = ()
    needs: re.Pattern[str] | None = None


def apply(groups: Iterable[Rules], text: str) -> str:
    """`text` with what the rules find replaced, one rule after the other."""
    if _HINT.search(text):
        return _apply_decoded(groups, text)
    lowered = text.lower()
    for group in groups:
        # Most groups have nothing to do with most texts: what follows decides how fast all of Baken reads.
        if group.needs is not None and group.needs.search(text) is None:
            continue
        if group.hints:
            for hint in group.hints:
                if hint in lowered:
                    break
            else:
                continue
        for rule in group.rules:
            if rule.hints:
                for hint in rule.hints:
                    if hint in lowered:
                        break
                else:
                    continue
            text = rule.pattern.sub(rule.replace, text)
    return text


def _wanted(groups: Iterable[Rules], text: str) -> list[Rule]:
    """The rules that may find something in `text`."""
    lowered = text.lower()

    def hinted(hints: tuple[str, ...]) -> bool:
        return not hints or any(hint in lowered for hint in hints)

    return [
        rule
        for group in groups
        if (group.needs is None or group.needs.search(text)) and hinted(group.hints)
        for rule in group.rules
        if hinted(rule.hints)
    ]


def _apply_decoded(groups: Iterable[Rules], text: str) -> str:
    view, source = _decoded(text)
    for rule in _wanted(groups, view):
        parts: list[str] = []
        origin: list[str] = []
        end = 0
        for found in rule.pattern.finditer(view):
            old = found[0]
            new = rule.replace if isinstance(rule.replace, str) else rule.replace(found)
            if new == old:
                continue
            start, same = found.start(), _common(old, new)
            tail = _common(old[same:][::-1], new[same:][::-1])
            middle = new[same : len(new) - tail]
            parts += (view[end : start + same], middle)
            origin += source[end : start + same]
            origin += middle
            end = found.end() - tail
        if parts:
            view = "".join((*parts, view[end:]))
            origin += source[end:]
            source = origin
    return "".join(source)


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _decoded(text: str) -> tuple[str, list[str]]:
    """The decoded `text`, and for each of its characters how it is written."""
    view: list[str] = []
    source: list[str] = []
    end = 0
    for found in _ESCAPED.finditer(text):
        plain = _plain(found[0])
        if plain is None:
            continue
        between = text[end : found.start()]
        view.append(between)
        source += between
        end = found.end()
        view.append("".join(character for character, _ in plain))
        source += [written for _, written in plain]
    view.append(text[end:])
    source += text[end:]
    return "".join(view), source


def _plain(written: str) -> list[tuple[str, str]] | None:
    """The characters that `written` stands for, each with its own part of it; None to leave it as it is."""
    if written[0] == "&":
        character = html.unescape(written)
        return [(character, written)] if len(character) == 1 and character not in _OPAQUE else None
    if written[0] == "\\":
        kind = written.lstrip("\\")
        if kind[0] in _LETTERS:
            return [(_LETTERS[kind[0]], written)]
        if kind[0] == "u":
            code = int(kind[1:5], 16)
            return None if 0xD800 <= code < 0xE000 or code < 32 else [(chr(code), written)]
    pieces = [(int(found[1] or found[2] or found[3], 16), found[0]) for found in _BYTE.finditer(written)]
    out: list[tuple[str, str]] = []
    position = 0
    while position < len(pieces):
        first = pieces[position][0]
        size = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        part = pieces[position : position + size]
        raw = "".join(piece for _, piece in part)
        try:
            character = bytes(code for code, _ in part).decode()
        except UnicodeDecodeError:
            character = ""
        if len(character) != 1 or character in _OPAQUE or character < " ":
            out += list(zip(raw, raw, strict=True))
        else:
            out.append((character, raw))
        position += size
    return out
