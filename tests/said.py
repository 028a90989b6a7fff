"""What the code can say to the reader of the dashboard in English, found in its source: templates with {} for values.

An f-string becomes a template, a choice becomes both of its texts. What is passed on from elsewhere is found there.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "baken"

ROOTS = {
    "SiteProblem", "StoreError", "Refusal", "HttpProblem", "Undelivered", "Refused", "Overtaken", "BadTime",
    "BadMatcher", "BadBody", "BadLink", "AddressLost", "ChannelProblem", "KeyProblem", "NotTaken", "LongHistoryProblem",
}  # fmt: skip
"""Exceptions whose text, and that of their subclasses, is shown."""

KEYS = {"reason", "absent", "problem", "problems", "detail", "why"}
"""Keys and keywords of answers whose text is shown."""

NAMES = KEYS | {"trouble", "missing", "told", "hint", "text", "what", "advice", "by_category", "reasons"}
"""Variables whose text is shown, by itself or within another."""

ALONE = KEYS | {"advice", "by_category", "reasons", "unknown", "lost", "replace"}
"""Of these, those that hold whole texts."""

CALLS = {
    "_hop": 3, "_rule": 1, "_Check": 2, "Gap": -1, "Figure": -1, "Wrong": 1, "Problem": 3, "problem": 0, "unusable": 0,
    "_typed": 2,
}  # fmt: skip
"""Calls that take a text to be shown, and the place of that argument."""

RETURNING = {
    "api/monitor.py": None,
    "api/usual.py": None,
    "insights/health.py": None,
    "insights/figures.py": None,
    "alerts/figures.py": {"_old"},
    "alerts/kinds": {"words", "_missing", "_why"},
    "alerts/rule_table.py": {"nearest"},
    "alerts/ready.py": None,
    "alerts/watch.py": {"trouble"},
    "alerts/engine.py": {"_gone"},
    "alerts/lifecycle.py": {"_standing"},
    "alerts/channels/http.py": None,
    "api/dashboard.py": {"part_error"},
    "api/alert_manager.py": {"_silent"},
    "errors/described.py": {"unknown_trend"},
    "errors/fingerprint.py": {"_said"},
    "errors/places.py": None,
    "history/dashboard_body.py": None,
    "history/kept_retention.py": None,
    "history/remote.py": {"_refused"},
    "trends": None,
}
"""Modules and folders in which functions return texts that are shown: all of them, or those named."""

APART = (
    "cli", "demo/", "public/", "settings.py", "history/migrations/", "server/demo", "server/run.py", "bench.py",
    "alerts/trial.py", "alerts/trial_file.py", "alerts/trial_course.py", "collector/doctor.py", "alerts/compose.py",
    "alerts/words.py", "alerts/report", "errors/sentences.py", "errors/scrub.py", "errors/template.py",
    "frappe_host/desk.py", "frappe_host/test_", "monitoring/", "server/incoming.py", "server/metrics_page.py",
    "server/sentry_in.py", "server/alertmanager_in.py", "server/pings_in.py", "exporters/prometheus.py",
    "exporters/promql.py", "history/backup.py",
)  # fmt: skip
"""What is shown on the command line or in the Desk only, or told to other programs, invented for the demo, or said in
both languages already."""


@dataclass(frozen=True, slots=True)
class Said:
    """A template that the code has, and where."""

    template: str
    place: str


def said() -> list[Said]:
    """Every template, once, in the order of the files."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    shown = _shown(trees.values())
    found: dict[str, Said] = {}
    for path, tree in trees.items():
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(APART):
            continue
        for node, texts in _of_file(tree, name, shown):
            for text in texts:
                if _is_prose(text):
                    found.setdefault(text, Said(text, f"baken/{name}:{node.lineno}"))
    return list(found.values())


def plain(template: str) -> str:
    """A template of the table in the shape of `Said.template`: its values have no names."""
    return re.sub(r"\{\w+\}", "{}", template)


def _is_prose(text: str) -> bool:
    return len(re.findall(r"[A-Za-z]{2,}", text.replace("{}", ""))) >= 2 and len(text) < 1000 and "<html" not in text


def _shown(trees: Iterable[ast.Module]) -> set[str]:
    bases: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(base.id for base in node.bases if isinstance(base, ast.Name))
    shown = set(ROOTS)
    while more := {name for name, above in bases.items() if above & shown} - shown:
        shown |= more
    return shown


def _of_file(tree: ast.Module, name: str, shown: set[str]) -> Iterator[tuple[ast.expr, list[str]]]:
    known: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _named(node.targets[0].id):
            known.setdefault(node.targets[0].id, []).extend(_texts(node.value, {}))
    for node in ast.walk(tree):
        for value in _values(node, shown):
            yield value, _texts(value, known)
    whole = next((wanted for place, wanted in RETURNING.items() if name.startswith(place)), set())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (whole is None or node.name in whole):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return | ast.Yield) and inner.value is not None:
                    yield inner.value, _texts(inner.value, known)


def _named(name: str) -> bool:
    return name.strip("_").lower() in NAMES or name.isupper()


def _values(node: ast.AST, shown: set[str]) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        called = _name(node.func)
        if _name(getattr(node.func, "value", None)) == "log":
            return
        if called in shown:
            yield from node.args
        elif called == "__init__" and node.args:
            yield node.args[0]
        elif called in CALLS and len(node.args) > abs(CALLS[called]):
            yield node.args[CALLS[called]]
        elif called == "append" and _name(getattr(node.func, "value", None)) == "parts":
            yield from node.args
        yield from (word.value for word in node.keywords if word.arg in KEYS)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in KEYS:
                yield value
    elif isinstance(node, ast.Assign) and any(_name(each).strip("_").lower() in ALONE for each in _targets(node)):
        yield node.value


def _targets(node: ast.Assign) -> list[ast.expr]:
    target = node.targets[0]
    if isinstance(target, ast.Subscript):
        return [target.value]
    return target.elts if isinstance(target, ast.Tuple) else [target]


def _name(node: ast.AST | None) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _texts(node: ast.expr, known: dict[str, list[str]]) -> list[str]:
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(some) for some in product(*(_parts(part, known) for part in parts))]
        case ast.IfExp(body=one, orelse=other):
            return _texts(one, known) + _texts(other, known)
        case ast.BoolOp(values=some):
            return [text for each in some for text in _texts(each, known)]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            before, after = _texts(left, known), _texts(right, known)
            return [a + b for a in before or ["{}"] for b in after or ["{}"]] if before or after else []
        case ast.Dict(values=some) | ast.Tuple(elts=some) | ast.List(elts=some):
            return [text for each in some for text in _texts(each, known)]
        case ast.Call(func=ast.Name(), args=[one, *_]) if _name(node.func) == "str":
            return _texts(one, known)
        case ast.Call(func=ast.Name(id="next"), args=[_, other]):
            return _texts(other, known)
        case ast.Name(id=name) if name in known:
            return known[name]
        case _:
            return []


def _parts(part: ast.expr, known: dict[str, list[str]]) -> list[str]:
    if isinstance(part, ast.FormattedValue):
        # A choice between words is part of the sentence, as is a text that always stands there; other values are open.
        fixed = known.get(part.value.id, []) if isinstance(part.value, ast.Name) and part.value.id.isupper() else []
        if isinstance(part.value, ast.IfExp):
            return _texts(part.value, {}) or ["{}"]
        return fixed if len(fixed) == 1 else ["{}"]
    return _texts(part, known)
