"""Writes a script's error as Chrome, Firefox and Safari report it, from different hosts and builds of the assets."""

import random
from dataclasses import dataclass

from tests.errors.labelled.tracebacks import Row


@dataclass(frozen=True)
class ScriptFailure:
    """One failure of a script.

    Attributes:
        label: its name.
        exception: the class.
        messages: what each browser says, by its name.
        calls: file within the assets (`*` stands for the build's hash) and function, the innermost first.
    """

    label: str
    exception: str
    messages: dict[str, str]
    calls: tuple[tuple[str, str], ...]


_DESK = "frappe/dist/js/desk.bundle.*.js"
_FORM = "frappe/dist/js/form.bundle.*.js"
_OWN = "ledenbeheer/dist/js/ledenbeheer.bundle.*.js"


def _missing(name: str, property: str) -> dict[str, str]:
    return {
        "chrome": f"Cannot read properties of undefined (reading '{property}')",
        "old chrome": f"Cannot read property '{property}' of undefined",
        "firefox": f'can\'t access property "{property}", {name} is undefined',
        "safari": f"undefined is not an object (evaluating '{name}.{property}')",
    }


FAILURES = (
    ScriptFailure("form without a document", "TypeError", _missing("frm.doc", "status"),
                  ((_OWN, "show_status"), (_FORM, "frappe.ui.form.Form.refresh"), (_DESK, "frappe.run_serially"))),
    ScriptFailure("member without a mandate", "TypeError", _missing("member.mandate", "iban"),
                  ((_OWN, "mandate_row"), (_OWN, "render"), (_DESK, "frappe.call"))),
    ScriptFailure("variable that nobody made", "ReferenceError",
                  {"chrome": "dues is not defined", "firefox": "dues is not defined",
                   "safari": "Can't find variable: dues"},
                  ((_OWN, "render"), (_DESK, "frappe.call"))),
    ScriptFailure("no function", "TypeError",
                  {"chrome": "frm.set_mandate is not a function", "firefox": "frm.set_mandate is not a function",
                   "safari": "frm.set_mandate is not a function. (In 'frm.set_mandate(1)', "
                             "'frm.set_mandate' is undefined)"},
                  ((_OWN, "refresh"), (_FORM, "frappe.ui.form.ScriptManager.trigger"))),
    ScriptFailure("desk without a route", "TypeError", _missing("frappe.router", "current_route"),
                  ((_DESK, "get_route"), (_DESK, "frappe.views.Factory.show"))),
    ScriptFailure("too deep", "RangeError",
                  {"chrome": "Maximum call stack size exceeded", "safari": "Maximum call stack size exceeded."},
                  ((_OWN, "walk"), (_OWN, "walk"), (_OWN, "walk"))),
)  # fmt: skip


def rows(each: int, seed: int) -> list[Row]:
    """`each` rows of every failure; the same seed gives the same rows."""
    rng = random.Random(seed)
    return [_write(failure, rng) for failure in FAILURES for _ in range(each)]


def _write(failure: ScriptFailure, rng: random.Random) -> Row:
    browser = rng.choice(sorted(failure.messages))
    host = rng.choice(("leden.example", "intranet.vereniging.example:8000", "127.0.0.1:8000"))
    build = "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(8))
    lines = []
    for file, function in failure.calls:
        at = f"https://{host}/assets/{file.replace('*', build)}:{rng.randrange(1, 900)}:{rng.randrange(1, 90_000)}"
        if "chrome" in browser:
            lines.append(f"    at {rng.choice(('', 'Object.', 'new ', 'async '))}{function} ({at})")
        else:
            lines.append(f"{function}{rng.choice(('', '/<', '<')) if browser == 'firefox' else ''}@{at}")
    head = f"{'Uncaught ' if 'chrome' in browser and rng.random() < 0.3 else ''}{failure.exception}: "
    title = rng.choice(("", "Client Error", "JS Error"))
    return Row(failure.label, title, "\n".join((head + failure.messages[browser], *lines)))
