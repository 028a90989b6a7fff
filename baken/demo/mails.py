"""The Email Queue: thirty days of mails and their recipients."""

import random
import sqlite3
from datetime import datetime, timedelta

from baken.demo import rhythm
from baken.demo.layout import insert
from baken.demo.rhythm import document_name, stamp
from baken.demo.world import SITE, World

EMAIL_DAYS = 30
EMAIL_COLUMNS = "name creation modified message status error message_id"
EMAIL_CONSTANTS: dict[str, str | int] = {
    "owner": "Administrator",
    "modified_by": "Administrator",
    "sender": "Administratie <administratie@example.test>",
    "priority": 1,
    "email_account": "Administratie",
    "attachments": "[]",
    "expose_recipients": "header",
}
RECIPIENT_COLUMNS = "name creation modified recipient status parent"
RECIPIENT_CONSTANTS: dict[str, str | int] = {
    "owner": "Administrator",
    "modified_by": "Administrator",
    "idx": 1,
    "parentfield": "recipients",
    "parenttype": "Email Queue",
}


def ordinary_mails(members: int) -> float:
    """Mails of an average day beside those that invoices cause, for so many members."""
    return max(46.0, 0.05 * members)


def email_rows(
    rng: random.Random, name: str, created: datetime, modified: datetime, status: str, recipient: str, error: str | None
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """One Email Queue row and its recipient's row; moments are naive on the site's clock."""
    number = f"{rng.getrandbits(60)}@{SITE}"
    message = f"Content-Type: text/plain\r\nMessage-Id: <{number}>\r\nSubject: Uw contributie\r\n\r\nBeste lid,\r\n"
    child = {"Sent": "Sent"}.get(status, "Not Sent")
    return (
        (name, stamp(created), stamp(modified), message, status, error, number),
        (document_name(rng), stamp(created), stamp(modified), recipient, child, name),
    )


def write_emails(world: World, conn: sqlite3.Connection) -> None:
    """Insert 30 days of Email Queue: invoices' mails and the day's ordinary ones; most sent within minutes."""
    rng = world.stream("mail")
    since = world.here - timedelta(days=EMAIL_DAYS)
    moments = [
        datetime.fromisoformat(row[0]) + timedelta(minutes=6 + 30 * rng.random())
        for row in conn.execute(
            'SELECT creation FROM "tabSales Invoice" WHERE creation > ? AND docstatus = 1 ORDER BY name',
            (stamp(since),),
        )
    ]
    day = since.date()
    while day <= world.today:
        for _ in range(rhythm.poisson(rng, ordinary_mails(world.count) * rhythm.WEEKDAYS[day.weekday()])):
            moments.append(rhythm.moment_of_day(rng, day))
        day += timedelta(days=1)
    addresses = [m.person.email for m in world.members if m.approved is not None]
    queue: list[tuple[object, ...]] = []
    recipients: list[tuple[object, ...]] = []
    for created in sorted(m for m in moments if since < m <= world.here):
        wait = timedelta(seconds=40 + rng.expovariate(1 / 150))
        status, error, modified = "Sent", None, created + wait
        if rng.random() < 0.009:
            status, error = "Error", "smtplib.SMTPRecipientsRefused: mailbox unavailable"
        if modified > world.here:
            status, error, modified = "Not Sent", None, created
        row, child = email_rows(rng, document_name(rng), created, modified, status, rng.choice(addresses), error)
        queue.append(row)
        recipients.append(child)
    for minutes, status in (
        (0.6, "Not Sent"),
        (2.1, "Not Sent"),
        (3.0, "Sending"),
        (62.0, "Sending"),
        (1500.0, "Partially Sent"),
    ):
        created = world.here - timedelta(minutes=minutes)
        row, child = email_rows(rng, document_name(rng), created, created, status, rng.choice(addresses), None)
        queue.append(row)
        recipients.append(child)
    insert(conn, "tabEmail Queue", EMAIL_COLUMNS, queue, **EMAIL_CONSTANTS)
    insert(conn, "tabEmail Queue Recipient", RECIPIENT_COLUMNS, recipients, **RECIPIENT_CONSTANTS)
