"""Judges the single tokens of a log message by their shape: which of them vary from one line to the next."""

import functools
import re

from baken.errors.logwords import (
    ALONE,
    ARCHITECTURES,
    CLASS_ROOTS,
    ENDINGS,
    EXTENSIONS,
    KEPT,
    PACKAGE_ROOTS,
    TOP_DOMAINS,
    WORDS,
)

VARIES = "\ue100"
"""The one character that stands for what varies while a message is worked on."""

_IPV6 = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?")
_NUMBER = re.compile(r"[-+~^$€£]?[\d\ue100][\d\ue100.,:/%^*+-]*(?:[A-Za-zµ%°]{1,5}(?:/s)?)?")
_HEX = re.compile(r"(?:0[xX])?[0-9a-fA-F]+")
_INNER_DIGITS = re.compile(r"[A-Za-z]*[a-z]\d[A-Z][A-Za-z]+")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_CLASS = re.compile(r"(?:[a-z_][\w-]*\.)+[A-Z][\w$]*(?:[.$]\w+)*|\w+(?:::~?[A-Za-z_]\w*)+")
_HOST = re.compile(r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z]{2,}\.?")
_WORDS_WITH_SLASH = re.compile(r"[A-Za-z+*-]+(?:/[A-Za-z+*-]+)")
_DIGITS = re.compile(r"\d+")
_CODE_FILE = re.compile(r"[A-Za-z_][\w-]*\.(?:c|cc|cpp|cxx|h|hpp|go|rs|java|kt|scala|py|js|ts|php|rb|pl|lua|cs|ex|erl)")
_HOST_PORT = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+:\d{1,5}")


def ordinary(word: str) -> bool:
    """Whether `word` is an ordinary word of English or of technology, no name."""
    return word in WORDS or word.endswith(ENDINGS) or (word.endswith("s") and word[:-1] in WORDS)


@functools.lru_cache(maxsize=8192)
def key(token: str) -> str:
    """What stands before an equals sign names what follows: its digits count, not its letters."""
    if token.isalpha():
        return token
    head, _, name = token.rpartition(":")
    head = judged(head) + ":" if head else ""
    return head + (_DIGITS.sub("n", name) if any(c.isalpha() for c in name) else judged(name))


@functools.lru_cache(maxsize=8192)
def called(token: str) -> str:
    """What stands before a parenthesis is a function's name when it looks like one."""
    if token.isalpha() or (_IDENTIFIER.fullmatch(token) and not _HEX.fullmatch(token)):
        return token if not token[-1:].isdigit() else judged(token)
    return judged(token)


@functools.lru_cache(maxsize=16384)
def judged(token: str) -> str:
    """`token` itself, or the mark of what varies, in part or as a whole."""
    if token.isalpha():
        return VARIES if token in ALONE else token
    if token.startswith("$") and _IDENTIFIER.fullmatch(token):
        return VARIES
    if ":" in token and _IPV6.fullmatch(token) and any(c.isalnum() for c in token):
        return VARIES
    core = token.strip(".:!?*+-~_&%/\\$^")
    if not core:
        return token
    start = token.index(core)
    before, after = token[:start], token[start + len(core) :]
    if before[-1:] in "/\\~" and before:
        return VARIES + after.strip("/\\~")
    if "-" in before or "+" in before:
        before = before.strip("-+") if core[0].isdigit() else before
    return before + _core(core) + after


def _core(core: str) -> str:
    if core.isalpha():
        return VARIES if core in ALONE else core
    if core in KEPT or core.lower() in KEPT:
        return core
    has_digit = any(c.isdigit() for c in core)
    if has_digit or VARIES in core:
        if _NUMBER.fullmatch(core) or _IPV6.fullmatch(core):
            return VARIES
        if _HEX.fullmatch(core):
            return VARIES
    if "\\" in core:
        return VARIES
    if ":" in core and _HOST_PORT.fullmatch(core):
        return VARIES
    if "::" in core and _CLASS.fullmatch(core):
        return core
    if "/" in core:
        if _WORDS_WITH_SLASH.fullmatch(core):
            return core if all(part[:1].isupper() or ordinary(part) for part in core.split("/")) else VARIES
        return VARIES
    if ":" in core:
        if core.rpartition(":")[2] in ARCHITECTURES:
            return VARIES
        parts = [judged(part) for part in core.split(":")]
        return ":".join(parts)
    if "@" in core:
        left = core.rpartition("@")[0]
        if _CLASS.fullmatch(left) or (_IDENTIFIER.fullmatch(left) and left.lower() != left):
            return f"{left}@{VARIES}"
        return VARIES
    if core.count(".") >= 2 and core.partition(".")[0] in PACKAGE_ROOTS and not core.endswith(("Exception", "Error")):
        return VARIES
    if "." in core and (_CODE_FILE.fullmatch(core) or core.endswith(("Exception", "Error"))):
        return core
    if "." in core and core.rpartition(".")[2].lower() in TOP_DOMAINS and _HOST.fullmatch(core):
        first = core.partition(".")[0]
        if first not in CLASS_ROOTS:
            return VARIES
    if "." in core and _CLASS.fullmatch(core):
        return core
    if has_digit or VARIES in core:
        return core if _INNER_DIGITS.fullmatch(core) and not _HEX.fullmatch(core) else VARIES
    if "." in core:
        return _dotted(core)
    return core


def _dotted(core: str) -> str:
    """Dotted words without digits: names of hosts and files vary, names in code do not."""
    first, _, last = core.partition(".")[0], ".", core.rpartition(".")[2].lower()
    if last in EXTENSIONS:
        return VARIES
    if first in CLASS_ROOTS:
        return core
    if last in TOP_DOMAINS and _HOST.fullmatch(core):
        return VARIES
    return core
