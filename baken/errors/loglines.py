"""Reads a plain log line of any system: takes its header off and makes its message a template.

A header is read element by element (time, level, host, process, thread, logger), not format by format: syslog, systemd,
log4j, Python, nginx, Apache, MariaDB, PostgreSQL, Redis, Docker, Android and the like are made of the same elements.
JSON lines and logfmt are opened. What is not recognised stays in the message, so that nothing is lost.
"""

import json
import re
from dataclasses import dataclass

from baken.errors.logtemplate import line_template
from baken.errors.logwords import LEVELS, TOP_DOMAINS
from baken.errors.template import template

_LINE_LIMIT = 4000
_ELEMENTS = 12
_HEADER_LIMIT = 200
_NESTING = 3

_ANSI = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]|\[\d{1,2}(?:;\d{1,3}){0,4}m")
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? )"
_CLOCK = r"\d{1,2}[:.]\d{1,2}[:.]\d{1,2}(?:[.,:]\d{1,9})?(?: ?[AP]M\b)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|CES?T|[ECMP][SD]T|[+-]\d{2}:?\d{2})(?!\w))?"
_TIME = re.compile(
    rf"[\[(]?(?:{_DAY}?(?:{_MONTH} {{1,2}}\d{{1,2}},?|\d{{1,2}}[ -]{_MONTH})(?:[ -]\d{{4}},?)? {_CLOCK}{_ZONE}"
    rf"(?: \d{{4}})?"
    rf"|\d{{1,2}}/{_MONTH}/\d{{4}}:\d\d:\d\d:\d\d{_ZONE}"
    rf"|(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}),?"
    rf"(?:[T _-]{{1,2}}{_CLOCK}{_ZONE})?"
    rf"|\d{{1,2}}[-/.]\d{{1,2}}[ T]{_CLOCK}{_ZONE}"
    rf"|(?:20|19)?\d{{6}}[- T]{{1,2}}(?:\d{{1,2}}:\d{{1,2}}:\d{{1,2}}(?:[.,:]\d{{1,9}})?|\d{{6}}){_ZONE}"
    # Scrubbing may take weekday and month for a name, or digits for a phone number.
    rf"|<name> {{1,2}}\d{{1,2}} {_CLOCK}(?: \d{{4}})?|\d{{6}} <phone>(?= [A-Z])"
    r"|\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?)(?: #\d+)?[\])]?(?=[\s|,:;\[]|$)[,:;]?"
)
_EPOCH = re.compile(r"\[?1\d{9}(?:\.\d{1,9}|\d{3})?\]?(?: -?\d(?= [A-Za-z]))?(?=\s)")
_UPTIME = re.compile(r"\[ *\d{1,9}\.\d{3,9}\]")
_TIME_START = re.compile(rf"(?<![^\s|\[(])(?:[\[(]?\d|{_DAY}|{_MONTH} |[\[(]?<name> )")
_SYSLOG_TIME = re.compile(
    rf"{_MONTH} {{1,2}}\d{{1,2}} (?:\d{{4}} )?\d\d:\d\d:\d\d(?: |$)|\d{{4}}-\d\d-\d\dT[\d:.,+Z-]{{8,24}} "
)
_PRIORITY = re.compile(r"<\d{1,3}>(1 )?")
_RFC5424 = re.compile(r"\S{1,255} (\S{1,48}) \S{1,128} \S{1,32} (?:-|(?:\[[^\]]{0,1000}\]){1,10}) ?")
_HOST = re.compile(r"(?:[\w@/.:+#-]|<\w+>){1,120} +")
_TAG = re.compile(
    r"(?:-- )?((?:[\w./@$\\+-]|\([\w./-]{1,40}\)|::|<\w+>|(?<=\w) (?=[\d.]{1,12}: )"
    r"|(?<=\w) (?=[\w ]{1,40}\[\d)){1,120})"
    r"(?:\[[\w.:-]{0,40}\])?(?: \([\w.$-]{0,120}(?:\[\d+\])?\))?(?::(?= |$)| (?=\[ *\d+\.\d+\]))"
)
_LEVEL_WORDS = "|".join(sorted(LEVELS, key=len, reverse=True))
_LEVEL = re.compile(
    rf"[\[<(](?:\w{{1,30}}:)?((?i:{_LEVEL_WORDS}))\s?[\])>]:?"
    rf"|(?:\w{{1,20}}\.(?=[A-Z]))?((?i:{_LEVEL_WORDS}))(?::(?=\s|$)|(?= ?\| | - ))"
    rf"|({'|'.join(name.upper() for name in LEVELS)}"
    r"|(?:[Ii]nfo|[Dd]ebug|[Ww]arn|[Ww]arning|[Tt]race|[Nn]otice))(?=\s|\[|/[\w-]+\])(?:/[\w-]+\])?"
)
_LETTER = re.compile(r"([VDIWEFTC])(?= )")
_LETTERS = {"V": "trace", "T": "trace", "D": "debug", "I": "info", "W": "warning", "E": "error", "F": "critical",
            "C": "critical"}  # fmt: skip
_FACILITY = re.compile(r"((?:[A-Z]{2,12} ){1,3})(?=(?:INFO|WARN|WARNING|ERROR|FATAL|SEVERE|FAILURE|DEBUG)\b)")
_PROCESS = re.compile(
    r"(?:(?:\d{1,16}|0x[0-9a-f]{1,16}) +){1,2}(?=\[|[A-Z]+\b|[a-z]+\.)|\d{1,8}#\d{1,8}:(?: \*\d+)?|\d{1,8} ---"
)
_SESSION = re.compile(r"(?:\[\d+\]:? )?(?:\[[\d-]+\] )?[\w\[\]-]{1,60}@[\w\[\]-]{1,60} (?=[A-Z]{3,9}:)")
_BRACKETED = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]{0,80}\]){0,300}\]:?(?=\s|\[)")
_THREAD = re.compile(r"(?:\[[\w #-]{1,60}/)?(" + "|".join(name.upper() for name in LEVELS) + r")\]:?(?=\s)")
_MESSAGE_BRACKET = re.compile(r"\[(?:client|instance|request|pid) ?[: ]")
_LOGGER = re.compile(
    r"(?![\d.:]+ )((?=[\w.$/-]*(?:[.$\d_-]|[a-z][A-Z]|[A-Z][a-z]))[A-Za-z_<][\w$.<>/-]{1,120})"
    r"(?:\[\d+\]|@\d+| {1,16}\[\d+\]|\([^()\s]{1,60}\))?(?::\w+){0,2}(?: ?:(?=\s|$)| - )"
)
_DOTTED = re.compile(r"((?:[a-z_][\w$-]*\.){1,12}(?:[A-Z][\w$-]*\.){0,2}[A-Za-z_][\w$-]*)(?= )")
_COLUMN = re.compile(r"([A-Za-z][\w.-]{1,30}) {2,}(?=\S)")
_PROGRAM = re.compile(r"([\w.-]{1,60}\.exe(?: \*\d\d)?) - ")
_FIELDS = re.compile(r"\|?(?:[\w.$-]{1,60}\|){1,2}(?= ?\S)")
_GLUE = re.compile(r"[ \t]*(?:(?:-{1,3}|–|\||:|>) +)?[ \t]*")
_MARK = re.compile(r"[*#.-] (?=\S)")
_DASH = re.compile(r" - *$|\| *$")
_ACCESS = re.compile(r"\S{1,120} \S{1,60} \S{1,60} (?=\[\d\d/[A-Z][a-z]{2}/\d{4}:)")
_PYTHON = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL):([\w.]{1,80}):")
_RUBY = re.compile(r"[DIWEFA], (?=\[\d{4}-)")
_REDIS = re.compile(r"\d{1,8}:[MSCX] (?=\d{1,2} [A-Z][a-z]{2} )")
_GLOG = re.compile(r"([IWEFD])\d{4} \d\d:\d\d:\d\d\.\d{1,9} +\d+ ([\w./-]{1,80}:\d+)\] ")
_BARE_LEVEL = re.compile(
    r"\[(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|debug|info|notice|warn|warning|error|critical"
    r"|fatal)\]:? +"
    r"|(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL)(?:: ?| ?[|-] | +(?=\[[^\]]{1,60}\] ))"
)
_PLAIN_WORD = re.compile(r"[a-z]{2,}[,.:;]?|[A-Z][a-z]+[,.:;]?|[a-z]{1,2}")
_EXCEPTION = re.compile(
    r"(?:Caused by: |Uncaught (?:exception |\(in promise\) )?|Unhandled exception: "
    r"|Exception in thread \"[^\"]{1,80}\" )?"
    r"((?:[A-Za-z_]\w{0,60}[.\\$]){0,12}[A-Z]\w{0,80}(?:Error|Exception|Fault|Warning))(?:: *|$)"
)
_OF_JAVA = re.compile(r"(?:javax?|org|com|net|io|scala|kotlin|akka|jdk|sun)\.(?:\w+[.$])*[A-Z]")
_LOGFMT = re.compile(r"(?:[\w.@/-]{1,40}=(?:\"(?:[^\"\\]|\\.)*+\"|[^\s\"]*+)(?: +|$)){2,60}$")
_PAIR = re.compile(r"([\w.@/-]{1,40})=(?:\"((?:[^\"\\]|\\.)*+)\"|([^\s\"]*+))")
_INNER = re.compile(r"[{]|(?:time|level|ts)=|\[?\d{4}-\d\d-\d\d[ T]\d\d:")
_MESSAGE_KEYS = ("message", "msg", "MESSAGE", "log", "event", "short_message", "textPayload", "text", "error", "err")
_LEVEL_KEYS = ("level", "severity", "lvl", "levelname", "log_level", "loglevel", "log.level", "@level")
_LOGGER_KEYS = ("logger", "logger_name", "component", "name", "module", "service", "subsystem", "caller", "source")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log line taken apart.

    Attributes:
        level: trace, debug, info, warning, error or critical; "" when the header names none.
        component: program or logger that the header names; "" when it names none.
        message: the line's text without its header.
        exception: class of the exception that the message begins with; "" when it begins with another thing.
        template: the message, without that class, with `<*>` where it varies; at most 300 characters.
    """

    level: str
    component: str
    message: str
    exception: str
    template: str


def read(text: str) -> LogLine:
    """The log line `text`, of several lines the first that is not empty. Any text is accepted."""
    line = next((line for line in text[: 2 * _LINE_LIMIT].split("\n") if line.strip()), "")[:_LINE_LIMIT]
    level, component, message = _parts(line, 0)
    if found := _EXCEPTION.match(message):
        name, rest = found[1], message[found.end() :]
        # What Python's exceptions say has rules of its own: codes of databases, names in the code.
        said = line_template(rest) if _OF_JAVA.match(name) else template(rest, name)
        return LogLine(level, component, message, name, said)
    return LogLine(level, component, message, "", line_template(message))


def _parts(line: str, depth: int) -> tuple[str, str, str]:
    if "\x1b" in line or "m" in line[:8]:
        line = _ANSI.sub("", line)
    line = line.strip("\ufeff \t\r")
    envelope = None
    if depth < _NESTING:
        if line.startswith("{"):
            envelope = _json(line)
        elif "=" in line[:41]:
            envelope = _logfmt(line)
    level, component, message = envelope or _header(line)
    # A line may hold the line of another program, its header and all.
    if depth < _NESTING and (envelope or _INNER.match(message)) and message != line:
        inner = _parts(message, depth + 1)
        return level or inner[0], component or inner[1], inner[2]
    return level, component, message


def _header(line: str) -> tuple[str, str, str]:
    """(level, component, message) of a line without an envelope."""
    level, component, at = _prelude(line)
    if at < 0:
        return level, component, line[-at - 1 :].strip()
    found = None if component else _SYSLOG_TIME.match(line, at)
    if found and not _LEVEL.match(line, _past_glue(line, found.end())):
        component, end = _syslog(line, found.end())
        if (found := _LEVEL.match(line, end + 1)) and found[1]:
            level, end = LEVELS[found[1].lower()], found.end()
            end += len(line) - end - len(line[end:].lstrip(" "))
            end = found.end() if (found := _EPOCH.match(line, end)) else end
        message = line[end:].strip()
        return level, component, _UPTIME.sub("", message, count=1).strip() if message[:1] == "[" else message or line
    level, component, end = _elements(line, at, level, component)
    message = line[end:].strip()
    # A header with nothing behind it is all that the line says.
    return level, component, message or line


def _prelude(line: str) -> tuple[str, str, int]:
    """(level, component, where the header's last time begins); instead of the place -1 - (where the message begins)
    when there is no time, or nothing is left to read."""
    if found := _PYTHON.match(line):
        return LEVELS[found[1].lower()], found[2], -1 - found.end()
    if found := _GLOG.match(line):
        return _LETTERS[found[1]], found[2], -1 - found.end()
    if found := _PRIORITY.match(line):
        time = _TIME.match(line, found.end()) if found[1] else None
        if time and (head := _RFC5424.match(line, time.end() + 1)):
            return "", head[1], -1 - head.end()
        return "", "", found.end() if _TIME.match(line, found.end()) else -1 - found.end()
    if found := _ACCESS.match(line):
        return "", "", found.end()
    if found := (_REDIS.match(line) or _RUBY.match(line)):
        return "", "redis" if line[0].isdigit() else "", found.end()
    start = _time_begins(line)
    if start >= 0:
        found = _LEVEL.match(line) if start else None
        return LEVELS[(found[1] or found[2] or found[3]).lower()] if found else "", "", start
    if found := _UPTIME.match(line):
        return "", "kernel", -1 - found.end()
    if found := _BARE_LEVEL.match(line):
        return LEVELS[(found[1] or found[2]).lower()], "", -1 - found.end()
    return "", "", -1


def _time_begins(line: str) -> int:
    """Where the last of the times begins that stand in the line's header; -1 when it begins with another thing."""
    start = -1
    reached = 0
    for found in _TIME_START.finditer(line, 0, _HEADER_LIMIT):
        at = found.start()
        if at < reached:
            continue
        if not _only_header(line, reached if start >= 0 else 0, at):
            break
        time = _TIME.match(line, at)
        if time is None and (time := _EPOCH.match(line, at)) is not None:
            rest = line[time.end() :].lstrip()
            if start < 0 and at == 0 and line[0] != "[" and not (_TIME.match(rest) or _LEVEL.match(rest)):
                break
        if time is None:
            continue
        start, reached = at, time.end()
    return start


def _only_header(line: str, begin: int, end: int) -> bool:
    """Whether nothing but names of hosts, files and the like stands between `begin` and `end`, no sentence."""
    words = line[begin:end].split()
    if not words:
        return True
    if len(words) > 4 or any("=" in word or word.endswith((",", ".")) for word in words):
        return False
    if words[0].isdigit() and len(words) > 1 and begin == 0 and any(c.isdigit() for c in words[1]):
        return True
    return not any(
        word.endswith(":") or (_PLAIN_WORD.fullmatch(word) and word.strip("[]").lower() not in LEVELS) for word in words
    )


def _syslog(line: str, at: int) -> tuple[str, int]:
    """(program, where the message begins) behind the time of a syslog line."""
    tag = _TAG.match(line, at)
    host = _HOST.match(line, at)
    if host and not (tag and tag.end() < host.end()):
        at = host.end()
        tag = _TAG.match(line, at)
    return (tag[1], tag.end()) if tag else ("", at)


def _elements(line: str, at: int, level: str, component: str) -> tuple[str, str, int]:
    """Read on from the time at `at`: (level, component, where the message begins)."""
    brackets = 0
    named = [word for word in line[:at].split()[-1:] if not word.isalpha()]
    for _ in range(_ELEMENTS):
        if found := (_TIME.match(line, at) or (None if level else _EPOCH.match(line, at))):
            pass
        elif named and line.startswith(named[0] + " ", at) and (found := _HOST.match(line, at)):
            # The node stands once before the time and once behind it.
            pass
        elif not level and not component and (found := _PYTHON.match(line, at)):
            return LEVELS[found[1].lower()], found[2], found.end()
        elif not level and (found := _FACILITY.match(line, at)):
            component = component or found[1].strip()
        elif not level and (found := _LEVEL.match(line, at)):
            level = LEVELS[(found[1] or found[2] or found[3]).lower()]
        elif not level and (found := _LETTER.match(line, at)):
            level = _LETTERS[found[1]]
        elif found := _PROCESS.match(line, at):
            if level and found[0][-1:] == " ":
                break
        elif found := _FIELDS.match(line, at):
            component = component or found[0].strip("|").partition("|")[0]
            return level, component, found.end()
        elif found := _SESSION.match(line, at):
            pass
        elif not level and (found := _THREAD.match(line, at)):
            level = LEVELS[found[1].lower()]
        elif found := _BRACKETED.match(line, at):
            if brackets > 2 or _MESSAGE_BRACKET.match(line, at):
                break
            brackets += 1
        elif component == "redis" and (found := _MARK.match(line, at)):
            return level, component, found.end()
        elif component:
            break
        elif found := (_PROGRAM.match(line, at) or _LOGGER.match(line, at)):
            component = found[1]
            if level or not _LEVEL.match(line, _past_glue(line, found.end())):
                return level, component, _past_glue(line, found.end())
        elif level and (found := _named_by_place(line, at)):
            component = found[1]
        else:
            break
        here = found.end()
        at = _past_glue(line, here)
        if level and (component or brackets) and _DASH.search(line, here, at):
            break
    return level, component, at


def _named_by_place(line: str, at: int) -> re.Match[str] | None:
    """The logger behind a level that only its place tells from the message."""
    found = _COLUMN.match(line, at) or _DOTTED.match(line, at)
    return None if found is None or found[1].rpartition(".")[2] in TOP_DOMAINS else found


def _past_glue(line: str, at: int) -> int:
    found = _GLUE.match(line, at)
    return found.end() if found else at


def _json(line: str) -> tuple[str, str, str] | None:
    """(level, component, message) of a line that is a JSON object with a message."""
    if not line.endswith("}"):
        return None
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return _picked({str(key): value for key, value in fields.items()}) if isinstance(fields, dict) else None


def _logfmt(line: str) -> tuple[str, str, str] | None:
    """(level, component, message) of a line of key=value pairs that names a message and a level or time."""
    if not _LOGFMT.match(line):
        return None
    fields: dict[str, object] = {}
    for found in _PAIR.finditer(line):
        fields.setdefault(found[1], found[3] if found[2] is None else found[2].replace('\\"', '"'))
    if not fields.keys() & {"level", "lvl", "time", "ts", "t", "severity"}:
        return None
    return _picked(fields)


def _picked(fields: dict[str, object]) -> tuple[str, str, str] | None:
    def first(keys: tuple[str, ...]) -> str:
        return next((value for key in keys if isinstance(value := fields.get(key), str) and value.strip()), "")

    message = first(_MESSAGE_KEYS)
    if not message:
        return None
    failure = next((value for key in ("error", "err") if isinstance(value := fields.get(key), str)), "")
    if failure and failure != message:
        message = f"{message.rstrip()}: {failure}"
    return LEVELS.get(first(_LEVEL_KEYS).lower(), ""), first(_LOGGER_KEYS), message.strip()
