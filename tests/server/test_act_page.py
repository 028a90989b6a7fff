"""The one-time link of a message: looking changes nothing, the button works once, and nothing of it leaks."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baken import clock
from baken.alerts import lifecycle, links, words
from baken.alerts.links import BadLink
from baken.history import audit
from baken.history.store import Store, StoreError
from baken.history.tables import alert_events, alert_links
from baken.privacy import installation_key
from baken.server.guard import CONTENT_SECURITY_POLICY
from tests.api.alerted import HOST, QUEUE, RECIPIENT, SITE, TOLD, change, fire, row
from tests.server.world import World, make_world

KEY = b"k" * 32
DUTCH = {**RECIPIENT, "name": "bestuur", "language": "nl", "time_zone": "Asia/Tokyo"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world(tmp_path, more={"alerts": {**TOLD, "recipients": [RECIPIENT, DUTCH]}}) as made:
        made.record({}, observations={"site_facts": {"time_zone": "Europe/Amsterdam", "apps": {}}})
        yield made


def make(world: World, number: int, recipient: str = "beheer", at: datetime | None = None) -> str:
    return links.make(installation_key(world.settings.data_dir), number, recipient, at or clock.now())


def look(world: World, token: str) -> Any:
    return world.client.get(links.PATH, params={"t": token})


def press(world: World, token: str, **headers: str) -> Any:
    return world.client.post(links.PATH, data={"t": token}, headers=headers)


def text(answer: Any) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text.split("<body>")[1])).split())


def kinds(store: Store) -> list[str]:
    with store.read() as conn:
        return list(conn.execute(select(alert_events.c.kind).order_by(alert_events.c.id)).scalars())


def test_looking_shows_the_alert_and_changes_nothing(world: World) -> None:
    """Programs that look at the links of e-mails must acknowledge nothing."""
    at = clock.now() - timedelta(hours=1)
    number = fire(world.store, at=at)
    token = make(world, number)
    before = row(world.store, number)
    for _ in range(3):
        answer = look(world, token)
        assert answer.status_code == 200
        assert world.client.head(links.PATH, params={"t": token}).status_code == 200
    said, since = text(answer), words.moment(at, "Europe/Amsterdam", "en")
    assert said.startswith(f"25 jobs wait in queue long Medium · {SITE} · since {since} In the queue long of")
    assert said.endswith("the others see that you have it. Acknowledge Open Baken")
    assert '<form method="post" action="/alerts/act">' in answer.text
    assert answer.text.count("<form") == answer.text.count("<button") == 1
    assert f'href="https://baken.example.test/monitoring_dashboard/alerts/{number}"' in answer.text
    assert row(world.store, number) == before
    assert kinds(world.store) == ["fired"]
    with world.store.read() as conn:
        assert conn.execute(select(alert_links)).all() == []


def test_the_button_acknowledges_once_in_the_name_of_who_got_the_link(world: World) -> None:
    number = fire(world.store)
    token = make(world, number)
    answer = press(world, token)
    assert answer.status_code == 200
    assert text(answer).startswith("Acknowledged Medium · ")
    assert "25 jobs wait in queue long It is noted that beheer (link in a message) has taken this up at" in text(answer)
    assert "<form" not in answer.text
    found = row(world.store, number)
    assert (found.status, found.acknowledged_by) == ("Acknowledged", "beheer (link in a message)")
    with world.store.read() as conn:
        (entry,) = audit.entries(conn, action="alert acknowledged")
    assert (entry.user, entry.site, entry.target) == ("beheer (link in a message)", SITE, "BA-000001")
    again = press(world, token)
    assert again.status_code == 409
    assert text(again).startswith("Not acknowledged")
    assert "This link was used already." in text(again)
    assert "beheer (link in a message) has taken this up already" in text(again)
    assert kinds(world.store) == ["fired", "acknowledged"]
    later = look(world, token)
    assert later.status_code == 200
    assert "<form" not in later.text


def test_a_used_link_does_not_work_for_an_alert_that_came_back(world: World) -> None:
    number = fire(world.store)
    token = make(world, number)
    press(world, token)
    change(world.store, lambda act: lifecycle.resolve(act, number))
    change(world.store, lambda act: lifecycle.reopen(act, number))
    for answer, status in ((look(world, token), 200), (press(world, token), 409)):
        assert answer.status_code == status
        assert "used already, and the alert has come back since" in text(answer)
        assert "<form" not in answer.text
    assert row(world.store, number).status == "Active"
    assert press(world, make(world, number)).status_code == 200


def test_somebody_else_was_first(world: World) -> None:
    number = fire(world.store)
    token = make(world, number)
    change(world.store, lambda act: lifecycle.acknowledge(act, number), user="els")
    for answer, status in ((look(world, token), 200), (press(world, token), 409)):
        assert answer.status_code == status
        assert "els has taken this up already, at" in text(answer)
        assert "<form" not in answer.text
    # A link that did nothing is not used up.
    with world.store.read() as conn:
        assert conn.execute(select(alert_links)).all() == []
    change(world.store, lambda act: lifecycle.resolve(act, number), user="jan")
    for answer in (look(world, token), press(world, token)):
        assert "jan has resolved this already, at" in text(answer)
    change(world.store, lambda act: lifecycle.reopen(act, number))
    change(world.store, lambda act: lifecycle.resolve(act, number), user="")
    assert "This is over since" in text(look(world, token))


def test_links_that_are_not_good(world: World) -> None:
    number = fire(world.store)
    good = make(world, number)
    body, signature = good.split(".")
    raw = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps([number + 1, *raw[1:]]).encode()).decode().rstrip("=")
    foreign = links.make(b"another installation's key......", number, "beheer", clock.now())
    old = make(world, number, at=clock.now() - timedelta(days=7, seconds=1))
    for token, says in (
        ("", "incomplete"),
        (body, "incomplete"),
        (f"{body}.", "incomplete"),
        (f"{body}.{signature[:-3]}", "not from this Baken"),
        (f"{body}.{'x' * 3000}", "incomplete"),
        (f"{body}.é", "incomplete"),
        (f"{body}!!!!.{signature}", "incomplete"),
        (f"{changed}.{signature}", "not from this Baken"),
        (foreign, "not from this Baken"),
        (old, "too old. Sign in"),
        ("<script>alert(1)</script>", "incomplete"),
    ):
        for answer in (look(world, token), press(world, token)):
            assert answer.status_code == 400, token
            assert says in text(answer), (token, text(answer))
            assert "<form" not in answer.text
            assert "<script" not in answer.text
    assert kinds(world.store) == ["fired"]
    gone = make(world, 77)
    for answer in (look(world, gone), press(world, gone)):
        assert answer.status_code == 404
        assert "no longer kept" in text(answer)


def test_what_a_link_is_signed_for() -> None:
    now = clock.now().replace(microsecond=0)
    token = links.make(KEY, 1, "els", now)
    link = links.read(KEY, token, now + links.GOOD_FOR - timedelta(milliseconds=1))
    assert (link.alert, link.recipient) == (1, "els")
    with pytest.raises(BadLink, match="too old"):
        links.read(KEY, token, now + links.GOOD_FOR)
    body = token.split(".")[0]
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    # What the key has signed for another purpose is no link.
    signed = base64.urlsafe_b64encode(hmac.digest(KEY, raw, hashlib.sha256)).decode().rstrip("=")
    with pytest.raises(BadLink, match="not from this Baken"):
        links.read(KEY, f"{body}.{signed}", now)
    assert links.read(KEY, links.make(KEY, 1, "jan", now), now).id != link.id


def test_another_sites_page_cannot_press_the_button(world: World) -> None:
    token = make(world, fire(world.store))
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert press(world, token, **headers).status_code == 400
    assert kinds(world.store) == ["fired"]
    assert press(world, token, Origin="http://baken.test").status_code == 200


def test_a_link_opened_out_of_a_mail_program_is_shown(world: World) -> None:
    token = make(world, fire(world.store))
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert world.client.get(links.PATH, params={"t": token}, headers=headers).status_code == 200


def test_headers_keep_the_link_to_itself(world: World) -> None:
    token = make(world, fire(world.store))
    for answer in (look(world, token), press(world, token), look(world, "x")):
        assert answer.headers.get_list("content-security-policy") == [CONTENT_SECURITY_POLICY]
        # One policy, not two that browsers choose from: the address goes to no other site.
        assert answer.headers.get_list("referrer-policy") == ["same-origin"]
        assert answer.headers["cache-control"] == "no-store, private"
        assert answer.headers["x-frame-options"] == "DENY"
        assert '<meta name="robots" content="noindex">' in answer.text
        assert not re.search(r"<script|style=|<style|onclick", answer.text)
        assert "set-cookie" not in answer.headers
        # All that it loads comes from Baken itself.
        assert re.findall(r'(?:src|rel="stylesheet" href)="([^"]+)"', answer.text) == ["/alerts/act.css"]
    style = world.client.get("/alerts/act.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")


def test_texts_cannot_become_markup(world: World) -> None:
    bad = "<b onload=x>&\"'</b>"
    number = fire(world.store, labels={"queue": bad})
    token = make(world, number)
    answer = look(world, token)
    assert "<b onload" not in answer.text
    assert f"25 jobs wait in queue {bad}" in text_of(answer)
    change(world.store, lambda act: lifecycle.acknowledge(act, number), user=bad)
    assert "<b onload" not in look(world, token).text
    assert "<b onload" not in press(world, token).text


def text_of(answer: Any) -> str:
    """The page's text, read as a browser does."""
    from html.parser import HTMLParser

    class Reader(HTMLParser):
        said = ""

        def handle_data(self, data: str) -> None:
            self.said += data

    reader = Reader()
    reader.feed(answer.text)
    return reader.said


def test_a_huge_body_is_not_read(world: World) -> None:
    token = make(world, fire(world.store))
    answer = world.client.post(links.PATH, content=b"x=" + b"a" * 5_000_000 + b"&t=" + token.encode())
    assert answer.status_code == 400
    assert "incomplete" in text(answer)
    for body in (b"", b"\xff\xfe", b"t=" + b"%00" * 100, b"t", b"{}"):
        assert world.client.post(links.PATH, content=body).status_code == 400
    assert kinds(world.store) == ["fired"]


def test_in_the_recipients_language_and_on_their_clock(world: World) -> None:
    at = clock.now() - timedelta(hours=1)
    number = fire(world.store, at=at)
    token = make(world, number, "bestuur")
    answer = look(world, token)
    assert '<html lang="nl">' in answer.text
    said, since = text(answer), words.moment(at, "Asia/Tokyo", "nl")
    assert said.startswith(f"25 taken wachten in wachtrij long Gemiddeld · {SITE} · sinds {since} In de wachtrij")
    assert said.endswith("Bevestigen Baken openen")
    assert "Vastgelegd is dat bestuur (link in een bericht) dit om" in text(press(world, token))
    assert "Deze link is al gebruikt." in text(press(world, token))
    assert "heeft dit al opgepakt, om" in text(look(world, make(world, number, "bestuur")))
    old = make(world, number, "bestuur", clock.now() - timedelta(days=8))
    assert "Deze link is te oud. Meld je aan" in text(look(world, old))
    # Whose link it was cannot be known: then it is the language of the settings.
    assert "not from this Baken" in text(look(world, "eA.eA"))


def test_every_text_is_there_in_both_languages() -> None:
    from string import Formatter

    from baken.alerts.act_page import _TEXTS

    assert _TEXTS["en"].keys() == _TEXTS["nl"].keys()
    for key, english in _TEXTS["en"].items():
        fields = [
            {field for _, field, _, _ in Formatter().parse(text) if field} for text in (english, _TEXTS["nl"][key])
        ]
        assert fields[0] == fields[1], key


def test_a_recipient_who_is_gone_is_still_named(world: World) -> None:
    number = fire(world.store, "HIGH_DISK", HOST, {"mount": "/srv"})
    token = make(world, number, "somebody who left")
    assert "High · all sites · since" in text(look(world, token))
    assert press(world, token).status_code == 200
    assert row(world.store, number).acknowledged_by == "somebody who left (link in a message)"


def test_when_the_store_cannot_be_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    number = fire(world.store)
    token = make(world, number, "bestuur")

    def fails(*_: Any) -> None:
        raise StoreError("/srv/baken/store.db is locked")

    with monkeypatch.context() as patched:
        patched.setattr(links, "use", fails)
        answer = press(world, token)
        assert (answer.status_code, "Er is niets veranderd" in text(answer)) == (503, True)
        patched.setattr(lifecycle, "find", fails)
        answer = look(world, token)
        assert (answer.status_code, "Er is niets veranderd" in text(answer)) == (503, True)
        assert "/srv/baken" not in answer.text
    assert press(world, token).status_code == 200
    assert row(world.store, number).labels == json.dumps(QUEUE, separators=(",", ":"))
