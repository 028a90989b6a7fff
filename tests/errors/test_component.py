"""The part of a site that was at work, and the functional area in its parts."""

import pytest

from baken.errors.component import COMPONENTS, component
from baken.errors.fingerprint import fingerprint, fingerprint_text
from baken.errors.scrub import scrub
from baken.errors.taxonomy import Area, classify
from tests.errors.logs import JOB, WEB, traceback

SCHEDULED = (
    "Traceback (most recent call last):\n"
    '  File "apps/frappe/frappe/utils/background_jobs.py", line 222, in execute_job\n    retval = method(**kwargs)\n'
    '  File "apps/frappe/frappe/core/doctype/scheduled_job_type/scheduled_job_type.py", line 1, in execute\n    x()\n'
)
CONSOLE = (
    'Traceback (most recent call last):\n  File "apps/frappe/frappe/commands/utils.py", line 1, in execute\n    x()\n'
)
MAIL = "apps/frappe/frappe/email/doctype/email_queue/email_queue.py"


def _of(method: str, error: str) -> str:
    row = scrub(method, error)
    return component(row, fingerprint(row))


@pytest.mark.parametrize(
    ("expected", "method", "error"),
    [
        ("web", "'iban'", traceback("builtins.KeyError", "'iban'")),
        ("worker", "a.b.c", traceback("builtins.KeyError", "'iban'", head=JOB)),
        ("scheduler", "a.b.c", traceback("builtins.KeyError", "'iban'", head=SCHEDULED)),
        ("command", "x", traceback("builtins.KeyError", "'iban'", head=CONSOLE)),
        ("email", "frappe.email.queue.flush", traceback("builtins.OSError", "gone", path=MAIL, head=SCHEDULED)),
        ("email", "Error", traceback("smtplib.SMTPRecipientsRefused", "{'a@b.example': (550, b'no')}", head=JOB)),
        ("email", "Mail Queue", "E-mail to the board could not be sent"),
        ("integration", "x", traceback("requests.exceptions.ConnectionError", "no answer")),
        ("integration", "x", traceback("builtins.KeyError", "'id'",
                                       path="apps/payments/payments/payment_gateways/doctype/x/x.py")),
        ("browser", "", "TypeError: x is undefined\n    at f (https://h.example/assets/a/dist/js/a.bundle.js:1:2)"),
        ("unknown", "Some Title", "Some label"),
        ("unknown", "x", traceback("builtins.KeyError", "'iban'", head="Traceback (most recent call last):\n")),
    ],
)  # fmt: skip
def test_what_was_being_done_goes_before_how_it_got_there(expected: str, method: str, error: str) -> None:
    assert expected in COMPONENTS
    assert _of(method, error) == expected


def test_the_area_has_parts() -> None:
    path = "apps/erpnext/erpnext/accounts/doctype/sales_invoice/sales_invoice.py"
    found = fingerprint_text("x", traceback("builtins.TypeError", "no", path=path, function="validate"))
    method = "erpnext.accounts.doctype.sales_invoice.sales_invoice.validate"
    assert classify(found).where == Area("erpnext", "Accounts", "Sales Invoice", method)
    assert classify(found).area == "erpnext: Sales Invoice"


def test_the_message_tells_the_kind_of_document_where_the_framework_speaks() -> None:
    error = traceback("frappe.exceptions.DoesNotExistError", "Report Contributies not found",
                      path="apps/frappe/frappe/model/document.py", function="load_from_db", head=WEB)  # fmt: skip
    where = classify(fingerprint_text("x", error)).where
    assert where == Area("frappe", "", "Report", "frappe.model.document.load_from_db")


def test_what_has_no_place_has_no_area() -> None:
    assert classify(fingerprint_text("Something is wrong here", "A label")).where == Area()
    job = classify(fingerprint_text("erpnext.accounts.utils.reconcile", "")).where
    assert job == Area("erpnext", "Accounts", "", "erpnext.accounts.utils.reconcile")
