"""What the makers of the demo's rows share: the moment, the random streams, the members with their course of life."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from baken.demo import rhythm
from baken.demo.people import Person

COMPANY = "Vereniging De Baken"
ABBREVIATION = "DB"
SITE = "demo.example.test"
STAFF = ("admin@example.test", "board@example.test")

# type, billing frequency, months, amount, share of members
MEMBERSHIP_TYPES = (
    ("Monthly Membership", "Monthly", 1, 10.0, 0.24),
    ("Quarterly Membership", "Quarterly", 3, 27.0, 0.30),
    ("Annual Membership", "Annual", 12, 96.0, 0.30),
    ("Student Membership", "Annual", 12, 36.0, 0.10),
    ("Supporting Membership", "Annual", 12, 60.0, 0.06),
)


@dataclass(slots=True)
class MemberLife:
    """One member: `applied`, `approved` and `left` are naive moments of the site's clock; None if it never came to
    that.
    """

    name: str
    number: int
    person: Person
    membership_type: str
    frequency: str
    months: int
    rate: float
    method: str
    applied: datetime
    approved: datetime | None
    left: datetime | None
    status: str
    application_status: str
    changed: datetime
    imported: bool
    chapter: str
    customer: str | None = None
    membership: str | None = None
    schedule: str | None = None
    stuck: bool = False
    dormant: bool = False
    mandate: str | None = None
    mandate_id: str | None = None
    mandate_first: date | None = None
    termination: str = ""


@dataclass(slots=True)
class World:
    """`now` is aware UTC, `here` the same moment on the site's clock (naive), `start` the day the site went live."""

    seed: int
    now: datetime
    here: datetime
    today: date
    start: date
    count: int
    members: list[MemberLife] = field(default_factory=list)
    invoices: list[str] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)

    def stream(self, name: str) -> random.Random:
        """A random stream of its own per purpose, so that a change in one place leaves the others' rows as they
        were.
        """
        return random.Random(f"{self.seed}:{name}")


def new_world(seed: int, members: int, now: datetime) -> World:
    """The empty world at the aware moment `now`, three years after the site went live."""
    now = now.astimezone(UTC).replace(microsecond=0)
    here = rhythm.local(now)
    today = here.date()
    start = date(today.year - 3, today.month, min(today.day, 28))
    return World(seed=seed, now=now, here=here, today=today, start=start, count=members)
