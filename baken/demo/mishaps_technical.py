"""Failures of what the site stands on: its database, Redis, mail server, the servers of others."""

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

TECHNICAL: tuple[Failure, ...] = (
    Failure(
        "session_key",
        5,
        "log",
        "",
        "CSRF Protection Warning",
        title="CSRF secret key not found in site config. Using session-based key.",
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
        "history_lock",
        3,
        "log",
        "",
        "Payment History Update Error",
        title="Error adding invoice %(invoice)s to payment history: (1205, 'Lock wait timeout exceeded; try restarting "
        "transaction')",
    ),
)
