"""E-mails are queued and delivered."""

from datetime import datetime, timedelta

from baken.demo.living.stage import Stage
from baken.demo.rhythm import local, stamp

_WAIT_SECONDS = 150.0


def post(stage: Stage, now: datetime) -> None:
    """A mail to a member goes into the queue."""
    stage.mail_to(stage.rng.choice(stage.cast.members)[2], local(now))


def stick_mail(stage: Stage, now: datetime) -> None:
    """The mail server stops answering for some minutes: mails queue up."""
    if stage.mail_stuck_until is None:
        stage.mail_stuck_until = now + timedelta(minutes=stage.rng.uniform(2, 6))


def deliver(stage: Stage, now: datetime, minutes: float) -> None:
    """Mails that wait are sent, after two or three minutes on average, unless the mail server does not answer."""
    if stage.mail_stuck_until is not None:
        if now < stage.mail_stuck_until:
            return
        stage.mail_stuck_until = None
    here = local(now)
    begun = stamp(here - timedelta(minutes=minutes))
    # Nothing about the two that hang in Sending for an hour: that is what a monitor should find.
    waiting = stage.conn.execute(
        "SELECT name, creation FROM \"tabEmail Queue\" WHERE status = 'Not Sent' AND creation < ? "
        "ORDER BY creation LIMIT 2000",
        (stamp(here - timedelta(seconds=8)),),
    ).fetchall()
    for name, created in waiting:
        since = datetime.fromisoformat(max(created, begun))
        length = (here - since).total_seconds()
        waited = stage.rng.expovariate(1 / _WAIT_SECONDS)
        if waited > length:
            continue
        sent = stamp(since + timedelta(seconds=waited))
        status = "Sent" if stage.rng.random() < 0.991 else "Error"
        error = None if status == "Sent" else "smtplib.SMTPRecipientsRefused: mailbox unavailable"
        stage.conn.execute(
            'UPDATE "tabEmail Queue" SET status = ?, error = ?, modified = ? WHERE name = ?',
            (status, error, sent, name),
        )
        stage.conn.execute(
            'UPDATE "tabEmail Queue Recipient" SET status = ?, modified = ? WHERE parent = ?',
            ("Sent" if status == "Sent" else "Not Sent", sent, name),
        )
