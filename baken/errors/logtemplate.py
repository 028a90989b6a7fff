"""Turns the message of a plain log line, of whatever system, into its template: what varies becomes `<*>`.

Nothing is learned: each token is judged by its own shape and by the words beside it, so that the same message always
gives the same template. Every expression runs in linear time or over a bounded stretch.
"""

import re

from baken.errors.logtokens import VARIES as _V
from baken.errors.logtokens import called, judged, key, ordinary
from baken.errors.logwords import MONTHS, NOT_USERS, NOUNS, UNITS

LIMIT = 300
_INPUT_LIMIT = 2000
ANY = "<*>"

_PLACEHOLDER = re.compile(r"<(?:ip|id|n|date|value|name|email|iban|path|phone|bsn|card|address|secret|url|sql|\*)>")
_OCTAL_QUOTE = re.compile(r"\\0(?:42|47)")
_URL = re.compile(r"(?<![\w+.-])[A-Za-z][\w+.-]{1,30}://[^\s\"'<>\])},;]*+")
_REQUEST = re.compile(r"\"(GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND) [^\"]*+\"")
_QUOTED = re.compile(
    r"\"(?:[^\"\\\n]|\\.){0,600}+\"|(?<![\w'])'[^'\n]{0,600}'(?!\w)|`[^`'\n]{0,300}[`']|“[^”\n]{0,600}”"
)
_SENTENCE = re.compile(r"(?:[A-Za-z][a-z']*+[,.:]? ?)+[.!]?")
_STATE_BEFORE = re.compile(r"\b(?:state|status|mode|level|phase|to|from) $")
_DATE_WORDS = re.compile(
    rf"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{{0,6}},? +)?(?:(?:{MONTHS})[a-z]{{0,6}} +\d{{1,2}}(?!\d)"
    rf"|\d{{1,2}}[ -/](?:{MONTHS})[a-z]{{0,6}}(?=\W))(?:[,: /-]+\d[\d:.,]*+)*"
    rf"(?: ?(?:AM|PM|[A-Z]{{3,4}}|[+-]\d{{4}})\b)?"
    rf"(?: \d{{4}}\b)?"
)
_DOTS = re.compile(r"\.{2,}")
_TOKEN = re.compile(r"([^\s,;()\[\]{}\"'`=|<>#]++)(\(| ?=(?!=))?")
_VALUE = re.compile(r"(?<=[\w\])])( ?= ?)([^\s,;()\[\]{}\"'`=|<>\ue100]++)(?! ?[=(])")
_EMPTY = re.compile(r"(?<=\w)=(?=[,;)]?(?:\s|$))")
_USER = re.compile(
    r"(?i)\b(?:((?:password|publickey|pam|certificate) for(?! invalid| illegal)"
    r"|(?:invalid|illegal|authenticating|unknown|nonexistent|for|of|by|as) user)|user(?:name)?|login|account|logname)"
    r"(?: name)?[ :]{1,2}(?=[^\s:])"
    r"([^\s,;()\[\]{}\"'`=|<>:]++)"
)
_DAY = re.compile(rf"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{{0,6}},? (?={_V})")
_LIST = re.compile(rf"{_V}(?:(?:, ?|; ?| ?\| ?|[/:*~^&+.#@-]+| - | ?-+> ?| x | )?{_V})+")
_UNIT = re.compile(rf"(?<={_V}) ?(?:{UNITS})\b(?!\()")
_ASIDE = re.compile(rf"{_V} ?\({_V}?\)|{_V}(?:\{{{_V}\}}|\[{_V}\])|\[{_V}\]:{_V}|(?<!\S)<{_V}>?")
_AGAIN = re.compile(rf"({_V}([^{_V}]{{1,16}}))(?:{_V}\2)+")
_HOLDER = re.compile(
    rf"(?i)\b((?:process|processes|pid|task|thread|program|daemon|worker|child|job|command) {_V}) ?\([\w./ -]{{1,80}}\)"
)
_KIND = re.compile(rf"{_V} \(([a-z][\w-]*)\)")
_BRACKETED = re.compile(
    r"((?:: |\b(?:node|index|templates?|servlet|path|context|user|shards?|host|topic|bucket|table|queue|cluster|name"
    r"|id|key|value|type|alias|group|job|task|service|container|device|domain|member|client|session|field|column) ))"
    r"\[([\w.-]*)\]"
)
_FLAGS = re.compile(r"\{ [a-z_ ]{1,80} \}")
_SYMBOL = re.compile(r"([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")
_SUBJECT = re.compile(
    r"(?<=: )([\w.@/-]+)(?= (?:entered|exited|started|stopped|terminated|crashed|restarted|died|\(exit status)\b)"
)
_SQL = re.compile(
    r"(?i)(?:(?<=: )|(?<=\())(?:select|insert into|update|delete from|replace into|create|alter|drop)\b.{1,600}"
    r"\b(?:from|set|values|where|table|limit)\b.*"
)
_CHANGE = re.compile(r"(?<![\w.-])[\w.-]{1,60} ?[-=]> ?[\w.-]{1,60}(?![\w.:(-])")
_FIELDS = re.compile(rf"\{{[\"']?{_V}[\"']?: [^{{}}]{{0,400}}\}}")
_COMPOUND = re.compile(r"(?<=[a-z,=:] )[a-z]+(?:[_-][a-z]+)+(?![\w:(=./\[{-]|\.\w)")
_NO_NOUNS = frozenset({"for", "using", "comm", "as"})
_FOR = re.compile(
    rf"\b({'|'.join(sorted(_NO_NOUNS))}|{NOUNS}) ([a-z](?:[\w-]|\.(?=\w))*+)"
    r"(?= (?:on|from|at|by|with|due|because|is|has|was|in|for|after|before|as|to|into|of|via|and|version|partition"
    r"|failed|succeeded|started|completed|finished|entered|exited|stopped|terminated|crashed|died|will|could|cannot)\b"
    rf"|[:,;.)\[]|$| {_V})"
)
# Behind these a noun is the kind of a thing and the next word its name, however ordinary: "from queue default".
_FRAME = re.compile(r"(?:\b(?:from|to|in|for|on|of|with|at|via|into|by)|[a-z]{2}(?:ed|ing)) $")
_KEY = re.compile(rf"(?<=\bkey )[^\s,;]*[:{_V}][^\s,;]*")
_MONEY = re.compile(rf"\b(?:EUR|USD|GBP|CHF) ?{_V}|{_V} ?(?:EUR|USD|GBP|CHF)\b")
_ANSWER = re.compile(
    r"(?<=: )(?:[Yy]es|[Nn]o|YES|NO|null|None|nil|NULL)(?=[),;]|$)|(?:(?<=from )|(?<= to ))(?:none|None|null|nil)\b"
)
_FROM = re.compile(rf"\b(from|to|by|client) [\w.-]{{1,80}}\[{_V}\]")
_KEY_KIND = re.compile(r"\b(?:RSA|DSA|ECDSA|ED25519)(?= SHA256:)")
_COMMAND = re.compile(rf"(\bCOMMAND={_V}).*")
_RUNS_AS = re.compile(r"[\w.-]+ : (?=TTY=)")
_ARGUMENT = re.compile(rf"(?<=\b(?:to|by|at|on) )[A-Z]\w{{0,30}}\({_V}\)")
_FIRST = re.compile(r"[a-z][a-z0-9.-]*+:\d{2,5}(?= )")
_NUMBERED = re.compile(rf"#+{_V}#*")
_CRON = re.compile(r"\(\S{1,60}\) CMD \((\S+)(.*)")
_MARKED = re.compile(rf"\b((?:{NOUNS}) )([A-Za-z]+(?:[_-][A-Za-z]+)+|lo)\b(?![(.=:])")
_LABELLED = re.compile(
    r"(?i)\b((?:name|owner|file|path|host|hostname|server|user|client|key|id|uuid|hive|device|address|uri|url|db"
    r"|database|table|session|node): )([^\s,;()\[\]{}\"'`=|<>]++)(?=[,;]|$)"
)
_SPACE = re.compile(r"\s+")


def line_template(message: str) -> str:
    """The template of a scrubbed `message`: one line of at most LIMIT characters, `<*>` where it varies."""
    text = _without_structures(" ".join(message[:_INPUT_LIMIT].split()))
    text = _TOKEN.sub(_token, text)
    text = _by_neighbours(text)
    if _V in text:
        text = _folded(text).replace(_V, ANY)
    text = _SPACE.sub(" ", text).strip()
    return text if len(text) <= LIMIT else text[: LIMIT - 1].rstrip() + "…"


def _without_structures(text: str) -> str:
    """`text` without what is longer than a token and varies as a whole: quotations, addresses, dates, statements."""
    if "<" in text:
        text = _PLACEHOLDER.sub(_V, text)
    if "\\0" in text:
        text = _OCTAL_QUOTE.sub('"', text)
    if "://" in text:
        text = _URL.sub(_url, text)
    if '"' in text or "'" in text or "`" in text or "“" in text:
        text = _REQUEST.sub(_request, text)
        text = _QUOTED.sub(_quoted, text)
    if ".." in text:
        text = _DOTS.sub("… ", text)
    text = _DATE_WORDS.sub(_V, _SQL.sub(_V, text))
    if ":" in text and (first := _FIRST.match(text)):
        text = _V + text[first.end() :]
    if "{ " in text:
        text = _FLAGS.sub(_V, text)
    if "+0x" in text:
        text = _SYMBOL.sub(rf"\1 {_V}", text)
    return text


def _by_neighbours(text: str) -> str:
    """`text` without the words that vary for what stands beside them: values, users, names behind nouns."""
    if "=" in text:
        text = _EMPTY.sub(f"={_V}", _VALUE.sub(rf"\1{_V}", text))
    text = _USER.sub(_user, text)
    if "}" in text:
        text = _FIELDS.sub(_V, text)
    if "> " in text:
        text = _CHANGE.sub(_V, text)
    if "_" in text or "-" in text:
        text = _COMPOUND.sub(_compound, text)
    text = _FOR.sub(_after_noun, _MARKED.sub(rf"\1{_V}", text))
    if ": " in text or " from " in text or " to " in text:
        text = _ANSWER.sub(_V, text)
    if ": " in text:
        text = _SUBJECT.sub(_subject, _LABELLED.sub(_labelled, text))
    return text


def _folded(text: str) -> str:
    """`text` with one mark where several belong together: lists, numbers with units, remarks in parentheses."""
    if "key " in text:
        text = _KEY.sub(_V, text)
    if "EUR" in text or "USD" in text or "GBP" in text or "CHF" in text:
        text = _MONEY.sub(_V, text)
    if "#" in text:
        text = _NUMBERED.sub(_V, text)
    text = _LIST.sub(_V, _DAY.sub("", _UNIT.sub("", text)))
    if _ASIDE.search(text):
        text = _LIST.sub(_V, _UNIT.sub("", _ASIDE.sub(_V, text)))
    if "[" in text:
        text = _BRACKETED.sub(_bracketed, text)
        if f"[{_V}]" in text:
            text = _FROM.sub(rf"\1 {_V}", text)
    if f"{_V} (" in text:
        text = _HOLDER.sub(r"\1", _KIND.sub(_kind, text))
    if f"({_V})" in text:
        text = _ARGUMENT.sub(_V, text)
    if "SHA256:" in text:
        text = _KEY_KIND.sub(_V, text)
    text = _AGAIN.sub(r"\1", text)
    if ") CMD (" in text:
        text = _CRON.sub(_cron, text)
    if "COMMAND=" in text:
        text = _RUNS_AS.sub(f"{_V} : ", _COMMAND.sub(r"\1", text))
    return text


def _url(found: re.Match[str]) -> str:
    return _V + found[0][len(found[0].rstrip(".:!?")) :]


def _request(found: re.Match[str]) -> str:
    # The line of an access log is about the request; in other lines it is one of the circumstances.
    return _V if found.string.endswith("request: ", 0, found.start()) else f"{found[1]} {_V}"


def _quoted(found: re.Match[str]) -> str:
    inner = found[0][1:-1].strip()
    if not inner:
        return found[0]
    if inner.count(" ") >= 3 and _SENTENCE.fullmatch(inner):
        return f'"{inner}"'
    if (
        inner.isalpha()
        and not inner.isupper()
        and _STATE_BEFORE.search(found.string[max(0, found.start() - 16) : found.start()])
    ):
        return f'"{inner}"'
    return f'"{_V}"'


def _kind(found: re.Match[str]) -> str:
    return found[0] if ordinary(found[1]) else _V


def _bracketed(found: re.Match[str]) -> str:
    return found[0] if found[1] == ": " and (not found[2] or ordinary(found[2])) else f"{found[1]}[{_V}]"


def _cron(found: re.Match[str]) -> str:
    """A cron job is told by its program, not by whom it runs as or with which arguments."""
    program = found[1].rstrip(")")
    return f"({_V}) CMD ({_V})" if program.startswith(_V) else f"({_V}) CMD ({program} {_V})"


def _after_noun(found: re.Match[str]) -> str:
    word = found[2]
    if not ordinary(word):
        return f"{found[1]} {_V}"
    named = found[1] not in _NO_NOUNS and not word.endswith(("ed", "ing", "able", "ly"))
    return f"{found[1]} {_V}" if named and _FRAME.search(found.string, 0, found.start()) else found[0]


def _compound(found: re.Match[str]) -> str:
    return found[0] if all(len(part) > 1 and ordinary(part) for part in re.split("[_-]", found[0])) else _V


def _labelled(found: re.Match[str]) -> str:
    return found[0] if ordinary(found[2]) else found[1] + _V


def _subject(found: re.Match[str]) -> str:
    return found[0] if ordinary(found[1]) else _V


def _user(found: re.Match[str]) -> str:
    name = found[2].lower().rstrip(".")
    # "login failed" is about no user of that name; "for user admin" is.
    if name in NOT_USERS or (not found[1] and ordinary(name)):
        return found[0]
    return found[0][: -len(found[2])] + _V


def _token(found: re.Match[str]) -> str:
    after = found[2]
    if after is None:
        return judged(found[1])
    if after == "(":
        return called(found[1]) + "("
    return key(found[1]) + after
