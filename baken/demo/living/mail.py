"""E-mails are queued and delivered."""

from datetime import datetime, timedelta

from baken.demo.living.stage import Stage
from baken.demo.rhythm import local, stamp


def post(stage: Stage, now: datetime) -> None:
    """A mail to a member goes into the queue."""
    stage.mail_to(stage.rng.choice(stage.cast.members)[2], local(now))


def stick_mail(stage: Stage, now: datetime) -> None:
    """The mail server stops answering for some minutes: mails queue up."""
    if stage.mail_stuck_until is None:
        stage.mail_stuck_until = now + timedelta(minutes=stage.rng.uniform(2, 6))


def deliver(stage: Stage, now: datetime) -> None:
    if stage.mail_stuck_until is not None:
        if now < stage.mail_stuck_until:
            return
        stage.mail_stuck_until = None
    here = local(now)
    # Nothing about the two that hang in Sending for an hour: that is what a monitor should find.
    ready = stage.conn.execute(
        "SELECT name FROM \"tabEmail Queue\" WHERE status = 'Not Sent' AND creation < ? ORDER BY creation LIMIT 40",
        (stamp(here - timedelta(seconds=stage.rng.uniform(4, 40))),),
    ).fetchall()
    for (name,) in ready:
        status = "Sent" if stage.rng.random() < 0.985 else "Error"
        error = None if status == "Sent" else "smtplib.SMTPRecipientsRefused: mailbox unavailable"
        stage.conn.execute(
            'UPDATE "tabEmail Queue" SET status = ?, error = ?, modified = ? WHERE name = ?',
            (status, error, stamp(here), name),
        )
        stage.conn.execute(
            'UPDATE "tabEmail Queue Recipient" SET status = ?, modified = ? WHERE parent = ?',
            ("Sent" if status == "Sent" else "Not Sent", stamp(here), name),
        )
