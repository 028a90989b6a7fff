"""Takes the text of an Error Log row apart: frames, exception and message; the variables of the frames are dropped.

Two layouts come from a Frappe site: Python's own traceback, and "Traceback with variables", which puts the locals of
each frame under it, indented by six. Locals hold personal data and secrets; nothing here keeps them. The stacks of
browsers, Node and Java are read as well.
"""

import functools
import re
from dataclasses import dataclass, field

_HEADER = "(most recent call last):"
_FILE = re.compile(r' {2,4}File "([^"]*)"(?:, line \d+)?(?:, in (.*))?')
# An exception is dotted when the traceback has variables; Python's own leaves `builtins.` out.
_EXCEPTION = re.compile(
    r"((?:[A-Za-z_]\w{0,80}\.){1,12}[A-Za-z_]\w{0,80}"
    r"|[A-Z]\w{0,80}(?:Error|Exception|Group|Warning|Exit|Interrupt|Iteration|Timeout|Found|Expired|Exists|Refused"
    r"|Disconnected)|Exception|Error)"
    r"(?::\s?|$)(.*)",
    re.DOTALL,
)
# Where no variables stand between, whatever follows the calls at the beginning of a line names the exception.
_ANY_CLASS = re.compile(r"([A-Z]\w{1,80})(?::\s?|$)(.*)", re.DOTALL)
_UNINDENTED = re.compile(r"\n[^ \n]")
# Python draws a frame around the exceptions of a group; the first of them is the one that is told.
_GROUP_MARK = re.compile(r"(?m)^ *\+-\+?-{8,} (?:\d+|\.\.\.) -{8,}$")
_GROUP_EDGE = re.compile(r"(?m)^ {2,60}[|+] ?(?:Exception Group |-+$)?")
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")


@dataclass(frozen=True, slots=True)
class Frame:
    """A call: the file's path and the function's name as written, the line of code ("" when there is none)."""

    path: str
    function: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """One exception with the calls that led to it. `exception` is "" when the text was cut off before it."""

    frames: tuple[Frame, ...]
    exception: str
    message: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A log text taken apart.

    `before` is what stood before the first traceback (all of the text when there is none); `failures` are its
    exceptions in the order of the text, so that the last is the one that was raised in the end.
    """

    before: str
    failures: tuple[Failure, ...]


@dataclass(slots=True)
class _Open:
    """A failure that is being read."""

    frames: list[Frame] = field(default_factory=list)
    exception: str | None = None
    message: list[str] = field(default_factory=list)
    plain: bool = False
    silent: bool = False
    """The exception says nothing; what stands below it are notes."""

    def closed(self) -> Failure:
        message = "" if self.silent else "\n".join(self.message).strip()
        return Failure(tuple(self.frames), self.exception or "", message)


def parse(text: str) -> Trace:
    """Take `text` apart in one walk over its lines. Any text is accepted."""
    if "\\n  File " in text and '\n  File "' not in text:
        # Written into another text as Python writes a string.
        text = text.replace("\\n", "\n").replace('\\"', '"')
    if _HEADER not in text and '  File "' not in text:
        return _stack(text) or Trace(text.strip(), ())
    if "-- 1 ---" in text and (mark := _GROUP_MARK.search(text)):
        text = _group(text, mark)
    before: list[str] = []
    done: list[_Open] = []
    start = _end_of_header(text)
    last = text.rfind('\n  File "')
    if 0 <= start < last and not _UNINDENTED.search(text, start, last):
        # Nothing but calls and their variables between the header and the last call: no need to look at each line.
        before.append(_before_header(text[:start]))
        current = _begin(done)
        for part in text[start:last].split('\n  File "')[1:]:
            _add_piece(current, part)
        _walk(text[last + 1 :].split("\n"), before, done, current)
    else:
        _walk(text.split("\n"), before, done, None)
    return Trace("\n".join(before).strip(), tuple(part.closed() for part in done if part.frames or part.exception))


def _walk(lines: list[str], before: list[str], done: list[_Open], current: _Open | None) -> None:
    code_next = False
    for line in lines:
        if current is None or current.exception is not None:
            into = before if current is None else current.message
            if _HEADER in line and "Traceback" in line:
                # Frappe puts the traceback of a template into the message of another error.
                into.append(_before_header(line))
                current = _begin(done, line)
            elif line.startswith('  File "'):
                current = _begin(done)
                code_next = _add_frame(current, line)
            elif current is None or not line.startswith(_CHAINED):
                into.append(line)
            continue
        if line[:1] == " ":
            if line.startswith('  File "'):
                code_next = _add_frame(current, line)
            elif code_next and line.startswith("    "):
                _add_code(current, line)
                code_next = False
        elif line and (found := _EXCEPTION.fullmatch(line) or (current.plain and _ANY_CLASS.fullmatch(line))):
            current.exception = found[1]
            current.silent = len(line) == len(found[1])
            message = found[2]
            if _HEADER in message and "Traceback" in message:
                current.message.append(_before_header(message))
                current = _begin(done)
            else:
                current.message.append(message)


def exception_line(text: str) -> tuple[str, str]:
    """(exception, message) of a text that begins with an exception's class, or ("", the text)."""
    found = _EXCEPTION.fullmatch(text)
    return (found[1], found[2]) if found else ("", text)


def _group(text: str, mark: re.Match[str]) -> str:
    """A group's text without the frame, with its first exception alone."""
    second = _GROUP_MARK.search(text, mark.end())
    return _GROUP_EDGE.sub("", f"{text[: mark.start()].rstrip()}\n{text[mark.end() + 1 : second and second.start()]}")


def _begin(done: list[_Open], header: str = "") -> _Open:
    done.append(_Open(plain=bool(header) and "with variables" not in header))
    return done[-1]


def _end_of_header(text: str) -> int:
    """Where the line of the first header ends, or -1."""
    header = text.find(_HEADER)
    return text.find("\n", header) if header >= 0 and "\n" not in text[:header].rpartition("Traceback")[2] else -1


def _before_header(line: str) -> str:
    return line[: line.find("Traceback")].strip()


def _add_frame(current: _Open, line: str) -> bool:
    found = _FILE.match(line)
    if found:
        current.frames.append(_frame(found[1], (found[2] or "").strip(), ""))
    return found is not None


def _add_piece(current: _Open, piece: str) -> None:
    """Add the frame whose text is `piece`, without its leading `  File "`."""
    end = piece.find("\n")
    head = piece if end < 0 else piece[:end]
    quote = head.find('"')
    if quote < 0:
        return
    place = head.find(", in ", quote)
    function = head[place + 5 :].strip() if place >= 0 else ""
    code = ""
    if end >= 0 and _is_code(piece, end + 1):
        stop = piece.find("\n", end + 1)
        code = piece[end + 5 :] if stop < 0 else piece[end + 5 : stop]
    current.frames.append(_frame(head[:quote], function, code))


def _add_code(current: _Open, line: str) -> None:
    if _is_code(line, 0):
        last = current.frames[-1]
        current.frames[-1] = _frame(last.path, last.function, line[4:])


def _is_code(text: str, at: int) -> bool:
    # Five spaces and more are a variable, or the marks that Python puts under a part of the line.
    return text.startswith("    ", at) and text[at + 4 : at + 5] != " "


@functools.lru_cache(maxsize=16384)
def _frame(path: str, function: str, code: str) -> Frame:
    # A program fails in few places: the same call is the same object, which later steps recognise at once.
    return Frame(path, function, code)


# "    at fn (https://site/assets/x.js:12:345)", "fn@https://site/assets/x.js:12:345", "\tat a.b.C.d(C.java:12)".
_AT = re.compile(r"\s{1,12}+at (?:async )?(?:(.{1,300}?) \()?([^()\s]{1,600}|<anonymous>|native)\)?")
_JAVA_AT = re.compile(r"\s{1,12}+at ([\w.$/<>]{1,300})\(([\w$ .]{1,100})(?::\d+)?\)")
_SIGN = re.compile(r"([^\s@]{0,300})@((?:https?|webpack(?:-internal)?|file|app)://[^\s]{1,600}|\[native code\])")
_POSITION = re.compile(r"(?::\d+){1,2}$")
_RAISED = re.compile(
    r"(?:Caused by: |Uncaught (?:\(in promise\) )?|Unhandled (?:Promise )?[Rr]ejection:? |Error: Uncaught "
    r"|Exception in thread \"[^\"]{0,80}\" )*+((?:[A-Za-z_][\w$]{0,80}\.){0,12}[A-Z][\w$]{0,80})(?:: ?(.*))?"
)


def _stack(text: str) -> Trace | None:
    """The trace of a browser, of Node or of Java, whose calls stand below the message, the innermost first."""
    if "\n" not in text or ("at " not in text and "@" not in text):
        return None
    before: list[str] = []
    done: list[Failure] = []
    head: list[str] = []
    frames: list[Frame] = []
    for line in [*text.split("\n"), ""]:
        frame = _stack_frame(line)
        if frame is not None:
            frames.append(frame)
            continue
        if frames and not line.strip().startswith("... "):
            done.append(_stacked(head, frames, before))
            head, frames = [], []
        head.append(line)
    if not done:
        return None
    return Trace("\n".join(before).strip(), tuple(done))


def _stack_frame(line: str) -> Frame | None:
    if "at " in line and (java := _JAVA_AT.fullmatch(line)) and ("." in java[1] and ".js" not in java[2]):
        owner, _, function = java[1].rpartition(".")
        return Frame(f"java:{owner}", function)
    if "at " in line and (found := _AT.fullmatch(line)) and (found[1] or _POSITION.search(found[2])):
        return Frame(_POSITION.sub("", found[2]), found[1] or "")
    if "@" in line and (found := _SIGN.fullmatch(line.strip())):
        return Frame(_POSITION.sub("", found[2]), found[1])
    return None


def _stacked(head: list[str], frames: list[Frame], before: list[str]) -> Failure:
    """The failure whose calls are `frames`; the last line of `head` that names a class is its message."""
    calls = tuple(reversed(frames))
    for number in range(len(head) - 1, -1, -1):
        found = _RAISED.fullmatch(head[number].strip())
        if found and (found[2] is not None or number == len(head) - 1):
            before += head[:number]
            message = "\n".join((found[2] or "", *head[number + 1 :])).strip()
            return Failure(calls, found[1], message)
    before += head[:-1]
    return Failure(calls, "", head[-1].strip() if head else "")
