"""Says which errors are the same: the class of the exception, the place in the code, and what was said there.

What is said counts as the code says it where the line that raises the exception carries the sentence: it is the same in
every language and for every document. Elsewhere the message's template counts.

Pure: the same scrubbed row always gets the same pattern, in every installation and however many rows went before. A
change here, in `places`, `template` or `traces` that moves rows to other patterns is a new version.
"""

import functools
import hashlib
import re
from dataclasses import dataclass

from baken.errors import loglines, traces
from baken.errors.places import APP_CALLS, Place, module, place, short
from baken.errors.scrub import Scrubbed, clean, scrub
from baken.errors.template import Reading, read
from baken.errors.traces import Failure
from baken.errors.vocabulary import DOCTYPES


@dataclass(frozen=True, slots=True)
class Rules:
    """How rows are grouped.

    Attributes:
        version: their name; part of every pattern's id.
        summary: what they do, for people who choose.
        message: whether what was said counts where the place in the code is known.
    """

    version: str
    summary: str
    message: bool = True


VERSION = CURRENT = "v1"
"""The rules that apply unless an installation has adopted others."""
VERSIONS = {
    rules.version: rules
    for rules in (
        Rules("v1", "class of the exception, place in the code, and what was said"),
        Rules("v2", "class of the exception and place in the code; what was said counts only without a place", False),
    )
}
"""The ways of grouping that can be chosen, by name."""

SPLITS = ("message", "title", "caller")
"""What a pattern can be split by."""

_METHOD = re.compile(r"[a-z_]\w*(?:\.\w+){1,12}")
_NAMED_CLASS = re.compile(r"[\w.]{3,120}: ([A-Z]\w{2,60}(?:Error|Exception))")
_NAMES_FUNCTION = re.compile(r"\w\(\) (?:missing|got|takes)\b")
# What a statement that waits or is cut off says is the same everywhere.
_SAYS_NOTHING = re.compile(r"\((?:1205|1213|2006|2013|2003|1040|1969|0), ")
_TIME_LIMIT = re.compile(r"JobTimeout|SystemExit|^Timeout$|WorkerTimeout")
# Stands for the class of what is a sentence of people.
_SENTENCE = "Sentence"
_REFUSAL = re.compile(r"Permission|Authentication|Authorization|Forbidden|AccessDenied")
_THROWS = re.compile(r"(?:\bthrow|\bmsgprint|_throw)\(|^\s*raise\b")
# Whose exceptions carry sentences for people.
_SPOKEN = ("frappe.exceptions.ValidationError", "frappe.exceptions.DoesNotExistError", "erpnext.", "hrms.")
_BARE_TEXT = ("_(", "frappe._(", '"', "'", 'f"', "f'")
_LITERAL = re.compile(r"\"((?:[^\"\\]|\\.){6,400})\"|'((?:[^'\\]|\\.){6,400})'")
_SLOT = re.compile(r"\{[^{}]{0,120}\}|%(?:\(\w+\))?[srd]")
_CAUSE = re.compile(
    r"\b(?:str|repr|cstr|_)\((?:e|ex|exc|err|error|exception)\b|\{(?:str\()?(?:e|ex|exc|err|error|exception)\b"
    r"|[,(%] ?(?:e|ex|exc|err|error|exception)\)|\b(?:e|ex|exc|err|error)\.message"
)
_FILLED_IN = re.compile(r"(?<=\()(?!msg|message|error|err\b|text)[a-z_]\w{2,60}\.format\(")
_OPEN_END = re.compile(r"[:\-–] ?(?:\{[^{}]{0,120}\}|%s)[.\"']?$")
_WORD = re.compile(r"[A-Za-zÀ-ÿ]{2,}")
_KINDS = "|".join(sorted((re.escape(name) for name in DOCTYPES if name != "Bank"), key=len, reverse=True))
_NAMED_DOCTYPE = re.compile(rf"(?:^|(?<=[a-z:>\[(] )|(?<=[\[(]))(?:{_KINDS})(?=:? <|, <| not | has | does )")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Where an error belongs.

    Attributes:
        pattern: 16 hexadecimal digits of a hash over version and key.
        version: the rules that made it.
        exception: the exception's class as Python names it, without `builtins.`; "" when the text names none.
        template: the message with placeholders.
        frames: the calls that tell it apart, "module:function", the innermost last.
        title: what the row was filed under: template of its title, or of its text where that is a short label.
        why: what the key consists of, for people.
    """

    pattern: str
    version: str
    exception: str
    template: str
    frames: tuple[str, ...]
    title: str
    why: str


def fingerprint(row: Scrubbed, version: str = CURRENT) -> Fingerprint:
    """The pattern of a scrubbed row under the rules `version`, one of VERSIONS. Raises KeyError for another."""
    rules = VERSIONS[version]
    if row.failures:
        return _of_failure(row.title, row.cut, _ending(row.failures), rules)
    return _of_text(row.title, row.cut, row.before[:2000], rules)


def fingerprint_text(method: str | None, error: str | None, version: str = CURRENT) -> Fingerprint:
    """The pattern of a raw row or log text: scrubbed first."""
    return fingerprint(scrub(method, error), version)


def finer(row: Scrubbed, found: Fingerprint, by: str) -> Fingerprint:
    """The part of the pattern `found` that `row` belongs to when a person has split it.

    Args:
        row: a scrubbed row whose pattern is `found`.
        found: the pattern that is split.
        by: one of SPLITS: "message" by the scrubbed message with its numbers and names of documents, "title" by what
            the row is filed under, "caller" by all calls in apps that led there.

    Raises ValueError for another `by`.
    """
    if by == "message":
        text = _ending(row.failures).message if row.failures else row.before
        value = text.strip().partition("\n")[0][:1000]
    elif by == "title":
        value = row.title
    elif by == "caller":
        calls = _ending(row.failures).frames if row.failures else ()
        value = " → ".join(f"{module(call.path)}:{call.function}" for call in calls if place((call,)).kind == APP_CALLS)
    else:
        raise ValueError(f"a pattern is split by one of {', '.join(SPLITS)}, not by {by}")
    pattern = _hash(found.pattern, by, value)
    why = f"{found.why}; split by {by}: “{value}”" if value else f"{found.why}; split by {by}: there is none"
    return Fingerprint(pattern, found.version, found.exception, found.template, found.frames, found.title, why)


def _ending(failures: tuple[Failure, ...]) -> Failure:
    """The failure that counts: the last one that names an exception, with the frames that are there.

    When a time limit struck, what fails afterwards is the tidying up.
    """
    limit = next((failure for failure in failures if _TIME_LIMIT.search(short(failure.exception))), None)
    chosen = limit or next((failure for failure in reversed(failures) if failure.exception), failures[-1])
    if chosen.frames:
        return chosen
    frames = next((failure.frames for failure in reversed(failures) if failure.frames), ())
    return Failure(frames, chosen.exception, chosen.message)


@functools.lru_cache(maxsize=2048)
def _of_failure(title: str, cut: bool, failure: Failure, rules: Rules) -> Fingerprint:
    exception = failure.exception.removeprefix("builtins.")
    name = short(exception)
    message = read(failure.message, exception)
    where = place(failure.frames, name == "RecursionError")
    parts = [f"exception {exception}"] if exception else ["no exception (the text was cut off)"]
    if _TIME_LIMIT.search(name) and where.outermost:
        # Where the limit struck is chance; what was being done is not.
        frames: tuple[str, ...] = (where.outermost,)
        parts.append(f"the job {where.outermost} that reached its time limit, wherever it was by then")
        return _made(rules, exception, message.shown, frames, _title(title, cut).shown, [name, *frames], parts)
    said, why = _said(failure, message.key, message.words, where) if rules.message or not where.frames else ("", "")
    parts.append(why or "whatever was said")
    key = [name, said, *where.frames]
    frames = where.frames
    if frames:
        parts.append(f"{where.kind} {' → '.join(frames)}")
    nothing_said = not message.key or bool(_SAYS_NOTHING.search(said))
    if where.outermost and where.kind != APP_CALLS and nothing_said:
        key.append(where.outermost)
        if where.outermost not in frames:
            frames = (where.outermost, *frames)
        parts.append(f"entered at {where.outermost}, since neither message nor place tell enough")
    elif where.kind == APP_CALLS and _REFUSAL.search(name) and where.outermost not in frames:
        # A guard refuses for many: what was refused is the failure.
        key.append(where.outermost)
        frames = (where.outermost, *frames)
        parts.append(f"refused was {where.outermost}")
    named = _title(title, cut)
    telling = not frames and not _NAMES_FUNCTION.search(said) and not (said and _repeats(title, failure.message))
    if telling:
        # Without a place in the code the method that was called tells failures apart.
        key.append(named.key)
        parts.append(f"title “{named.key}”")
    return _made(rules, exception, message.shown or named.shown, frames, named.shown, key, parts)


def _said(failure: Failure, key: str, words: str, where: Place) -> tuple[str, str]:
    """What counts of a failure's message, and the explanation."""
    if not key:
        return "", "no message"
    throws = bool(_THROWS.search(where.code))
    if where.thrown or throws or (failure.exception.startswith(_SPOKEN) and where.frames):
        # Where the file changed under a running worker, the line that is shown is another one.
        said = throws or where.code.startswith(_BARE_TEXT)
        sentence, complete = _sentence_of_code(where.code) if said else ("", False)
        # The framework says the same of documents of all kinds: of which kind belongs to the reason.
        kinds = [] if where.spoken == APP_CALLS else sorted(set(named_doctypes(key)))
        of = f" of {', '.join(kinds)}" if kinds else ""
        if sentence and complete:
            # The sentence stands in the code as it is, and a secret may stand in the code.
            why = f"the line of code that says “{clean(sentence)}”{of}, in whatever language and of whom"
            return f"code {sentence} {kinds}", why
        if words and where.frames and not key.startswith(("(", "[", "{")):
            line = f"the line of code that says “{clean(sentence)}”, and " if sentence else ""
            return f"code {sentence} words {words} {kinds}", f"{line}words of the message “{words}”{of}, without values"
    return key, f"message “{key}”"


def named_doctypes(text: str) -> list[str]:
    """The kinds of documents that a template speaks of with their names, in the order of the text."""
    return _NAMED_DOCTYPE.findall(text)


@functools.lru_cache(maxsize=2048)
def _sentence_of_code(code: str) -> tuple[str, bool]:
    """The sentence that a line of code carries, slots as {}, "" when there is none; and whether it is all that counts.

    It is not when the text of another failure is put into it.
    """
    texts = [found[1] or found[2] for found in _LITERAL.finditer(code.split(" title=", 1)[0])]
    best = max(texts, key=lambda text: len(_WORD.findall(_SLOT.sub("", text))), default="")
    sentence = _SLOT.sub("{}", best).strip()
    if not _WORD.search(sentence):
        # A sentence that was written down before has a name: `frappe.throw(too_much.format(row))`.
        named = _FILLED_IN.search(code)
        return (named[0].strip("()"), True) if named and not _CAUSE.search(code) else ("", False)
    return sentence, not (_CAUSE.search(code) or _OPEN_END.search(best))


def _repeats(title: str, message: str) -> bool:
    """Whether a title is no more than the message again, as it is for failures of requests."""
    start = message.lstrip()[:60].strip()
    return bool(start) and title.lstrip().startswith(start)


@functools.lru_cache(maxsize=2048)
def _of_text(title: str, cut: bool, body: str, rules: Rules) -> Fingerprint:
    if not title and body:
        return _of_log_line(body, rules)
    named = _title(title, cut)
    exception, rest = traces.exception_line(body.split("\n", 1)[0]) if body else ("", "")
    exception = exception.removeprefix("builtins.")
    if not exception and (found := _NAMED_CLASS.fullmatch(title)):
        exception, rest = found[1], body
    label = read(rest if exception else body, exception or _SENTENCE)
    title_key, label_key = named.key, label.key
    if title_key and label_key:
        # Of a label and a sentence the label is the place, and the sentence's words are enough.
        title_key, label_key = _short_of(named), _short_of(label)
    key = [short(exception), title_key, label_key]
    parts = [f"title “{title_key}”", f"text “{label_key}”"]
    if label.shown and not _is_label(label.shown, body):
        return _made(rules, exception, label.shown, (), named.shown, key, parts)
    return _made(rules, exception, named.shown or label.shown, (), label.shown or named.shown, key, parts)


def _short_of(text: Reading) -> str:
    """A label as it is; of a sentence with values its words."""
    return text.words if text.words and "<" in text.key else text.key


def _of_log_line(body: str, rules: Rules) -> Fingerprint:
    line = loglines.read(body)
    parts = [f"text “{line.template}”"]
    parts += [f"exception {line.exception}"] if line.exception else []
    return _made(rules, line.exception, line.template, (), line.template, [line.exception, "", line.template], parts)


def _is_label(label: str, body: str) -> bool:
    """Whether the row's text is no more than a short label, and the detail stands in its title."""
    return len(label) <= 80 and "\n" not in body and not label.endswith((".", ")")) and ": " not in label


def _title(title: str, cut: bool) -> Reading:
    if not cut:
        return read(title, _SENTENCE)
    # The end of a title that fills its column was cut off, anywhere.
    found = read(title.rsplit(" ", 1)[0], _SENTENCE)
    shown, key = (" ".join(text.split(" ")[:10]) + " …" for text in (found.shown, found.key))
    return Reading(shown, key, found.words)


def _made(
    rules: Rules, exception: str, message: str, frames: tuple[str, ...], title: str, key: list[str], parts: list[str]
) -> Fingerprint:
    return Fingerprint(
        _hash(rules.version, *key), rules.version, exception[:255], message, frames, title, "; ".join(parts)
    )


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


__all__ = [
    "CURRENT", "SPLITS", "VERSIONS", "Fingerprint", "Rules", "finer", "fingerprint", "fingerprint_text", "module",
    "named_doctypes",
]  # fmt: skip
