"""The alerts of the demo in Chromium: see, take, end, hold back, look into one, and be told."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from bench.mailbox import text_of
from tests.e2e.browsing import ADMIN, AXE, BOARD, Visits, settle, violations, width_of
from tests.e2e.conftest import Demo
from tests.e2e.served import Person, Way, eventually

ALERTS = "/monitoring_dashboard/alerts"
TABS = ("silences", "rules", "statistics", "delivery")
HEADINGS = {"en": "Alerts", "nl": "Meldingen"}

pytestmark = pytest.mark.usefixtures("fired")


def show(page: Page, query: str = "", language: str = "en") -> None:
    """Open the page of alerts."""
    page.goto(f"{ALERTS}{query}")
    expect(page.get_by_role("heading", name=HEADINGS[language], level=1)).to_be_visible()
    settle(page)


def entry(page: Page, title: str) -> Locator:
    """The row of an alert."""
    return page.locator(".entry").filter(has_text=title)


def notice(page: Page) -> Locator:
    """What the page tells about what was done."""
    return page.locator(".notice")


def open_alert(page: Page, title: str) -> None:
    """Open an alert from the list."""
    show(page)
    entry(page, title).get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"{ALERTS}/\d+$"))
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def test_alerts_are_listed_narrowed_and_opened(visit: Visits) -> None:
    page, complaints = visit().seen
    page.goto("/monitoring_dashboard")
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Alerts").click()
    expect(page.locator(".sentence")).to_have_text(re.compile(r"^\d+ .* open; .*\.$"))
    expect(entry(page, "Queue long is watched")).to_contain_text("demo.example.test")
    # Others may come while the demo lives.
    for title in ("Queue long is watched", "Queue short is watched", "Memory is watched", "The processor is watched"):
        expect(entry(page, title)).to_be_visible()

    page.get_by_role("group", name="Open alerts by severity").get_by_role("button", name="Low").click()
    expect(page).to_have_url(re.compile("severity=LOW"))
    expect(entry(page, "Memory is watched")).to_be_visible()
    expect(entry(page, "Queue long is watched")).to_have_count(0)
    # The address alone brings back the same view.
    page.reload()
    expect(entry(page, "Memory is watched")).to_be_visible()
    expect(entry(page, "Queue long is watched")).to_have_count(0)
    page.get_by_role("button", name="Clear filters").click()
    expect(entry(page, "Queue long is watched")).to_be_visible()
    expect(entry(page, "The processor is watched")).to_be_visible()

    page.get_by_role("searchbox").fill("queue long")
    expect(page.locator(".entry")).to_have_count(1)
    page.locator(".entry").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Queue long is watched", level=1)).to_be_visible()
    expect(page.locator("figure").get_by_role("application")).to_have_attribute(
        "aria-label", re.compile("^Course of Jobs waiting")
    )
    expect(page.get_by_role("region", name="What to do")).to_contain_text("Nothing needs to be done.")
    expect(page.get_by_role("region", name="Why it fires")).to_contain_text("frappe_queue_length")
    expect(page.get_by_role("region", name="What happened")).to_contain_text("Fired")
    page.get_by_role("link", name="All alerts").click()
    expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()
    assert complaints == []


def test_what_is_resolved_leaves_the_list_and_undo_brings_it_back(visit: Visits) -> None:
    page, complaints = visit().seen
    show(page)
    with page.expect_response(lambda answer: "resolve_alerts" in answer.url) as answered:
        entry(page, "Queue default is watched").get_by_role("button", name="Resolve").click()
    assert (answered.value.request.method, answered.value.status) == ("POST", 200)
    expect(notice(page)).to_contain_text("1 alert resolved.")
    expect(entry(page, "Queue default is watched")).to_have_count(0)
    notice(page).get_by_role("button", name="Undo").click()
    expect(entry(page, "Queue default is watched")).to_be_visible()
    assert complaints == []


def test_an_alert_is_acknowledged_and_commented_and_its_trail_says_so(visit: Visits) -> None:
    page, complaints = visit(BOARD).seen
    open_alert(page, "Queue default is watched")
    state = page.get_by_role("region", name="State", exact=True)
    note = state.get_by_role("textbox", name="Note")
    note.fill("I look at it")
    state.get_by_role("button", name="Acknowledge").click()
    expect(note).to_have_value("")
    note.fill("It is the import")
    state.get_by_role("button", name="Comment").click()
    expect(notice(page)).to_contain_text("Comment added.")
    page.reload()
    expect(state).to_contain_text("Acknowledged")
    trail = page.get_by_role("region", name="What happened")
    for part in ("I look at it", "It is the import", "you"):
        expect(trail).to_contain_text(part)
    assert complaints == []


def test_of_two_people_at_once_one_takes_it_and_the_other_is_told_who(visit: Visits, admin: Person) -> None:
    pages = {user: visit(user).page for user in (ADMIN, BOARD)}
    for page in pages.values():
        show(page)
    for page in pages.values():
        entry(page, "Queue short is watched").get_by_role("button", name="Acknowledge").click()
    said = {user: notice(page).locator(".text").inner_text() for user, page in pages.items()}
    (first,) = [user for user, text in said.items() if text == "1 alert acknowledged."]
    second = BOARD if first == ADMIN else ADMIN
    assert said[second] == f"Queue short is watched: already acknowledged by {first}."
    for page in pages.values():
        expect(entry(page, "Queue short is watched")).to_contain_text("Acknowledged")
    alerts = admin.client.get("/api/method/baken.get_alerts", params={"search": "queue short"}).json()["message"]
    (alert,) = alerts["alerts"]
    detail = admin.client.get("/api/method/baken.get_alert", params={"number": alert["number"]}).json()["message"]
    assert [step["user"] for step in detail["trail"] if step["kind"] == "acknowledged"] == [first]


def test_a_silence_that_is_refused_keeps_its_words_and_one_that_is_taken_holds(visit: Visits) -> None:
    page, _ = visit().seen
    show(page, "?tab=silences")
    page.get_by_role("button", name="Add silence").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Rule").fill("~(")
    dialog.get_by_label("Why").fill("The import runs")
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog.get_by_role("alert")).to_contain_text("That did not work")
    expect(dialog.get_by_label("Why")).to_have_value("The import runs")
    dialog.get_by_label("Rule").fill("WATCHED_QUEUE")
    dialog.get_by_role("button", name="Add a label").click()
    dialog.get_by_label("Label", exact=True).fill("queue")
    dialog.get_by_label("Value", exact=True).fill("long")
    expect(dialog).to_contain_text("Holds back 1 alert that is open now.")
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog).to_have_count(0)
    expect(notice(page)).to_contain_text("Silenced.")
    silence = page.get_by_role("listitem").filter(has_text="The import runs")
    expect(silence).to_contain_text("1 alert held back")
    page.get_by_role("link", name=re.compile("^Alerts")).last.click()
    expect(entry(page, "Queue long is watched")).to_contain_text("Silenced: The import runs")
    page.get_by_role("link", name="Silences and maintenance").click()
    silence.get_by_role("button", name="End").click()
    expect(notice(page)).to_contain_text("Ended.")
    expect(silence).to_have_count(0)


def test_an_alert_is_silenced_from_its_row_and_undo_ends_that(visit: Visits) -> None:
    page, complaints = visit().seen
    show(page)
    row = entry(page, "Queue long is watched")
    row.get_by_role("button", name=re.compile("^More")).click()
    row.get_by_role("button", name="Silence…").click()
    dialog = page.get_by_role("dialog", name="Silence this alert")
    expect(dialog).to_contain_text("Exactly this one (queue long)")
    dialog.get_by_label("Until tomorrow morning").check()
    dialog.get_by_role("button", name="Silence", exact=True).click()
    expect(row).to_contain_text("Silenced")
    notice(page).get_by_role("button", name="Undo").click()
    expect(row).not_to_contain_text("Silenced")
    assert complaints == []


def test_maintenance_is_planned_for_a_day_and_ended(visit: Visits) -> None:
    page, complaints = visit().seen
    show(page, "?tab=silences")
    page.get_by_role("button", name="Add maintenance").click()
    dialog = page.get_by_role("dialog", name="Add maintenance")
    expect(dialog.get_by_role("button", name="Plan")).to_be_disabled()
    # Tuesday: the day itself is drawn, the field under it is for the keyboard.
    dialog.get_by_role("checkbox", name="Tuesday").check(force=True)
    dialog.get_by_label("From (time of the site)").fill("03:30")
    expect(dialog).to_contain_text("every Tuesday at 03:30, for 2 h")
    dialog.get_by_label("Why").fill("Updates of the server")
    dialog.get_by_role("button", name="Plan").click()
    expect(notice(page)).to_contain_text("Maintenance planned.")
    planned = page.get_by_role("listitem").filter(has_text="Updates of the server")
    expect(planned).to_contain_text("every Tuesday at 03:30, for 2 h (Europe/Amsterdam)")
    planned.get_by_role("button", name="End").click()
    expect(planned).to_have_count(0)
    assert complaints == []


def test_rules_and_statistics_lead_to_alerts(visit: Visits) -> None:
    page, complaints = visit().seen
    show(page, "?tab=rules")
    page.get_by_role("searchbox").fill("watched_queue")
    rule = page.locator(".rules > li")
    expect(rule).to_have_count(1)
    rule.locator("summary").click()
    expect(rule.get_by_role("row")).to_have_count(4)
    expect(rule).to_contain_text("always.toml")
    # Paths in the documentation lead nowhere from here.
    page.get_by_role("searchbox").fill("daily_errors")
    rule.locator("summary").click()
    expect(rule).to_contain_text("more than 50 errors in 24 hours")
    expect(rule).not_to_contain_text("runbook")
    page.get_by_role("link", name="Statistics").click()
    expect(page.locator(".sentence").last).to_have_text(re.compile(r"^\d+ alerts in 30 days, of \d+ rules\.$"))
    table = page.get_by_role("table", name="Figures by rule")
    table.locator("a[href*=WATCHED_QUEUE]").click()
    expect(page).to_have_url(re.compile("rule=WATCHED_QUEUE"))
    expect(page.locator(".entry")).to_have_count(3)
    assert complaints == []


def test_a_test_message_arrives(visit: Visits, demo: Demo) -> None:
    page, complaints = visit().seen
    show(page, "?tab=delivery")
    channels = page.get_by_role("region", name="Channels", exact=True)
    expect(channels).to_contain_text("mail")
    taken = len(demo.mail.taken)
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator(".verdict")).to_have_text(re.compile("1 recipient was reached"))
    expect(page.locator(".hops").get_by_text("mail to beheer")).to_be_visible()
    eventually(lambda: any("test" in text_of(mail).lower() for _, mail in demo.mail.taken[taken:]), "the e-mail")
    expect(channels).to_contain_text("Works")
    assert "beheer@example.test" not in page.content(), "who is told is shown, their addresses are not"
    assert complaints == []


def test_without_a_mouse(visit: Visits) -> None:
    page, complaints = visit().seen
    show(page)
    focused = page.locator(":focus")
    row = entry(page, "Memory is watched")
    link = row.get_by_role("link")
    for _ in range(page.locator(".entry").count()):
        page.keyboard.press("j")
    expect(link).to_be_focused()
    page.keyboard.press("a")
    expect(notice(page)).to_contain_text("1 alert acknowledged.")
    expect(row).to_contain_text("Acknowledged")
    expect(focused).to_have_count(1)
    page.keyboard.press("k")
    page.keyboard.press("j")
    expect(link).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_role("group", name="With the selected alerts")).to_contain_text("1 selected")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Enter")
    note = page.get_by_role("textbox", name="Note")
    for _ in range(60):
        page.keyboard.press("Tab")
        if note.evaluate("element => element === document.activeElement"):
            break
    expect(note).to_be_focused()
    page.keyboard.type("Ajar")
    for _ in range(3):
        page.keyboard.press("Tab")
        if focused.inner_text() == "Comment":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="What happened")).to_contain_text("Ajar")
    assert complaints == []


@pytest.mark.parametrize(("width", "theme", "language"), [(360, "dark", "nl"), (1440, "light", "en")])
def test_fits_and_is_accessible_in_both_languages(visit: Visits, width: int, theme: str, language: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed in frontend/node_modules")
    page, complaints = visit(language=language, width=width, theme=theme).seen

    def looked_at(what: str) -> None:
        assert width_of(page) <= width, what
        assert violations(page) == [], what

    show(page, language=language)
    assert page.locator("html").get_attribute("lang") == language
    watched = {"en": "Queue long is watched", "nl": "Op wachtrij long wordt gelet"}[language]
    entry(page, watched).get_by_role("link").click()
    expect(page.get_by_role("heading", name=watched, level=1)).to_be_visible()
    settle(page)
    looked_at("an alert")
    for tab in TABS:
        show(page, f"?tab={tab}", language)
        if tab == "rules":
            page.locator(".rules summary").first.click()
        looked_at(tab)
    show(page, "?tab=silences", language)
    for name in ("silence", "maintenance"):
        page.locator(".adds button").nth(("silence", "maintenance").index(name)).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        looked_at(f"dialog of a {name}")
        page.keyboard.press("Escape")
    assert complaints == []


def test_a_server_that_goes_away_is_told_and_what_is_known_stays(visit: Visits, demo: Demo) -> None:
    way = Way(demo.served.port)
    way.open()
    page, _ = visit(address=f"http://127.0.0.1:{way.port}").seen
    show(page)
    way.close()
    page.get_by_role("button", name="Refresh now").click()
    away = page.get_by_text(re.compile("^No connection since"))
    expect(away).to_be_visible()
    row = entry(page, "Queue long is watched")
    expect(row).to_be_visible()
    row.get_by_role("button", name="Resolve").click()
    expect(notice(page)).to_contain_text("That did not work")
    expect(row).to_be_visible()
    way.open()
    # Nobody does anything: it tries again by itself.
    expect(away).to_have_count(0)
    expect(row).to_be_visible()
    way.close()
