"""The same failure stays together whatever stands in it; different failures stay apart."""

import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.errors import names, template, traces
from baken.errors.fingerprint import (
    CURRENT,
    SPLITS,
    VERSIONS,
    Fingerprint,
    finer,
    fingerprint,
    fingerprint_text,
    module,
)
from baken.errors.scrub import scrub
from baken.errors.taxonomy import CATEGORIES, SEVERITIES, classify
from tests.errors.logs import JOB, WEB, traceback

members = st.integers(1, 9999).map(lambda n: f"Assoc-Member-2026-11-{n:04}")
invoices = st.integers(1, 99999).map(lambda n: f"ACC-SINV-2026-{n:05}")
hashes = st.text(alphabet="0123456789abcdef", min_size=10, max_size=10).filter(
    lambda text: any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
)
amounts = st.decimals(0, 100_000, places=2).map(str)
people = st.sampled_from(
    [
        "Elif Bos",
        "Mohamed van den Blom",
        "Jan el Smit",
        "Sanne Jansen",
        "Fleur van der Visser",
        "Wei Dekker",
        "Anne-Marie 't Hof",
    ]
)
dates = st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)).map(str)
mails = st.sampled_from(["jan@leden.example", "els.devries@vereniging.example", "x+y@sub.domain.nl"])
benches = st.sampled_from(["", "/home/frappe/frappe-bench/", "/workspace/bench-15/", "../"])

MESSAGES = [
    "Sales Invoice {invoice} not found",
    "Row #{small}: Allocated Amount {amount} cannot be greater than outstanding amount of {invoice}",
    "Document has been modified after you have opened it ({date}, {date}). Please refresh.",
    "Failed to update payment history for {member}: Error Log {hash}: truncated",
    "User not allowed to delete Customer: {person}",
    "IBAN of {person} <{mail}> is not valid for {member}",
    "Could not find Row #{small}: Membership: {member}",
    "Duplicate entry '{person}' for key 'PRIMARY'",
    "Timeout after {amount} seconds on job {hash}",
    "'<strong>{person}</strong>' has no mandate on {date}",
    "No such file: ./private/files/statement_{small}.xml",
    "http://{small}.example.test/api/{hash}?member={member} refused",
]


@st.composite
def variables(draw: st.DrawFn) -> dict[str, str]:
    return {
        "invoice": draw(invoices),
        "member": draw(members),
        "hash": draw(hashes),
        "amount": draw(amounts),
        "person": draw(people),
        "date": draw(dates),
        "mail": draw(mails),
        "small": str(draw(st.integers(1, 999))),
        "bench": draw(benches),
        "line": str(draw(st.integers(1, 4000))),
    }


def _of(message: str, values: dict[str, str], head: str = WEB, **options: str) -> Fingerprint:
    text = traceback(
        options.pop("exception", "frappe.exceptions.ValidationError"),
        message.format(**values),
        path=f"{values['bench']}apps/verenigingen/verenigingen/utils/{options.pop('file', 'payments')}.py",
        line=int(values["line"]),
        head=head,
        host=f"{values['small']}.example.test",
        name=values["person"],
        **options,
    )
    return fingerprint_text("verenigingen.utils.payments.pay", text)


@pytest.mark.parametrize("message", MESSAGES)
@given(first=variables(), second=variables())
@settings(max_examples=25, deadline=None)
def test_what_varies_does_not_change_the_pattern(message: str, first: dict[str, str], second: dict[str, str]) -> None:
    one, other = _of(message, first), _of(message, second)
    assert (one.pattern, one.template) == (other.pattern, other.template)


@given(values=variables(), message=st.sampled_from(MESSAGES))
@settings(max_examples=60, deadline=None)
def test_what_matters_changes_the_pattern(values: dict[str, str], message: str) -> None:
    base = _of(message, values)
    assert _of(message, values, exception="builtins.TypeError").pattern != base.pattern
    assert _of(message, values, function="refund").pattern != base.pattern
    assert _of(message, values, file="refunds").pattern != base.pattern
    assert _of("Something else is wrong", values).pattern != base.pattern


@given(values=variables(), message=st.sampled_from(MESSAGES))
@settings(max_examples=60, deadline=None)
def test_a_row_with_its_detail_in_the_title(values: dict[str, str], message: str) -> None:
    other = {"invoice": "ACC-SINV-2020-00001", "member": "Assoc-Member-1999-01-0001", "hash": "0a1b2c3d4e",
             "amount": "1.00", "person": "Piet de Groen",
             "date": "2020-01-01 00:00:00", "mail": "a@b.nl", "small": "7"}  # fmt: skip
    row = fingerprint_text(message.format(**values), "Payment Update Error")
    assert row.pattern == fingerprint_text(message.format(**other), "Payment Update Error").pattern
    assert row.pattern != fingerprint_text(message.format(**values), "Another Label").pattern
    assert row.title == "Payment Update Error"


def test_jobs_that_share_a_method_are_told_apart_by_the_exception() -> None:
    def job(exception: str, message: str) -> str:
        return fingerprint_text(
            "frappe.client.insert", JOB.format(host="x", name="y", secret="z") + f"{exception}: {message}"
        ).pattern

    found = {job("builtins.TypeError", "a"), job("builtins.TypeError", "b"), job("builtins.KeyError", "a")}
    assert len(found) == 3


def test_chained_exceptions_count_as_what_was_raised_in_the_end() -> None:
    first = traceback("pymysql.err.OperationalError", "(1205, 'Lock wait timeout exceeded')")
    second = traceback("frappe.exceptions.QueryTimeoutError", "gave up", function="save")
    for marker in ("During handling of the above exception, another exception occurred:",
                   "The above exception was the direct cause of the following exception:"):  # fmt: skip
        found = fingerprint_text("x", f"{first}\n\n{marker}\n\n{second}")
        assert found.exception == "frappe.exceptions.QueryTimeoutError"
        assert found.frames == ("verenigingen.utils.payments:save",)


def test_the_error_of_a_template_is_found_within_the_message() -> None:
    inner = (
        'Traceback (most recent call last):\n  File "apps/frappe/frappe/utils/jinja.py", line 97, in render\n    x\n'
    )
    inner += "jinja2.exceptions.UndefinedError: 'member' is undefined\n</pre>"
    found = fingerprint_text(
        "frappe.render_template", traceback("frappe.exceptions.ValidationError", f"<pre>{{{{ x }}}}</pre><pre>{inner}")
    )
    assert found.exception == "jinja2.exceptions.UndefinedError"
    assert found.template == "'member' is undefined"
    assert classify(found).category == "template"


def test_pythons_own_traceback_and_the_one_with_variables_agree() -> None:
    with_variables = traceback("builtins.KeyError", "'iban'")
    plain = "\n".join(
        line.replace("builtins.", "").replace("Traceback with variables", "Traceback")
        for line in with_variables.split("\n")
        if not line.startswith("      ")
    )
    plain = plain.replace("    do_it(member)\n", "    do_it(member)\n    ^^^^^^^^^^^^^\n")
    assert fingerprint_text("x", plain).pattern == fingerprint_text("x", with_variables).pattern


HEAD = "Traceback (most recent call last):\n"


def _frame(path: str, function: str, code: str, line: int = 1) -> str:
    return f'  File "{path}", line {line}, in {function}\n    {code}\n'


OWN = "apps/leden/leden/dues.py"
THROW = "".join(
    _frame("apps/frappe/frappe/__init__.py", function, code)
    for function, code in (
        ("throw", "msgprint("),
        ("msgprint", "_raise_exception()"),
        ("_raise_exception", "raise exc"),
    )
)


def _pattern(error: str, method: str = "x") -> str:
    return fingerprint_text(method, error).pattern


def test_the_line_of_code_says_the_same_in_every_language() -> None:
    code = 'frappe.throw(_("Member {0} has no mandate").format(name))'
    error = f"{HEAD}{_frame(OWN, 'collect', code)}{THROW}frappe.exceptions.ValidationError: "
    found = fingerprint_text("x", f"{error}Member Jan Bos has no mandate")
    assert found.pattern == _pattern(f"{error}Lid Fleur van Dijk heeft geen machtiging")
    assert "Member {} has no mandate" in found.why
    other = error.replace("has no mandate", "has no bank account")
    assert found.pattern != _pattern(f"{other}Member Jan Bos has no bank account")


def test_the_cause_counts_where_the_code_passes_it_on() -> None:
    code = 'frappe.throw(_("Batch {0} failed: {1}").format(name, str(e)))'
    error = f"{HEAD}{_frame(OWN, 'collect', code)}{THROW}frappe.exceptions.ValidationError: Batch DDB-1 failed: "
    assert _pattern(f"{error}no mandate was found") != _pattern(f"{error}the bank account is closed")
    assert _pattern(f"{error}no mandate was found") == _pattern(
        f"{error.replace('DDB-1', 'DDB-2')}no mandate was found"
    )


def test_a_request_and_a_job_that_fail_alike_are_one_pattern() -> None:
    inner = _frame("apps/frappe/frappe/client.py", "set_value", "doc.save()")
    inner += _frame("apps/frappe/frappe/model/document.py", "check_if_latest", "frappe.throw(") + THROW
    end = "frappe.exceptions.TimestampMismatchError: Error: Document has been modified after you have opened it"
    web = f"{HEAD}{_frame('apps/frappe/frappe/app.py', 'application', 'x')}{inner}{end}"
    job = f"{HEAD}{_frame('apps/frappe/frappe/utils/background_jobs.py', 'execute_job', 'x')}{inner}{end}"
    assert _pattern(web, "Error: Document has been modified") == _pattern(job, "frappe.client.set_value")


def test_a_guard_refuses_for_many() -> None:
    def refused(function: str) -> Fingerprint:
        calls = _frame(OWN, function, "check()") + _frame(
            "apps/leden/leden/guard.py", "check", "raise PermissionError("
        )
        return fingerprint_text("x", f"{HEAD}{calls}leden.errors.PermissionError: Access denied")

    assert refused("export").pattern != refused("merge").pattern
    assert "refused was leden.dues:export" in refused("export").why


def test_apps_among_the_libraries_are_apps() -> None:
    calls = _frame("apps/erpnext/erpnext/stock/bin.py", "count", "return total[item]") + _frame(
        "env/lib/python3.11/site-packages/redis/client.py", "get", "x")  # fmt: skip
    moved = calls.replace("apps/erpnext/", "/usr/local/lib/python3.12/site-packages/")
    assert _pattern(f"{HEAD}{calls}KeyError: 'a'") == _pattern(f"{HEAD}{moved}KeyError: 'a'")


def test_a_job_that_reached_its_time_limit_is_one_pattern_wherever_it_was() -> None:
    def late(file: str, code: str) -> str:
        calls = _frame(OWN, "recalculate", "each(member)") + _frame(f"apps/leden/leden/{file}.py", "work", code)
        calls += _frame("env/lib/python3.11/site-packages/rq/timeouts.py", "handle_death_penalty", "raise x")
        return f"{HEAD}{calls}rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (300 seconds)"

    assert _pattern(late("members", "save()")) == _pattern(late("letters", "send()"))


def test_a_recursion_is_the_calls_that_go_round() -> None:
    def deep(end: str) -> str:
        round_ = _frame(OWN, "parent", "child(x)") + _frame(OWN, "child", "parent(x)")
        text = (
            HEAD + _frame(OWN, "begin", "parent(x)") + round_ * 3 + "  [Previous line repeated 995 more times]\n" + end
        )
        return f"{text}RecursionError: maximum recursion depth exceeded"

    assert _pattern(deep("")) == _pattern(f"{deep(_frame(OWN, 'parent', 'child(x)'))} while calling a Python object")
    assert fingerprint_text("x", deep("")).frames == ("leden.dues:child", "leden.dues:parent")


def test_a_group_of_exceptions_is_its_first() -> None:
    text = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "apps/leden/leden/run.py", line 3, in run\n  |     async with group:\n'
        "  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)\n"
        "  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n"
        '    |   File "apps/leden/leden/dues.py", line 2, in fetch\n    |     raise ValueError(text)\n'
        "    | ValueError: no amount\n    +---------------- 2 ----------------\n    | KeyError: 3\n"
        "    +------------------------------------\n"
    )
    found = fingerprint_text("x", text)
    assert (found.exception, found.template, found.frames) == ("ValueError", "no amount", ("leden.dues:fetch",))


def test_notes_and_a_silent_exception() -> None:
    calls = HEAD + _frame(OWN, "collect", "raise frappe.PermissionError")
    assert _pattern(f"{calls}frappe.exceptions.PermissionError") == _pattern(
        f"{calls}frappe.exceptions.PermissionError\nwhile handling MEM-00012"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TypeError: Dues.pay() missing 1 required positional argument: 'x'",
         "TypeError: pay() missing 1 required positional argument: 'x'"),
        ("UnboundLocalError: local variable 'date' referenced before assignment",
         "UnboundLocalError: cannot access local variable 'date' where it is not associated with a value"),
        ("AttributeError: 'Dues' object has no attribute 'paid'",
         "AttributeError: 'Dues' object has no attribute 'paid'. Did you mean: 'pay'?"),
        ("pymysql.err.OperationalError: (1054, \"Unknown column 'paid' in 'where clause'\")",
         "MySQLdb.OperationalError: (1054, \"Unknown column 'paid' in 'WHERE'\")"),
        ("pymysql.err.IntegrityError: (1062, \"Duplicate entry 'a' for key 'PRIMARY'\")",
         "pymysql.err.IntegrityError: (1062, \"Duplicate entry 'b-1' for key 'tabMember.PRIMARY'\")"),
        ("ZeroDivisionError: division by zero", "ZeroDivisionError: float division by zero"),
    ],
)  # fmt: skip
def test_versions_of_python_and_mariadb_say_it_differently(one: str, other: str) -> None:
    calls = HEAD + _frame(OWN, "collect", "return pay(x)")
    assert _pattern(calls + one) == _pattern(calls + other)


def test_a_trace_of_java_is_its_root_cause() -> None:
    text = (
        "2026-01-02 ERROR java.lang.RuntimeException: cannot export\n\tat example.bank.Export.run(Export.java:12)\n"
        "Caused by: java.lang.NullPointerException: no account\n\tat java.util.List.get(List.java:1)\n"
        "\tat example.bank.Accounts.find(Accounts.java:33)\n\t... 12 more\n"
    )
    found = fingerprint_text(None, text)
    assert (found.exception, found.frames) == ("java.lang.NullPointerException", ("example.bank.Accounts:find",))


def test_versions_are_named_and_part_of_the_pattern() -> None:
    error = traceback("builtins.KeyError", "'iban'")
    found = {version: fingerprint_text("x", error, version) for version in VERSIONS}
    assert CURRENT == "v1"
    assert [each.version for each in found.values()] == list(VERSIONS)
    assert len({each.pattern for each in found.values()}) == len(VERSIONS)
    other = traceback("builtins.KeyError", "'mandate'")
    assert fingerprint_text("x", other, "v2").pattern == found["v2"].pattern
    assert fingerprint_text("x", other).pattern != found["v1"].pattern
    with pytest.raises(KeyError):
        fingerprint_text("x", error, "v0")


def test_a_pattern_can_be_split() -> None:
    def split(by: str, method: str, error: str) -> Fingerprint:
        row = scrub(method, error)
        return finer(row, fingerprint(row), by)

    base = traceback("frappe.exceptions.ValidationError", "Invoice ACC-SINV-2026-00001 is not paid")
    invoice = traceback("frappe.exceptions.ValidationError", "Invoice ACC-SINV-2026-00002 is not paid")
    caller = base.replace('  File "apps/verenigingen', _frame(OWN, "collect", "pay()") + '  File "apps/verenigingen', 1)
    assert len({_pattern(base, "a"), _pattern(invoice, "b"), _pattern(caller)}) == 1
    parts = {by: split(by, "a", base) for by in SPLITS}
    assert len({part.pattern for part in parts.values()} | {_pattern(base)}) == 4
    assert split("message", "a", invoice).pattern != parts["message"].pattern
    assert split("title", "b", base).pattern != parts["title"].pattern
    assert split("caller", "a", caller).pattern != parts["caller"].pattern
    assert split("message", "b", caller).pattern == parts["message"].pattern
    assert "split by caller: “verenigingen.utils.payments:pay”" in parts["caller"].why
    with pytest.raises(ValueError, match="message, title, caller"):
        split("reference", "a", base)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("https://h.example/assets/frappe/dist/js/desk.bundle.QK7ZP2AB.js?v=1", "frappe/dist/js/desk.bundle.js"),
        ("apps/frappe/frappe/app.py", "frappe.app"),
        ("/home/frappe/frappe-bench/apps/erpnext/erpnext/accounts/__init__.py", "erpnext.accounts"),
        ("env/lib/python3.11/site-packages/pymysql/cursors.py", "pymysql.cursors"),
        ("/usr/lib/python3.11/json/decoder.py", "json.decoder"),
        ("/root/.pyenv/versions/3.11.7/lib/python3.11/logging/__init__.py", "logging"),
        ("/home/jan/script.py", "script"),
        ("<template>", "<template>"),
        ("<unknown>", "<template>"),
    ],
)
def test_modules_do_not_depend_on_where_a_bench_lies(path: str, expected: str) -> None:
    assert module(path) == expected


@pytest.mark.parametrize(
    ("message", "exception", "expected"),
    [
        ("'NoneType' object has no attribute 'payment_terms'", "AttributeError",
         "'NoneType' object has no attribute 'payment_terms'"),
        ("f() missing 2 required positional arguments: 'dt' and 'dn'", "TypeError",
         "f() missing <n> required positional arguments: 'dt' and 'dn'"),
        ("(1054, \"Unknown column 'is_active' in 'WHERE'\")", "pymysql.err.OperationalError",
         "(1054, Unknown column 'is_active' in 'WHERE')"),
        ("(1146, \"Table '_db.tabSystem Alert' doesn't exist\")", "pymysql.err.ProgrammingError",
         "(1146, Table 'tabSystem Alert' doesn't exist)"),
        ("invalid literal for int() with base 10: 'null'", "ValueError",
         "invalid literal for int() with base <n>: <value>"),
        ("Date 01-01-2018 is not in any active Fiscal Year", "FiscalYearError",
         "Date <date> is not in any active Fiscal Year"),
        ("Please ensure <strong>Debit To</strong> account <strong>Cash - VV</strong> is", "ValidationError",
         "Please ensure Debit To account <value> is"),
        ("404 Client Error: Not Found for url: https://api.mollie.com/v2/pay/tr_1", "requests.exceptions.HTTPError",
         "404 Client Error: Not Found for url: <url api.mollie.com>"),
        ("[Errno 111] Connection refused", "ConnectionRefusedError", "[Errno 111] Connection refused"),
        ("From Date and To Date are mandatory", "ValidationError", "From Date and To Date are mandatory"),
        ("apps/verenigingen/templates/emails/mandate.html", "TemplateNotFound",
         "apps/verenigingen/templates/emails/mandate.html"),
    ],
)  # fmt: skip
def test_templates_stay_readable(message: str, exception: str, expected: str) -> None:
    assert template.template(message, exception) == expected


def test_variables_are_dropped_also_when_they_have_many_lines() -> None:
    text = (
        "Traceback with variables (most recent call last):\n"
        '  File "apps/x/x/a.py", line 1, in f\n    g(\n      letter = Dear Jan,\nyour iban is NL21RABO6780487760\n'
        "Kind: regards\n      other = 1\n"
        '  File "apps/x/x/a.py", line 9, in g\n    raise\n      last = first line\nSecret: text\n'
        "builtins.ValueError: wrong\nmore"
    )
    trace = traces.parse(text)
    assert [frame.function for frame in trace.failures[0].frames] == ["f", "g"]
    assert (trace.failures[0].exception, trace.failures[0].message) == ("builtins.ValueError", "wrong\nmore")
    shown = scrub("t", text).text
    assert "Dear" not in shown
    assert "Secret" not in shown
    assert "    raise" in shown


def test_a_traceback_within_a_string_counts_only_where_there_is_no_other() -> None:
    calls = HEAD + _frame(OWN, "collect", "return pay(x)") + "KeyError: 'iban'"
    escaped = calls.replace("\n", "\\n").replace('"', '\\"')
    assert _pattern(f"Job failed: {escaped}") == _pattern(calls)
    inner = (HEAD + _frame("apps/leden/leden/other.py", "f", "g()") + "TypeError: no").__repr__()
    with_variables = HEAD.replace("Traceback", "Traceback with variables") + _frame(OWN, "collect", "return pay(x)")
    assert _pattern(f"{with_variables}      error = {inner}\nbuiltins.KeyError: 'iban'") == _pattern(calls)


@given(st.text(alphabet="aE \n\t<>:.'\"()[]{}/\\&;%_-0123abcTrcFil,=éN", max_size=400), st.text(max_size=150))
@settings(max_examples=300, deadline=None)
def test_any_text_gets_a_pattern(error: str, method: str) -> None:
    for text in (error, f"Traceback (most recent call last):\n{error}", traceback("builtins.KeyError", error)):
        found = fingerprint_text(method, text)
        assert found == fingerprint_text(method, text)
        assert len(found.pattern) == 16
        assert len(found.template) <= template.LIMIT
        assert "\n" not in found.template
        kind = classify(found)
        assert kind.category in CATEGORIES
        assert kind.severity in SEVERITIES
        assert len(kind.area) <= 140
        scrub(method, text).text.encode()


UNITS = [
    "a", "'", '"', "<strong>", "<a ", "{", "[", "{'", "1", "1.", "a/", "/", "a b/", "-1", "=1", "Member ",
    "Member: ", "Member Aa ", "User not ", " near '", "&lt;", "with name ", "Aa ", "Aa van ", "<id>, ", "1:",
    "x=1&", "Error: ", "\\", "http://", "(1", '  File "', '\n  File "a", line 1, in b',
    "Traceback (most recent call last):\n", "\nA.b: c", "a.", "\n ", "Naam: ", "name='", "A - B ", "1 and ", "/a",
    '("a', "    at x (y:1:2)\n", "x@http://y:1\n", "\tat a.b(C.java:1)\n", "Caused by: A: ", "Rij 1 is verplicht ",
    "{e} ", "  +-+---------------- 1 ----------------\n", "\\n  File ",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_texts_take_no_longer_than_friendly_ones(unit: str) -> None:
    def seconds(size: int) -> float:
        text = 'Traceback (most recent call last):\n  File "a", line 1, in f\n    x\nValueError: ' + unit * (
            size // len(unit)
        )
        started = time.process_time()
        traces.parse(text)
        traces.parse(text.partition("ValueError: ")[2])
        fingerprint_text("x", text.replace("    x\n", f"    throw({text[-size // 8 :]})\n".replace("\n", " ") + "\n"))
        names.mask_names(text)
        fingerprint_text(text[-size:], text)
        return time.process_time() - started

    # What else the machine does may stretch one of both: it is so each time where a rule looks back.
    assert any(seconds(80_000) < 8 * seconds(20_000) + 0.15 for _ in range(5))


def test_a_secret_in_the_code_is_not_told_as_the_reason() -> None:
    code = "frappe.throw('Failed to reach https://bank.example/pay?access_token=Tok3nInUrl99887766 again')"
    text = traceback("frappe.exceptions.ValidationError", "Failed to reach the bank").replace("do_it(member)", code)
    found = fingerprint_text("x", text)
    assert "Failed to reach" in found.why
    assert "Tok3nInUrl" not in found.why


def test_a_job_at_its_limit_is_grouped_by_the_job_and_not_by_what_failed_when_it_was_tidied_up() -> None:
    def of(function: str) -> Fingerprint:
        limit = traceback("rq.timeouts.JobTimeoutException", "Task exceeded maximum timeout value (30 seconds)",
                          function=function, head=JOB)  # fmt: skip
        tidying = (
            'Traceback (most recent call last):\n  File "apps/frappe/frappe/utils/background_jobs.py", line 250, in '
            'execute_job\n    frappe.db.rollback()\n  File "apps/frappe/frappe/database/database.py", line 1000, in '
            "rollback\n    self.sql('rollback')\npymysql.err.InterfaceError: (0, '')"
        )
        marker = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
        return fingerprint_text("", limit + marker + tidying)

    assert of("collect_dues").exception == "rq.timeouts.JobTimeoutException"
    assert of("collect_dues").pattern != of("send_mail").pattern
    assert "collect_dues" in of("collect_dues").why
