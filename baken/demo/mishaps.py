"""The failures the demo site knows: where each comes from and what it leaves in the Error Log."""

from collections.abc import Mapping

from baken.demo.failures import Failure, Frame

_DOCUMENT = "apps/frappe/frappe/model/document.py"
_SQL = (
    Frame(
        "apps/frappe/frappe/database/database.py",
        226,
        "sql",
        "self.execute_query(query, values)",
        (
            "self = <frappe.database.mariadb.database.MariaDBDatabase object at 0x%(address)s>",
            "values = None",
            "as_dict = True",
            "debug = False",
        ),
    ),
    Frame(
        "env/lib/python3.11/site-packages/pymysql/cursors.py",
        153,
        "execute",
        "result = self._query(query)",
        ("self = <pymysql.cursors.Cursor object at 0x%(address)s>", "args = None"),
    ),
    Frame(
        "env/lib/python3.11/site-packages/pymysql/err.py",
        143,
        "raise_mysql_exception",
        "raise errorclass(errno, errval)",
        ("data = b'\\xff'", "errno = %(errno)s"),
    ),
)
_HTTP = (
    Frame(
        "env/lib/python3.11/site-packages/requests/sessions.py",
        703,
        "send",
        "r = adapter.send(request, **kwargs)",
        (
            "self = <requests.sessions.Session object at 0x%(address)s>",
            "request = <PreparedRequest [POST]>",
            "start = %(epoch)s",
        ),
    ),
    Frame(
        "env/lib/python3.11/site-packages/requests/adapters.py",
        677,
        "send",
        "raise ConnectionError(e, request=request)",
        ("stream = False", "timeout = None", "cert = None"),
    ),
)
_SAVE = (
    Frame(_DOCUMENT, 342, "save", "return self._save(*args, **kwargs)", ("self = <Member: %(member)s>", "args = ()")),
    Frame(_DOCUMENT, 372, "_save", "self.check_if_latest()", ("self = <Member: %(member)s>", "ignore_version = None")),
)
_V = "apps/verenigingen/verenigingen/"
_PAY = "verenigingen.verenigingen_payments."

FAILURES: tuple[Failure, ...] = (
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
        "session_key",
        5,
        "log",
        "",
        "CSRF Protection Warning",
        title="CSRF secret key not found in site config. Using session-based key.",
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
        "mail_account",
        6,
        "job",
        "frappe.core.doctype.user.user.User.send_password_notification",
        "frappe.exceptions.OutgoingEmailError: Please setup default Email Account from Settings > Email Account",
        title="Unable to send new password notification",
        frames=(
            Frame(
                "apps/frappe/frappe/core/doctype/user/user.py",
                426,
                "send_welcome_mail_to_user",
                "self.send_login_mail(",
                (
                    "self = <User: %(email)s>",
                    "link = 'http://demo.example.test/update-password?key=%(token)s'",
                    "subject = 'Welkom bij Vereniging De Baken'",
                ),
            ),
            Frame(
                "apps/frappe/frappe/__init__.py",
                792,
                "sendmail",
                "return builder.process(send_now=now)",
                ("recipients = '%(email)s'", "sender = None", "template = 'new_user'"),
            ),
        ),
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
        "missing_column",
        2,
        "web",
        "verenigingen.www.monitoring_dashboard.get_system_metrics",
        "pymysql.err.OperationalError: (1054, \"Unknown column 'is_active' in 'WHERE'\")",
        title="(1054, \"Unknown column 'is_active' in 'WHERE'\")",
        frames=(
            Frame(
                _V + "www/monitoring_dashboard.py",
                71,
                "get_system_metrics",
                "volunteers = frappe.db.sql(query, as_dict=True)",
                ("query = 'SELECT COUNT(*) AS active ...'",),
            ),
            *_SQL,
        ),
    ),
    Failure(
        "lock_wait",
        2,
        "web",
        "frappe.client.set_value",
        "frappe.exceptions.QueryTimeoutError: (1205, 'Lock wait timeout exceeded; try restarting transaction')",
        title="(1205, 'Lock wait timeout exceeded; try restarting transaction')",
        frames=(
            Frame(
                "apps/frappe/frappe/client.py",
                188,
                "set_value",
                "doc.save()",
                ("doctype = 'Member'", "name = '%(member)s'", "fieldname = 'email'", "value = '%(email)s'"),
            ),
            *_SAVE,
            *_SQL,
        ),
    ),
    Failure(
        "deadlock",
        2,
        "job",
        "verenigingen.verenigingen.doctype.membership_dues_schedule.membership_dues_schedule.generate_dues_invoices",
        "frappe.exceptions.QueryDeadlockError: (1213, 'Deadlock found when trying to get lock; try restarting "
        "transaction')",
        frames=(
            Frame(
                _V + "verenigingen/doctype/membership_dues_schedule/membership_dues_schedule.py",
                612,
                "generate_dues_invoices",
                "invoice.submit()",
                ("schedule = 'Schedule-%(member)s'", "invoice = <Sales Invoice: %(invoice)s>", "amount = %(amount)s"),
            ),
            *_SQL,
        ),
        hours=(4, 5, 6),
    ),
    Failure(
        "query_timeout",
        1,
        "web",
        "frappe.desk.query_report.run",
        "frappe.exceptions.QueryTimeoutError: (1969, 'Query execution was interrupted (max_statement_time exceeded)')",
        title="(1969, 'Query execution was interrupted (max_statement_time exceeded)')",
        frames=(
            Frame(
                "apps/frappe/frappe/desk/query_report.py",
                238,
                "run",
                "result = generate_report_result(report, filters, user, custom_columns)",
                ("report_name = 'Overdue Member Payments'", "filters = {'member': '%(member)s'}", "user = '%(user)s'"),
            ),
            *_SQL,
        ),
    ),
    Failure(
        "report_dates",
        3,
        "job",
        "Report Error",
        "frappe.exceptions.ValidationError: From Date and To Date are mandatory",
        frames=(
            Frame(
                "apps/frappe/frappe/desk/query_report.py",
                94,
                "generate_report_result",
                "res = get_report_result(report, filters) or []",
                ("report = <Report: General Ledger>", "filters = {'party': '%(name)s'}", "user = '%(user)s'"),
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
        "not_found",
        4,
        "job",
        "frappe.client.cancel",
        "frappe.exceptions.DoesNotExistError: Sales Invoice %(invoice)s not found",
        frames=(
            Frame(
                _DOCUMENT,
                185,
                "load_from_db",
                "frappe.throw(",
                ("self = <Sales Invoice: %(invoice)s>", "is_new = False"),
            ),
        ),
    ),
    Failure(
        "json_empty",
        2,
        "web",
        "verenigingen.api.membership_application.submit_application",
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        title="Expecting value: line 1 column 1 (char 0)",
        frames=(
            Frame(
                _V + "api/membership_application.py",
                402,
                "submit_application",
                "data = json.loads(payload)",
                ("payload = ''", "ip = '203.0.113.%(byte)s'"),
            ),
            Frame(
                "/usr/lib/python3.11/json/decoder.py",
                355,
                "raw_decode",
                'raise JSONDecodeError("Expecting value", s, err.value) from None',
                ("s = ''", "idx = 0"),
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
        "bank_unreachable",
        2,
        "job",
        _PAY + "api.dd_batch_scheduler.daily_batch_optimization",
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='bank.example.test', port=443): Max retries "
        "exceeded with url: /ebics/%(number)s (Caused by NewConnectionError('Failed to establish a new connection: "
        "[Errno 111] Connection refused'))",
        frames=(
            Frame(
                _V + "verenigingen_payments/api/dd_batch_scheduler.py",
                174,
                "submit_to_bank",
                "response = make_post_request(url, data=xml, headers=headers)",
                (
                    "batch = <DirectDebitBatch: %(batch)s>",
                    "headers = {'Authorization': 'Bearer %(token)s'}",
                    "total = Decimal('%(amount)s')",
                ),
            ),
            *_HTTP,
        ),
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
        "redis_refused",
        1,
        "web",
        "frappe.client.submit",
        "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:11000. Connection refused.",
        title="Error 111 connecting to 127.0.0.1:11000. Connection refused.",
        frames=(
            Frame(
                "apps/frappe/frappe/utils/background_jobs.py",
                141,
                "enqueue",
                "return q.enqueue_call(",
                ("method = '%(job)s'", "queue = 'short'", "job_id = None"),
            ),
            Frame(
                "env/lib/python3.11/site-packages/redis/connection.py",
                707,
                "connect",
                "raise ConnectionError(self._error_message(e))",
                ("self = Connection<host=127.0.0.1,port=11000,db=0>",),
            ),
        ),
    ),
    Failure(
        "smtp_refused",
        1,
        "job",
        "frappe.email.doctype.email_queue.email_queue.send_mail",
        "smtplib.SMTPServerDisconnected: Connection unexpectedly closed",
        frames=(
            Frame(
                "apps/frappe/frappe/email/doctype/email_queue/email_queue.py",
                171,
                "send",
                "ctx.smtp_server.session.sendmail(",
                ("recipient = <EmailQueueRecipient: %(email)s>", "message = b'To: %(email)s'"),
            ),
            Frame(
                "/usr/lib/python3.11/smtplib.py",
                398,
                "getreply",
                'raise SMTPServerDisconnected("Connection unexpectedly closed")',
                ("line = b''",),
            ),
        ),
    ),
    Failure(
        "smtp_rejected",
        3,
        "job",
        "frappe.email.doctype.email_queue.email_queue.send_mail",
        "smtplib.SMTPRecipientsRefused: {'%(email)s': (550, b'5.1.1 mailbox unavailable')}",
        frames=(
            Frame(
                "apps/frappe/frappe/email/doctype/email_queue/email_queue.py",
                171,
                "send",
                "ctx.smtp_server.session.sendmail(",
                ("recipient = <EmailQueueRecipient: %(email)s>",),
            ),
        ),
    ),
    Failure(
        "eboekhouden_token",
        3,
        "log",
        "",
        "E-Boekhouden Dashboard",
        title="Error updating data availability: Password not found for E-Boekhouden Settings E-Boekhouden Settings "
        "api_token",
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
        "stale_document",
        3,
        "web",
        "frappe.client.submit",
        "frappe.exceptions.TimestampMismatchError: Error: Document has been modified after you have opened it "
        "(%(when)s, %(later)s). Please refresh to get the latest document.",
        frames=(
            Frame(
                _DOCUMENT,
                816,
                "check_if_latest",
                "frappe.throw(",
                ("self = <PaymentEntry: %(payment)s>", "modified = '%(when)s'"),
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
        "history_lock",
        3,
        "log",
        "",
        "Payment History Update Error",
        title="Error adding invoice %(invoice)s to payment history: (1205, 'Lock wait timeout exceeded; try restarting "
        "transaction')",
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
)

BY_KEY: Mapping[str, Failure] = {failure.key: failure for failure in FAILURES}
