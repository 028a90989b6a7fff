"""What goes wrong: the everyday errors, and bursts of the same one."""

from datetime import datetime, timedelta

from baken.demo import error_log, mishaps, rhythm
from baken.demo.living.stage import Stage

_BURSTS = ("lock_wait", "query_timeout", "missing_column", "smtp_refused")
_A_MINUTE = 14


def fail(stage: Stage, now: datetime) -> None:
    """One of the everyday errors."""
    failures, weights = error_log.usual(stage.seed, now)
    stage.error_of_request(stage.rng.choices(failures, weights)[0], now)


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
