"""What goes wrong on the demo site: Error Log rows as Frappe 15 writes them, in both kinds.

A failing request or job leaves title = exception or method, and the traceback with the locals of each frame. A
handler that
calls `frappe.log_error(text, label)` leaves title = text and a short label as the error. The
variables come from the demo's
own invented members, so that names, numbers, amounts and addresses vary as they do in a real log.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

SITE = "demo.example.test"


@dataclass(frozen=True, slots=True)
class Frame:
    path: str
    line: int
    function: str
    code: str
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail. `weight` is how often it happens on a quiet day; `via` is web, job or log."""

    key: str
    weight: float
    via: str
    method: str
    exception: str
    title: str = ""
    frames: tuple[Frame, ...] = ()
    owner: str = ""
    # hours of the site's clock at which it happens; empty: whenever people work
    hours: tuple[int, ...] = field(default=())
    # Whether it came with the last release of the association's app.
    released: bool = False


@dataclass(slots=True)
class Cast:
    """Whom and what an error may speak of: (member, full name, e-mail, IBAN), invoices, payments, batches, mandates."""

    members: Sequence[tuple[str, str, str, str]]
    invoices: Sequence[str]
    payments: Sequence[str]
    batches: Sequence[str]
    mandates: Sequence[str]
    users: Sequence[str]


_APP = (
    '  File "apps/frappe/frappe/app.py", line 114, in application\n    response = frappe.api.handle(request)\n'
    "      request = <Request 'http://demo.example.test/api/method/%(method)s' [POST]>\n      response = None\n"
    "      rollback = True\n"
    '  File "apps/frappe/frappe/api/__init__.py", line 49, in handle\n    data = endpoint(**arguments)\n'
    "      request = <Request 'http://demo.example.test/api/method/%(method)s' [POST]>\n"
    "      endpoint = <function handle_rpc_call at 0x%(address)s>\n      arguments = {'method': '%(method)s'}\n"
    '  File "apps/frappe/frappe/api/v1.py", line 36, in handle_rpc_call\n    return frappe.handler.handle()\n'
    "      method = '%(method)s'\n      frappe = <module 'frappe' from 'apps/frappe/frappe/__init__.py'>\n"
    '  File "apps/frappe/frappe/handler.py", line 50, in handle\n    data = execute_cmd(cmd)\n'
    "      cmd = '%(method)s'\n      data = None\n"
    '  File "apps/frappe/frappe/handler.py", line 86, in execute_cmd\n'
    "    return frappe.call(method, **frappe.form_dict)\n      cmd = '%(method)s'\n      from_async = False\n"
    "      server_script = None\n      method = <function %(function)s at 0x%(address)s>\n"
    '  File "apps/frappe/frappe/__init__.py", line 1726, in call\n    return fn(*args, **newargs)\n'
    "      fn = <function %(function)s at 0x%(address)s>\n      args = ()\n"
    "      kwargs = {'name': '%(member)s', 'cmd': '%(method)s'}\n      newargs = {'name': '%(member)s'}\n"
)
_JOB = (
    '  File "apps/frappe/frappe/utils/background_jobs.py", line 222, in execute_job\n    retval = method(**kwargs)\n'
    "      site = 'demo.example.test'\n      method = <function %(function)s at 0x%(address)s>\n      event = None\n"
    "      job_name = '%(method)s'\n      kwargs = {'member_name': '%(member)s', 'retry': %(small)s}\n"
    "      user = '%(user)s'\n      is_async = True\n      retry = 0\n      retval = None\n"
    "      method_name = '%(method)s'\n      before_job_task = 'frappe.monitor.start'\n"
)


def _variables(rng: random.Random, cast: Cast, when: datetime) -> dict[str, str]:
    member, name, email, iban = rng.choice(cast.members)
    return {
        "member": member,
        "name": name,
        "email": email,
        "iban": iban,
        "invoice": rng.choice(cast.invoices),
        "payment": rng.choice(cast.payments),
        "batch": rng.choice(cast.batches),
        "mandate": rng.choice(cast.mandates),
        "user": rng.choice(cast.users),
        "amount": f"{rng.randrange(500, 15000) / 100:.2f}",
        "address": f"7f{rng.getrandbits(40):010x}",
        "token": f"{rng.getrandbits(160):040x}",
        "number": str(rng.randrange(100, 9000)),
        "small": str(rng.randrange(1, 9)),
        "byte": str(rng.randrange(1, 255)),
        "epoch": f"{when.timestamp():.7f}",
        "errno": str(rng.choice((1054, 1205, 1213, 1969))),
        "when": when.isoformat(" ", "microseconds"),
        "later": when.replace(microsecond=rng.randrange(1_000_000)).isoformat(" ", "microseconds"),
        "job": "verenigingen.utils.background_jobs.execute_member_payment_history_update",
    }


def error_row(failure: Failure, rng: random.Random, cast: Cast, when: datetime) -> tuple[str, str, str]:
    """(method, error, owner) of one Error Log row of `failure` at `when` (naive, the site's clock).

    Web errors are inserted later by a job: their owner is Administrator, as on a real site.
    """
    values = _variables(rng, cast, when)
    values["method"] = failure.method
    values["function"] = failure.method.rsplit(".", 1)[-1]
    method = ((failure.title or failure.method) % values)[:140]
    owner = "Administrator" if failure.via == "web" else rng.choice(("Administrator", values["user"]))
    if failure.via == "log":
        return method, failure.exception % values, owner
    parts = ["Traceback with variables (most recent call last):\n", (_APP if failure.via == "web" else _JOB) % values]
    for frame in failure.frames:
        parts.append(f'  File "{frame.path}", line {frame.line}, in {frame.function}\n    {frame.code}\n')
        if frame.variables:
            parts.append("      " + "\n      ".join(frame.variables) % values + "\n")
    parts.append(failure.exception % values)
    return method, "".join(parts), owner
