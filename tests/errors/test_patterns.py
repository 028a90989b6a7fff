"""What a summary of errors says, and when it says nothing."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from baken.errors import findings, groupings, states
from baken.errors.analysis import analyze
from baken.errors.dossier import dossier
from baken.errors.fingerprint import fingerprint_text
from baken.errors.heat import heatmap
from baken.errors.hotspots import identify
from baken.errors.patterns import Wanted, listing, recent
from baken.errors.taxonomy import classify
from baken.history import releases
from baken.history.store import Store, open_store
from tests.errors.filled import DAY, HOUR, MINUTE, NOW, ZONE, change, every, failure, ids, looked, put
from tests.errors.logs import NAME, Log, traceback

LOCAL = datetime(2026, 7, 1, 14, 20)


def test_a_log_that_was_never_read_has_no_figures(store: Store) -> None:
    with store.read() as conn:
        answer = recent(conn, NAME, now=NOW)
    assert answer["total"] is None
    assert answer["by_hour"] == [None] * 24
    assert answer["patterns"] == []
    assert "not been read" in answer["absent"]["errors"]


def test_a_quiet_log_is_zero_and_not_absent(log: Log, store: Store) -> None:
    log.collect(store, NOW)
    with store.read() as conn:
        answer = recent(conn, NAME, now=NOW)
    assert answer["total"] == 0
    assert answer["by_hour"] == [0] * 24
    assert answer["absent"] == {}
    assert answer["measured_at"] == "2026-07-01T12:20:00Z"


def test_patterns_of_a_day(store: Store) -> None:
    looked(store)
    put(store, [failure(at=NOW - number * HOUR) for number in range(6)])
    put(store, [failure(at=NOW - 3 * DAY)])
    titles = [f"Mandate M-{number}00 of Elif Bos failed" for number in range(2)]
    put(store, [failure(at=NOW - MINUTE, method=title, error="SEPA") for title in titles])
    with store.read() as conn:
        answer = recent(conn, NAME, now=NOW)
        assert recent(conn, NAME, now=NOW, limit=1)["patterns"] == answer["patterns"][:1]
        assert recent(conn, NAME, now=NOW, limit=None)["patterns"] == answer["patterns"]
        assert recent(conn, "another", now=NOW)["total"] is None
    assert answer["total"] == 8
    assert answer["since"] == answer["hours"][0] == "2026-06-30T13:00:00Z"
    assert answer["hours"][-1] == "2026-07-01T12:00:00Z"
    assert answer["by_hour"][-6:] == [1, 1, 1, 1, 1, 3]
    first, second = answer["patterns"]
    assert (first["exception"], first["count"], first["share"]) == ("KeyError", 6, 0.75)
    assert first["error_summary"] == "KeyError: 'iban'"
    assert first["hours"][-6:] == [1] * 6
    assert first["first_seen"] == "2026-06-28T12:20:00Z"
    assert first["first_occurrence"] == "2026-07-01T07:00:00Z"
    assert first["latest"] == "2026-07-01T12:20:00Z"
    assert not first["new"]
    assert (first["status"], first["state"], first["component"]) == ("recurring", "open", "web")
    assert second["new"]
    assert second["status"] == "new"
    assert second["template"] == "Mandate <id> of <name> failed"
    assert (second["area"], second["category"]) == ("SEPA", "payment")
    assert sum(map(sum, (p["hours"] for p in answer["patterns"]))) == answer["total"]


def test_nothing_is_new_when_baken_has_not_looked_further_back(store: Store) -> None:
    looked(store, days=7)
    put(store, [failure()])
    with store.read() as conn:
        answer = recent(conn, NAME, hours=24 * 14, now=NOW)
        day = recent(conn, NAME, now=NOW)
    assert not answer["patterns"][0]["new"]
    assert "since 2026-06-24" in answer["absent"]["errors"]
    assert day["patterns"][0]["new"]
    assert day["absent"] == {}


def ask(store: Store, hours: int = 24, **wanted: Any) -> dict[str, Any]:
    fields: tuple[str, ...] = ("state", "status", "component")
    choices = {name: frozenset({wanted.pop(name)}) for name in fields if name in wanted}
    with store.read() as conn:
        return listing(conn, NAME, hours=hours, wanted=Wanted(choices=choices, **wanted), now=NOW, zone=ZONE)


@pytest.mark.parametrize("hours", [1, 24, 168, 169, 720, 2160])
def test_bars_patterns_and_total_add_up_in_any_window(store: Store, hours: int) -> None:
    """Across the night of 29 March 2026, in which a clock in Amsterdam skips an hour."""
    looked(store)
    put(store, [failure(kind, at) for kind in ("KeyError", "TypeError") for at in every(7 * HOUR, 300)])
    found = ask(store, hours)
    assert found["total"] == sum(found["by_hour"]) == sum(row["count"] for row in found["patterns"])
    assert [sum(row["hours"]) for row in found["patterns"]] == [row["count"] for row in found["patterns"]]
    assert len(found["hours"]) == len(found["by_hour"]) == len(found["patterns"][0]["hours"])
    assert sum(row["share"] for row in found["patterns"]) == pytest.approx(1)
    assert [sum(row["components"].values()) for row in found["patterns"]] == [r["count"] for r in found["patterns"]]
    if hours > 168:
        assert found["step_hours"] == 24
        # As many days as were asked for, and what they have of the day before the first whole one.
        assert len(found["hours"]) == -(-hours // 24) + 1
        assert all(moment[11:] in ("22:00:00Z", "23:00:00Z") for moment in found["hours"])


def test_days_are_the_sites_own_when_the_clock_changes(store: Store) -> None:
    now = datetime(2026, 4, 2, 10, 30, tzinfo=UTC)
    looked(store, now=now)
    # One error in the last minute and one in the first of each of the site's days around the change.
    midnights = [datetime(2026, 3, day, 23 if day < 29 else 22, tzinfo=UTC) for day in range(26, 32)]
    put(store, [failure(at=at + step) for at in midnights for step in (-MINUTE, MINUTE)], now=now)
    with store.read() as conn:
        found = listing(conn, NAME, hours=240, wanted=Wanted(), now=now, zone=ZONE)
    days = dict(zip(found["hours"], found["patterns"][0]["hours"], strict=True))
    assert days["2026-03-25T23:00:00Z"] == 1
    assert [days[f"2026-03-{day}T{'23' if day < 29 else '22'}:00:00Z"] for day in range(26, 31)] == [2] * 5
    assert days["2026-03-31T22:00:00Z"] == 1
    assert days == dict(zip(found["hours"], found["by_hour"], strict=True))


@pytest.mark.parametrize("name", ["Asia/Kolkata", "America/New_York", "Pacific/Auckland", "UTC"])
def test_days_add_up_wherever_the_site_is(store: Store, name: str) -> None:
    looked(store)
    put(store, [failure(at=at) for at in every(HOUR, 400)])
    with store.read() as conn:
        found = listing(conn, NAME, hours=240, wanted=Wanted(), now=NOW, zone=ZoneInfo(name))
        told = analyze(conn, NAME, days=10, now=NOW, zone=ZoneInfo(name))
    assert len(found["hours"]) == 11 == len(told["patterns"]["daily_trends"])
    assert found["total"] == 10 * 24 + 1
    assert found["patterns"][0]["hours"] == found["by_hour"] == list(told["patterns"]["daily_trends"].values())
    assert sum(found["by_hour"]) == found["total"] == told["total_errors"]
    # An error in every hour: each whole day has 24, whichever they are.
    assert set(found["by_hour"][1:-1]) == {24}


def test_merged_patterns_are_one_everywhere(store: Store) -> None:
    looked(store)
    put(store, [failure("KeyError", at, user="lid@leden.example") for at in every(HOUR, 3)])
    put(store, [failure("TypeError", at, user="lea@leden.example") for at in every(HOUR, 2, until=NOW - DAY)])
    key, type_ = ids(store)["KeyError"], ids(store)["TypeError"]
    with store.write() as conn:
        states.merge(states.Act(conn, NAME, "els", NOW), [type_], key)
    (row,) = ask(store, 48)["patterns"]
    assert (row["pattern"], row["count"], row["users"], row["merged"]) == (key, 5, 2, [type_])
    assert row["bytes"] == 5000
    assert row["first_seen"] == "2026-06-30T11:20:00Z"
    assert [each["pattern"] for each in ask(store, 48, search=type_)["patterns"]] == [key]
    with store.read() as conn:
        assert dossier(conn, NAME, type_, days=7, now=NOW, zone=ZONE)["pattern"] == key
        assert analyze(conn, NAME, days=7, now=NOW, zone=ZONE)["patterns"]["error_types"] == {"KeyError": 5}


def test_status(store: Store) -> None:
    looked(store)
    put(store, [failure("KeyError", at) for at in every(HOUR, 3)])
    put(store, [failure("TypeError", at) for at in every(2 * DAY, 4)])
    put(store, [failure("ValueError", at) for at in every(DAY, 5, until=NOW - 4 * DAY)])
    put(store, [failure("IndexError", NOW - 30 * DAY), failure("IndexError", NOW - 2 * MINUTE)])
    put(store, [failure("NameError", at) for at in every(DAY, 20)])
    change(store, ids(store)["NameError"], state="regressed")
    found = {row["exception"]: row["status"] for row in ask(store, 168)["patterns"]}
    assert found == {
        "KeyError": "new",
        "TypeError": "new",
        "ValueError": "quiet",
        "IndexError": "rare",
        "NameError": "regressed",
    }
    found = {row["exception"]: row["status"] for row in ask(store, 24)["patterns"]}
    assert found == {"KeyError": "new", "TypeError": "recurring", "IndexError": "rare", "NameError": "regressed"}
    assert [row["exception"] for row in ask(store, 24, status="quiet")["patterns"]] == ["ValueError"]


def test_what_somebody_has_dealt_with_is_found_although_it_is_quiet(store: Store) -> None:
    looked(store)
    put(store, [failure("KeyError", NOW - 5 * DAY), failure("TypeError")])
    key = ids(store)["KeyError"]
    with store.write() as conn:
        states.set_state(states.Act(conn, NAME, "els", NOW), [key], "resolved", note="fixed")
    assert [row["exception"] for row in ask(store)["patterns"]] == ["TypeError"]
    (row,) = ask(store, state="resolved")["patterns"]
    assert (row["exception"], row["count"], row["note"], row["latest"]) == ("KeyError", 0, "fixed", None)
    assert [row["exception"] for row in ask(store, search="keyerr")["patterns"]] == ["KeyError"]


def test_choices_pages_and_order(store: Store) -> None:
    looked(store)
    for number, kind in enumerate(("KeyError", "TypeError", "ValueError", "IndexError")):
        put(store, [failure(kind, at) for at in every(MINUTE, 4 - number, until=NOW - number * HOUR)])
    put(store, [failure("frappe.PermissionError", user="lid@leden.example")])
    everything = ask(store)
    assert [row["count"] for row in everything["patterns"]] == [4, 3, 2, 1, 1]
    assert everything["facets"]["category"]["permission"] == 1
    assert {name: sum(found.values()) for name, found in everything["facets"].items()} == dict.fromkeys(
        ("category", "severity", "component", "area", "state", "status"), 5
    )
    assert everything["facets"]["status"] == {"new": 5}
    first, second = ask(store, limit=2), ask(store, limit=2, offset=2)
    assert [*first["patterns"], *second["patterns"]] == everything["patterns"][:4]
    assert first["matching"] == 5
    few = ask(store, search="key error")
    assert few["matching"] == 1
    assert few["total"] == everything["total"]
    assert sum(few["facets"]["category"].values()) == 1
    assert ask(store, sort="users")["patterns"][0]["users"] == 1
    latest = [row["latest"] for row in ask(store, sort="latest")["patterns"]]
    assert latest == sorted(latest, reverse=True)


def test_users_that_nobody_knows_are_not_zero(store: Store) -> None:
    looked(store)
    put(store, [failure("KeyError"), failure("TypeError", user="lid@leden.example")])
    assert {row["exception"]: row["users"] for row in ask(store)["patterns"]} == {"KeyError": None, "TypeError": 1}


def test_what_came_before_is_null_when_baken_did_not_look_then(store: Store) -> None:
    put(store, [failure(), failure(at=NOW - 30 * HOUR)])
    looked(store, days=1.5)
    assert ask(store)["patterns"][0]["previous"] is None
    looked(store, days=3)
    assert ask(store)["patterns"][0]["previous"] == 1


def test_a_release_makes_patterns_new(store: Store) -> None:
    looked(store)
    with store.write() as conn:
        releases.note(conn, NAME, {"erpnext": "15.90.0"}, NOW - 20 * DAY)
        releases.note(conn, NAME, {"erpnext": "15.91.0"}, NOW - 3 * DAY)
    put(store, [failure("KeyError", NOW - 2 * DAY), failure("TypeError", NOW - 5 * DAY)])
    put(store, [failure("KeyError"), failure("TypeError")])
    found = ask(store)
    assert {row["exception"]: row["new_since_release"] for row in found["patterns"]} == {
        "KeyError": True,
        "TypeError": False,
    }
    assert {row["exception"]: row["status"] for row in found["patterns"]} == {"KeyError": "new", "TypeError": "rare"}
    with store.read() as conn:
        (said,) = [
            row for row in analyze(conn, NAME, days=7, now=NOW, zone=ZONE)["insights"] if "release" in row["key"]
        ]
    assert "1 pattern is new since erpnext 15.91.0" in said["text"]
    assert said["pattern"] == ids(store)["KeyError"]


def test_the_analysis_counts_errors_and_has_texts_for_keys(store: Store) -> None:
    """Defect 6: total_errors was the number of groups, keys were dates, growth was infinite, failures were zeros."""
    looked(store, days=20)
    rising = [failure("KeyError", NOW - day * DAY - n * MINUTE) for day in range(10) for n in range(30 - 3 * day)]
    put(
        store, [*rising, failure("TypeError", user="lid@leden.example"), failure("TypeError", method="x", error="Note")]
    )
    with store.read() as conn:
        found = analyze(conn, NAME, days=30, now=NOW, zone=ZONE)
    kinds = found["patterns"]
    assert found["total_errors"] == len(rising) + 2
    assert found["analysis_period"] == "30 days"
    for name in ("daily_trends", "hourly_patterns", "error_types", "categories", "severity", "components", "areas"):
        assert sum(kinds[name].values()) == found["total_errors"], name
    assert kinds["error_types"] == {"KeyError": len(rising), "TypeError": 1, "message": 1}
    assert next(iter(kinds["daily_trends"])) == "2026-06-11"
    assert list(kinds["daily_trends"])[-1] == "2026-07-01"
    assert "since 2026-06-11" in found["absent"]["errors"]
    assert kinds["growth"]["direction"] == "up"
    assert kinds["growth"]["growth"] is None or kinds["growth"]["growth"] < 1e6
    assert kinds["user_impact"]["users"] == 1
    assert kinds["user_impact"]["top"] == [{"user": "user-l", "group": "member", "errors": 1, "patterns": 1}]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for said in (*found["insights"], *found["recommendations"]):
        assert said["pattern"] in said["text"] if "pattern" in said else said["values"]


def test_an_analysis_of_nothing_says_nothing(store: Store) -> None:
    with store.read() as conn:
        never = analyze(conn, NAME, days=30, now=NOW, zone=ZONE)
    assert never["total_errors"] is None
    assert never["patterns"]["growth"]["direction"] == "unknown"
    assert never["patterns"]["daily_trends"] == {}
    assert "not been read" in never["absent"]["errors"]
    looked(store)
    with store.read() as conn:
        quiet = analyze(conn, NAME, days=30, now=NOW, zone=ZONE)
    assert quiet["total_errors"] == 0
    assert len(quiet["patterns"]["daily_trends"]) == 31
    assert quiet["insights"] == quiet["recommendations"] == never["insights"] == []


def test_a_log_that_takes_much_room_is_told_with_the_pattern_that_fills_it(store: Store) -> None:
    looked(store)
    put(store, [failure("KeyError", size=900_000), failure("TypeError", size=100_000)])
    with store.read() as conn:
        found = analyze(conn, NAME, days=7, now=NOW, zone=ZONE, log_bytes=214e6)
        small = analyze(conn, NAME, days=7, now=NOW, zone=ZONE, log_bytes=2e6)
        unknown = analyze(conn, NAME, days=7, now=NOW, zone=ZONE)
    (said,) = [row for row in found["recommendations"] if row["key"] == "shorten_log"]
    assert "Error Log takes 214 MB; 90% of what was logged" in said["text"]
    assert said["pattern"] == ids(store)["KeyError"]
    assert not [row for row in (*small["recommendations"], *unknown["recommendations"]) if row["key"] == "shorten_log"]


def test_a_severe_pattern_that_rises_is_to_be_looked_at(store: Store) -> None:
    looked(store)
    message = "(1054, \"Unknown column 'a' in 'WHERE'\")"
    moments = [NOW - day * DAY - n * MINUTE for day in range(14) for n in range(14 - day)]
    put(store, [failure("pymysql.OperationalError", at, message=message) for at in moments])
    with store.read() as conn:
        found = analyze(conn, NAME, days=14, now=NOW, zone=ZONE)["recommendations"]
    assert [(row["key"], row["priority"]) for row in found] == [("fix_rising", "high"), ("fix_frequent", "medium")]
    assert "105 times" in found[0]["text"]
    assert found[0]["values"]["count"] == 105


def test_everything_about_one_pattern(store: Store) -> None:
    looked(store, days=10)
    put(store, [failure("KeyError", at, user="lid@leden.example") for at in every(DAY, 3)])
    key = ids(store)["KeyError"]
    with store.write() as conn:
        states.set_state(states.Act(conn, NAME, "els@vereniging.example", NOW), [key], "known", note="ticket 12")
    with store.read() as conn:
        found = dossier(conn, NAME, key, days=14, now=NOW, zone=ZONE)
        with pytest.raises(KeyError):
            dossier(conn, NAME, "0" * 16, days=14, now=NOW, zone=ZONE)
    assert "iban" in found["example"]
    assert found["frames"]
    assert found["why"]
    assert [day["count"] for day in found["days"]] == [None] * 4 + [0] * 8 + [1] * 3
    assert found["heatmap"][2][14] == 1
    assert sum(sum(row) for row in found["heatmap"]) == 3
    assert found["users_top"] == [{"user": "user-l", "group": "member", "errors": 3}]
    latest, first = found["history"]
    assert (latest["action"], latest["user"], latest["detail"]["note"]) == (
        "state",
        "els@vereniging.example",
        "ticket 12",
    )
    assert (first["action"], first["at"]) == ("first_seen", "2026-06-29T12:20:00Z")


def test_a_reading_that_is_behind_says_so(log: Log, store: Store) -> None:
    for number in range(20):
        log.add(f"r{number:02}", LOCAL - timedelta(minutes=5 * number))
    log.collect(store, NOW, max_rows=5)
    with store.read() as conn:
        assert "still being read" in recent(conn, NAME, now=NOW)["absent"]["errors"]


@pytest.mark.parametrize(
    ("title", "error", "category", "severity", "area"),
    [
        ("x", traceback("pymysql.err.OperationalError", "(1054, \"Unknown column 'a' in 'WHERE'\")"),
         "database", "HIGH", "verenigingen.utils.payments"),
        ("x", traceback("requests.exceptions.ConnectionError", "HTTPSConnectionPool(host='a'): Max retries exceeded",
                        path="apps/frappe/frappe/integrations/utils.py"),
         "network", "MEDIUM", "frappe.integrations.utils"),
        ("x", traceback("frappe.exceptions.PermissionError", ""), "permission", "LOW", "verenigingen.utils.payments"),
        ("x", traceback("frappe.exceptions.MandatoryError", "[Customer, X]: territory",
                        path="apps/erpnext/erpnext/selling/doctype/customer/customer.py"), "validation", "LOW",
         "erpnext: Customer"),
        ("x", traceback("frappe.exceptions.OutgoingEmailError", "Please setup default Email Account"), "email", "HIGH",
         "verenigingen.utils.payments"),
        ("x", traceback("builtins.AttributeError", "'NoneType' object has no attribute 'x'",
                        path="apps/erpnext/erpnext/stock/utils.py"), "code", "MEDIUM", "erpnext.stock.utils"),
        ("x", traceback("rq.timeouts.JobTimeoutException", "Task exceeded maximum timeout value (300 seconds)"),
         "timeout", "HIGH", "verenigingen.utils.payments"),
        ("x", traceback("jinja2.exceptions.UndefinedError", "'a' is undefined"), "template", "MEDIUM",
         "verenigingen.utils.payments"),
        ("Direct Debit Batch DD-1 not found", "Mollie Status Check", "payment", "HIGH", "Mollie Status Check"),
        ("Failed to get background job statistics", "Monitor", "background_job", "MEDIUM", "Monitor"),
        ("Something odd", "Note", "other", "LOW", "Note"),
    ],
)  # fmt: skip
def test_the_kind_of_an_error(title: str, error: str, category: str, severity: str, area: str) -> None:
    kind = classify(fingerprint_text(title, error))
    assert (kind.category, kind.severity, kind.area) == (category, severity, area)
    assert all(kind.reasons)


@pytest.mark.parametrize("kind", ["mariadb", "postgres"])
def test_every_database_gives_the_same_answers(kind: str, request: pytest.FixtureRequest, store: Store) -> None:
    other = open_store(request.getfixturevalue(kind).create_database("error_answers"))
    other.migrate()
    answers = []
    # Over the night in which the clock was set forward.
    now = datetime(2026, 4, 2, 10, 30, tzinfo=UTC)
    for each in (store, other):
        looked(each, now=now)
        moments = every(5 * HOUR, 150, until=now)
        put(each, [failure("KeyError", at, user="lid@leden.example") for at in moments], now=now)
        put(each, [failure("TypeError", at, user="lea@leden.example") for at in moments[::3]], now=now)
        names = ids(each)
        with each.write() as conn:
            act = states.Act(conn, NAME, "els", now)
            states.set_state(act, [names["TypeError"]], "muted")
            states.merge(act, [names["TypeError"]], names["KeyError"])
            states.split(act, names["KeyError"], "title")
            releases.note(conn, NAME, {"erpnext": "15.90.0"}, now - 20 * DAY)
            releases.note(conn, NAME, {"erpnext": "15.91.0"}, now - 3 * DAY)
            groupings.adopt(conn, NAME, "v2", by="els", now=now, transition_days=30)
        with each.read() as conn:
            answers.append(
                [
                    analyze(conn, NAME, days=30, now=now, zone=ZONE),
                    identify(conn, NAME, days=28, now=now, zone=ZONE),
                    listing(conn, NAME, hours=240, wanted=Wanted(), now=now, zone=ZONE),
                    listing(conn, NAME, hours=24, wanted=Wanted(sort="trend"), now=now, zone=ZONE),
                    recent(conn, NAME, now=now),
                    dossier(conn, NAME, names["KeyError"], days=30, now=now, zone=ZONE),
                    heatmap(conn, NAME, days=28, now=now, zone=ZONE, pattern=names["KeyError"]),
                    findings.found(conn, NAME, now),
                    groupings.describe(conn, NAME, now),
                ]
            )
    other.close()
    assert answers[0][0]["total_errors"] > 100
    for one, same in zip(*answers, strict=True):
        assert one == same
        assert json.dumps(one) == json.dumps(same)
