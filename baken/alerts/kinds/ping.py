"""A job that reports by pings, and does not come in time, fails, or takes too long."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from baken.alerts import words
from baken.alerts.matchers import match
from baken.alerts.rule import Field, SeenCheck, Verdict, View
from baken.alerts.rule_table import Key, RuleTable

ASKED = ("missing", "failed", "too_long")
MATCHED = ("check",)

KEYS: Mapping[str, Key] = {
    "ping": Key(
        f"one of {', '.join(ASKED)}",
        "missing: neither start nor end came in time; failed: it said so; too_long: it started and does not end.",
    ),
    "match": Key("table", 'Which jobs, by check, their name: `{ check = "~backup.*" }`. Otherwise all.'),
}
MOMENTARY = False

_AGO = {"en": "It last went well {} ago.", "nl": "Het ging {} geleden voor het laatst goed."}
_NEVER = {"en": "It has never gone well yet.", "nl": "Het ging nog nooit goed."}
_CODE = {"en": " with exit code {}", "nl": " met exitcode {}"}


@dataclass(frozen=True, slots=True)
class Pinged:
    """Holds for each job that fits `match` and of which `problem` is so."""

    problem: str
    match: Mapping[str, str]

    @property
    def metrics(self) -> frozenset[str]:
        """None: it looks at jobs."""
        return frozenset()

    @property
    def every(self) -> timedelta | None:
        """Cheap: whenever there is news, and when a job is due."""
        return None

    @property
    def words(self) -> str:
        """`missing ping of job{check=~backup.*}`."""
        pairs = ", ".join(f"{label}={wanted}" for label, wanted in self.match.items())
        which = f"{{{pairs}}}" if pairs else ""
        return f"{self.problem} ping of job{which}"

    @property
    def unit(self) -> str:
        """For how long nothing was heard, or it has run."""
        return "seconds"

    @property
    def fields(self) -> frozenset[str]:
        """Name, a sentence on when it last ended well, exit code; value and limit, but of one that failed."""
        own = {"check", "last_ok", "code"}
        return frozenset(own if self.problem == "failed" else {*own, "value", "limit"})

    def judge(self, view: View) -> Iterable[Verdict]:
        """A verdict for each job."""
        if not view.site:
            return
        for check in view.pings():
            labels = {"check": check.name}
            if match(self.match, labels):
                yield self._judge(check, labels, view.now)

    def _judge(self, check: SeenCheck, labels: Mapping[str, str], now: datetime) -> Verdict:
        known: Mapping[str, tuple[bool, datetime | None, datetime | None]] = {
            "missing": (check.missing, check.counted, check.missing_at),
            "failed": (check.failed, None, None),
            "too_long": (check.too_long, check.started, check.too_long_at),
        }
        holds, since, until = known[self.problem]
        breach = check.awaited and holds
        value = max(0.0, (now - since).total_seconds()) if since is not None else None
        limit = (until - since).total_seconds() if since is not None and until is not None else None
        return Verdict(labels, breach, not breach, value, limit, now, fields=_fields(check, now))


def _fields(check: SeenCheck, now: datetime) -> dict[str, Field]:
    ago: Field = _NEVER
    if check.last_ok is not None:
        since = now - check.last_ok
        ago = {name: text.format(words.span(since, name)) for name, text in _AGO.items()}
    code = check.exit_code
    said = {name: text.format(code) if code is not None else "" for name, text in _CODE.items()}
    return {"last_ok": ago, "code": said}


def parse(table: RuleTable) -> Pinged | None:
    """The condition of a rule's table."""
    problem = table.choice("ping", ASKED)
    if problem is None and "ping" not in table:
        table.problem(f"ping is missing: give one of {', '.join(ASKED)}")
    found = table.matchers("match", MATCHED, "a job")
    return Pinged(problem, found) if problem is not None else None
