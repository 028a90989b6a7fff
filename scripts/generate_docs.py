"""Write what is made from the code: settings, metrics, methods, channels and rules in docs/, and the names of methods.

`--check` only compares. A page that people write has marked places: what stands between `<!-- generated: NAME -->`
and `<!-- end -->` is replaced.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from importlib.metadata import requires
from pathlib import Path
from typing import Any, get_args, get_origin

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from baken.alerts import channels, kinds, rulebook, spans, texts
from baken.alerts.rule import AREAS, Rule
from baken.alerts.rule_table import Key
from baken.api import registry
from baken.metrics import catalogue
from baken.settings import Auth, Settings

DOCS = Path(__file__).parent.parent / "docs"

DOMAIN_TITLES = {
    "host": "Host",
    "database": "Database",
    "frappe": "Frappe",
    "erpnext": "ERPNext",
    "association": "Association",
    "sepa": "SEPA",
    "monitor": "Baken itself",
}


def settings_page() -> str:
    """The configuration reference, from `baken.settings`."""
    lines = [
        "# Configuration",
        "",
        "Baken needs no configuration to watch a bench: `baken serve --bench PATH`. Everything below can be set in",
        "`baken.toml` (in the current folder, or given with `--config`), or by an environment variable:",
        "`server.port` is `BAKEN_SERVER__PORT`. The command line wins over the environment, the environment over the",
        "file. An unknown setting is an error that names the nearest known one.",
        "",
        "```toml",
        'data_dir = "/var/lib/baken"',
        "",
        "[[benches]]",
        'path = "/home/frappe/frappe-bench"',
        "",
        "[server]",
        'host = "0.0.0.0"',
        "port = 8800",
        "```",
        "",
    ]
    lines += ["## Top level", "", *_table(Settings, "")]
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section is not None:
            many = get_origin(field.annotation) is list
            lines += ["", *_section_lines(name, section, field, many)]
    return "\n".join(lines) + "\n"


def _section_lines(name: str, section: type[BaseModel], field: FieldInfo, many: bool) -> Iterator[str]:
    yield f"## `{'[[' if many else '['}{name}{']]' if many else ']'}`"
    yield ""
    yield field.description if many and field.description else _first_line(section)
    yield ""
    yield from _table(section, f"{name}.")
    for child, below in section.model_fields.items():
        deeper = _section(below)
        if deeper is not None:
            several = get_origin(below.annotation) is list
            yield ""
            yield f"### `[[{name}.{child}]]`" if several else f"### `[{name}.{child}]`"
            yield ""
            yield _first_line(deeper)
            yield ""
            yield from _table(deeper, f"{name}.{child}.")
            for lowest in deeper.model_fields.values():
                # The same keys as above: one place has them.
                if _section(lowest) is Auth:
                    yield ""
                    yield f"`[{name}.{child}.auth]` has the keys of [`history.metrics_auth`](#historymetrics_auth)."


def _table(section: type[BaseModel], prefix: str) -> list[str]:
    rows = []
    for name, field in section.model_fields.items():
        if _section(field) is not None:
            continue
        rows.append(f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {field.description or ''} |")
    return ["| setting | type | default | meaning |", "|---|---|---|---|", *rows] if rows else []


def _section(field: FieldInfo) -> type[BaseModel] | None:
    annotation: Any = field.annotation
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _type(annotation: Any) -> str:
    arguments = get_args(annotation)
    if get_origin(annotation) is list:
        return f"list of {_type(arguments[0])}"
    if get_origin(annotation) is dict:
        return f"table of {_type(arguments[1])}s"
    if arguments and all(isinstance(argument, str) for argument in arguments):
        return " or ".join(f"`{argument}`" if argument else "empty" for argument in arguments)
    if arguments:
        return " or ".join(_type(argument) for argument in arguments if argument is not type(None))
    names = {
        str: "text",
        int: "whole number",
        float: "number",
        bool: "true or false",
        Path: "path",
        SecretStr: "secret",
    }
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        value = field.default_factory()  # type: ignore[call-arg]
        if isinstance(value, Path):
            return "`~/.local/share/baken`"
        return f"`{value}`".replace("'", '"') if value else "empty"
    if field.default in (None, ""):
        return "unset" if field.default is None else "empty"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _first_line(section: type[BaseModel]) -> str:
    return (section.__doc__ or "").strip().splitlines()[0]


def metrics_page() -> str:
    """The metric reference, from the catalogue."""
    lines = [
        "# Metrics",
        "",
        "What Baken measures, made from its catalogue. A figure is measured, or it is absent with a reason; it is",
        "never a zero for “I do not know”. Ratios run from 0 to 1, times are in seconds, sizes in bytes.",
        "",
        "*Needs* are the DocType fields without which a figure cannot be measured: on a site that lacks them it is",
        "absent and the reason names them. *Better* is the direction that is welcome. Titles and meanings are in Dutch",
        "too, where the dashboard is: `texts` of `baken.get_metric_catalogue` has both.",
    ]
    for domain in catalogue.DOMAINS:
        mine = [entry for entry in catalogue.metrics() if entry.domain == domain]
        if not mine:
            continue
        lines += [
            "",
            f"## {DOMAIN_TITLES[domain]}",
            "",
            "| metric | title | meaning | unit | labels | every | better | needs |",
        ]
        lines.append("|---|---|---|---|---|---|---|---|")
        for entry in mine:
            labels = ", ".join(f"`{label}`" for label in entry.labels)
            needs = "; ".join(f"{doctype}: {', '.join(fields)}" for doctype, fields in entry.needs.items())
            unit = f"{entry.unit} (counter)" if entry.kind == "counter" else entry.unit
            every = _duration(entry.every.total_seconds())
            lines.append(
                f"| `{entry.name}` | {entry.title} | {entry.help} | {unit} | {labels} | {every} | {entry.good or ''} "
                f"| {needs} |"
            )
    lines += ["", "## Observations", "", "Small documents of which only the latest is kept.", ""]
    lines += ["| kind | meaning | every |", "|---|---|---|"]
    for kind in catalogue.observations():
        lines.append(f"| `{kind.kind}` | {kind.help} | {_duration(kind.every.total_seconds())} |")
    return "\n".join(lines) + "\n"


def _duration(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def methods_page() -> str:
    """The method reference, from the registry of the API."""
    lines = [
        "# Methods",
        "",
        'Every method answers at `/api/method/<name>` under both names, as Frappe does: `{"message": …}`. Sign in with',
        "the session cookie, or with `Authorization: token KEY:SECRET` of a user of the site. On the command line:",
        "`baken call NAME --args '{…}'`.",
    ]
    for method in registry.methods():
        roles = "no sign-in needed" if method.guest else "for " + ", ".join(sorted(method.roles))
        lines += ["", f"## {method.short.removeprefix('baken.')}", "", f"`{method.name}` · `{method.short}` · {roles}"]
        lines += ["", *method.help.splitlines()]
        if method.parameters:
            lines += ["", "| argument | expected | default |", "|---|---|---|"]
            for parameter in method.parameters:
                default = "required" if parameter.required else f"`{parameter.default}`"
                lines.append(f"| `{parameter.name}` | {parameter.expected} | {default} |")
    return "\n".join(lines) + "\n"


def channels_page() -> str:
    """The channels, from their modules."""
    lines = [
        "# Channels",
        "",
        "A channel is a way by which messages about alerts reach people. Each is a table `[[alerts.channels]]` in",
        "`baken.toml` with a `name`, a `kind`, and the options of that kind; an unknown option is an error that names",
        "the nearest known one. Recipients name the channel, and give their address within it as `to`. How that goes",
        "together is in [Alerts](alerts.md).",
        "",
        'A secret may be in a file of its own: `password_file = "/etc/baken/smtp-password"` instead of `password`.',
        "The file is read for each message, so a password can be changed without a restart.",
    ]
    for name in channels.KINDS:
        found = channels.module(name)
        lines += ["", f"## {name}", "", *found.HELP.strip().splitlines(), ""]
        lines += ["| option | type | default | secret | meaning |", "|---|---|---|---|---|"]
        for option, field in found.Options.model_fields.items():
            secret = "yes" if "secret" in _type(field.annotation) else ""
            meaning = (field.description or "").replace("<", "&lt;")
            lines.append(f"| `{option}` | {_type(field.annotation)} | {_default(field)} | {secret} | {meaning} |")
        lines += _more_about(name)
    lines += ["", f"## {channels.BUILT_IN}", "", *channels.module(channels.BUILT_IN).HELP.strip().splitlines()]
    return "\n".join(lines) + "\n"


SYSTEM_ALERT = (
    ("alert_type", "Data", "the rule's name"),
    ("severity", "Select: LOW, MEDIUM, HIGH, CRITICAL", "how bad it is"),
    ("status", "Select: Active, Acknowledged, Resolved", "as in Baken"),
    ("message", "Text", "title and message"),
    ("source", "Data", "`Baken`, by which Baken knows its own"),
    ("timestamp", "Datetime", "when it fired, in the recipient's time zone, as for the next two"),
    (
        "acknowledged_at",
        "Datetime",
        "when it was taken up; by whom stands in Baken, for the site may not know that user",
    ),
    ("resolved_at", "Datetime", "when it was over"),
    ("details", "JSON or Long Text", "the alert's number, labels, figure, limit, advice and link, as JSON"),
)
"""The fields of the DocType that the channel system_alert fills."""


def _more_about(channel: str) -> list[str]:
    if channel != "system_alert":
        return []
    lines = ["", "The DocType *System Alert* has to have these fields:", "", "| field | type | what Baken writes |"]
    return [*lines, "|---|---|---|", *(f"| `{name}` | {kind} | {what} |" for name, kind, what in SYSTEM_ALERT)]


def rule_keys() -> Iterator[str]:
    """The keys of every rule."""
    yield from _keys(rulebook.KEYS)


def _keys(keys: Mapping[str, Key]) -> Iterator[str]:
    yield from ("| key | expected | meaning |", "|---|---|---|")
    for name, key in keys.items():
        told = re.sub(r"`([^`]*)`", lambda found: _code(found[1]), key.help)
        yield f"| `{name}` | {key.expected} | {told} |"


def rule_kinds() -> Iterator[str]:
    """Each kind with what it is for, its keys, the fields of its texts, and an example."""
    brought = rulebook.read(None).rules.values()
    for place, name in enumerate(sorted(kinds.KINDS, key=lambda each: each != "threshold")):
        found = kinds.kind(name)
        examples = [rule for rule in brought if rule.kind == name]
        yield from ([""] if place else [])
        yield from (f"### {name}", "", *(found.__doc__ or "").strip().splitlines(), "")
        yield from _keys(found.KEYS)
        if examples:
            fields = frozenset.intersection(*(frozenset(_fields(rule)) for rule in examples if rule.quorum is None))
            listed = ", ".join(f"`{{{field}}}`" for field in sorted(fields))
            yield from ("", f"Fields of its texts, beside those of every rule and labels: {listed or 'none'}.")
            yield f"Example: `{examples[0].name}`, {_code(examples[0].condition.words)}."


def _fields(rule: Rule) -> Iterable[str]:
    fields: frozenset[str] = getattr(rule.condition, "fields", frozenset())
    return fields - frozenset(texts.COMMON)


def rule_table() -> Iterator[str]:
    """The rules that Baken brings, by area."""
    brought = rulebook.read(None).rules.values()
    for place, area in enumerate(AREAS):
        yield from ([""] if place else [])
        yield from (
            f"### {area}",
            "",
            "| rule | name | severity | condition | for | why |",
            "|---|---|---|---|---|---|",
        )
        for rule in brought:
            if rule.area == area:
                held = spans.short(rule.hold) if rule.hold else ""
                name = f"[{rule.name}](runbook.md#{rule.name.lower()})"
                words = _code(rule.condition.words)
                if rule.quorum is not None:
                    words += f" on {rule.quorum.share:.0%} of the sites, and {rule.quorum.least} at least"
                yield f"| {name} | {rule.called['en']} | {rule.severity} | {words} | {held} | {rule.reason['en']} |"


def _code(text: str) -> str:
    # A bar would end the table's cell, and within backticks it cannot be written otherwise.
    return f"`{text}`" if "|" not in text else f"<code>{escape(text).replace('|', '&#124;')}</code>"


PARTS: Mapping[str, Callable[[], Iterable[str]]] = {
    "keys": rule_keys,
    "kinds": rule_kinds,
    "rules": rule_table,
}
"""What is put into the marked places of pages that people write."""

_MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rules_page() -> str:
    """The page about rules with its marked places filled anew. Leaves with a message when it is not there."""
    path = DOCS / "rules.md"
    if not path.is_file():
        sys.exit(f"stale: {path} is gone; people write it, so it cannot be made anew")
    text = path.read_text(encoding="utf-8")
    return _MARKED.sub(lambda found: found[1] + "\n" + "\n".join(PARTS[found[2]]()) + "\n\n" + found[3], text)


def names_module() -> str:
    """`baken/frappe_host/names.py`: under which names Frappe finds the methods, from the registry."""
    lines = [
        '"""Under which names Frappe finds Baken\'s methods. Made by `make docs`, not by hand."""',
        "",
        "METHODS = {",
        '    "baken.get_session": "baken.frappe_host.methods.get_session",',
    ]
    for entry in registry.methods():
        target = f"baken.frappe_host.methods.{entry.short.removeprefix('baken.')}"
        for name in entry.names:
            line = f'    "{name}": "{target}",'
            lines += [line] if len(line) <= 120 else [f'    "{name}": (', f'        "{target}"', "    ),"]
    return "\n".join([*lines, "}", '"""By documented name; the hook `override_whitelisted_methods`."""', ""])


def runtime_lock() -> str:
    """`deploy/docker/requirements.lock`: what of the lock the server needs, for an image without all the tools."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = _needed([*project["dependencies"], *extras["server"], *extras["otlp"]])
    lines = (DOCS.parent / "requirements.lock").read_text(encoding="utf-8").splitlines(keepends=True)
    kept: list[str] = []
    keep = False
    for line in lines:
        name = re.match(r"([A-Za-z0-9._-]+)==", line)
        if name is not None:
            keep = canonicalize_name(name[1]) in wanted
        if keep:
            kept.append(line)
    return "".join(kept)


def _needed(wanted: Iterable[str]) -> set[str]:
    """The packages that requirements name, and those that these need on this Python, as the lock calls them."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        for extra in {"", *one.extras}:
            if (name, extra) in found:
                continue
            found.add((name, extra))
            further = [Requirement(text) for text in requires(name) or ()]
            waiting += [each for each in further if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": settings_page,
    "metrics.md": metrics_page,
    "methods.md": methods_page,
    "channels.md": channels_page,
    "rules.md": rules_page,
    "../baken/frappe_host/names.py": names_module,
    "../deploy/docker/requirements.lock": runtime_lock,
}


def main() -> None:
    """Write the pages, or with --check say which are stale and leave with 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which pages are stale")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path = DOCS / name
        content = page()
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(name)
        if not check:
            path.write_text(content, encoding="utf-8")
    if check and stale:
        sys.exit(f"stale: {', '.join(stale)}; run `make docs`")


if __name__ == "__main__":
    main()
