"""What happened while nobody ran the demo: life is caught up with, every event at its own time."""

import random
import threading
from datetime import datetime, timedelta

from baken.demo import monitor_log
from baken.demo.living.course import Life

# A longer pause is not made up for: the demo is made anew before that.
LONGEST = timedelta(hours=12)
_STEP = timedelta(minutes=3)


def catch_up(life: Life, since: datetime, now: datetime, stop: threading.Event) -> list[str]:
    """Live from `since` to `now` (both aware) at life's own pace.

    Returns the lines of monitor.json.log of that time, oldest first. Ends early when `stop` is set.

    Raises sqlite3.OperationalError when the database stays locked.
    """
    moment = since
    while moment < now and not stop.is_set():
        length = min(_STEP, now - moment)
        moment += length
        life.step(moment, length.total_seconds() / 60)
        life.stage.queues.settle(moment)
    rng = random.Random(f"{life.stage.seed}:pause:{since.timestamp():.0f}")
    return list(monitor_log.lines_between(rng, since, moment))
