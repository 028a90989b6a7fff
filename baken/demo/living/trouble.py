"""What goes wrong: the everyday errors, and bursts of the same one."""

from datetime import datetime, timedelta

from baken.demo import mishaps, rhythm
from baken.demo.living.stage import Stage


def fail(stage: Stage, now: datetime) -> None:
    """One of the everyday errors."""
    stage.error(stage.rng.choices(mishaps.FAILURES, [f.weight for f in mishaps.FAILURES])[0], now)


def begin_burst(stage: Stage, now: datetime) -> None:
    """Something breaks: the same error comes again and again for a while."""
    if stage.burst is None:
        failure = mishaps.BY_KEY[stage.rng.choice(("lock_wait", "query_timeout", "missing_column", "smtp_refused"))]
        stage.burst = (failure, stage.rng.randrange(15, 46))


def go_on(stage: Stage, now: datetime, minutes: float) -> None:
    if stage.burst is None:
        return
    failure, left = stage.burst
    count = min(left, rhythm.poisson(stage.rng, 14 * minutes))
    for _ in range(count):
        stage.error(failure, now - timedelta(seconds=60 * minutes * stage.rng.random()))
    stage.burst = (failure, left - count) if left > count else None
