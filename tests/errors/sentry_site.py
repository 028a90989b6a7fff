"""An app of a site that fails in many ways, and what a Sentry SDK sends of it beside what Frappe files."""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

KEY = "0123456789abcdef0123456789abcdef"

CODE = """
class PaymentError(Exception):
    pass


class Outer:
    class Nested(Exception):
        pass


def divide(member):
    secret = "hunter2"
    return 1 / 0


def lookup(member):
    return {}["IBAN of " + member]


def chained(member):
    try:
        divide(member)
    except ZeroDivisionError as error:
        raise PaymentError(f"Invoice ACC-SINV-2026-00012 of {member} cannot be paid") from error


def during(member):
    try:
        lookup(member)
    except KeyError:
        raise ValueError("not known")


def hidden(member):
    try:
        lookup(member)
    except KeyError:
        raise ValueError("kept quiet") from None


def silent(member):
    raise Outer.Nested


def several_lines(member):
    raise PaymentError("first line\\n  second line\\nTotal: 5")


def group(member):
    found = []
    for work in (divide, lookup):
        try:
            work(member)
        except Exception as error:
            found.append(error)
    raise ExceptionGroup("both failed", found)


def deep(member):
    return deep(member)


def library(member):
    import json

    return json.loads("{" + member)


def scripted(member):
    exec(compile("raise KeyError('x')", "<serverscript>: Pay Member", "exec"), {})


def in_lambda(member):
    return (lambda: undefined_name)()


def with_note(member):
    error = PaymentError("told")
    raise error


WAYS = (divide, lookup, chained, during, hidden, silent, several_lines, deep, library, scripted, in_lambda, with_note)
"""


class Caught(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.bodies.append(envelope.serialize())


def make_app(folder: Path) -> ModuleType:
    """The app in a bench's folder, imported."""
    path = folder / "apps" / "verenigingen" / "verenigingen" / "utils" / "payments.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CODE)
    spec = importlib.util.spec_from_file_location("verenigingen_payments_of_a_test", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def sdk(
    transport: Transport | None = None, dsn: str = f"http://{KEY}@127.0.0.1:1/1", **more: Any
) -> Iterator[sentry_sdk.Scope]:
    """A scope whose client is set up as Frappe does it."""
    options: dict[str, Any] = {"attach_stacktrace": True, "release": "15.55.1", "default_integrations": False}
    options |= {"auto_enabling_integrations": False} | more
    client = sentry_sdk.Client(dsn=dsn, transport=transport, **options)
    with sentry_sdk.isolation_scope(), sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        scope.set_user({"id": "logs.example"})
        scope.set_tag("frappe_user", "jan@leden.example")
        yield scope
        client.close(5)


def sent_of(work: Callable[[str], Any], member: str = "Elif Bos", **options: Any) -> tuple[bytes, BaseException]:
    """The body that is sent when `work` fails, and with what it does."""
    caught = Caught()
    with sdk(caught, **options) as scope:
        error = failing(work, member)
        scope.capture_exception(error)
    (body,) = caught.bodies
    return body, error


def failing(work: Callable[[str], Any], member: str = "Elif Bos") -> BaseException:
    """What `work` raises."""
    try:
        work(member)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def filed(error: BaseException, folder: Path) -> str:
    """`frappe.get_traceback()`."""
    return "".join(traceback.format_exception(error)).replace(f"{folder}/", "")


def filed_with_variables(error: BaseException, folder: Path) -> str:
    """`frappe.get_traceback(with_context=True)`: as the package traceback-with-variables writes it."""
    lines = ["Traceback with variables (most recent call last):"]
    assert error.__traceback__ is not None
    for frame, path, line, function, code, _ in inspect.getinnerframes(error.__traceback__, context=1):
        lines.append(f'  File "{path}", line {line}, in {function}')
        lines += [f"    {each.strip()}" for each in code or ()]
        lines += [f"      {name} = {value!r:.1000}" for name, value in frame.f_locals.items() if name != "__builtins__"]
    lines.append(f"{type(error).__module__}.{type(error).__name__}: {error}")
    return "\n".join(lines).replace(f"{folder}/", "")
