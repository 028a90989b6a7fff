"""The members' side of the demo: applications, members, memberships, dues schedules, mandates, volunteers,
terminations.
"""

import random
from datetime import datetime, timedelta

from baken.demo import people, rhythm
from baken.demo.naming import NamingSeries
from baken.demo.rhythm import at
from baken.demo.world import MEMBERSHIP_TYPES, MemberLife, World

# Shares of all members by how they ended up; the rest is Active.
_LEFT = (("Terminated", 0.085), ("Expired", 0.014), ("Deceased", 0.006), ("Suspended", 0.006), ("Banned", 0.001))
_METHODS = (("SEPA Direct Debit", 0.70), ("Bank Transfer", 0.22), ("Mollie", 0.08))
_TERMINATIONS = (("Voluntary", 0.72), ("Non-payment", 0.22), ("Disciplinary Action", 0.03), ("Policy Violation", 0.03))


def _share(rng: random.Random, options: tuple[tuple[str, float], ...]) -> str:
    return rng.choices([name for name, _ in options], [share for _, share in options])[0]


def _working(moment: datetime) -> datetime:
    """`moment`, or Monday when it is a weekend: reviews are done on working days."""
    return moment + timedelta(days=7 - moment.weekday()) if moment.weekday() > 4 else moment


def _applications(world: World, rng: random.Random) -> list[tuple[datetime, bool]]:
    """(moment of application, imported) of every member, oldest first."""
    imported = round(world.count * 0.55)
    moments = [(at(world.start, 9) + timedelta(seconds=4 * i), True) for i in range(imported)]
    days = (world.today - world.start).days
    every = [world.start + timedelta(days=i) for i in range(1, days)]
    weights = [
        rhythm.MONTHS[d.month - 1] * rhythm.WEEKDAYS[d.weekday()] * (0.8 + 0.4 * i / days) for i, d in enumerate(every)
    ]
    for day in rng.choices(every, weights, k=world.count - imported - _pipeline_size(world)):
        moments.append((rhythm.moment_of_day(rng, day), False))
    for i in range(_pipeline_size(world)):
        # The pipeline: most applied in the last two weeks, a handful has been waiting far too long.
        age = rng.uniform(0.05, 14) if i % 9 else rng.uniform(20, 70)
        moments.append((world.here - timedelta(days=age), False))
    return sorted(moments)


def _pipeline_size(world: World) -> int:
    return max(9, round(world.count * 0.012))


def plan_members(world: World) -> None:
    """Decide every member's course of life and put it into `world.members`."""
    rng = world.stream("members")
    names = NamingSeries(4)
    applications = _applications(world, rng)
    pipeline = len(applications) - _pipeline_size(world)
    youngest = sorted(applications)[pipeline][0]
    for number, (applied, imported) in enumerate(applications, start=1):
        kind, frequency, months, rate, _ = rng.choices(MEMBERSHIP_TYPES, [t[4] for t in MEMBERSHIP_TYPES])[0]
        life = MemberLife(
            name=names.next(f"Assoc-Member-{applied:%Y-%m}-"),
            number=number,
            person=people.person(rng, number),
            membership_type=kind,
            frequency=frequency,
            months=months,
            rate=rate,
            method=_share(rng, _METHODS),
            applied=applied,
            approved=applied if imported else None,
            left=None,
            status="Active",
            application_status="Active",
            changed=applied,
            imported=imported,
            chapter=rng.choice(people.CHAPTERS)[0],
        )
        if not imported:
            _decide(world, rng, life, waiting=applied >= youngest and applied > world.here - timedelta(days=14))
        if life.approved is not None:
            _leave(world, rng, life)
        world.members.append(life)
    _let_some_wait(world, rng)


def _decide(world: World, rng: random.Random, life: MemberLife, *, waiting: bool) -> None:
    """The review of an application: approved or rejected after some days, or not yet."""
    review = _working(life.applied + timedelta(days=min(12.0, rng.lognormvariate(0.8, 0.7))))
    review = at(review.date(), 9 + 8 * rng.random())
    if review <= life.applied:
        review = life.applied + timedelta(hours=rng.uniform(0.5, 2))
    if review > world.here or waiting:
        life.status = "Pending"
        age = (world.here - life.applied).days
        life.application_status = rng.choices(("Pending", "Under Review", "Payment Pending"), (5, 2 + age, 1 + age))[0]
        life.changed = min(life.applied + timedelta(days=min(3, age / 2)), world.here)
    elif rng.random() < 0.03:
        life.status = life.application_status = "Rejected"
        life.changed = review
    else:
        life.approved = life.changed = review
        life.application_status = "Active" if rng.random() < 0.9 else "Approved"


def _leave(world: World, rng: random.Random, life: MemberLife) -> None:
    staying = 1 - sum(share for _, share in _LEFT)
    status = _share(rng, (*_LEFT, ("Active", staying)))
    if status == "Active":
        return
    approved = life.approved or life.applied
    span = (world.here - approved).total_seconds()
    if span < 40 * 86400:
        return
    life.left = _working(approved + timedelta(seconds=span * rng.uniform(0.05, 0.999)))
    if life.left > world.here:
        life.left = world.here - timedelta(hours=rng.uniform(2, 30))
    life.status = status
    life.changed = life.left
    if status == "Terminated":
        life.termination = _share(rng, _TERMINATIONS)


def _let_some_wait(world: World, rng: random.Random) -> None:
    """A few applications that nobody looked at for weeks, a few stuck dues schedules, a few dormant mandates."""
    fresh = [m for m in world.members if m.status == "Pending"]
    for life in rng.sample(fresh, min(len(fresh), max(2, world.count // 700))):
        life.application_status = rng.choice(("Pending", "Under Review"))
        life.applied -= timedelta(days=rng.uniform(18, 60))
        life.changed = life.applied + timedelta(hours=2)
    active = [m for m in world.members if m.status == "Active" and m.imported]
    for life in rng.sample(active, max(3, world.count // 350)):
        life.stuck = True
    dormant = [m for m in active if m.method == "Bank Transfer" and not m.stuck]
    for life in rng.sample(dormant, min(len(dormant), max(2, world.count // 420))):
        life.dormant = True
