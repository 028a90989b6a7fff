"""The demo's life, step by step: what members, the bank, the mail server and the scheduler do to the site's database.

Every kind of event has a rate per minute; a step of some seconds draws how often each happens and writes it in one
small
transaction. More happens than in a real association of this size, so that a page that is open for a minute moves.
"""

import random
import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from baken.demo import failures, logs, mishaps, people, rhythm
from baken.demo.bench import DemoBench
from baken.demo.failures import Cast
from baken.demo.layout import insert, scheduled_jobs
from baken.demo.membership import next_dues
from baken.demo.money import RETURNS
from baken.demo.redis import JobQueues
from baken.demo.rhythm import document_name, local, stamp
from baken.demo.world import ABBREVIATION, COMPANY, MEMBERSHIP_TYPES, STAFF, MemberLife

# Rows a log keeps at most, whatever its days: the demo may run for weeks.
_MOST_ROWS = {
    "Error Log": 12_000,
    "Scheduled Job Log": 20_000,
    "Email Queue": 15_000,
    "Activity Log": 12_000,
    "Version": 5_000,
}
_KEPT_DAYS = {"Error Log": 90, "Scheduled Job Log": 7, "Email Queue": 30, "Activity Log": 90, "Version": 90}
_DUES_PER_STEP = 60
_SERIES = "BAKEN-DEMO-LIFE-"
_RUNS_SINCE = timedelta(hours=1)


class Life:
    """The state of a life that goes on: where each counter is, which trouble is on, when each thing was done last."""

    def __init__(
        self, bench: DemoBench, conn: sqlite3.Connection, queues: JobQueues, *, seed: int, now: datetime
    ) -> None:
        self.bench = bench
        self.conn = conn
        self.queues = queues
        self.rng = random.Random(f"{seed}:life")
        self.cast = _read_cast(conn)
        # Names of documents count on from where an earlier life stopped.
        first = max(100_000, 2 * bench.members)
        self.number = int(self._one("SELECT current FROM tabSeries WHERE name = ?", _SERIES) or first)
        self.ran_until = now - timedelta(seconds=1)
        self.pruned = now
        self.mail_stuck_until: datetime | None = None
        self.burst: tuple[failures.Failure, int] | None = None
        self.events: tuple[tuple[float, Callable[[datetime], None]], ...] = (
            (0.40, self.apply),
            (1.10, self.review),
            (0.07, self.leave),
            (0.90, self.bill),
            (1.60, self.pay),
            (0.25, self.submit_draft),
            (0.12, self.start_batch),
            (0.60, self.move_batch),
            (0.10, self.volunteer),
            (0.20, self.fail),
            (0.03, self.begin_burst),
            (2.50, self.mail),
            (0.02, self.stick_mail),
            (0.70, self.sign_in),
            (0.65, self.sign_out),
            (4.00, self.stay),
            (6.00, self.enqueue),
            (0.03, self.stall_workers),
        )

    def _one(self, statement: str, *values: object) -> Any:
        row = self.conn.execute(statement, values).fetchone()
        return row[0] if row else None

    def _pick(self, statement: str, *values: object) -> tuple[object, ...] | None:
        rows = self.conn.execute(statement, values).fetchall()
        return self.rng.choice(rows) if rows else None

    def step(self, now: datetime, minutes: float) -> int:
        """Let `minutes` of life pass up to the aware moment `now`, in one transaction. Returns the number of events.

        Raises sqlite3.OperationalError when the database stays locked; nothing of the step is kept then.
        """
        done = 0
        self.conn.execute("BEGIN IMMEDIATE")
        try:
            for rate, event in self.events:
                for _ in range(min(50, rhythm.poisson(self.rng, rate * minutes))):
                    event(now - timedelta(seconds=60 * minutes * self.rng.random()))
                    done += 1
            self._burst_on(now, minutes)
            self._deliver(now)
            self._run_scheduler(now)
            self._invoice_dues(now)
            if now - self.pruned > timedelta(minutes=10):
                self.prune(now)
        except BaseException:
            self.conn.execute("ROLLBACK")
            raise
        self.conn.execute("INSERT OR REPLACE INTO tabSeries (name, current) VALUES (?, ?)", (_SERIES, self.number))
        self.conn.execute("COMMIT")
        return done

    # Members

    def apply(self, now: datetime) -> None:
        """Somebody applies."""
        self.number += 1
        here = local(now)
        p = people.person(self.rng, self.number)
        kind, _, _, _, _ = self.rng.choices(MEMBERSHIP_TYPES, [t[4] for t in MEMBERSHIP_TYPES])[0]
        name = f"Assoc-Member-{here:%Y-%m}-{self.number}"
        sepa = self.rng.random() < 0.7
        when = stamp(here)
        insert(
            self.conn,
            "tabMember",
            "name creation modified first_name tussenvoegsel last_name full_name email contact_number member_id "
            "payment_method iban bic payment_reference application_id application_date selected_membership_type",
            [
                (
                    name,
                    when,
                    when,
                    p.first,
                    p.between or None,
                    p.last,
                    p.full,
                    p.email,
                    p.phone,
                    str(self.number),
                    "SEPA Direct Debit" if sepa else "Bank Transfer",
                    p.iban if sepa else None,
                    p.bic if sepa else None,
                    name,
                    f"APP-{here:%Y}-{self.number}",
                    when,
                    kind,
                )
            ],
            owner="Guest",
            modified_by="Guest",
            status="Pending",
            application_status="Pending",
            permission_category="Board Only",
        )
        self._mail_to(p.email, here)

    def review(self, now: datetime) -> None:
        """The application that waits longest, of those that are looked at, gets one step further."""
        recent = stamp(local(now) - timedelta(days=16))
        found = self._pick(
            "SELECT name, application_status FROM tabMember WHERE status = 'Pending' AND creation > ? "
            "ORDER BY creation LIMIT 6",
            recent,
        )
        if found is None:
            return
        name, stage = str(found[0]), found[1]
        when = stamp(local(now))
        following = {"Pending": "Under Review", "Under Review": "Payment Pending"}.get(str(stage))
        if following is not None and self.rng.random() < 0.04:
            self.conn.execute(
                "UPDATE tabMember SET status = 'Rejected', application_status = 'Rejected', modified = ?, "
                "review_date = ?, reviewed_by = ? WHERE name = ?",
                (when, when, STAFF[1], name),
            )
        elif following is not None:
            self.conn.execute(
                "UPDATE tabMember SET application_status = ?, modified = ? WHERE name = ?", (following, when, name)
            )
        else:
            self._approve(name, now)

    def _approve(self, name: str, now: datetime) -> None:
        here = local(now)
        when, day = stamp(here), here.date()
        row = self.conn.execute(
            "SELECT full_name, email, selected_membership_type, iban, bic FROM tabMember WHERE name = ?", (name,)
        ).fetchone()
        full, email, chosen, iban, bic = row
        kind, frequency, months, rate, _ = next((t for t in MEMBERSHIP_TYPES if t[0] == chosen), MEMBERSHIP_TYPES[0])
        taken = self._one("SELECT 1 FROM tabCustomer WHERE name = ?", full)
        customer = f"{full} - {self.number}-{name[-4:]}" if taken else full
        membership = f"MEMB-{here:%y-%m}-L{name.rsplit('-', 1)[-1]}"
        schedule = f"Schedule-{name}-{kind}-001"
        life = MemberLife(
            name,
            0,
            people.person(random.Random(0), 0),
            kind,
            frequency,
            months,
            rate,
            "",
            here,
            here,
            None,
            "Active",
            "Active",
            here,
            False,
            "",
        )
        upcoming = next_dues(life, day).isoformat()
        std: dict[str, str | int] = {"owner": STAFF[1], "modified_by": STAFF[1]}
        insert(
            self.conn,
            "tabCustomer",
            "name creation modified customer_name email_id member",
            [(customer, when, when, full, email, name)],
            customer_type="Individual",
            naming_series="CUST-.YYYY.-",
            **std,
        )
        insert(
            self.conn,
            "tabMembership",
            "name creation modified member member_name email membership_type start_date renewal_date",
            [
                (
                    membership,
                    when,
                    when,
                    name,
                    full,
                    email,
                    kind,
                    day.isoformat(),
                    day.replace(year=day.year + 1, day=min(day.day, 28)).isoformat(),
                )
            ],
            docstatus=1,
            status="Active",
            **std,
        )
        insert(
            self.conn,
            "tabMembership Dues Schedule",
            "name creation modified schedule_name member membership member_name membership_type billing_frequency "
            "next_invoice_date dues_rate minimum_amount",
            [(schedule, when, when, schedule, name, membership, full, kind, frequency, upcoming, rate, rate)],
            status="Active",
            auto_generate=1,
            currency="EUR",
            billing_day=rhythm.DUES_DAY,
            **std,
        )
        self.conn.execute(
            "UPDATE tabMember SET status = 'Active', application_status = 'Active', modified = ?, review_date = ?, "
            "reviewed_by = ?, member_since = ?, customer = ?, current_membership_details = ?, "
            "current_dues_schedule = ?, "
            "dues_schedule = ?, current_membership_type = ?, current_membership_start = ?, next_invoice_date = ?, "
            "dues_rate = ?, membership_status = 'Active' WHERE name = ?",
            (
                when,
                when,
                STAFF[1],
                day.isoformat(),
                customer,
                membership,
                schedule,
                schedule,
                kind,
                day.isoformat(),
                upcoming,
                rate,
                name,
            ),
        )
        if iban:
            mandate, reference = document_name(self.rng), f"M-{name.rsplit('-', 1)[-1]}-{here.year}"
            insert(
                self.conn,
                "tabSEPA Mandate",
                "name creation modified mandate_id member member_name account_holder_name iban bic sign_date",
                [(mandate, when, when, reference, name, full, full, iban, bic, day.isoformat())],
                status="Active",
                mandate_type="RCUR",
                scheme="SEPA",
                is_active=1,
                used_for_memberships=1,
                frequency="Monthly",
                maximum_amount=250,
                **std,
            )
            insert(
                self.conn,
                "tabMember SEPA Mandate Link",
                "name creation modified sepa_mandate mandate_reference valid_from parent",
                [(document_name(self.rng), when, when, mandate, reference, day.isoformat(), name)],
                status="Active",
                is_current=1,
                idx=1,
                parentfield="sepa_mandates",
                parenttype="Member",
                **std,
            )
            self._audit(now, "Mandate Creation", "mandate_created", "SEPA Mandate", mandate)
        self._invoice(name, now, rate)
        self._mail_to(str(email), here)

    def leave(self, now: datetime) -> None:
        """Somebody's membership is terminated."""
        found = self._pick(
            "SELECT name, full_name FROM tabMember WHERE status = 'Active' ORDER BY modified DESC LIMIT 400"
        )
        if found is None:
            return
        name, full = str(found[0]), found[1]
        here = local(now)
        when = stamp(here)
        self.number += 1
        insert(
            self.conn,
            "tabMembership Termination Request",
            "name creation modified member member_name request_date termination_date execution_date",
            [
                (
                    f"TERM-REQ-{here:%y-%m}-{self.number}",
                    when,
                    when,
                    name,
                    full,
                    here.date().isoformat(),
                    here.date().isoformat(),
                    when,
                )
            ],
            owner=STAFF[1],
            modified_by=STAFF[1],
            requested_by=STAFF[1],
            termination_type="Voluntary",
            status="Executed",
            executed_by=STAFF[1],
            cancel_sepa_mandates=1,
        )
        self.conn.execute("UPDATE tabMember SET status = 'Terminated', modified = ? WHERE name = ?", (when, name))
        self.conn.execute(
            "UPDATE tabMembership SET status = 'Cancelled', docstatus = 2, modified = ?, cancellation_date = ? "
            "WHERE member = ? AND status = 'Active'",
            (when, here.date().isoformat(), name),
        )
        self.conn.execute(
            "UPDATE \"tabMembership Dues Schedule\" SET status = 'Cancelled', next_invoice_date = NULL, "
            "modified = ? WHERE member = ? AND is_template = 0",
            (when, name),
        )
        for (mandate,) in self.conn.execute(
            "SELECT name FROM \"tabSEPA Mandate\" WHERE member = ? AND status = 'Active'", (name,)
        ).fetchall():
            self.conn.execute(
                "UPDATE \"tabSEPA Mandate\" SET status = 'Cancelled', is_active = 0, modified = ?, "
                "cancelled_date = ? WHERE name = ?",
                (when, here.date().isoformat(), mandate),
            )
            self._audit(now, "Mandate Creation", "mandate_cancelled", "SEPA Mandate", str(mandate))

    def volunteer(self, now: datetime) -> None:
        """A member becomes a volunteer, or a new one becomes an active one."""
        when = stamp(local(now))
        fresh = self._pick("SELECT name FROM tabVolunteer WHERE status IN ('New', 'Onboarding') LIMIT 20")
        if fresh is not None and self.rng.random() < 0.5:
            self.conn.execute(
                "UPDATE tabVolunteer SET status = 'Active', modified = ? WHERE name = ?", (when, fresh[0])
            )
            return
        found = self._pick(
            "SELECT name, full_name, email FROM tabMember WHERE status = 'Active' ORDER BY modified DESC LIMIT 200"
        )
        if found is None or self._one("SELECT 1 FROM tabVolunteer WHERE member = ?", found[0]):
            return
        self.number += 1
        insert(
            self.conn,
            "tabVolunteer",
            "name creation modified volunteer_name member personal_email email start_date",
            [
                (
                    f"VOL-{found[0]}-0001",
                    when,
                    when,
                    found[1],
                    found[0],
                    found[2],
                    f"vrijwilliger.{self.number}@example.test",
                    when[:10],
                )
            ],
            owner=STAFF[1],
            modified_by=STAFF[1],
            status="New",
            commitment_level="Occasional",
        )

    # Money

    def bill(self, now: datetime) -> None:
        """An invoice that is not dues: a donation, an event."""
        found = self._pick(
            "SELECT name FROM tabMember WHERE status = 'Active' AND customer IS NOT NULL "
            "ORDER BY modified DESC LIMIT 600"
        )
        if found is not None:
            self._invoice(str(found[0]), now, self.rng.choice((7.5, 12.5, 15.0, 25.0, 40.0)))

    def _invoice(self, member: str, now: datetime, amount: float) -> None:
        here = local(now)
        row = self.conn.execute(
            "SELECT full_name, customer, email, current_membership_details FROM tabMember WHERE name = ?", (member,)
        ).fetchone()
        if row is None or row[1] is None:
            return
        self.number += 1
        name = f"ACC-SINV-{here.year}-L{self.number}"
        when, due = stamp(here), (here.date() + timedelta(days=14)).isoformat()
        insert(
            self.conn,
            "tabSales Invoice",
            "name creation modified title customer customer_name posting_date posting_time due_date total net_total "
            "base_total base_net_total base_grand_total grand_total rounded_total outstanding_amount member membership "
            "contact_email",
            [
                (
                    name,
                    when,
                    when,
                    row[0],
                    row[1],
                    row[0],
                    when[:10],
                    when[11:],
                    due,
                    *[amount] * 8,
                    member,
                    row[3],
                    row[2],
                )
            ],
            owner="Administrator",
            modified_by="Administrator",
            docstatus=1,
            status="Unpaid",
            company=COMPANY,
            naming_series="ACC-SINV-.YYYY.-",
            currency="EUR",
            conversion_rate=1,
            debit_to=f"Debtors - {ABBREVIATION}",
            party_account_currency="EUR",
            total_qty=1,
            is_membership_invoice=1,
            is_opening="No",
        )
        self.cast.invoices = [*self.cast.invoices[-2000:], name]
        self._mail_to(str(row[2]), here)

    def pay(self, now: datetime) -> None:
        """Somebody pays an open invoice; now and then the payment waits to be submitted."""
        found = self._pick(
            "SELECT name, customer, customer_name, outstanding_amount, grand_total, due_date, member "
            'FROM "tabSales Invoice" WHERE modified > ? AND docstatus = 1 AND outstanding_amount > 0 '
            "ORDER BY modified DESC LIMIT 60",
            stamp(local(now) - timedelta(days=60)),
        )
        if found is None:
            return
        self._settle(found, now, draft=self.rng.random() < 0.08, batch=None)

    def _settle(self, invoice: tuple[object, ...], now: datetime, *, draft: bool, batch: str | None) -> None:
        name, customer, title, amount, total, due, _ = invoice
        here = local(now)
        when, day = stamp(here), here.date().isoformat()
        self.number += 1
        entry = f"ACC-PAY-{here.year}-L{self.number}"
        reference = (
            None if self.rng.random() < 0.02 else f"{'SEPA' if batch else 'NL'}{self.rng.randrange(10**11):011d}"
        )
        mode = "Direct Debit" if batch else "Wire Transfer"
        insert(
            self.conn,
            "tabPayment Entry",
            "name creation modified docstatus status posting_date party party_name mode_of_payment paid_amount "
            "base_paid_amount received_amount base_received_amount total_allocated_amount reference_no reference_date "
            "title custom_sepa_batch",
            [
                (
                    entry,
                    when,
                    when,
                    0 if draft else 1,
                    "Draft" if draft else "Submitted",
                    day,
                    customer,
                    title,
                    mode,
                    amount,
                    amount,
                    amount,
                    amount,
                    amount,
                    reference,
                    day if reference else None,
                    title,
                    batch,
                )
            ],
            owner="Administrator",
            modified_by="Administrator",
            company=COMPANY,
            naming_series="ACC-PAY-.YYYY.-",
            payment_type="Receive",
            party_type="Customer",
            paid_from=f"Debtors - {ABBREVIATION}",
            paid_to=f"Bank Nergens - {ABBREVIATION}",
            source_exchange_rate=1,
            target_exchange_rate=1,
        )
        insert(
            self.conn,
            "tabPayment Entry Reference",
            "name creation modified docstatus reference_name due_date total_amount outstanding_amount allocated_amount "
            "parent",
            [(document_name(self.rng), when, when, 0 if draft else 1, name, due, total, 0, amount, entry)],
            owner="Administrator",
            modified_by="Administrator",
            idx=1,
            reference_doctype="Sales Invoice",
            exchange_rate=1,
            parentfield="references",
            parenttype="Payment Entry",
        )
        self.cast.payments = [*self.cast.payments[-2000:], entry]
        if draft:
            return
        self._close(str(name), when)
        self._audit(now, "Payment Processing", "processing_completed", "Payment Entry", entry)
        self.queues.enqueue(
            "verenigingen.utils.background_jobs.execute_member_payment_history_update",
            "short",
            now,
            self.rng.uniform(0.4, 6),
        )

    def _close(self, invoice: str, when: str) -> None:
        self.conn.execute(
            "UPDATE \"tabSales Invoice\" SET status = 'Paid', outstanding_amount = 0, modified = ? WHERE name = ?",
            (when, invoice),
        )

    def submit_draft(self, now: datetime) -> None:
        """The treasurer submits a payment that waited, if its invoice is still open."""
        found = self._pick(
            'SELECT p.name, r.reference_name, r.allocated_amount FROM "tabPayment Entry" p '
            'JOIN "tabPayment Entry Reference" r ON r.parent = p.name '
            "WHERE p.modified > ? AND p.docstatus = 0 AND p.modified < ? LIMIT 30",
            stamp(local(now) - timedelta(days=30)),
            stamp(local(now) - timedelta(minutes=4)),
        )
        if found is None:
            return
        when = stamp(local(now))
        open_amount = self._one(
            'SELECT outstanding_amount FROM "tabSales Invoice" WHERE name = ? AND docstatus = 1', found[1]
        )
        accepted = open_amount == found[2]
        docstatus, status = (1, "Submitted") if accepted else (2, "Cancelled")
        self.conn.execute(
            'UPDATE "tabPayment Entry" SET docstatus = ?, status = ?, modified = ? WHERE name = ?',
            (docstatus, status, when, found[0]),
        )
        self.conn.execute(
            'UPDATE "tabPayment Entry Reference" SET docstatus = ?, modified = ? WHERE parent = ?',
            (docstatus, when, found[0]),
        )
        if accepted:
            self._close(str(found[1]), when)

    def start_batch(self, now: datetime) -> None:
        """The treasurer puts open invoices of members with a mandate into a new batch."""
        here = local(now)
        rows = self.conn.execute(
            "SELECT i.name, i.outstanding_amount, i.membership, i.member, i.title, m.iban, m.bic, m.mandate_id "
            'FROM "tabSales Invoice" i JOIN "tabSEPA Mandate" m ON m.member = i.member AND m.status = \'Active\' '
            "WHERE i.modified > ? AND i.docstatus = 1 AND i.outstanding_amount > 0 AND NOT EXISTS "
            '(SELECT 1 FROM "tabDirect Debit Batch Invoice" l WHERE l.invoice = i.name AND l.creation > ?) LIMIT 25',
            (stamp(here - timedelta(days=45)), stamp(here - timedelta(days=2))),
        ).fetchall()
        if len(rows) < 2:
            return
        self.number += 1
        name = f"BATCH-{here:%y-%m}-L{self.number}"
        when = stamp(here)
        insert(
            self.conn,
            "tabDirect Debit Batch",
            "name creation modified batch_date batch_description total_amount entry_count",
            [
                (
                    name,
                    when,
                    when,
                    (here.date() + timedelta(days=1)).isoformat(),
                    f"Incasso {here:%d-%m-%Y %H:%M}",
                    round(sum(row[1] for row in rows), 2),
                    len(rows),
                )
            ],
            owner=STAFF[1],
            modified_by=STAFF[1],
            status="Draft",
            batch_type="RCUR",
            currency="EUR",
            validation_status="Passed",
        )
        insert(
            self.conn,
            "tabDirect Debit Batch Invoice",
            "name creation modified idx invoice amount membership member member_name iban bic mandate_reference parent",
            [(document_name(self.rng), when, when, i, *row, name) for i, row in enumerate(rows, start=1)],
            owner=STAFF[1],
            modified_by=STAFF[1],
            status="Pending",
            currency="EUR",
            parentfield="invoices",
            parenttype="Direct Debit Batch",
        )
        self._audit(now, "Batch Generation", "batch_validated", "Direct Debit Batch", name)
        self.cast.batches = [*self.cast.batches[-200:], name]

    def move_batch(self, now: datetime) -> None:
        """A batch that this life started gets one step further; one in seven the bank refuses."""
        found = self._pick(
            "SELECT name, status FROM \"tabDirect Debit Batch\" WHERE name LIKE 'BATCH-%-L%' "
            "AND modified > ? AND status IN ('Draft', 'Generated', 'Submitted') ORDER BY creation LIMIT 3",
            stamp(local(now) - timedelta(days=3)),
        )
        if found is None:
            return
        name, status = str(found[0]), str(found[1])
        when = stamp(local(now))
        if status == "Submitted":
            self._answer(name, now)
            following = "Processed"
        elif status == "Draft":
            following = "Generated"
            self._audit(now, "Batch Generation", "batch_generated", "Direct Debit Batch", name)
            self.queues.enqueue(
                "verenigingen.verenigingen_payments.doctype.direct_debit_batch.direct_debit_batch.generate_sepa_xml",
                "long",
                now,
                self.rng.uniform(4, 25),
            )
        elif self.rng.random() < 0.15:
            following = "Failed"
            self._audit(now, "Bank Submission", "file_rejected", "Direct Debit Batch", name, "Failed")
            self._error(mishaps.BY_KEY["bank_unreachable"], now)
        else:
            following = "Submitted"
            self._audit(now, "Bank Submission", "file_submitted", "Direct Debit Batch", name)
        self.conn.execute(
            'UPDATE "tabDirect Debit Batch" SET status = ?, docstatus = 1, modified = ?, '
            "sepa_file_generated = 1, sepa_generation_date = COALESCE(sepa_generation_date, ?) WHERE name = ?",
            (following, when, when, name),
        )

    def _answer(self, batch: str, now: datetime) -> None:
        when = stamp(local(now))
        for line, invoice in self.conn.execute(
            'SELECT name, invoice FROM "tabDirect Debit Batch Invoice" WHERE parent = ? ORDER BY idx', (batch,)
        ).fetchall():
            status, code, text = "Successful", None, None
            row = self.conn.execute(
                "SELECT name, customer, customer_name, outstanding_amount, grand_total, due_date, member "
                'FROM "tabSales Invoice" WHERE name = ? AND outstanding_amount > 0',
                (invoice,),
            ).fetchone()
            if self.rng.random() < 0.06:
                status = "Failed"
                code, text, _ = self.rng.choices(RETURNS, [share for _, _, share in RETURNS])[0]
                self._audit(now, "Payment Processing", "payment_returned", "Sales Invoice", invoice, "Failed")
            elif row is not None:
                self._settle(row, now, draft=False, batch=batch)
            self.conn.execute(
                'UPDATE "tabDirect Debit Batch Invoice" SET status = ?, result_code = ?, result_message = ?, '
                "docstatus = 1, modified = ? WHERE name = ?",
                (status, code, text, when, line),
            )

    def _invoice_dues(self, now: datetime) -> None:
        """The dues run: on the 25th the schedules that are due are invoiced, some at each step; the stuck ones stay
        stuck.
        """
        today = local(now).date()
        due = self.conn.execute(
            "SELECT s.name, s.member, s.dues_rate, s.billing_frequency, s.next_invoice_date FROM "
            "\"tabMembership Dues Schedule\" s WHERE s.status = 'Active' AND s.is_template = 0 AND "
            "s.next_invoice_date <= ? "
            "AND s.next_invoice_date > ? LIMIT ?",
            (today.isoformat(), (today - timedelta(days=20)).isoformat(), _DUES_PER_STEP),
        ).fetchall()
        for schedule, member, rate, frequency, planned in due:
            day = date.fromisoformat(planned)
            months = day.month - 1 + {"Monthly": 1, "Quarterly": 3}.get(frequency, 12)
            following = day.replace(
                year=day.year + months // 12, month=months % 12 + 1, day=rhythm.DUES_DAY
            ).isoformat()
            self._invoice(member, now, rate)
            when = stamp(local(now))
            self.conn.execute(
                'UPDATE "tabMembership Dues Schedule" SET next_invoice_date = ?, last_invoice_date = ?, '
                "modified = ? WHERE name = ?",
                (following, today.isoformat(), when, schedule),
            )
            self.conn.execute("UPDATE tabMember SET next_invoice_date = ? WHERE name = ?", (following, member))

    # Trouble

    def fail(self, now: datetime) -> None:
        """One of the everyday errors."""
        self._error(self.rng.choices(mishaps.FAILURES, [f.weight for f in mishaps.FAILURES])[0], now)

    def begin_burst(self, now: datetime) -> None:
        """Something breaks: the same error comes again and again for a while."""
        if self.burst is None:
            failure = mishaps.BY_KEY[self.rng.choice(("lock_wait", "query_timeout", "missing_column", "smtp_refused"))]
            self.burst = (failure, self.rng.randrange(15, 46))

    def _burst_on(self, now: datetime, minutes: float) -> None:
        if self.burst is None:
            return
        failure, left = self.burst
        count = min(left, rhythm.poisson(self.rng, 14 * minutes))
        for _ in range(count):
            self._error(failure, now - timedelta(seconds=60 * minutes * self.rng.random()))
        self.burst = (failure, left - count) if left > count else None

    def _error(self, failure: failures.Failure, now: datetime) -> None:
        when = stamp(local(now))
        method, error, owner = failures.error_row(failure, self.rng, self.cast, local(now))
        insert(
            self.conn,
            "tabError Log",
            "name creation modified modified_by owner method error",
            [(document_name(self.rng), when, when, owner, owner, method, error)],
            seen=0,
        )

    def _audit(self, now: datetime, process: str, action: str, doctype: str, name: str, verdict: str = "") -> None:
        when = stamp(local(now))
        event = f"{self.rng.getrandbits(48):012x}"
        verdict = verdict or ("Compliant" if self.rng.random() < 0.94 else "Exception")
        insert(
            self.conn,
            "tabSEPA Audit Log",
            "name creation modified event_id timestamp process_type action entity_name compliance_status "
            "reference_doctype reference_name trace_id",
            [(event, when, when, event, when, process, action, process, verdict, doctype, name, event[:10])],
            owner=STAFF[1],
            modified_by=STAFF[1],
            user=STAFF[1],
            sensitive_data=1,
        )

    # Mail

    def mail(self, now: datetime) -> None:
        """A mail to a member goes into the queue."""
        self._mail_to(self.rng.choice(self.cast.members)[2], local(now))

    def _mail_to(self, address: str, here: datetime) -> None:
        row, child = logs.email_rows(self.rng, document_name(self.rng), here, here, "Not Sent", address, None)
        insert(self.conn, "tabEmail Queue", logs.EMAIL_COLUMNS, [row], **logs.EMAIL_CONSTANTS)
        insert(self.conn, "tabEmail Queue Recipient", logs.RECIPIENT_COLUMNS, [child], **logs.RECIPIENT_CONSTANTS)

    def stick_mail(self, now: datetime) -> None:
        """The mail server stops answering for some minutes: mails queue up."""
        if self.mail_stuck_until is None:
            self.mail_stuck_until = now + timedelta(minutes=self.rng.uniform(2, 6))

    def _deliver(self, now: datetime) -> None:
        if self.mail_stuck_until is not None:
            if now < self.mail_stuck_until:
                return
            self.mail_stuck_until = None
        here = local(now)
        # Nothing about the two that hang in Sending for an hour: that is what a monitor should find.
        ready = self.conn.execute(
            "SELECT name FROM \"tabEmail Queue\" WHERE status = 'Not Sent' AND creation < ? ORDER BY creation LIMIT 40",
            (stamp(here - timedelta(seconds=self.rng.uniform(4, 40))),),
        ).fetchall()
        for (name,) in ready:
            status = "Sent" if self.rng.random() < 0.985 else "Error"
            error = None if status == "Sent" else "smtplib.SMTPRecipientsRefused: mailbox unavailable"
            self.conn.execute(
                'UPDATE "tabEmail Queue" SET status = ?, error = ?, modified = ? WHERE name = ?',
                (status, error, stamp(here), name),
            )
            self.conn.execute(
                'UPDATE "tabEmail Queue Recipient" SET status = ?, modified = ? WHERE parent = ?',
                ("Sent" if status == "Sent" else "Not Sent", stamp(here), name),
            )

    # People at their screens

    def sign_in(self, now: datetime) -> None:
        """A user signs in."""
        found = self._pick("SELECT name, user_type FROM tabUser WHERE enabled = 1 AND name <> 'Guest' LIMIT 300")
        if found is None:
            return
        user, when = str(found[0]), stamp(local(now))
        failed = self.rng.random() < 0.05
        insert(
            self.conn,
            "tabActivity Log",
            "name creation modified owner modified_by subject communication_date status user full_name ip_address",
            [
                (
                    document_name(self.rng),
                    when,
                    when,
                    user,
                    user,
                    f"{user} logged in",
                    when,
                    "Failed" if failed else "Success",
                    user,
                    user,
                    f"203.0.113.{self.rng.randrange(1, 255)}",
                )
            ],
            operation="Login",
        )
        if failed:
            return
        data = f"{{'user': '{user}', 'session_expiry': '170:00:00', 'user_type': '{found[1]}'}}"
        insert(
            self.conn,
            "tabSessions",
            "user sid sessiondata lastupdate",
            [(user, f"{self.rng.getrandbits(224):056x}", data, when)],
            status="Active",
        )
        self.conn.execute("UPDATE tabUser SET last_active = ? WHERE name = ?", (when, user))

    def sign_out(self, now: datetime) -> None:
        """A session ends."""
        found = self._pick("SELECT sid FROM tabSessions ORDER BY lastupdate LIMIT 40")
        if found is not None and int(self._one("SELECT COUNT(*) FROM tabSessions")) > 30:
            self.conn.execute("DELETE FROM tabSessions WHERE sid = ?", (found[0],))

    def stay(self, now: datetime) -> None:
        """Somebody who is signed in does something."""
        found = self._pick("SELECT sid, user FROM tabSessions LIMIT 200")
        if found is not None:
            when = stamp(local(now))
            self.conn.execute("UPDATE tabSessions SET lastupdate = ? WHERE sid = ?", (when, found[0]))
            self.conn.execute("UPDATE tabUser SET last_active = ? WHERE name = ?", (when, found[1]))

    # Jobs

    def enqueue(self, now: datetime) -> None:
        """A request puts a job into a queue."""
        queue = self.rng.choices(("short", "default", "long"), (6, 3, 1))[0]
        method = self.rng.choice(
            (
                "frappe.utils.global_search.sync_value",
                "frappe.desk.notifications.clear_cache",
                "verenigingen.utils.background_jobs.refresh_member_history",
                "frappe.integrations.utils.make_post_request",
            )
        )
        self.queues.enqueue(
            method, queue, now, min(60, self.rng.lognormvariate(0.6, 0.9)), fails=self.rng.random() < 0.01
        )

    def stall_workers(self, now: datetime) -> None:
        """Workers take nothing for a while: the queues grow."""
        if self.queues.stalled_until is None:
            self.queues.stalled_until = now + timedelta(minutes=self.rng.uniform(1, 3))

    def _run_scheduler(self, now: datetime) -> None:
        since = max(self.ran_until, now - _RUNS_SINCE)
        rows: list[tuple[object, ...]] = []
        for job in scheduled_jobs():
            for moment in logs.runs_between(job, since, now):
                failed = self.rng.random() < logs.FLAKY.get(job.name, 0.0006)
                seconds = logs.job_seconds(job, self.rng)
                when = stamp(local(moment))
                self.conn.execute(
                    'UPDATE "tabScheduled Job Type" SET last_execution = ?, modified = ? WHERE name = ?',
                    (when, when, job.name),
                )
                self.queues.enqueue(
                    job.method, "long" if "Long" in job.frequency else "default", now, min(30, seconds), fails=failed
                )
                if job.create_log:
                    rows.append(
                        (
                            document_name(self.rng),
                            when,
                            stamp(local(moment + timedelta(seconds=seconds))),
                            "Failed" if failed else "Complete",
                            job.name,
                            logs.job_failure(job) if failed else None,
                        )
                    )
        insert(
            self.conn,
            "tabScheduled Job Log",
            "name creation modified status scheduled_job_type details",
            rows,
            owner="Administrator",
            modified_by="Administrator",
        )
        self.ran_until = now

    def prune(self, now: datetime) -> None:
        """Delete old log rows by `modified`, as Frappe's Log Settings do, some hundreds at a time."""
        self.pruned = now
        for doctype, days in _KEPT_DAYS.items():
            table = f'"tab{doctype}"'
            oldest = stamp(local(now) - timedelta(days=days))
            over = int(self._one(f"SELECT COUNT(*) FROM {table}")) - _MOST_ROWS[doctype]  # noqa: S608 - own names
            expired = int(self._one(f"SELECT COUNT(*) FROM {table} WHERE modified < ?", oldest))  # noqa: S608
            count = min(3000, max(over, expired))
            if count > 0:
                self.conn.execute(
                    f"DELETE FROM {table} WHERE name IN (SELECT name FROM {table} ORDER BY modified LIMIT ?)",  # noqa: S608
                    (count,),
                )
        self.conn.execute(
            'DELETE FROM "tabEmail Queue Recipient" WHERE parent NOT IN (SELECT name FROM "tabEmail Queue")'
        )


def _read_cast(conn: sqlite3.Connection) -> Cast:
    def column(statement: str) -> list[str]:
        return [row[0] for row in conn.execute(statement)]

    return Cast(
        members=[
            tuple(row)
            for row in conn.execute(
                "SELECT name, full_name, email, iban FROM tabMember WHERE iban IS NOT NULL ORDER BY name LIMIT 3000"
            )
        ],
        invoices=column('SELECT name FROM "tabSales Invoice" ORDER BY creation DESC, name LIMIT 2000'),
        payments=column('SELECT name FROM "tabPayment Entry" ORDER BY creation DESC, name LIMIT 2000'),
        batches=column('SELECT name FROM "tabDirect Debit Batch" ORDER BY name'),
        mandates=column('SELECT mandate_id FROM "tabSEPA Mandate" ORDER BY name LIMIT 2000'),
        users=STAFF,
    )
