"""Jobs that report by pings in the store, and what the watch makes of them: alerts in time, resolved, started again."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from baken.alerts import checks, heartbeat, ping_keys, rulebook
from baken.alerts.checks import Check, Wish
from baken.alerts.heartbeat import Beat
from baken.alerts.pings import Schedule, Signal
from baken.alerts.watch import AlertWatch
from baken.history.store import Store
from baken.history.tables import alerts, check_pings
from baken.settings import Alerts, Heartbeat, load
from tests.alerts.judged import NOW, MadeView, condition, problems_of, verdicts
from tests.alerts.remote import remote
from tests.alerts.rig import SITE

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEY = b"k" * 32
BACKUP = Wish("Nightly backup", Schedule(HOUR), 10 * MINUTE)


def made(store: Store, wanted: Wish = BACKUP, site: str = SITE, now: datetime = START) -> Check:
    with store.write() as conn:
        return checks.add(conn, site, wanted, by="els", now=now)


def ping(store: Store, check: Check, signal: Signal, now: datetime, code: int | None = None) -> checks.Taken:
    taken = checks.ping(store, KEY, ping_keys.key_of(KEY, check.address), signal, now, code)
    assert taken is not None
    return taken


def found(store: Store, check: Check) -> Check:
    with store.read() as conn:
        again = checks.find(conn, check.site, check.id)
    assert again is not None
    return again


def test_a_ping_is_kept_with_what_it_says(store: Store) -> None:
    check = made(store)
    assert found(store, check) == check
    ping(store, check, "start", START)
    ping(store, check, "success", START + 90 * timedelta(seconds=1))
    ping(store, check, "log", START + 2 * MINUTE)
    taken = ping(store, check, "fail", START + 3 * MINUTE, 3)
    assert (taken.site, taken.name, taken.urgent) == (SITE, "Nightly backup", True)
    now = found(store, check)
    # Of the last run nobody knows when it began.
    assert (now.count, now.last_kind, now.took, now.heard.exit_code) == (4, "fail", None, 3)
    assert (now.heard.last_ok, now.heard.failed) == (START + 90 * timedelta(seconds=1), START + 3 * MINUTE)
    with store.read() as conn:
        last = checks.last(conn, [check.id], 3)[check.id]
    assert [(each.kind, each.exit_code) for each in last] == [("success", None), ("log", None), ("fail", 3)]
    assert last[0].took == timedelta(seconds=90)


def test_no_more_pings_are_kept_than_said(store: Store) -> None:
    check, other = made(store), made(store, Wish("Other", Schedule(HOUR), MINUTE))
    ping(store, other, "success", START)
    for number in range(checks.KEPT + 7):
        ping(store, check, "success", START + number * MINUTE)
    with store.read() as conn:
        counted = select(check_pings.c.check_id, func.count()).group_by(check_pings.c.check_id)
        rows = sorted(number for _, number in conn.execute(counted))
        assert rows == [1, checks.KEPT]
        assert len(checks.last(conn, [check.id, other.id], 30)[check.id]) == 30


def test_pings_at_once_are_all_counted(store: Store) -> None:
    check = made(store)
    threads = [threading.Thread(target=ping, args=(store, check, "success", START)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found(store, check).count == 8


def test_every_change_raises_the_number_of_its_site(store: Store) -> None:
    def version() -> int:
        with store.read() as conn:
            return checks.versions(conn).get(SITE, 0)

    seen = [version()]
    check = made(store)
    seen.append(version())
    ping(store, check, "success", START)
    seen.append(version())
    changes: list[Callable[[Any], object]] = [
        lambda conn: checks.change(conn, check, Wish("Renamed", Schedule(None, "@daily", ""), MINUTE), START),
        lambda conn: checks.pause(conn, check, START),
        lambda conn: checks.resume(conn, check, START),
        lambda conn: checks.renew(conn, check),
        lambda conn: checks.remove(conn, check),
    ]
    for each in changes:
        with store.write() as conn:
            each(conn)
        seen.append(version())
    assert seen == sorted(set(seen))
    with store.read() as conn:
        assert checks.load(conn, SITE) == []
        assert conn.execute(select(func.count()).select_from(check_pings)).scalar() == 0


def test_what_was_heard_by_a_clock_that_was_ahead_was_heard_now(store: Store) -> None:
    check, other = made(store, now=START + HOUR), made(store, Wish("Other", Schedule(HOUR), MINUTE))
    ping(store, check, "fail", START + HOUR, 1)
    ping(store, other, "success", START)
    with store.write() as conn:
        checks.forget_future(conn, START + MINUTE)
    heard = found(store, check).heard
    assert (heard.since, heard.ended, heard.failed, heard.started) == (*(3 * (START + MINUTE,)), None)
    assert found(store, other).heard.ended == START


def test_an_address_that_was_renewed_or_deleted_is_nobodys(sqlite_store: Store) -> None:
    check = made(sqlite_store)
    old = ping_keys.key_of(KEY, check.address)
    with sqlite_store.write() as conn:
        checks.renew(conn, check)
    assert checks.ping(sqlite_store, KEY, old, "success", START) is None
    now = found(sqlite_store, check)
    ping(sqlite_store, now, "success", START)
    with sqlite_store.write() as conn:
        checks.remove(conn, now)
    assert checks.ping(sqlite_store, KEY, ping_keys.key_of(KEY, now.address), "success", START) is None


def test_a_wrong_secret_costs_no_look_into_the_store(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "write", lambda _self: pytest.fail("the store was asked"))
    monkeypatch.setattr(Store, "read", lambda _self: pytest.fail("the store was asked"))
    assert checks.ping(sqlite_store, KEY, "a" * 36, "success", START) is None


def test_resumed_it_begins_with_nothing_held_against_it(sqlite_store: Store) -> None:
    check = made(sqlite_store)
    ping(sqlite_store, check, "fail", START, 1)
    ping(sqlite_store, check, "start", START)
    with sqlite_store.write() as conn:
        checks.pause(conn, check, START)
    assert found(sqlite_store, check).standing(START + DAY, "UTC").state == "paused"
    with sqlite_store.write() as conn:
        checks.resume(conn, found(sqlite_store, check), START + DAY)
    now = found(sqlite_store, check)
    assert now.standing(START + DAY, "UTC").state == "up"
    # It is waited for, also when it never comes again.
    assert now.standing(START + DAY + HOUR + 10 * MINUTE, "UTC").state == "missing"


def test_another_schedule_is_waited_for_from_now_on(sqlite_store: Store) -> None:
    check = made(sqlite_store, Wish("Weekly", Schedule(7 * DAY), HOUR))
    ping(sqlite_store, check, "success", START)
    later = START + 3 * DAY
    with sqlite_store.write() as conn:
        checks.change(conn, found(sqlite_store, check), Wish("Hourly", Schedule(HOUR), MINUTE), later)
    assert found(sqlite_store, check).standing(later + MINUTE, "UTC").state == "up"
    # A longer grace alone changes nothing about the wait.
    with sqlite_store.write() as conn:
        checks.change(conn, found(sqlite_store, check), Wish("Hourly", Schedule(HOUR), HOUR), later + DAY)
    assert found(sqlite_store, check).heard.since == later


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (("", 3600, "", "", 60), "name"),
        (("x" * 61, 3600, "", "", 60), "name"),
        (("\U0001f600" * 40, 3600, "", "", 60), "name"),
        (("a\u202eb", 3600, "", "", 60), "name"),
        (("a", 59, "", "", 60), "period"),
        (("a", 10**9, "", "", 60), "period"),
        (("a", 0, "0 0 30 2 *", "", 60), "cron"),
        (("a", 0, "0 2 * * *", "Europe/Nowhere", 60), "time_zone"),
        (("a", 0, "0 2 * * *", "../../etc/passwd", 60), "time_zone"),
        (("a", 3600, "", "", 59), "grace"),
    ],
)
def test_what_cannot_be_set(given: tuple[str, int, str, str, int], field: str) -> None:
    wanted, wrong = checks.wish(*given)
    assert wanted is None
    assert [each.field for each in wrong] == [field]


# ---- the rules


def test_the_three_rules_judge_each_its_own(sqlite_store: Store) -> None:
    from baken.alerts.pings import Heard, standing
    from baken.alerts.view import seen_check

    def view(heard: Heard, *, paused: bool = False) -> MadeView:
        known = standing(heard, Schedule(HOUR), 10 * MINUTE, NOW, paused=paused)
        return MadeView(jobs=[seen_check("Backup", heard, known)])

    late = view(Heard(NOW - DAY, ended=NOW - 2 * HOUR, last_ok=NOW - 2 * HOUR))
    (verdict,) = verdicts(condition("ping", 'ping = "missing"'), late).values()
    assert (verdict.labels, verdict.breach, verdict.value, verdict.limit) == ({"check": "Backup"}, True, 7200, 4200)
    assert verdict.fields["last_ok"] == {
        "en": "It last went well 2 h ago.",
        "nl": "Het ging 2 u geleden voor het laatst goed.",
    }
    for other in ("failed", "too_long"):
        (verdict,) = verdicts(condition("ping", f'ping = "{other}"'), late).values()
        assert (verdict.breach, verdict.recovered) == (False, True)
    broken = view(Heard(NOW - DAY, ended=NOW, failed=NOW - MINUTE, exit_code=3))
    (verdict,) = verdicts(condition("ping", 'ping = "failed"'), broken).values()
    assert (verdict.breach, verdict.value, verdict.fields["code"]) == (
        True, None, {"en": " with exit code 3", "nl": " met exitcode 3"},
    )  # fmt: skip
    hangs = view(Heard(NOW - DAY, started=NOW - 11 * MINUTE))
    (verdict,) = verdicts(condition("ping", 'ping = "too_long"'), hangs).values()
    assert (verdict.breach, verdict.limit) == (True, 600)
    paused = view(Heard(NOW - DAY, ended=NOW - 2 * HOUR), paused=True)
    (verdict,) = verdicts(condition("ping", 'ping = "missing"'), paused).values()
    assert (verdict.breach, verdict.recovered) == (False, True)


def test_a_rule_for_some_jobs_only() -> None:
    from baken.alerts.rule import SeenCheck

    view = MadeView(jobs=[SeenCheck("Bank import", True, failed=True), SeenCheck("Backup", True, failed=True)])
    judge = condition("ping", 'ping = "failed"\nmatch = { check = "~Bank.*" }')
    assert judge.words == "failed ping of job{check=~Bank.*}"
    assert list(verdicts(judge, view)) == ["check=Bank import"]
    assert problems_of("ping", "") == ["ping is missing: give one of missing, failed, too_long"]
    assert problems_of("ping", 'ping = "late"')[0].startswith("ping cannot be 'late'")
    assert problems_of("ping", 'ping = "failed"\nmatch = { job = "x" }')


# ---- the watch


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands() -> Clock:
    return Clock()


@pytest.fixture
def watch(sqlite_store: Store, tmp_path: Path, hands: Clock) -> AlertWatch:
    settings = load(None, {"data_dir": str(tmp_path)})
    return AlertWatch(settings, sqlite_store, "test", lambda: [SITE], hands)


def looked(watch: AlertWatch) -> None:
    """One turn of the loop, with what it does every second alone."""
    for name in ("tick", "full", "everything", "reports"):
        watch._due[name] = float("inf")
    watch._work()


def open_alerts(store: Store) -> list[tuple[str, str]]:
    with store.read() as conn:
        rows = conn.execute(
            select(alerts.c.rule, alerts.c.labels).where(alerts.c.open_key.is_not(None)).order_by(alerts.c.rule)
        )
        return [(rule, labels) for rule, labels in rows]


BACKUP_IS = '{"check":"Nightly backup"}'


def test_it_is_told_at_its_deadline_and_over_with_the_next_success(
    sqlite_store: Store, watch: AlertWatch, hands: Clock
) -> None:
    check = made(sqlite_store)
    looked(watch)
    ping(sqlite_store, check, "success", hands.now)
    looked(watch)
    hands.now += HOUR + 10 * MINUTE - timedelta(seconds=1)
    looked(watch)
    assert open_alerts(sqlite_store) == []
    hands.now += timedelta(seconds=1)
    looked(watch)
    assert open_alerts(sqlite_store) == [("PING_MISSING", BACKUP_IS)]
    hands.now += MINUTE
    ping(sqlite_store, check, "success", hands.now)
    looked(watch)
    assert open_alerts(sqlite_store) == []


def test_a_failure_is_told_at_the_next_look(sqlite_store: Store, watch: AlertWatch, hands: Clock) -> None:
    check = made(sqlite_store)
    looked(watch)
    ping(sqlite_store, check, "fail", hands.now, 3)
    looked(watch)
    assert open_alerts(sqlite_store) == [("PING_FAILED", BACKUP_IS)]
    # Failing again is the same alert; staying away as well is another one.
    hands.now += HOUR
    ping(sqlite_store, check, "fail", hands.now, 3)
    looked(watch)
    assert len(open_alerts(sqlite_store)) == 1
    hands.now += 2 * HOUR
    looked(watch)
    assert [rule for rule, _ in open_alerts(sqlite_store)] == ["PING_FAILED", "PING_MISSING"]
    with sqlite_store.write() as conn:
        checks.pause(conn, found(sqlite_store, check), hands.now)
    looked(watch)
    assert open_alerts(sqlite_store) == []


def test_one_that_does_not_end(sqlite_store: Store, watch: AlertWatch, hands: Clock) -> None:
    check = made(sqlite_store)
    ping(sqlite_store, check, "start", hands.now)
    looked(watch)
    hands.now += 10 * MINUTE
    looked(watch)
    assert open_alerts(sqlite_store) == [("PING_TOO_LONG", BACKUP_IS)]
    with sqlite_store.write() as conn:
        checks.remove(conn, found(sqlite_store, check))
    looked(watch)
    assert open_alerts(sqlite_store) == []


def test_a_restart_forgets_no_deadline(sqlite_store: Store, tmp_path: Path, watch: AlertWatch, hands: Clock) -> None:
    check = made(sqlite_store)
    ping(sqlite_store, check, "success", hands.now)
    looked(watch)
    hands.now += 3 * HOUR
    again = AlertWatch(load(None, {"data_dir": str(tmp_path)}), sqlite_store, "other", lambda: [SITE], hands)
    looked(again)
    assert open_alerts(sqlite_store) == [("PING_MISSING", BACKUP_IS)]


def test_a_clock_that_is_set_back_makes_nothing_wait_for_hours(
    sqlite_store: Store, watch: AlertWatch, hands: Clock
) -> None:
    check = made(sqlite_store)
    hands.now += 8 * HOUR
    ping(sqlite_store, check, "success", hands.now)
    looked(watch)
    hands.now -= 8 * HOUR
    watch.clock_set_back()
    looked(watch)
    assert found(sqlite_store, check).heard.ended == hands.now
    hands.now += HOUR + 10 * MINUTE
    looked(watch)
    assert open_alerts(sqlite_store) == [("PING_MISSING", BACKUP_IS)]


def test_a_look_that_finds_nothing_new_is_cheap(sqlite_store: Store, watch: AlertWatch, hands: Clock) -> None:
    for number in range(20):
        ping(sqlite_store, made(sqlite_store, Wish(f"job {number}", Schedule(HOUR), MINUTE)), "success", hands.now)
    looked(watch)
    before = watch.engine.evaluations
    started = time.perf_counter()
    for _ in range(100):
        watch._evaluate_checks()
    assert time.perf_counter() - started < 2.0
    assert watch.engine.evaluations == before


def test_the_running_loop_tells_within_two_seconds(sqlite_store: Store, tmp_path: Path) -> None:
    watch = AlertWatch(load(None, {"data_dir": str(tmp_path)}), sqlite_store, "test", lambda: [SITE])
    check = made(sqlite_store, now=datetime.now(UTC))
    watch.start()
    try:
        ends = time.monotonic() + 60
        while not watch.engine.evaluations and time.monotonic() < ends:
            time.sleep(0.05)
        time.sleep(1.5)
        started = time.monotonic()
        ping(sqlite_store, check, "fail", datetime.now(UTC), 1)
        while not open_alerts(sqlite_store):
            assert time.monotonic() - started < 20
            time.sleep(0.02)
        # Two seconds where nobody else uses the machine.
        assert time.monotonic() - started < 6
    finally:
        watch.stop()


# ---- heartbeats of Baken's own


def test_a_round_waits_for_its_heartbeat_and_writes_down_how_it_went(sqlite_store: Store, tmp_path: Path) -> None:
    with remote() as other:
        alerts_ = {"heartbeats": [{"url": f"{other.url}/ping/abc"}], "allow_private": ["127.0.0.0/8"]}
        settings = load(None, {"data_dir": str(tmp_path), "alerts": alerts_})
        # Each round is a process of its own, as on a site.
        for _ in range(2):
            AlertWatch(settings, sqlite_store, "test", lambda: [SITE]).turn(5.0, [SITE, ""])
        assert [each.path for each in other.requests] == ["/ping/abc"]
        with sqlite_store.read() as conn:
            (went,) = heartbeat.how_they_went(conn, settings.alerts)
    assert (went["said"], went["problem"]) == ("ok", "")
    assert went["last_ok"] is not None


def test_how_heartbeats_went_is_kept_without_their_secrets(store: Store) -> None:
    settings = Alerts(heartbeats=[Heartbeat(url="https://hc.example.test/secret-1"), Heartbeat(url="http://b.test/s2")])
    with store.read() as conn:
        first, second = heartbeat.how_they_went(conn, settings)
    assert (first["host"], first["said"], first["last_ok"]) == ("hc.example.test", "", None)
    beats = [Beat(each) for each in settings.heartbeats]
    beats[0].said, beats[0].last_at, beats[0].last_ok = "ok", START, START
    beats[1].said, beats[1].last_at, beats[1].problem = "fail", START, "it does not answer"
    with store.write() as conn:
        heartbeat.keep(conn, beats, START)
    with store.read() as conn:
        first, second = heartbeat.how_they_went(conn, settings)
        assert "secret-1" not in str([first, second])
        # Another list in the settings: nobody can say which is which.
        (only,) = heartbeat.how_they_went(conn, Alerts(heartbeats=settings.heartbeats[:1]))
    assert (first["said"], first["last_ok"], first["problem"]) == ("ok", "2026-11-27T12:00:00Z", "")
    assert (second["said"], second["last_ok"], second["problem"]) == ("fail", None, "it does not answer")
    assert only["said"] == ""
    # Another process goes on with what this one wrote, and does not call again at once.
    later = heartbeat.Heartbeats(settings, lambda: None)
    with store.read() as conn:
        later.restore(conn, START + timedelta(seconds=20))
    assert [each.last_ok for each in later.beats] == [START, None]
    assert [each.problem for each in later.beats] == ["", "it does not answer"]
    assert all(30 < each.due - time.monotonic() <= 40 for each in later.beats)
    with store.read() as conn:
        soon = heartbeat.Heartbeats(settings, lambda: None)
        soon.restore(conn, START + timedelta(seconds=55))
    assert [each.due for each in soon.beats] == [0.0, 0.0]


def test_the_rule_and_the_setting_of_the_manual_can_be_used(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "heartbeats.md").read_text(encoding="utf-8")
    rule, setting = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "rules.toml"
    file.write_text(rule)
    assert rulebook.read(file).rules["BANK_IMPORT_MISSING"].severity == "CRITICAL"
    (tmp_path / "baken.toml").write_text(setting)
    assert len(load(tmp_path / "baken.toml", {"data_dir": str(tmp_path)}).alerts.heartbeats) == 1
