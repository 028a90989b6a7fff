"""Jobs that report by pings: the state machine against a plain reading of the whole history, cron, and the clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.alerts import ping_keys, pings
from baken.alerts.pings import BadCron, Heard, Schedule, Signal, Standing, cron_of, standing, take

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DAILY = Schedule(DAY)
NIGHTLY = Schedule(None, "30 2 * * *", "Europe/Amsterdam")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def after(*said: tuple[float, Signal], since: datetime = NOW - DAY) -> Heard:
    """What is remembered after these pings, each so many minutes after NOW."""
    heard = Heard(since)
    for minutes, signal in said:
        heard, _ = take(heard, signal, NOW + minutes * MINUTE, 1 if signal == "fail" else None)
    return heard


def at(heard: Heard, minutes: float) -> str:
    return standing(heard, Schedule(10 * MINUTE), 5 * MINUTE, NOW + minutes * MINUTE).state


def test_the_course_of_a_job() -> None:
    assert at(after(), 10_000) == "new"
    assert at(after((0, "log")), 10_000) == "new"
    told = after((0, "success"))
    assert [at(told, minutes) for minutes in (0, 9.9, 10, 14.9, 15, 9999)] == [
        "up", "up", "late", "late", "missing", "missing",
    ]  # fmt: skip
    running = after((0, "success"), (10, "start"))
    assert [at(running, minutes) for minutes in (10, 14.9, 15, 24.9, 25)] == [
        "running", "running", "too_long", "too_long", "missing",
    ]  # fmt: skip
    assert at(after((0, "success"), (10, "start"), (12, "success")), 13) == "up"
    assert at(after((0, "fail")), 1) == "failed"
    assert at(after((0, "fail"), (5, "start")), 6) == "failed"
    assert at(after((0, "fail"), (5, "start"), (6, "success")), 7) == "up"
    assert standing(told, DAILY, HOUR, NOW + 9 * DAY, paused=True) == Standing("paused")


def test_a_job_that_fails_and_then_stays_away_is_missing_as_well() -> None:
    known = standing(after((0, "fail")), Schedule(10 * MINUTE), 5 * MINUTE, NOW + 15 * MINUTE)
    assert (known.missing, known.failed, known.state) == (True, True, "missing")


def test_a_job_that_is_killed_every_night_is_not_let_off_by_its_next_start() -> None:
    heard = after((0, "success"), (24 * 60, "start"), (48 * 60, "start"))
    known = standing(heard, DAILY, HOUR, NOW + 2 * DAY + MINUTE)
    assert known.too_long
    # The start of the second night does not count as the report of the first.
    assert known.missing_at == NOW + 2 * DAY + HOUR


def test_how_long_a_run_took_is_counted_from_its_last_start() -> None:
    heard = after((0, "start"), (30, "start"))
    ended, took = take(heard, "success", NOW + 40 * MINUTE)
    assert took == 10 * MINUTE
    assert take(ended, "success", NOW + 50 * MINUTE)[1] is None
    # The clock was set back while it ran: nobody can say.
    assert take(heard, "fail", NOW - HOUR, 3)[1] is None


def test_it_counts_from_when_it_was_resumed_or_changed() -> None:
    heard = after((0, "success"), since=NOW + 100 * MINUTE)
    assert at(heard, 109) == "up"
    assert at(heard, 115) == "missing"


EVENTS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(pings.SIGNALS)), max_size=12
).map(lambda found: sorted(found, key=lambda event: event[0]))  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(EVENTS, st.integers(1, 90), st.integers(1, 60), st.integers(-50, 300), st.integers(0, 600))
def test_it_is_what_the_whole_history_says(
    events: list[tuple[int, Signal]], period: int, grace: int, since: int, now: int
) -> None:
    """The oracle keeps every ping and reads all of them anew; the machine keeps six moments."""
    events = [event for event in events if event[0] <= now]
    heard = Heard(NOW + since * MINUTE)
    for minute, signal in events:
        heard, _ = take(heard, signal, NOW + minute * MINUTE)
    found = standing(heard, Schedule(period * MINUTE), grace * MINUTE, NOW + now * MINUTE)

    ends = [place for place, (_, signal) in enumerate(events) if signal in ("success", "fail")]
    begun = [minute for minute, signal in events[(ends[-1] + 1 if ends else 0) :] if signal == "start"]
    if not ends and not begun:
        assert found == Standing("new")
        return
    last_end = events[ends[-1]][0] if ends else None
    counted = max([since, *([last_end] if last_end is not None else []), *begun[:1]])
    assert found.missing == (now >= counted + period + grace)
    assert found.too_long == bool(begun and now >= begun[0] + grace)
    assert found.failed == bool(ends and events[ends[-1]][1] == "fail")
    assert heard.last_ok == max(
        (NOW + minute * MINUTE for minute, signal in events if signal == "success"), default=None
    )
    wanted = (
        "missing" if found.missing else "failed" if found.failed else "too_long" if found.too_long
        else "late" if now >= counted + period else "running" if begun else "up"
    )  # fmt: skip
    assert found.state == wanted


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.integers(1, 90), st.integers(1, 60), st.integers(0, 500))
def test_nothing_changes_before_it_says_so(events: list[tuple[int, Signal]], period: int, grace: int, now: int) -> None:
    """What looks again at `next_change` misses nothing that time alone brings about."""
    heard = Heard(NOW)
    for minute, signal in events:
        heard, _ = take(heard, signal, NOW + minute * MINUTE)

    def holds(moment: datetime) -> tuple[bool, bool, bool]:
        known = standing(heard, Schedule(period * MINUTE), grace * MINUTE, moment)
        return known.missing, known.too_long, known.failed

    here = NOW + now * MINUTE
    known = standing(heard, Schedule(period * MINUTE), grace * MINUTE, here)
    change = known.next_change(here)
    if change is None:
        assert holds(here) == holds(here + 400 * DAY)
    else:
        assert change > here
        assert holds(change - timedelta(seconds=1)) == holds(here)
        assert holds(change) != holds(here)


# ---- cron


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30 2 * * *", "30 2 * * *"),
        ("  */15   * * *  * ", "*/15 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@Hourly", "0 * * * *"),
        ("0 8-18 * * mon-fri", "0 8-18 * * mon-fri"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 L * *", "0 0 L * *"),
    ],
)
def test_what_cron_understands(written: str, meant: str) -> None:
    assert cron_of(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "", "30 2", "30 2 * * * *", "60 2 * * *", "1 24 * * *", "0 0 30 2 *", "0 0 31 2 *", "x * * * *", "@reboot",
        "* * * * " + "1," * 80, "*/99999999999999999999 * * * *", "0 0 * * *; rm", "0 0 * * \n* *", "*/0 * * * *",
        "5-1 * * * *", "\u0663 * * * *",
    ],
)  # fmt: skip
def test_what_cron_does_not_understand(written: str) -> None:
    with pytest.raises(BadCron):
        cron_of(written)


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789*/,-#LWmonfri @", max_size=30) | st.text(max_size=20))
def test_whatever_is_written_is_understood_or_refused(written: str) -> None:
    try:
        found = cron_of(written)
    except BadCron as problem:
        assert str(problem)
        return
    times = Schedule(None, found, "Europe/Amsterdam").times(NOW, 3)
    assert times == sorted(times)
    assert times[0] > NOW


def runs(minutes: set[int], hours: set[int] | None, start: datetime, days: int, zone: ZoneInfo) -> list[datetime]:
    """When Debian's cron runs `minutes hours * * *`, found by looking at every minute; None: every hour."""
    found: set[datetime] = set()
    if hours is None:
        for number in range(days * 1440):
            moment = start + number * MINUTE
            if moment.astimezone(zone).minute in minutes:
                found.add(moment)
        return sorted(found)
    wall = start.astimezone(zone).replace(tzinfo=None) - DAY
    for number in range((days + 2) * 1440):
        local = wall + number * MINUTE
        if local.minute in minutes and local.hour in hours:
            # The first of two; and where there is none, the first minute that there is again.
            real = local.replace(tzinfo=zone, fold=0)
            while real.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != real.replace(tzinfo=None):
                real = (real.replace(tzinfo=None) + MINUTE).replace(tzinfo=zone, fold=0)
            found.add(real.astimezone(UTC))
    return sorted(found)


CHANGES = st.sampled_from(
    [
        (datetime(2026, 3, 28, 20, tzinfo=UTC), "Europe/Amsterdam"),
        (datetime(2026, 10, 24, 20, tzinfo=UTC), "Europe/Amsterdam"),
        (datetime(2026, 11, 1, 0, tzinfo=UTC), "America/New_York"),
        # Half an hour, and by night.
        (datetime(2026, 4, 4, 10, tzinfo=UTC), "Australia/Lord_Howe"),
        (datetime(2026, 10, 3, 10, tzinfo=UTC), "Australia/Lord_Howe"),
        (datetime(2026, 7, 1, 0, tzinfo=UTC), "UTC"),
    ]
)


@settings(max_examples=120, deadline=None)
@given(
    CHANGES,
    st.sets(st.integers(0, 59), min_size=1, max_size=3),
    st.none() | st.sets(st.integers(0, 4), min_size=1, max_size=2),
    st.integers(0, 16 * 60 * 60),
)
def test_the_next_time_is_that_of_cron_also_when_the_clocks_change(
    change: tuple[datetime, str], minutes: set[int], hours: set[int] | None, seconds: int
) -> None:
    start, name = change
    moment = start + timedelta(seconds=seconds)
    cron = f"{','.join(map(str, sorted(minutes)))} {'*' if hours is None else ','.join(map(str, sorted(hours)))} * * *"
    counted = moment + pings.EARLY
    wanted = next(each for each in runs(minutes, hours, start.replace(minute=0), 3, ZoneInfo(name)) if each > counted)
    found = Schedule(None, cron, name).after(moment)
    assert found == wanted, (cron, name, moment)


def test_a_night_without_half_past_two_and_one_with_two() -> None:
    # In spring it runs when the clock has jumped, in autumn once.
    spring = NIGHTLY.after(datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert spring.astimezone(AMSTERDAM).isoformat() == "2026-03-29T03:00:00+02:00"
    autumn = NIGHTLY.after(datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    # A report in the second of the two hours is not expected to be followed by one in the past.
    assert NIGHTLY.after(datetime(2026, 10, 25, 1, 10, tzinfo=UTC)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_a_job_whose_clock_is_a_little_ahead_is_not_missed() -> None:
    heard = Heard(NOW - DAY)
    heard, _ = take(heard, "success", datetime(2026, 11, 27, 1, 29, 45, tzinfo=UTC))
    assert standing(heard, NIGHTLY, HOUR, NOW).expected == datetime(2026, 11, 28, 1, 30, tzinfo=UTC)


# ---- secrets


def test_the_secret_is_the_stores_half_and_the_keys() -> None:
    key, other = b"k" * 32, b"o" * 32
    address = ping_keys.new_address()
    secret = ping_keys.key_of(key, address)
    assert secret.startswith(address)
    assert len(secret) == 36
    assert ping_keys.address_of(key, secret) == address
    assert ping_keys.address_of(other, secret) is None
    for wrong in ("", "x", secret[:-1], secret + "a", secret.upper(), address + "a" * 24, "é" * 36, "\x00" * 36):
        assert ping_keys.address_of(key, wrong) is None
    assert len({ping_keys.new_address() for _ in range(1000)}) == 1000
