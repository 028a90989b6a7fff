"""What goes wrong: the everyday errors, and bursts of the same one."""

from datetime import datetime, timedelta

from baken.demo import error_log, mishaps, rhythm
from baken.demo.living.stage import Stage
from baken.demo.rhythm import document_name

_BURSTS = ("lock_wait", "query_timeout", "missing_column", "smtp_refused")
_A_MINUTE = 14


def fail(stage: Stage, now: datetime) -> None:
    """One of the everyday errors."""
    failures, weights = error_log.usual(stage.seed, now)
    stage.error_of_request(stage.rng.choices(failures, weights)[0], now)


def lose(stage: Stage, now: datetime) -> None:
    """An error that Frappe cannot file, since its title is too long: nothing but a line in frappe.log tells of it."""
    member, name, address, _iban = stage.rng.choice(stage.cast.members)
    title = (
        f"Failed to update the payment history of {member} after the direct debit of {name} ({address}) was returned: "
        "the outstanding amount of the invoice is negative, which a payment entry may not settle"
    )
    row = document_name(stage.rng)
    moment = f"{now.astimezone():%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}"
    stage.bench.log(
        f"{moment} ERROR frappe Error while inserting deferred "
        f"Error Log record: Error Log {row}: 'Title' ({title}) will get truncated, as max characters allowed is 140"
    )


def begin_burst(stage: Stage, now: datetime) -> None:
    """Something breaks: the same error comes again and again for a while."""
    if stage.burst is None:
        stage.burst = (mishaps.BY_KEY[stage.rng.choice(_BURSTS)], stage.rng.randrange(20, 40), now)


def announce_burst(stage: Stage, now: datetime) -> None:
    """Something will break within the minute: who opens the demo for the first time sees what that looks like."""
    begins = now + timedelta(seconds=stage.rng.uniform(35, 60))
    stage.burst = (mishaps.BY_KEY["query_timeout"], stage.rng.randrange(26, 40), begins)


def go_on(stage: Stage, now: datetime, minutes: float) -> None:
    """The burst that is on goes on, until it has had as many errors as it was to have."""
    if stage.burst is None or now < stage.burst[2]:
        return
    failure, left, begins = stage.burst
    lasted = min(minutes, (now - begins).total_seconds() / 60)
    count = min(left, rhythm.poisson(stage.rng, _A_MINUTE * lasted))
    for _ in range(count):
        stage.error(failure, now - timedelta(seconds=60 * lasted * stage.rng.random()))
    stage.burst = (failure, left - count, begins) if left > count else None
