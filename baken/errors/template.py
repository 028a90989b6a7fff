"""Turns a message into its template: what changes from one occurrence to the next becomes a placeholder.

The same text always gives the same template, whatever was seen before. Placeholders: `<id>` names of documents, hashes
and other identifiers, `<n>` numbers and amounts, `<date>`, `<value>` quoted or bold values, `<path>`, `<url>`, and
those that scrubbing left (`<name>`, `<email>`, …).
"""

import functools
import html
import re
from dataclasses import dataclass

from baken.errors.languages import english
from baken.errors.vocabulary import DOCTYPES, WORDS

LIMIT = 300
_INPUT_LIMIT = 1200

_BOLD = re.compile(r"(?i)<(strong|b|em|i|a|code)(?: [^<>]{0,300})?>([^<>]{0,200})</\1>")
_TAG = re.compile(
    r"(?i)</?(?:strong|b|i|em|u|a|br|p|div|span|ul|ol|li|table|thead|tbody|tr|td|th|pre|code|h[1-6]|hr|small"
    r"|details|summary)"
    r"(?: [^<>]{0,300})?/?>"
)
_SQL_NEAR = re.compile(r"(?i)(?<= near )(['\"]).*\1(?= at line| at position|$)", re.DOTALL)
_SQL_ERROR = re.compile(r"\((1\d{3}), ([\"'])(.*?)\2\)")
_SQL_TABLE = re.compile(r"Table '[^'.]{0,80}\.([^']{1,80})' doesn't exist")
_CODE = re.compile(
    r"\(\d{2,5}(?=, )|(?:[Ee]rrno |status code:? |HTTP |code=)\d{2,5}(?=[],) :])|\b[45]\d\d(?= (?:Client|Server) Error)"
)
_URL = re.compile(r"[a-z][a-z+.-]{1,12}://[^\s'\"<>)\]]{1,600}+")
_QUOTED = re.compile(r"(?<![\w])b?(['\"`“‘])((?:[^'\"`”’\\\n]|\\.){0,300}?)(?:\1|”|’)(?!\w)")
_BRACED = re.compile(r"(?<![\w)\]])([{\[])(?=['\"\d{\[<])[^{}\[\]]{0,600}+[}\]]")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{0,60}(?:\.\w{1,60}){0,8}(?:\(\))?", re.ASCII)
_DATE = re.compile(
    r"(?<![\w.])(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)?(?:Z|[+-]\d{2}:?\d{2})?(?!\w)"
    r"|(?<![\w:])\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?!\w)"
)
_TOKEN = re.compile(r"[\w./\\@#:+%&=~-]{0,200}?\d[\w./\\@#:+%&=~-]{0,400}+")
_PATH = re.compile(r"(?<![\w<])(?:\.{0,2}/|[A-Za-z]:\\)?(?:[\w.@ -]{1,80}[/\\]){2,20}[\w.@-]{1,120}")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[-+]?[\d.,:%/]*\d[\d.,:%/]*[A-Za-z%]{0,3}")
_SERIES = re.compile(r"[A-Za-z]{1,6}\d{4,}")
_YEAR_NUMBER = re.compile(r"(?:19|20)\d\d-\d{4,}")
_HASH = re.compile(r"(?:0x)?[0-9a-fA-F]{8,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPES = "|".join(sorted(map(re.escape, DOCTYPES), key=len, reverse=True))
_RANDOM_NAME = re.compile(rf"\b({_TYPES}) ([a-z0-9]{{10}})\b")
_LABELLED = re.compile(rf"\b({_TYPES}): (?!<|\()([^\s:;,()][^:;,()\n]{{0,140}})(?=[,;)\n]|\.\s|$)")
_NOT_FOUND = re.compile(
    rf"\b({_TYPES}) (?!<)((?:[^\s<>:,.()]{{1,60}} ){{1,6}}?)(?=(?:not found|does not exist|already exists"
    rf"|is not |niet gevonden|bestaat)\b)"
)
_SAYS_NOT = re.compile(r" (?:not found|does not exist|already exists|is not |niet gevonden|bestaat)")
_TEN = re.compile(r" [a-z0-9]{10}\b")
_NAMED = re.compile(r"(?i)\b((?:with|met) (?:the )?(?:name|naam|title|id) )(?!<)([^\s,]{1,140})")
_BRACKET_DOCUMENT = re.compile(rf"\[({_TYPES}), [^\]\n]{{1,140}}\](?=:)")
_LIST = re.compile(r"(<(?:id|n|date|value|name|email|iban|path)>)(?:(?:, | en | and |; | \| |,|/| )\1)+")
_SPACE = re.compile(r"\s+")
# Python and SQL put the names of things in the code into quotes; elsewhere a quoted word is somebody's value.
_CODE_EXCEPTIONS = re.compile(
    r"(?:Attribute|Type|Name|UnboundLocal|Key|Import|ModuleNotFound|Undefined|Operational|Programming|Internal"
    r"|NotImplemented"
    r"|Assertion|TemplateSyntax)Error$|^TemplateNotFound$|^DoesNotExistError$"
)
_VALUE_BEFORE = re.compile(
    r"(?:Duplicate entry|literal for \w{1,8}\(\)(?: with base \d+)?:?|to float:?|time data"
    r"|Incorrect \w+ value:?|Data too long for"
    r"|Invalid isoformat string:?|value:?|near|format) $"
)
_TRUE_WORDS = re.compile(r"(?i)(?:column|table|index|attribute|argument|arguments|parameter|variable|module"
    r"|type|types|object|"
                         r"keyword|key|field|name|function|method|package|from|of|and|or|between|for|instances"
                             r"|local) $")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as it is shown and as it is compared.

    Attributes:
        shown: the template, for people.
        key: the same with every placeholder alike, emphasised words taken for values, and what only differs between
            versions of Python, MariaDB and libraries left out.
        words: what is left of `key` without values and names: the words of its sentences.
    """

    shown: str
    key: str
    words: str


def template(text: str, exception: str = "") -> str:
    """The template of a scrubbed `text`: one line of at most LIMIT characters.

    Args:
        text: a message or title; only its first line that is not empty counts.
        exception: class of the exception whose message it is; tells names in the code from values.
    """
    return read(text, exception).shown


@functools.lru_cache(maxsize=2048)
def read(text: str, exception: str = "") -> Reading:
    """The template of a scrubbed `text`, to show and to compare. Arguments as of `template`."""
    line = next((line for line in text[: 4 * _INPUT_LIMIT].split("\n") if _TAG.sub("", line).strip()), "")
    marked = _marked(english(line[:_INPUT_LIMIT].translate(_NO_MARKS)), exception)
    shown = marked.translate(_NO_MARKS) if _OPEN in marked else marked
    shown = shown if len(shown) <= LIMIT else shown[: LIMIT - 1].rstrip() + "…"
    key = _key(marked, exception)
    return Reading(shown, key[:LIMIT], _sentence(key)[:LIMIT])


def _key(marked: str, exception: str) -> str:
    """`marked` as it is compared."""
    line = _EMPHASISED.sub("<>", marked) if _OPEN in marked else marked
    if "Max retries exceeded" in line:
        line = _RETRIES.sub(_retries, line)
    if "(1" in line or "column" in line or "for key" in line:
        for pattern, replacement in _SQL_VERSIONS:
            line = pattern.sub(replacement, line)
    is_code = _is_code(exception)
    if is_code or exception in ("ZeroDivisionError", "RecursionError"):
        for pattern, replacement in _PYTHON_VERSIONS:
            line = pattern.sub(replacement, line)
    if _SCRIPT_EXCEPTION.match(exception):
        for pattern, replacement in _BROWSERS:
            line = pattern.sub(replacement, line)
    if "/" in line:
        line = _FILE.sub("<path>", line)
    line = _PLACEHOLDER.sub("<>", _PLAIN_QUOTES.sub(r"\1", line))
    if exception and not is_code:
        line = _CAPITALISED.sub(_unknown, line)
    if " - " in line:
        line = _ACCOUNT.sub("<>", line)
    return _SPACE.sub(" ", _ADJACENT.sub("<>", line)).strip()


def _unknown(found: re.Match[str]) -> str:
    """A word with a capital that belongs to no vocabulary is somebody's or something's name."""
    return found[0] if found[0].lower() in WORDS else "<>"


def _is_code(exception: str) -> bool:
    return bool(_CODE_EXCEPTIONS.search(exception.rsplit(".", 1)[-1]))


def _sentence(key: str) -> str:
    """The lower-case words of `key` that belong to sentences, and names in code: free names and states are none."""
    first = _FIRST.match(key)
    words = [word for word in _WORD.findall(key) if "_" in word or (word in WORDS and word not in _SMALL_WORDS)]
    return " ".join(words) if words else first[0].lower() if first and first[0].lower() in WORDS else ""


def _retries(found: re.Match[str]) -> str:
    cause = _CAUSED_BY.search(found[0])
    return "Max retries exceeded" + (f" ({cause[1]})" if cause else "")


def _marked(line: str, exception: str) -> str:
    """The template of `line`, with marks around emphasised words that it keeps."""
    if "<" in line or "&" in line:
        line = _BOLD.sub(_bold, html.unescape(line))
        line = _TAG.sub(" ", line)
    if "(1" in line:
        line = _SQL_ERROR.sub(r"(\1, \3)", line)
        line = _SQL_TABLE.sub(r"Table '\1' doesn't exist", line)
    line = _SQL_NEAR.sub("<sql>", line) if " near " in line else line
    if "[" in line:
        line = _BRACKET_DOCUMENT.sub(r"[\1, <id>]", line)
    if ": " in line:
        line = _LABELLED.sub(_labelled, line)
    if _SAYS_NOT.search(line):
        line = _NOT_FOUND.sub(_not_found, line)
    if _TEN.search(line):
        line = _RANDOM_NAME.sub(r"\1 <id>", line)
    line = _NAMED.sub(r"\1<id>", line)
    line = _URL.sub(_url, line) if "://" in line else line
    is_code = _is_code(exception)
    if line.startswith("('"):
        line = _DOCUMENT_TUPLE.sub(r"(\1, <id>", line)
    if ("{" in line or "[" in line) and not exception.startswith("smtplib."):
        # A refusal by a mail server tells address, code and reason in braces: they are read one by one.
        line = _BRACED.sub("<value>", line)
    if "'" in line or '"' in line or "`" in line or "“" in line or "‘" in line:
        line = _QUOTED.sub(lambda found: _quoted(found, is_code), line)
    if "/" in line or "\\" in line:
        line = _PATH.sub(_path, line)
    if _DIGIT.search(line):
        line = _CODE.sub(_keep_code, line)
        line = _DATE.sub("<date>", line)
        line = _TOKEN.sub(_token, line)
        line = line.translate(_FROM_KEPT)
    return _LIST.sub(r"\1", _SPACE.sub(" ", line)).strip()


_OPEN, _CLOSE = "\ue010", "\ue011"
_NO_MARKS = {ord(_OPEN): "", ord(_CLOSE): ""} | dict.fromkeys(range(0xE000, 0xE00A), "")
_EMPHASISED = re.compile(f"{_OPEN}[^{_CLOSE}]*{_CLOSE}")
_PLACEHOLDER = re.compile(r"[€$£#] ?(?=<)|<(?:id|n|date|value|name|email|iban|phone|bsn|card|address|ip|path|secret)>"
                          r"(?:\.\w{1,5}\b)?")  # fmt: skip
_ADJACENT = re.compile(
    r"(?:(?<![\w<])[A-Z]{1,6})?<>(?:[\w.@/:'’-]{0,12}<>|[- ,.;/:|]{1,3}<>|,? (?:and|en|or|of) <>)*"
    r"(?: [-–] [A-Z]{1,6}\b)?"
)
_CAPITALISED = re.compile(r"(?<=[a-z>,;:)'\"] )(?<![\w<.])[A-ZÀ-Þ][\wÀ-ÿ-]*(?![\w(=]|\.\w)")
_DOCUMENT_TUPLE = re.compile(
    r"^\('([A-Z][\w -]{1,60})', (?:'(?:[^'\\]|\\.){0,300}'|\"[^\"]{0,300}\"|<\w+>|[\w.-]{1,140})"
)
# Accounts and warehouses end in their company's abbreviation: "1300 - Debtors - VV".
_ACCOUNT = re.compile(
    r"(?<![\w<])(?:<>|[A-Z0-9][\w.]*)(?: (?:[A-Z0-9&][\w.]*|in|van|de|of|and|<>)){0,4}"
    r" - (?:[A-Z0-9][\w.]*(?: [A-Z0-9&][\w.]*){0,3} - )?[A-Z]{1,5}(?!\w)"
)
_FILE = re.compile(r"(?<![\w:/<>])[.~]{0,2}/(?:[\w.@<>-]{1,80}/){1,20}[\w.@<>-]{0,120}")
_PLAIN_QUOTES = re.compile(r"['\"`](<\w*>)['\"`]")
_RETRIES = re.compile(r"Max retries exceeded with url: .*$")
_CAUSED_BY = re.compile(r"Caused by (\w+)")
_SQL_VERSIONS = (
    (re.compile(r"(Unknown column '[^']*') in .*$"), r"\1"),
    (re.compile(r"(for key ')(?:[\w ]+\.)?"), r"\1"),
    (re.compile(r"column `[^`]*`\.(?=`)"), "column "),
)
_PYTHON_VERSIONS = (
    (re.compile(r"[.?]? Did you (?:mean|forget).*$"), ""),
    (re.compile(r"^(?:[\w<>]+\.)+(?=\w+\(\) )"), ""),
    (re.compile(r"^cannot access (local|free) variable '(\w+)' where .*$"), r"local variable '\2' has no value"),
    (
        re.compile(r"^(?:local|free) variable '(\w+)' referenced before assignment.*$"),
        r"local variable '\1' has no value",
    ),
    (re.compile(r"^cannot use '.*?' as a (?:dict key|set element) \((unhashable type: '\w+')\)$"), r"\1"),
    (re.compile(r"^(?:float|integer|complex|decimal) ?(?:division|modulo|floor division)(?: or modulo)? by zero$"),
     "division by zero"),
    (re.compile(r"^division by zero.*$|^integer modulo by zero$"), "division by zero"),
    (re.compile(r"^maximum recursion depth exceeded.*$"), "maximum recursion depth exceeded"),
)  # fmt: skip
# What Chrome, Firefox and Safari each say of the same failure of a script.
_SCRIPT_EXCEPTION = re.compile(r"(?:Type|Reference|Range|Internal)Error$")
_BROWSERS = (
    (re.compile(r"^Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null) \((?:read|sett)ing '(\w+)'\)$"),
     r"no object that has \1"),
    (re.compile(r"^Cannot (?:read|set) property '(\w+)' of (?:undefined|null)$"), r"no object that has \1"),
    (re.compile(r"^can't access property [\"'](\w+)[\"'], .* is (?:undefined|null)$"), r"no object that has \1"),
    (re.compile(r"^(?:undefined|null) is not an object \(evaluating '[^']*?(\w+)'\)$"), r"no object that has \1"),
    (re.compile(r"^Can't find variable: (\w+)$"), r"\1 is not defined"),
    (re.compile(r"^(\S+ is not a function)\. \(In .*$"), r"\1"),
    (re.compile(r"^(?:Maximum call stack size exceeded\.?|too much recursion)$"), "too much recursion"),
)  # fmt: skip
_WORD = re.compile(r"(?<![\w<'’.-])[a-z](?:[a-z]+|[a-z]*_\w+)(?![\w>])")
_FIRST = re.compile(r"[A-ZÀ-Þ][a-zà-ÿ]+(?= )")
_SMALL_WORDS = frozenset(
    {"in", "of", "to", "at", "on", "an", "as", "by", "or", "the", "and", "for", "from", "with", "is", "van", "het",
     "een", "en", "op", "te", "ter", "voor", "met", "aan", "uit", "bij", "tot"}
)  # fmt: skip


# Digits that are to stay are moved out of the way of the number rules and brought back in the end.
_TO_KEPT = {ord("0") + digit: 0xE000 + digit for digit in range(10)}
_FROM_KEPT = {0xE000 + digit: ord("0") + digit for digit in range(10)}


def _keep_code(found: re.Match[str]) -> str:
    return found[0].translate(_TO_KEPT)


def _bold(found: re.Match[str]) -> str:
    inner = found[2].strip()
    ordinary = all(part in WORDS for part in re.split(r"[\s'-]+", inner.lower()) if part)
    if inner.startswith("<"):
        return found[2]
    return f"{_OPEN}{found[2]}{_CLOSE}" if ordinary else "<value>"


def _labelled(found: re.Match[str]) -> str:
    value = found[2].strip()
    if value.lower().split(" ")[0] in WORDS and value[:1].islower():
        return found[0]
    label, colon, _ = value.partition(": ")
    return f"{found[1]}: {label}: <id>" if colon and label in DOCTYPES else f"{found[1]}: <id>"


def _not_found(found: re.Match[str]) -> str:
    words = found[2].split()
    return found[0] if all(word in WORDS or "{" in word for word in words) else f"{found[1]} <id> "


def _url(found: re.Match[str]) -> str:
    text = found[0]
    host = text.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0]
    return f"<url {host.rsplit(':', 1)[0]}>" if any(c.isalpha() for c in host) else "<url>"


def _quoted(found: re.Match[str], is_code: bool) -> str:
    value = found[2]
    if value.startswith("<") or not value.strip():
        return found[0]
    if found.string[: found.start()].endswith("host=") and "." in value:
        return value
    before = found.string[max(0, found.start() - 40) : found.start()]
    if _VALUE_BEFORE.search(before):
        return "<value>"
    if value.startswith("tab") and before.endswith("Table "):
        return found[0]
    named = _IDENTIFIER.fullmatch(value) and not any(c.isdigit() for c in value)
    if named and (is_code or _TRUE_WORDS.search(before)):
        return found[0]
    if is_code and value.count(" ") <= 4 and all(part.lower() in WORDS for part in value.split()):
        return found[0]
    return "<value>"


def _path(found: re.Match[str]) -> str:
    text = found[0]
    if text[0] not in "./~\\" and not text.rsplit("/", 1)[-1].count("."):
        # "System Manager / Administrator", "n/a": no file.
        return text
    folder, _, name = text.rpartition("/")
    if folder.startswith(("apps/", "./apps/")) or (folder and text[0] not in "./~\\" and not re.search(r"\d", folder)):
        return text
    return "<path>" + ("." + name.rsplit(".", 1)[-1] if "." in name else "")


def _token(found: re.Match[str]) -> str:
    token = found[0]
    core = token.strip(".:,-/=&#+~%@")
    if not core:
        return token
    start = token.index(core)
    return token[:start].rstrip("+-#") + _placeholder(core) + token[start + len(core) :]


def _placeholder(core: str) -> str:
    if "=" in core:
        return (
            "&".join(
                f"{name}={_placeholder(value)}" if any(c.isdigit() for c in value) else part
                for part in core.split("&")
                for name, _, value in [part.partition("=")]
            )
            if core.count("=") <= 20
            else "<value>"
        )
    # Digits with one letter behind them are a number with its unit, unless they are as long as a name of Frappe's.
    if _HASH.fullmatch(core) and not core.isdigit():
        return "<id>"
    if _YEAR_NUMBER.fullmatch(core):
        return "<id>"
    if _NUMBER.fullmatch(core):
        return "<n>"
    if "-" in core or (len(core) >= 8 and core.isalnum() and not core.isalpha() and not core[-1:].isdigit()):
        letters = re.sub(r"[^A-Za-z]", "", core)
        if letters and ("-" not in core or re.search(r"-[A-Za-z0-9]*\d|\d[A-Za-z0-9]*-", core)):
            return "<id>"
    if _SERIES.fullmatch(core):
        return "<id>"
    if core.isalnum() and len(core) >= 8 and len(re.findall(r"\d+", core)) >= 2:
        return "<id>"
    return re.sub(r"(?<![A-Za-z])[0-9a-f]{8,}(?![A-Za-z])|\d+(?:[.,:]\d+)*", "<n>", core)
