"""The figures of a report: measured ones only, each compared with what it can be compared with."""

from baken.alerts.report_figures import SECTIONS
from baken.alerts.report_words import TEXTS
from baken.history.samples import Cycle, record
from baken.history.store import Store
from baken.metrics import catalogue
from tests.alerts.filled import DAY, HOUR, MINUTE, SITE
from tests.alerts.reported import LONDON, MONDAY, TUESDAY, UNTIL, build, course, daily, row


def fill_association(store: Store) -> None:
    with store.write() as conn:
        record(conn, [Cycle(SITE, UNTIL, [], observations={"site_facts": {"time_zone": "Europe/Amsterdam"}})])
    course(store, "association_members", lambda at: 100 if at < TUESDAY else 103, status="Active")
    course(store, "association_members", 7, status="Terminated")
    course(store, "association_members_new", daily({"2026-11-23": 2, "2026-11-24": 5}), window="day")
    course(store, "association_members_new", 80, window="month")
    course(store, "association_members_left", daily({"2026-11-23": 1, "2026-11-24": 2}), window="day")
    course(store, "association_members_net_growth", daily({"2026-11-23": 1, "2026-11-24": 3}), window="day")


def test_the_day_is_compared_with_the_day_before(store: Store) -> None:
    fill_association(store)
    found = build(store)
    assert row(found, "members", "Active members") == ("103", "+3", "good", "")
    assert row(found, "members", "New members") == ("5", "+3", "good", "")
    assert row(found, "members", "Members who left") == ("2", "+1", "bad", "")
    assert row(found, "members", "Growth") == ("+3", "+2", "good", "")
    assert "Members" not in {each["what"] for each in found["absent"]}


def test_the_week_adds_up_its_days_and_is_compared_with_the_week_before(sqlite_store: Store) -> None:
    week = {f"2026-11-{day}": number for day, number in zip(range(18, 25), (1, 0, 2, 0, 0, 4, 3), strict=True)}
    before = {f"2026-11-{day}": 2.0 for day in range(11, 18)}
    with sqlite_store.write() as conn:
        record(conn, [Cycle(SITE, UNTIL, [], observations={"site_facts": {"time_zone": "Europe/Amsterdam"}})])
    course(sqlite_store, "association_members_new", daily({**week, **before}), window="day")
    course(sqlite_store, "association_members_left", daily(week), since=TUESDAY - 6 * DAY, window="day")
    course(sqlite_store, "association_members_net_growth", daily(week), since=TUESDAY - 3 * DAY, window="day")
    found = build(sqlite_store, period="weekly")
    assert row(found, "members", "New members") == ("10", "−4", "bad", "")
    assert row(found, "members", "Members who left") == ("10", "", "neutral", "no figure to compare with")
    assert row(found, "members", "Growth") == ("+7", "", "neutral", "4 of 7 days measured")


def test_half_a_day_says_so_and_is_not_compared(sqlite_store: Store) -> None:
    stopped = TUESDAY + 14 * HOUR
    new = daily({"2026-11-23": 24, "2026-11-24": 24})
    course(
        sqlite_store,
        "association_members_new",
        new,
        until=stopped,
        window="day",
    )
    course(sqlite_store, "association_members", 100, until=stopped, status="Active")
    course(sqlite_store, "frappe_site_response_seconds", 0.3, until=stopped)
    with sqlite_store.write() as conn:
        record(conn, [Cycle(SITE, stopped, [], observations={"site_facts": {"time_zone": "Europe/Amsterdam"}})])
    found = build(sqlite_store)
    assert row(found, "members", "New members") == ("13", "", "neutral", "measured until 24 Nov 13:55")
    assert row(found, "members", "Active members") == ("100", "no change", "neutral", "measured until 24 Nov 13:55")
    assert row(found, "system", "Response time, mean") == ("300 ms", "", "neutral", "14 of 24 hours measured")


def test_what_was_not_measured_that_day_is_no_zero(sqlite_store: Store) -> None:
    course(sqlite_store, "association_members", 100, status="Active")
    course(sqlite_store, "association_members_new", 3, until=MONDAY, window="day")
    reason = "this site has no DocType Membership Termination Request"
    with sqlite_store.write() as conn:
        record(conn, [Cycle(SITE, UNTIL, [], absences={"association_members_left": reason})])
    found = build(sqlite_store)
    for label in ("New members", "Members who left", "Growth"):
        assert row(found, "members", label) == ("not measured", "", "neutral", "")
    why = {each["what"]: each["why"] for each in found["absent"]}
    assert why["New members"] == "not measured in this period"
    assert why["Members who left"] == "this site does not have the DocType Membership Termination Request"
    assert why["Growth"] == "not measured yet"
    dutch = {each["what"]: each["why"] for each in build(sqlite_store, language="nl")["absent"]}
    assert dutch["Vertrokken leden"] == "deze site heeft het DocType Membership Termination Request niet"


def test_the_sites_own_days_count_also_for_a_recipient_elsewhere(sqlite_store: Store) -> None:
    fill_association(sqlite_store)
    # In London the day ends an hour later, when the site counts the next one already.
    found = build(sqlite_store, zone=LONDON)
    assert found["from"] == "2026-11-24T00:00:00Z"
    assert row(found, "members", "New members") == ("5", "+3", "good", "")


def test_money_ratios_and_sizes_change_in_their_own_words(sqlite_store: Store) -> None:
    course(sqlite_store, "erpnext_payment_success_ratio", lambda at: 0.98 if at < TUESDAY else 0.955, every=15 * MINUTE)
    course(sqlite_store, "erpnext_outstanding_amount", lambda at: 1200.5 if at < TUESDAY else 1000)
    course(sqlite_store, "erpnext_overdue_amount", 250)
    for kind, amount in (("payments", 3), ("invoices", 4), ("journal_entries", 0)):
        course(sqlite_store, "erpnext_transactions_today", amount, kind=kind)
    found = build(sqlite_store)
    assert row(found, "payments", "Direct debits that succeeded, 30 days") == ("96 %", "−2.5 %-points", "bad", "")
    assert row(found, "payments", "Outstanding") == ("€1,000.00", "−€200.50", "good", "")
    assert row(found, "payments", "Of that overdue") == ("€250.00", "no change", "neutral", "")
    assert row(found, "payments", "Payments, invoices and journal entries") == ("7", "no change", "neutral", "")
    dutch = build(sqlite_store, language="nl")
    assert row(dutch, "payments", "Geslaagde incasso's, 30 dagen")[1] == "−2,5 %-punt"
    assert row(dutch, "payments", "Openstaand")[:2] == ("€ 1.000,00", "−€ 200,50")


def test_a_reason_that_is_there_no_more_does_not_count(sqlite_store: Store) -> None:
    course(sqlite_store, "sepa_returns", 4, until=TUESDAY + 10 * HOUR, every=15 * MINUTE, reason="AM04")
    course(sqlite_store, "sepa_returns", 1, every=15 * MINUTE, reason="none given")
    assert row(build(sqlite_store), "sepa", "Failed direct debits, 30 days") == ("1", "−4", "good", "")


def test_the_system_shows_its_worst_and_its_mean(sqlite_store: Store) -> None:
    down = TUESDAY + 12 * HOUR
    course(sqlite_store, "frappe_site_up", lambda at: float(not down <= at < down + HOUR), every=MINUTE)
    course(sqlite_store, "database_up", 1, every=MINUTE)
    course(sqlite_store, "frappe_queue_length", lambda at: 70.0 if at == down else 2.0, queue="long")
    course(sqlite_store, "frappe_queue_length", 3, queue="short")
    course(sqlite_store, "host_disk_used_ratio", 0.5, site="", mount="/")
    course(sqlite_store, "host_disk_used_ratio", lambda at: 0.7 if at < TUESDAY else 0.72, site="", mount="/srv")
    course(sqlite_store, "frappe_backup_age_seconds", 30 * 3600, every=HOUR)
    course(sqlite_store, "database_size_bytes", lambda at: 2.0**30 if at < TUESDAY else 2.0**30 + 2**20, part="data")
    course(sqlite_store, "database_size_bytes", 2.0**30, part="index")
    found = build(sqlite_store)
    assert row(found, "system", "The site answered") == ("96 %", "−4.2 %-points", "bad", "")
    assert row(found, "system", "The database answered") == ("100 %", "no change", "neutral", "")
    assert row(found, "system", "Longest queue of jobs") == ("70", "+67", "bad", "")
    assert row(found, "system", "Fullest disk")[:2] == ("72 %", "+2 %-points")
    assert row(found, "system", "Fullest disk")[3] == "disk /srv"
    assert row(found, "system", "Age of the newest backup") == ("30 h", "", "bad", "")
    assert row(found, "system", "Size of the database")[:2] == ("2 GiB", "+1 MiB")


def test_every_row_has_a_metric_of_the_catalogue_and_a_text() -> None:
    for key, found in SECTIONS.items():
        assert f"section.{key}" in TEXTS["en"]
        for each in found:
            entry = catalogue.get(each.metric)
            assert entry is not None, each.metric
            assert set(each.labels) <= set(entry.labels)
            assert f"row.{each.key}" in TEXTS["en"]


def test_small_changes_of_the_system_are_neither_good_nor_bad(sqlite_store: Store) -> None:
    course(sqlite_store, "frappe_site_response_seconds", lambda at: 0.1 if at < TUESDAY else 0.11)
    course(sqlite_store, "host_disk_used_ratio", lambda at: 0.5 if at < TUESDAY else 0.52, site="", mount="/")
    course(sqlite_store, "database_size_bytes", lambda at: 2.0**30 if at < TUESDAY else 1.2 * 2**30, part="data")
    found = build(sqlite_store)
    assert row(found, "system", "Response time, mean") == ("110 ms", "+10 ms", "neutral", "")
    assert row(found, "system", "Fullest disk") == ("52 %", "+2 %-points", "neutral", "disk /")
    assert row(found, "system", "Size of the database") == ("1.2 GiB", "+205 MiB", "bad", "")
