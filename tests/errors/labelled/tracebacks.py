"""Writes a failure as a Frappe site would log it: layout, version, way in, language, values vary; the label stays."""

import html
import random
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.errors.labelled.values import values

Call = tuple[str, str, str]
"""Path within the bench, function, line of code."""


@dataclass(frozen=True)
class Failure:
    """One failure for a human: the class raised at a place for a reason.

    Attributes:
        label: its name.
        exception: the class with its module.
        calls: what leads to it behind the way in, the innermost last.
        messages: its text per language, `en` first; `{member}` and the like are filled in.
        tail: libraries' calls within the innermost one: a name of TAILS.
        method: what the job is called, and the title of a job's row.
        title: what a program files it under with `frappe.log_error`; "" when Frappe itself logs it.
    """

    label: str
    exception: str
    calls: tuple[Call, ...]
    messages: dict[str, str]
    tail: str = ""
    method: str = "ledenbeheer.api.run"
    title: str = ""


@dataclass(frozen=True)
class Row:
    """A row as it stands in the log, with the label of its failure."""

    label: str
    method: str
    error: str


PYTHONS = ("3.10", "3.11", "3.12", "3.13")
BENCHES = ("", "/home/frappe/frappe-bench/", "/opt/benches/bench-15/", "/workspace/development/bench/")
TAILS: dict[str, tuple[Call, ...]] = {
    "throw": (
        ("apps/frappe/frappe/__init__.py", "throw", "msgprint("),
        ("apps/frappe/frappe/__init__.py", "msgprint", "_raise_exception()"),
        ("apps/frappe/frappe/__init__.py", "_raise_exception", "raise exc"),
    ),
    "throw16": (
        ("apps/frappe/frappe/utils/messages.py", "throw", "msgprint("),
        ("apps/frappe/frappe/utils/messages.py", "msgprint", "_raise_exception()"),
        ("apps/frappe/frappe/utils/messages.py", "_raise_exception", "raise exc"),
    ),
    "sql": (
        ("apps/frappe/frappe/database/database.py", "sql", "self.execute_query(query, values)"),
        ("apps/frappe/frappe/database/database.py", "execute_query", "return self._cursor.execute(query, values)"),
        ("LIB/pymysql/cursors.py", "execute", "result = self._query(query)"),
        ("LIB/pymysql/connections.py", "_read_query_result", "result.read()"),
        ("LIB/pymysql/protocol.py", "raise_for_error", "err.raise_mysql_exception(self._data)"),
        ("LIB/pymysql/err.py", "raise_mysql_exception", "raise errorclass(errno, errval)"),
    ),
    "requests": (
        ("LIB/requests/api.py", "get", 'return request("get", url, params=params, **kwargs)'),
        ("LIB/requests/sessions.py", "request", "resp = self.send(prep, **send_kwargs)"),
        ("LIB/requests/adapters.py", "send", "raise ConnectionError(e, request=request)"),
    ),
    "status": (("LIB/requests/models.py", "raise_for_status", "raise HTTPError(http_error_msg, response=self)"),),
    "json": (
        ("STD/json/__init__.py", "loads", "return _default_decoder.decode(s)"),
        ("STD/json/decoder.py", "decode", "obj, end = self.raw_decode(s, idx=_w(s, 0).end())"),
        ("STD/json/decoder.py", "raw_decode", 'raise JSONDecodeError("Expecting value", s, err.value) from None'),
    ),
    "smtp": (
        ("STD/smtplib.py", "sendmail", "raise SMTPRecipientsRefused(senderrs)"),
    ),
    "redis": (
        ("LIB/redis/client.py", "execute_command", "return self._execute_command(*args, **options)"),
        ("LIB/redis/connection.py", "connect", "raise ConnectionError(self._error_message(e))"),
    ),
    "timeout": (
        ("STD/socket.py", "readinto", "return self._sock.recv_into(b)"),
        ("LIB/rq/timeouts.py", "handle_death_penalty", "raise self._exception('Task exceeded maximum timeout value "
         "({0} seconds)'.format(self._timeout))"),
    ),
}  # fmt: skip
SAVE: tuple[Call, ...] = (
    ("apps/frappe/frappe/model/document.py", "insert", "self.run_before_save_methods()"),
    ("apps/frappe/frappe/model/document.py", "run_before_save_methods", 'self.run_method("validate")'),
    ("apps/frappe/frappe/model/document.py", "run_method", "out = Document.hook(fn)(self, *args, **kwargs)"),
    ("apps/frappe/frappe/model/document.py", "composer", "return composed(self, method, *args, **kwargs)"),
    ("apps/frappe/frappe/model/document.py", "runner", "add_to_return_value(self, fn(self, *args, **kwargs))"),
    ("apps/frappe/frappe/model/document.py", "fn", "return method_object(*args, **kwargs)"),
)
_WEB: tuple[Call, ...] = (
    ("apps/frappe/frappe/app.py", "application", "response = frappe.api.handle(request)"),
    ("apps/frappe/frappe/api/__init__.py", "handle", "data = endpoint(**arguments)"),
    ("apps/frappe/frappe/api/v1.py", "handle_rpc_call", "return frappe.handler.handle()"),
    ("apps/frappe/frappe/handler.py", "handle", "data = execute_cmd(cmd)"),
    ("apps/frappe/frappe/handler.py", "execute_cmd", "return frappe.call(method, **frappe.form_dict)"),
    ("apps/frappe/frappe/__init__.py", "call", "return fn(*args, **newargs)"),
    ("apps/frappe/frappe/utils/typing_validations.py", "wrapper", "return func(*args, **kwargs)"),
)
WAYS: dict[str, tuple[Call, ...]] = {
    "web": _WEB,
    "web14": (
        ("apps/frappe/frappe/app.py", "application", "response = frappe.api.handle()"),
        ("apps/frappe/frappe/api.py", "handle", "return frappe.handler.handle()"),
        ("apps/frappe/frappe/handler.py", "handle", "data = execute_cmd(cmd)"),
        ("apps/frappe/frappe/handler.py", "execute_cmd", "return frappe.call(method, **frappe.form_dict)"),
        ("apps/frappe/frappe/__init__.py", "call", "return fn(*args, **newargs)"),
    ),
    "job": (
        ("apps/frappe/frappe/utils/background_jobs.py", "execute_job", "retval = method(**kwargs)"),
        ("apps/frappe/frappe/utils/typing_validations.py", "wrapper", "return func(*args, **kwargs)"),
    ),
    "scheduled": (
        ("apps/frappe/frappe/core/doctype/scheduled_job_type/scheduled_job_type.py", "execute",
         "frappe.get_attr(self.method)()"),
    ),
    "handler": (),
}  # fmt: skip


def load(name: str) -> tuple[Failure, ...]:
    """The catalogue `name`, "tuned" or "held_out", that lies beside this file."""
    text = (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    return tuple(_failure(entry) for entry in tomllib.loads(text)["failure"])


def _failure(entry: dict[str, Any]) -> Failure:
    calls: list[Call] = []
    for call in entry["calls"]:
        if call == "SAVE":
            calls += SAVE
        else:
            path, function, code = call.split(" | ", 2)
            calls.append((path, function, code))
    return Failure(
        entry["label"],
        entry["exception"],
        tuple(calls),
        {language: entry[language] for language in ("en", "nl") if language in entry},
        entry.get("tail", ""),
        entry.get("method", "ledenbeheer.api.run"),
        entry.get("title", ""),
    )


def rows(failures: tuple[Failure, ...], each: int, seed: int) -> list[Row]:
    """`each` rows of every failure in any order; the same seed gives the same rows."""
    rng = random.Random(seed)
    made = [write(failure, rng) for failure in failures for _ in range(each)]
    rng.shuffle(made)
    return made


def write(failure: Failure, rng: random.Random) -> Row:
    """One row of `failure`, everything that may vary drawn from `rng`."""
    filled = values(rng)
    language = rng.choice(sorted(failure.messages))
    message = failure.messages[language].format_map(filled)
    layout = rng.choice(("variables", "plain", "marks"))
    python = rng.choice(PYTHONS)
    way = "handler" if failure.title else rng.choice(("web", "web14", "job", "job", "scheduled"))
    tail = "throw16" if failure.tail == "throw" and rng.random() < 0.2 else failure.tail
    calls = (*WAYS[way], *failure.calls, *TAILS.get(tail, ()))
    bench = "" if layout == "variables" else rng.choice(BENCHES[1:])
    lines = [f"Traceback {'with variables ' if layout == 'variables' else ''}(most recent call last):"]
    for call in calls:
        lines += _call(call, layout, bench, python, filled, rng)
    exception = failure.exception
    if layout != "variables":
        exception = exception.removeprefix("builtins.")
    lines.append(f"{exception}: {message}" if message else exception)
    if layout != "variables" and rng.random() < 0.1:
        lines.append(f"while handling {filled['member']}")
    error = "\n".join(lines)
    if rng.random() < 0.1:
        error = _cause(rng) + error
    return Row(failure.label, _title(failure, way, exception, message, filled), error)


def _title(failure: Failure, way: str, exception: str, message: str, filled: dict[str, str]) -> str:
    if way == "handler":
        return html.escape(failure.title.format_map(filled), quote=False)[:140]
    if way.startswith("web"):
        return html.escape(message or exception, quote=False)[:140]
    return failure.method


def _call(call: Call, layout: str, bench: str, python: str, filled: dict[str, str], rng: random.Random) -> list[str]:
    path, function, code = call
    standard = rng.choice(("/usr/lib", f"/root/.pyenv/versions/{python}.7/lib"))
    path = path.replace("LIB/", f"{bench}env/lib/python{python}/site-packages/")
    path = path.replace("STD/", f"{standard}/python{python}/")
    if path.startswith("apps/"):
        path = bench + path
    out = [f'  File "{path}", line {rng.randrange(1, 4000)}, in {function}']
    if not code:
        return out
    out.append(f"    {code}")
    if layout == "marks" and rng.random() < 0.7:
        out.append("    " + "^" * len(code))
    if layout == "variables":
        out += textwrap.indent(_variables(filled, rng), " " * 6).split("\n")
    return out


def _variables(filled: dict[str, str], rng: random.Random) -> str:
    chosen = rng.sample(sorted(filled), rng.randrange(1, 5))
    lines = [f"{name} = '{filled[name]}'" for name in chosen]
    lines.append(f"self = <SalesInvoice: {filled['invoice']}>")
    if rng.random() < 0.2:
        lines.append(f"text = Dear {filled['person']},\nyou have not paid {filled['amount']}.\nKind: regards")
    return "\n".join(lines)


def _cause(rng: random.Random) -> str:
    cause = rng.choice((
        ("KeyError", "'sepa_settings'", "During handling of the above exception, another exception occurred:"),
        ("ValueError", "not a number", "The above exception was the direct cause of the following exception:"),
    ))  # fmt: skip
    return (
        "Traceback (most recent call last):\n"
        f'  File "apps/ledenbeheer/ledenbeheer/cache.py", line {rng.randrange(900)}, in look_up\n    return kept[key]\n'
        f"{cause[0]}: {cause[1]}\n\n{cause[2]}\n\n"
    )
