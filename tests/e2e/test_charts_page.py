"""Charts and the explorer in Chromium: the span of time, looking closer, exact values by keyboard, table and files."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browsing import BOARD, HOME, Visits, heading, settle

EXPLORER = f"{HOME}/explorer"


def spoken_span(page: Page) -> Locator:
    """The button that tells the span of time, and opens its choice."""
    return page.get_by_role("group", name="Time range").get_by_role("button", name=re.compile("^Time range"))


def asked(page: Page) -> dict[str, list[str]]:
    """What the address asks for."""
    return parse_qs(urlsplit(page.url).query)


def chart(page: Page) -> Locator:
    """The field of the first chart that is drawn."""
    return page.get_by_role("application").first


def drawn(page: Page) -> None:
    """Wait until the charts on the screen are drawn."""
    expect(page.locator(".field .canvas canvas").first).to_be_visible()
    settle(page)


def test_a_span_is_chosen_typed_and_zoomed_into_and_all_charts_follow(visit: Visits) -> None:
    page, complaints = visit(width=1440).seen
    page.goto(f"{HOME}/monitor?range=24h")
    drawn(page)
    spoken_span(page).click()
    page.get_by_role("button", name="Last 7 days").click()
    expect(page).to_have_url(re.compile("range=7d"))
    expect(spoken_span(page)).to_be_focused()
    drawn(page)

    # An end before the beginning is refused at the field.
    spoken_span(page).click()
    since, until = page.get_by_label("From", exact=True), page.get_by_label("To", exact=True)
    now = datetime.now()
    since.fill((now - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"))
    until.fill((now - timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("The end has to be later than the beginning.")
    since.fill((now - timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile(r"from=.*&to="))
    typed = asked(page)
    assert "range" not in typed
    drawn(page)

    # Dragged over: the address and every chart show that part, and the way back leads to what was before.
    field = chart(page)
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    assert box is not None
    spans: list[str] = []
    page.on("request", lambda request: spans.append(request.url) if "baken.get_series" in request.url else None)
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(page).not_to_have_url(re.compile(re.escape(f"from={typed['from'][0].replace(':', '%3A')}")))
    page.wait_for_function(
        "before => new URLSearchParams(location.search).get('from') !== before", arg=typed["from"][0]
    )
    closer = asked(page)
    whole = datetime.fromisoformat(typed["to"][0]) - datetime.fromisoformat(typed["from"][0])
    part = datetime.fromisoformat(closer["to"][0]) - datetime.fromisoformat(closer["from"][0])
    assert 0.1 < part / whole < 0.35
    drawn(page)
    metrics = {parse_qs(urlsplit(url).query)["metric"][0] for url in spans}
    assert len(metrics) >= 2
    assert {parse_qs(urlsplit(url).query)["start"][0] for url in spans} == {closer["from"][0]}
    page.get_by_role("group", name="Time range").get_by_role("button", name="Zoom out").click()
    page.wait_for_function(
        "before => new URLSearchParams(location.search).get('from') === before", arg=typed["from"][0]
    )
    # The address alone brings back the same span.
    page.reload()
    drawn(page)
    assert {name: asked(page)[name] for name in ("from", "to")} == {name: typed[name] for name in ("from", "to")}
    assert complaints == []


def test_a_chart_tells_its_figures_by_keyboard_as_table_and_as_files(visit: Visits, tmp_path: Path) -> None:
    page, complaints = visit(width=1440, worker=True).seen
    page.goto(f"{EXPLORER}?m=host_memory_used_ratio&range=24h")
    drawn(page)
    figure = page.locator("figure").first
    field = chart(page)
    expect(field).to_have_attribute("aria-label", re.compile(r"between .* and .*, last .*"))
    field.focus()
    live = figure.locator("[aria-live=polite]").last
    page.keyboard.press("End")
    expect(live).to_have_text(re.compile(r"\d+(\.\d+)? ?%"))
    last = live.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(live).not_to_have_text(last)
    page.keyboard.press("ArrowRight")
    expect(live).to_have_text(last)
    expect(figure.locator(".tip")).to_be_visible()
    page.keyboard.press("Escape")
    expect(figure.locator(".tip")).to_have_count(0)

    with page.expect_download() as taken:
        figure.get_by_role("button", name="Download as CSV").click()
    assert re.fullmatch(
        r"baken_demo\.example\.test_host_memory_used_ratio_[\d-]+_[\d-]+\.csv", taken.value.suggested_filename
    )
    taken.value.save_as(tmp_path / "figures.csv")
    lines = (tmp_path / "figures.csv").read_bytes().decode().split("\r\n")
    assert re.fullmatch(r"time,.*\(ratio\)", lines[0])
    rows = [line.split(",") for line in lines[1:-1]]
    assert len(rows) >= 2 and lines[-1] == ""
    moments = [datetime.fromisoformat(row[0]) for row in rows]
    assert moments == sorted(moments) and all(moment.utcoffset() == timedelta(0) for moment in moments)
    assert any(row[1] for row in rows) and all(0 < float(row[1]) < 1 for row in rows if row[1])

    with page.expect_download() as taken:
        figure.get_by_role("button", name="Download as PNG").click()
    taken.value.save_as(tmp_path / "figures.png")
    picture = (tmp_path / "figures.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(picture[16:20], "big") > 400 and len(picture) > 4000

    figure.get_by_role("button", name="Show as table").click()
    table = figure.get_by_role("table")
    expect(table.get_by_role("row").nth(1)).to_contain_text("%")
    assert table.get_by_role("row").count() >= 3
    figure.get_by_role("button", name="Show as chart").click()
    drawn(page)
    assert complaints == []


def test_the_explorer_shares_what_it_shows_and_keeps_it_as_a_panel(visit: Visits, no_dashboards: None) -> None:
    page, complaints = visit(width=1440).seen
    page.goto(EXPLORER)
    settle(page)
    page.get_by_role("searchbox").fill("frappe_queue_length")
    expect(page).to_have_url(re.compile("search=frappe_queue_length"))
    page.locator(".group button.open").filter(has_text="frappe_queue_length").first.click()
    expect(page).to_have_url(re.compile("m=frappe_queue_length"))
    drawn(page)
    aside = page.get_by_role("complementary", name="Chosen metrics")
    labels = aside.get_by_role("group", name="Queue")
    for value in ("long", "short"):
        labels.get_by_role("button", name=re.compile(f"^{value}")).click()
    expect(page).to_have_url(
        re.compile("m=frappe_queue_length%7Bqueue(=|%3D)long(%7C|\\|)short%7D|m=frappe_queue_length\\{queue=long")
    )
    page.get_by_role("button", name="Stacked").click()
    expect(page).to_have_url(re.compile("draw=stack"))
    drawn(page)
    legend = page.locator("figure").first.get_by_role("list", name="Lines of the chart").get_by_role("button")
    expect(legend).to_have_count(2)
    aside.get_by_role("button", name="Add a metric").click()
    picking = page.get_by_role("dialog", name="Add a metric")
    picking.get_by_role("searchbox").fill("host_load")
    picking.locator("button.choice").first.click()
    expect(page.get_by_role("application")).to_have_count(2)
    drawn(page)
    before = page.get_by_role("application").first.get_attribute("aria-label") or ""

    # Somebody else opens the address.
    other = visit(BOARD, width=1440)
    other.page.goto(page.url)
    drawn(other.page)
    expect(other.page.get_by_role("application")).to_have_count(2)
    expect(other.page.get_by_role("button", name="Stacked")).to_have_attribute("aria-pressed", "true")
    told = other.page.get_by_role("application").first.get_attribute("aria-label") or ""
    assert told.split(".")[0] == before.split(".")[0]
    other_legend = (
        other.page.locator("figure").first.get_by_role("list", name="Lines of the chart").get_by_role("button")
    )
    expect(other_legend).to_have_count(2)

    page.get_by_role("button", name="Save as a panel").click()
    dialog = page.get_by_role("dialog", name="Save as a panel")
    dialog.get_by_label("Title").fill("Queues and load")
    dialog.get_by_label("On which dashboard").select_option(label="A new dashboard")
    dialog.get_by_label("Name of the new dashboard").fill("From the explorer")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".notice")).to_contain_text("From the explorer")
    page.get_by_role("link", name="Open that dashboard").click()
    expect(heading(page, "From the explorer")).to_be_visible()
    expect(page.get_by_role("heading", name="Queues and load", level=2)).to_be_visible()
    expect(page.locator(".field .canvas canvas").first).to_be_visible()
    # Back leads to what was explored.
    page.go_back()
    expect(page).to_have_url(re.compile("draw=stack"))
    assert complaints == [] and other.complaints == []
