"""Lets an Error Log row through without personal data: the one door between a site's log and what Baken keeps."""

import functools
import html
from dataclasses import dataclass

from baken import masking, privacy
from baken.errors import names, traces
from baken.errors.traces import Failure, Frame, Trace

# Longer texts are cut in the middle: their beginning tells what failed, their end with which exception.
TEXT_LIMIT = 20_000
_MESSAGE_LIMIT = 4_000
_CONTROL = {code: " " for code in range(32) if chr(code) not in "\n\t"} | {0x7F: " "}
_RULES = (*privacy.RULES, *names.RULES)
_WITH_VARIABLES = "Traceback with variables (most recent call last):"


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """An Error Log row that may be stored and shown.

    Attributes:
        title: `method` of the row: a method's path, an exception's text, or a sentence.
        before: text before the first traceback, or all of `error` when there is none.
        failures: the exceptions of the traceback without the variables of their frames.
        cut: whether `title` filled its column, so that its end may be missing.
    """

    title: str
    before: str
    failures: tuple[Failure, ...]
    cut: bool = False

    @property
    def text(self) -> str:
        """The row's `error` as it may be shown: no variables, everything masked."""
        parts = [self.before] if self.before else []
        for failure in self.failures:
            parts.append("Traceback (most recent call last):")
            for frame in failure.frames:
                parts.append(f'  File "{clean(frame.path)}", in {clean(frame.function)}')
                parts += [f"    {clean(frame.code)}"] if frame.code else []
            parts.append(f"{failure.exception}: {failure.message}" if failure.message else failure.exception)
        return "\n".join(parts)


def scrub(method: str | None, error: str | None) -> Scrubbed:
    """What may be kept of a row's `method` (HTML entities in it are undone) and `error`. Any text is accepted."""
    title = method or ""
    cut = len(title) >= 138
    trace = traces.parse(shorten(error or ""))
    return Scrubbed(
        clean(html.unescape(title) if "&" in title else title),
        clean(trace.before[:_MESSAGE_LIMIT]),
        tuple(_failure(failure) for failure in trace.failures),
        cut,
    )


def scrub_text(method: str | None, text: str) -> str:
    """The whole `text` without personal data and credentials, laid out as it was.

    Of a "Traceback with variables" the variables of the frames are dropped; of any other text nothing is. A row without
    a text is told by its title, `method`.
    """
    text = (text or method or "").replace("\r\n", "\n")
    return clean(without_variables(text) if _WITH_VARIABLES in text else text)


def without_variables(text: str) -> str:
    """`text` without the lines under the frames of a "Traceback with variables" that tell what variables held."""
    kept: list[str] = []
    inside = code_next = False
    for line in text.split("\n"):
        if _WITH_VARIABLES in line:
            inside, code_next = True, False
        elif inside and line.startswith('  File "'):
            code_next = True
        elif inside and code_next and line.startswith("    ") and line[4:5] != " ":
            code_next = False
        elif inside and (line[:1] in ("", " ") or not traces.exception_line(line)[0]):
            # A variable, or a further line of one.
            continue
        else:
            inside = False
        kept.append(line)
    return "\n".join(kept)


def shorten(text: str) -> str:
    """`text` without its middle when it is longer than TEXT_LIMIT characters."""
    if len(text) <= TEXT_LIMIT:
        return text.replace("\r\n", "\n")
    head = TEXT_LIMIT // 5
    return f"{text[:head]}\n…\n{text[-(TEXT_LIMIT - head) :]}".replace("\r\n", "\n")


@functools.lru_cache(maxsize=2048)
def clean(text: str) -> str:
    """`text` masked, without names of people and without control characters."""
    return masking.apply(_RULES, text if text.isprintable() else text.translate(_CONTROL))


def _failure(failure: Failure) -> Failure:
    # Paths and functions are compared as they are; what is shown of them goes through `clean` in `Scrubbed.text`.
    return Failure(failure.frames, failure.exception, clean(failure.message[:_MESSAGE_LIMIT]))


__all__ = ["Failure", "Frame", "Scrubbed", "Trace", "clean", "scrub", "scrub_text", "shorten", "without_variables"]
