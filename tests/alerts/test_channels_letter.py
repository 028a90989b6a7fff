"""The letter: that HTML and text say what the message says, and nothing in it can do harm."""

from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from baken.alerts import letter
from baken.alerts.message import Message
from tests.alerts.news import item, message, over, report, trial

_VOID = frozenset({"meta", "br", "img", "link", "hr", "input"})


class Page(HTMLParser):
    """What is on a page: its text, links and pictures. Tags that are closed in the wrong order fail."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        given = dict(attrs)
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "img":
            self.pictures.append(given)

    def handle_endtag(self, tag: str) -> None:
        """Close a tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text that is shown."""
        if not {"style", "title"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        """All text that is shown, with single spaces."""
        return " ".join(" ".join(self.words).split())


MANY = tuple(item(number=200 + n, title=f"Alert {n}", value=str(n), chart=None) for n in range(60))
MESSAGES = {
    "one": message(),
    "dutch": replace(message(), language="nl"),
    "over": message(over(), severity="LOW"),
    "several": message(*MANY[:7]),
    "many": replace(message(*MANY), kind="digest", lead="These were held back."),
    "trial": trial(),
    "report": report(),
    "report in dutch": report("nl"),
    "bare": message(
        item(url="", acknowledge_url="", runbook="", value="", limit="", where="", advice="", chart=None), url=""
    ),
}


@pytest.fixture(params=list(MESSAGES.values()), ids=list(MESSAGES))
def any_message(request: pytest.FixtureRequest) -> Message:
    """Every kind of message."""
    found: Message = request.param
    return found


def test_every_letter_is_whole(any_message: Message) -> None:
    source = letter.html(any_message)
    page = Page(source)
    assert any_message.reply in page.text
    assert all(link.startswith("https://") for link in page.links)
    # Gmail cuts off what is longer than 102 kB.
    assert len(source.encode()) < 100_000
    for absent in ("None", "Undefined", "{{", "{%"):
        assert absent not in page.text
    # Nothing is fetched from elsewhere: that would tell somebody that the letter was read.
    assert all((picture["src"] or "").startswith("cid:") for picture in page.pictures)
    assert "url(" not in source
    assert "<link" not in source


def test_every_text_fits_72_columns(any_message: Message) -> None:
    lines = letter.text(any_message).splitlines()
    assert [line for line in lines if len(line) > 72 and "https://" not in line] == []
    assert not any(first == second == "" for first, second in pairwise(lines))
    for absent in ("None", "Undefined", "{{", "{%", "&amp;"):
        assert absent not in "\n".join(lines)


def test_both_parts_say_what_happened_and_what_to_do() -> None:
    news = message()
    page, text = Page(letter.html(news, {123: "picture"})), letter.text(news)
    for said in (
        "12 errors within an hour", "Fired at 27 Nov 14:03: 12, the limit is 10.", "leden.example.org",
        "The Error Log grew by 12 rows; usually it is 2.", "Open the pattern & look at its <first> example.",
        "queue long", "limit 10", "27 Nov 13:21", "3 times", "BA-000123", "HIGH_ERROR_RATE", "Active",
    ):  # fmt: skip
        assert said in page.text
        assert said in " ".join(text.split())
    for address in (news.items[0].url, news.items[0].acknowledge_url, news.items[0].runbook):
        assert address in page.links
        assert address in text
    assert "Critical" in page.text
    assert "CRITICAL" in text
    assert page.pictures[0]["src"] == "cid:picture"
    assert (page.pictures[0]["alt"] or "").startswith("Errors within an hour: between 0 and 19")


def test_what_is_written_in_a_rule_stays_text() -> None:
    evil = '<script>alert(1)</script><img src="https://example.test/x">"\'{{ 7*7 }}'
    hostile = item(title=evil, message=evil, advice=evil, change=evil, where=evil, site=evil, value=evil)
    source = letter.html(message(hostile, lead=evil, subject=evil, reply=evil))
    page = Page(source)
    assert "<script" not in source
    assert page.pictures == []
    assert "49" not in page.text
    assert evil.replace("  ", " ") in page.text


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "/relative", "mailto:a@example.org"])
def test_only_web_addresses_become_links(address: str) -> None:
    news = message(item(url=address, acknowledge_url=address, runbook=address, chart=None), url=address)
    assert Page(letter.html(news)).links == []
    assert address not in letter.text(news)


def test_no_button_without_an_address() -> None:
    page = Page(letter.html(MESSAGES["bare"]))
    assert page.links == []
    assert "Acknowledge" not in page.text


def test_what_is_over_is_told_as_over() -> None:
    page, text = Page(letter.html(MESSAGES["over"])), letter.text(MESSAGES["over"])
    assert "Critical" not in page.text
    assert page.words[0] != "Critical"
    assert "OVER · leden.example.org" in text
    assert "Acknowledge" not in page.text
    assert letter.TONES["over"] in letter.html(MESSAGES["over"])


def test_of_several_the_first_are_whole_and_the_others_short() -> None:
    page = Page(letter.html(MESSAGES["several"]))
    assert page.text.count("What to do") == 3
    assert page.text.count("Alert 6") == 1
    assert [text for text in ("Alert 0", "Alert 3", "Alert 6") if text not in letter.text(MESSAGES["several"])] == []


def test_of_many_all_but_the_first_are_rows_and_those_beyond_fifty_are_counted() -> None:
    page, text = Page(letter.html(MESSAGES["many"])), letter.text(MESSAGES["many"])
    for said in (page.text, text):
        assert "Alert 49" in said
        assert "Alert 50" not in said
        assert "10 more are not in this message" in said
    assert page.text.count("What to do") == 3


def test_the_preview_of_the_inbox_says_more_than_the_subject() -> None:
    page = Page(letter.html(message()))
    assert page.text.startswith("Fired at 27 Nov 14:03: 12, the limit is 10.")


def test_a_report_shows_everything_that_is_in_it() -> None:
    page, text = Page(letter.html(report())), " ".join(letter.text(report()).split())
    for said in (
        "Weekly report", "20 Nov 00:00 – 27 Nov 00:00", "Not quite well", "The disk /srv is 88 % full",
        "5 collections failed.", "A backup is <missing>.", "Members", "1,248", "+12", "4 of them moved.", "312",
        "the period before: 280", "ValidationError: <n>", "118", "14", "opened", "still open",
        "Usually acknowledged after 6 min, usually resolved after 41 min.", "since 27 Nov 14:03",
        "Compliance: nothing was assessed",
    ):  # fmt: skip
        assert said in page.text.replace(" :", ":")
        assert said in text
    assert "https://baken.example.org/sepa" in page.links
    assert f'class="t-bad" style="color:{letter.TONES["bad"]};">+6<' in letter.html(report())


def test_a_report_of_a_quiet_day_is_no_empty_page() -> None:
    content = {
        "period": "daily", "site": "", "from": "2026-11-25T23:00:00Z", "to": "2026-11-26T23:00:00Z",
        "health": {"status": "healthy", "sentences": []}, "attention": [], "sections": [],
        "errors": {"total": "0", "before": "", "patterns": []},
        "alerts": {"opened": "0", "resolved": "0", "open": "0", "list": [], "median_ack": None, "median_resolve": ""},
        "absent": [],
    }  # fmt: skip
    quiet = replace(report("nl"), report=content, site="")
    page, text = Page(letter.html(quiet)), letter.text(quiet)
    for said in ("Dagrapport", "Alle sites", "Alles in orde", "Niets vraagt je aandacht."):
        assert said in page.text
        assert said in text
    assert "None" not in page.text
    assert "Gewoonlijk" not in page.text
