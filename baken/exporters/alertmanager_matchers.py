"""What an alert of Baken is called in Alertmanager, and matchers of one side in the words of the other.

In Alertmanager an alert has the labels `alertname` (Baken's rule), `source="baken"`, `site`, `area`, `baken_severity`
(Baken's four), `severity` (critical, warning, info, as everybody's routes have it) and its own labels.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from baken.alerts import matchers as matching
from baken.alerts.rule import AREAS, SEVERITIES
from baken.exporters.alertmanager_regex import NoEqual, literal, translated
from baken.exporters.names import exported_label
from baken.metrics import catalogue

SOURCE = "baken"

CONVENTIONAL: Mapping[str, str] = {"CRITICAL": "critical", "HIGH": "warning", "MEDIUM": "warning", "LOW": "info"}
"""Baken's severities as the label `severity` has them: critical is what wakes somebody up."""

_FIXED = {"rule": "alertname", "site": "site", "area": "area", "severity": "baken_severity"}
"""What a matcher of Baken may name beside an alert's own labels, and what that is called in Alertmanager."""

_TAKEN = frozenset({"alertname", "source", "site", "area", "severity", "baken_severity", "rule", "baken_key"})
_MARKED = "exported_"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Known:
    """What alerts of this Baken can look like.

    Attributes:
        constants: labels that all of them bear: `source`, and those of `exporters.labels`.
        sites: the watched sites.
        rules: names of rules.
        labels: names of labels, as Baken has them.
    """

    constants: Mapping[str, str]
    sites: Collection[str] = ()
    rules: Collection[str] = ()
    labels: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Meant:
    """What a silence of Alertmanager means in Baken: the site (empty: all) and the matchers."""

    site: str
    matchers: Mapping[str, str] = field(default_factory=dict)


def constants(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels that every alert of this Baken bears; `labels` are those of the settings, as far as they are labels."""
    own = {name: value for name, value in labels.items() if _NAME.fullmatch(name) and name not in _TAKEN and value}
    return own | {"source": SOURCE}


def labels_of_alert(
    rule: str, site: str, severity: str, area: str, labels: Mapping[str, str], always: Mapping[str, str], key: str = ""
) -> dict[str, str]:
    """The labels of an alert in Alertmanager; two alerts have the same only when they are one.

    Args:
        rule, site, severity, area: the alert's.
        labels: the alert's own labels.
        always: what `constants` gives.
        key: the alert's identity, where its labels do not tell it from others; empty: they do.
    """
    found = {name_outside(name, always): value for name, value in labels.items() if value}
    if key or len(found) < sum(1 for value in labels.values() if value):
        found["baken_key"] = key
    found |= {"alertname": rule, "area": area, "severity": CONVENTIONAL[severity], "baken_severity": severity}
    if site:
        found["site"] = site
    return {name: value for name, value in (found | dict(always)).items() if value}


def catalogue_labels() -> frozenset[str]:
    """Names of the labels that figures have, and with them the alerts about them."""
    return frozenset(name for entry in catalogue.metrics() for name in entry.labels)


def name_outside(label: str, always: Mapping[str, str]) -> str:
    """What an alert's own label is called in Alertmanager: `job` is job_name, and `source` is exported_source."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", exported_label(label))
    if not _NAME.fullmatch(name):
        name = f"_{name}"
    return f"{_MARKED}{name}" if name in _TAKEN or name in always else name


def outside(matchers: Mapping[str, str], site: str, always: Mapping[str, str]) -> list[dict[str, Any]]:
    """Baken's matchers as Alertmanager's API has them: name, value, isRegex, isEqual. Raises NoEqual.

    Args:
        matchers: as a silence of Baken has them.
        site: the silence's site; empty: all.
        always: what `constants` gives; the matchers hold for this Baken's alerts alone.
    """
    found = [_matcher(name, value) for name, value in sorted(always.items())]
    if site:
        found.append(_matcher("site", site))
    for label, wanted in sorted(matchers.items()):
        name = _FIXED.get(label) or name_outside(label, always)
        equal = not wanted.startswith("!")
        text = wanted.removeprefix("!")
        if text.startswith("~"):
            found.append(_matcher(name, translated(text[1:], "python"), regex=True, equal=equal))
        else:
            found.append(_matcher(name, text, equal=equal))
    return found


def inside(given: Iterable[Mapping[str, Any]], known: Known) -> Meant | None:
    """Alertmanager's matchers in Baken's words; None when they can match no alert of this Baken.

    Raises NoEqual for what might match some but cannot be said in Baken's words.
    """
    of_name: dict[str, list[_Condition]] = {}
    for each in given:
        of_name.setdefault(str(each["name"]), []).append(_Condition.of(each))
    # What cannot be compared matters only when all else might match.
    trouble: NoEqual | None = None
    found: dict[str, str] = {}
    site = ""
    severities, areas = set(SEVERITIES), set(AREAS)
    for name, conditions in sorted(of_name.items()):
        try:
            if name in known.constants:
                if not _fit(conditions, known.constants[name]):
                    return None
            elif name == "severity":
                severities = {each for each in severities if _fit(conditions, CONVENTIONAL[each])}
            elif name == "baken_severity":
                severities = {each for each in severities if _fit(conditions, each)}
            elif name == "area":
                areas = {each for each in areas if _fit(conditions, each)}
            elif (label := _inside_name(name, known)) is None:
                # No alert of Baken has it.
                if not _fit(conditions, ""):
                    return None
            else:
                possible = {"rule": known.rules, "site": [*known.sites, ""]}.get(label)
                if possible is not None and not any(_fit(conditions, each) for each in possible):
                    return None
                wanted = _together(conditions)
                if wanted is None:
                    return None
                if label == "site" and (exact := _exact(conditions)) is not None and exact in known.sites:
                    site = exact
                else:
                    found[label] = wanted
        except NoEqual as problem:
            trouble = trouble or NoEqual(f"{name}: {problem}")
    if not severities or not areas:
        return None
    if trouble is not None:
        raise trouble
    for label, left, every in (("severity", severities, SEVERITIES), ("area", areas, AREAS)):
        if len(left) < len(every):
            chosen = [each for each in every if each in left]
            found[label] = chosen[0] if len(chosen) == 1 else f"~{'|'.join(chosen)}"
    return Meant(site, found)


@dataclass(frozen=True, slots=True)
class _Condition:
    value: str
    regex: bool
    equal: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "_Condition":
        # Before its version 0.22 Alertmanager had no isEqual.
        return cls(str(given["value"]), bool(given.get("isRegex")), bool(given.get("isEqual", True)))

    def wanted(self) -> str:
        """As a matcher of Baken. Raises NoEqual."""
        sign = "" if self.equal else "!"
        if self.regex:
            return f"{sign}~{self.expression()}"
        # What begins like an expression or a negation is written as an expression.
        plain = not self.value.startswith("~") and (not self.equal or not self.value.startswith("!"))
        return f"{sign}{self.value}" if plain else f"{sign}~{literal(self.value)}"

    def expression(self) -> str:
        """A regular expression of Baken's that matches the value or what its expression matches. Raises NoEqual."""
        if not self.regex:
            return literal(self.value)
        found = translated(self.value, "re2")
        try:
            matching.check({"value": f"~{found}"})
        except matching.BadMatcher as problem:
            raise NoEqual(str(problem)) from None
        return found


def _matcher(name: str, value: str, *, regex: bool = False, equal: bool = True) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        raise NoEqual(f"{name!r} is no label in Alertmanager")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NoEqual("half a character has no equal") from None
    return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}


def _inside_name(name: str, known: Known) -> str | None:
    """What a label of Alertmanager is called in Baken's matchers; None when no alert of Baken has it.

    Raises NoEqual for one that Baken's matchers cannot name.
    """
    for label, outside_name in _FIXED.items():
        if outside_name == name:
            return label
    own = next((label for label in known.labels if name_outside(label, known.constants) == name), None)
    if own in _FIXED or name == "baken_key":
        raise NoEqual("Baken's matchers cannot name it")
    return own


def _fit(conditions: Iterable[_Condition], value: str) -> bool:
    return all(matching.match({"": each.wanted()}, {"": value}) for each in conditions)


def _exact(conditions: Iterable[_Condition]) -> str | None:
    return next((each.value for each in conditions if each.equal and not each.regex), None)


def _together(conditions: list[_Condition]) -> str | None:
    """Several conditions of one label as one matcher; None when no value fits. Raises NoEqual."""
    exact = next((each for each in conditions if each.equal and not each.regex), None)
    if exact is not None:
        return exact.wanted() or "~" if _fit(conditions, exact.value) else None
    wanted = {each.wanted(): each for each in conditions}
    if len(wanted) == 1:
        return next(iter(wanted))
    if any(each.equal for each in wanted.values()):
        raise NoEqual("Baken's matchers say one thing of a label")
    # None of them: neither this nor that.
    return "!~" + "|".join(f"(?:{each.expression()})" for each in wanted.values())
