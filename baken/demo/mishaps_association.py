"""Failures of the association's own doings: members, mandates, dues, payments."""

from baken.demo.failures import Failure, Frame

_DOCUMENT = "apps/frappe/frappe/model/document.py"
_SAVE = (
    Frame(_DOCUMENT, 342, "save", "return self._save(*args, **kwargs)", ("self = <Member: %(member)s>", "args = ()")),
    Frame(_DOCUMENT, 372, "_save", "self.check_if_latest()", ("self = <Member: %(member)s>", "ignore_version = None")),
)
_V = "apps/verenigingen/verenigingen/"
_PAY = "verenigingen.verenigingen_payments."

ASSOCIATION: tuple[Failure, ...] = (
    Failure(
        "history_modified",
        9,
        "job",
        "verenigingen.utils.background_jobs.execute_member_payment_history_update",
        "frappe.exceptions.TimestampMismatchError: Error: Document has been modified after you have opened it "
        "(%(when)s, %(later)s). Please refresh to get the latest document.",
        frames=(
            Frame(
                _V + "utils/background_jobs.py",
                323,
                "execute_member_payment_history_update",
                "result = refresh_member_financial_history_optimized(member, payment_entry)",
                (
                    "member_name = '%(member)s'",
                    "payment_entry = '%(payment)s'",
                    "job_name = None",
                    "member = <Member: %(member)s>",
                ),
            ),
            *_SAVE,
        ),
    ),
    Failure(
        "notification_missing_template",
        7,
        "log",
        "",
        "SEPA Notification Error - SEPA Direct Debit Mandate Activated",
        title="Failed to send SEPA notification: verenigingen/templates/emails/sepa_mandate_%(small)s.html not found "
        "for %(mandate)s",
    ),
    Failure(
        "donation_compare",
        4,
        "log",
        "",
        "Donation History Update Error",
        title="Error adding donation entry to history: '<' not supported between instances of 'NoneType' and 'str' "
        "(%(member)s)",
    ),
    Failure(
        "missing_argument",
        4,
        "web",
        "verenigingen.utils.payment_retry.check_payment_retry_status",
        "builtins.TypeError: check_payment_retry_status() missing 1 required positional argument: 'invoice'",
        title="check_payment_retry_status() missing 1 required positional argument: 'invoice'",
        frames=(
            Frame(
                "apps/frappe/frappe/utils/typing_validations.py",
                31,
                "wrapper",
                "return func(*args, **kwargs)",
                ("args = ()", "kwargs = {}", "func = <function check_payment_retry_status at 0x%(address)s>"),
            ),
        ),
    ),
    Failure(
        "debit_to",
        3,
        "web",
        "frappe.client.insert",
        "frappe.exceptions.ValidationError: Please ensure <strong>Debit To</strong> account <strong>Debtors - DB"
        "</strong> is a Receivable account for %(invoice)s",
        frames=(
            Frame(
                "apps/frappe/frappe/client.py",
                154,
                "insert",
                "doc = insert_doc(doc)",
                ("doc = {'doctype': 'Sales Invoice', 'customer': '%(name)s', 'grand_total': %(amount)s}",),
            ),
            Frame(
                "apps/erpnext/erpnext/accounts/doctype/sales_invoice/sales_invoice.py",
                291,
                "validate",
                "self.validate_debit_to_acc()",
                ("self = <SalesInvoice: unsaved>",),
            ),
        ),
    ),
    Failure(
        "iban_checksum",
        5,
        "web",
        "verenigingen.api.membership_application.validate_iban",
        "frappe.exceptions.ValidationError: IBAN %(iban)s of %(name)s has invalid check digits",
        frames=(
            Frame(
                _V + "utils/validation/iban_validator.py",
                88,
                "validate_iban",
                'frappe.throw(_("IBAN {0} of {1} has invalid check digits").format(iban, holder))',
                ("iban = '%(iban)s'", "holder = '%(name)s'"),
            ),
        ),
    ),
    Failure(
        "mandate_expired",
        4,
        "job",
        _PAY + "utils.sepa_notifications.check_and_send_expiry_notifications",
        "frappe.exceptions.ValidationError: Mandate %(mandate)s of %(member)s has not been used for 36 months",
        frames=(
            Frame(
                _V + "verenigingen_payments/utils/sepa_notifications.py",
                211,
                "send_expiry_notification",
                "mandate.check_dormancy()",
                ("mandate = <SEPA Mandate: %(mandate)s>", "member = '%(member)s'", "email = '%(email)s'"),
            ),
        ),
        hours=(0, 1),
    ),
    Failure(
        "return_file",
        1,
        "job",
        _PAY + "utils.sepa_reconciliation.reconcile_bank_transactions",
        "xml.etree.ElementTree.ParseError: not well-formed (invalid token): line %(number)s, column %(byte)s",
        frames=(
            Frame(
                _V + "verenigingen_payments/utils/sepa_reconciliation.py",
                96,
                "read_return_file",
                "root = ElementTree.fromstring(content)",
                ("file_name = 'pain002-%(number)s.xml'",),
            ),
        ),
    ),
    Failure(
        "attribute_none",
        4,
        "web",
        "verenigingen.templates.pages.member_dashboard.get_context",
        "builtins.AttributeError: 'NoneType' object has no attribute 'membership_type'",
        title="'NoneType' object has no attribute 'membership_type'",
        frames=(
            Frame(
                _V + "templates/pages/member_dashboard.py",
                57,
                "get_context",
                "context.type = membership.membership_type",
                ("member = <Member: %(member)s>", "membership = None", "user = '%(email)s'"),
            ),
        ),
    ),
    Failure(
        "duplicate_customer",
        2,
        "web",
        "verenigingen.api.membership_application.approve",
        "frappe.exceptions.DuplicateEntryError: ('Customer', '%(name)s', IntegrityError(1062, \"Duplicate entry "
        "'%(name)s' for key 'PRIMARY'\"))",
        frames=(
            Frame(
                _V + "verenigingen/doctype/member/member.py",
                1204,
                "create_customer",
                "customer.insert()",
                ("self = <Member: %(member)s>", "customer = <Customer: %(name)s>"),
            ),
        ),
    ),
    Failure(
        "negative_allocation",
        2,
        "job",
        "verenigingen.utils.payment_retry.execute_payment_retry",
        "frappe.exceptions.ValidationError: Row #1: Allocated Amount %(amount)s cannot be greater than outstanding "
        "amount of %(invoice)s",
        frames=(
            Frame(
                "apps/erpnext/erpnext/accounts/doctype/payment_entry/payment_entry.py",
                248,
                "validate_allocated_amount",
                "frappe.throw(fail_message.format(d.idx))",
                ("self = <PaymentEntry: %(payment)s>", "party = '%(name)s'"),
            ),
        ),
        hours=(0, 1),
    ),
    Failure(
        "mandate_discrepancies",
        1,
        "log",
        "",
        "SEPA Mandate Discrepancy Check Results:\n\nTotal Members Checked: %(number)s\nAuto-Fixed Issues: %(small)s\n\n"
        "MANUAL REVIEW NEEDED:\n- Missing Mandates: %(byte)s\n- IBAN Mismatches: 1\n\nIBAN Mismatches:\n"
        "member: %(member)s | member_name: %(name)s | iban: %(iban)s\n",
        title="SEPA Mandate Discrepancies - Manual Review Required",
        hours=(0,),
    ),
    Failure(
        "reminder_field_missing",
        7,
        "job",
        "verenigingen.verenigingen.doctype.membership.membership.send_renewal_reminders",
        "builtins.AttributeError: 'Membership' object has no attribute 'renewal_reminder_sent'",
        frames=(
            Frame(
                _V + "verenigingen/doctype/membership/membership.py",
                871,
                "send_renewal_reminders",
                "if not membership.renewal_reminder_sent:",
                ("membership = <Membership: MEMB-26-11-0%(small)s>", "member_name = '%(name)s'"),
            ),
        ),
        released=True,
    ),
)
