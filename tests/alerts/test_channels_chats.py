"""ntfy, Telegram, Slack and Teams: what each is sent, and what its refusals mean."""

import html.parser
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from baken.alerts import channels
from baken.alerts.message import Message, Undelivered
from baken.settings import Channel
from tests.alerts.news import item, message, over, report, trial
from tests.alerts.remote import LOOPBACK, Answer, Remote, Request, remote

TOKEN = "123456789:AAsecret-token_x"
EVIL = "<b>&amp; *x* _y_ `z` </b> <script> | > <!channel>"
MANY = tuple(item(number=200 + n, title=f"Alert {n} {EVIL}", message="m" * 900, advice="a" * 900) for n in range(60))


@pytest.fixture
def far() -> Iterator[Remote]:
    """The other side."""
    with remote() as made:
        made.says(200, {"id": "n1", "result": {"message_id": 7}})
        yield made


def send(far: Remote, kind: str, to: str = "", news: Message | None = None, **options: Any) -> str:
    """Send over a channel of a kind to the other side."""
    channel = Channel.model_validate({"name": kind, "kind": kind, **options})
    return channels.send(channel, to, news or message(), LOOPBACK)


def refused(far: Remote, *args: Any, **options: Any) -> Undelivered:
    """What sending was refused with."""
    with pytest.raises(Undelivered) as caught:
        send(far, *args, **options)
    return caught.value


def ntfy(far: Remote, news: Message | None = None, to: str = "baken-9f2", **options: Any) -> Any:
    """What ntfy was sent."""
    send(far, "ntfy", to, news, url=far.url, **options)
    return far.requests[-1].json


def telegram(far: Remote, news: Message | None = None) -> Any:
    """What Telegram was sent."""
    send(far, "telegram", "-100200", news, token=TOKEN, url=far.url)
    return far.requests[-1].json


def slack(far: Remote, news: Message | None = None) -> Any:
    """What Slack was sent."""
    send(far, "slack", "", news, url=f"{far.url}/services/T0/B0/s3cr3t")
    return far.requests[-1].json


def teams(far: Remote, news: Message | None = None) -> Any:
    """What Teams was sent."""
    send(far, "teams", "", news, url=f"{far.url}/workflows/x?sig=s3cr3t")
    return far.requests[-1].json


SENT = {"ntfy": ntfy, "telegram": telegram, "slack": slack, "teams": teams}
MESSAGES = {
    "alert": message(), "over": message(over(), severity="LOW"), "many": replace(message(*MANY), lead="Late. " * 20),
    "trial": trial(), "report": report("nl"), "bare": message(item(url="", acknowledge_url="", advice=""), url=""),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(SENT))
@pytest.mark.parametrize("news", list(MESSAGES))
def test_every_message_can_be_sent_and_is_not_too_long(far: Remote, kind: str, news: str) -> None:
    sent = SENT[kind](far, MESSAGES[news])
    text = json.dumps(sent, ensure_ascii=False)
    assert MESSAGES[news].subject[:20] in text
    assert "None" not in text
    assert len(far.requests) == 1
    if kind == "ntfy":
        assert len(sent["message"].encode()) < 4096
    elif kind == "telegram":
        assert 0 < len(sent["text"]) <= 4096
    elif kind == "slack":
        blocks = [block for each in [sent, *sent["attachments"]] for block in each["blocks"]]
        assert len(blocks) <= 50
        assert all(0 < len(block["text"]["text"]) <= 3000 for block in blocks if block["type"] == "section")
    else:
        assert len(text.encode()) < 28_000
    if news == "many" and kind != "ntfy":
        assert re.search(r"\d\d more are not in this message", text)


@pytest.mark.parametrize("kind", list(SENT))
def test_what_happened_and_what_to_do_and_where(far: Remote, kind: str) -> None:
    text = (
        json.dumps(SENT[kind](far), ensure_ascii=False).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    )
    for said in (
        "Fired at 27 Nov 14:03: 12, the limit is 10.", "The Error Log grew by 12 rows", "Open the pattern & look",
        "https://baken.example.org/alerts/123", "https://baken.example.org/acknowledge?t=abc&n=1",
    ):  # fmt: skip
        assert said in text


@pytest.mark.parametrize("kind", list(SENT))
def test_a_secret_in_the_address_is_in_no_text(far: Remote, kind: str) -> None:
    far.answer = lambda request: (400, {}, f"bad request {request.path}".encode())
    with pytest.raises(Undelivered) as caught:
        SENT[kind](far)
    assert "answered 400" in str(caught.value)
    assert caught.value.permanent
    for secret in ("s3cr3t", "AAsecret", "123456789"):
        assert secret not in str(caught.value)


def test_ntfy_by_severity(far: Remote) -> None:
    sent = ntfy(far)
    assert (sent["topic"], sent["priority"], sent["tags"]) == ("baken-9f2", 5, ["rotating_light"])
    assert sent["click"] == "https://baken.example.org/alerts/123"
    assert [(each["action"], each["label"]) for each in sent["actions"]] == [("view", "Acknowledge"), ("view", "Open")]
    assert ntfy(far, message(item(severity="HIGH"), severity="HIGH"))["priority"] == 4
    done = ntfy(far, message(over(), severity="LOW"))
    assert (done["priority"], done["tags"]) == (2, ["white_check_mark"])


def test_ntfy_with_a_token(far: Remote) -> None:
    ntfy(far)
    assert "authorization" not in far.requests[-1].headers
    ntfy(far, token="tk_x")
    assert far.requests[-1].headers["authorization"] == "Bearer tk_x"


def test_ntfys_refusals(far: Remote) -> None:
    far.says(403, {"error": "forbidden"})
    problem = refused(far, "ntfy", "topic", url=far.url, token="tk_secret")
    assert (problem.permanent, problem.whom) == (True, "channel")
    assert "tk_secret" not in str(problem)
    problem = refused(far, "ntfy", "no topic/", url=far.url)
    assert (problem.permanent, problem.whom) == (True, "recipient")
    problem = refused(far, "ntfy", "", url=far.url)
    assert (problem.permanent, problem.whom) == (True, "recipient")


def test_telegram(far: Remote) -> None:
    assert send(far, "telegram", "42", token=TOKEN, url=far.url) == "message 7"
    assert far.requests[-1].path == f"/bot{TOKEN}/sendMessage"
    sent = telegram(far)
    assert (sent["chat_id"], sent["parse_mode"], sent["disable_notification"]) == ("-100200", "HTML", False)
    (buttons,) = sent["reply_markup"]["inline_keyboard"]
    assert [each["text"] for each in buttons] == ["Acknowledge", "Open"]
    assert telegram(far, message(over(), severity="LOW"))["disable_notification"]


def test_telegrams_html_is_whole_whatever_is_in_the_texts(far: Remote) -> None:
    class Tags(html.parser.HTMLParser):
        opened: list[str]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in ("b", "a")
            self.opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.opened.pop() == tag

    for news in (message(item(title=EVIL, message=EVIL, change=EVIL, advice=EVIL), subject=EVIL), message(*MANY)):
        tags = Tags()
        tags.opened = []
        tags.feed(telegram(far, news)["text"])
        tags.close()
        assert tags.opened == []


@pytest.mark.parametrize(
    ("status", "answer", "permanent", "whom", "said"),
    [
        (403, {"description": "Forbidden: bot was blocked by the user"}, True, "recipient", "blocked"),
        (403, {"description": "Forbidden: bot was kicked from the group chat"}, True, "recipient", "not in the group"),
        (400, {"description": "Bad Request: chat not found"}, True, "recipient", "no such chat"),
        (400, {"description": "Bad Request: group chat was upgraded to a supergroup chat",
               "parameters": {"migrate_to_chat_id": -1001}}, True, "recipient", "supergroup"),
        (401, {"description": "Unauthorized"}, True, "channel", "@BotFather"),
        (404, {"description": "Not Found"}, True, "channel", "@BotFather"),
        (429, {"description": "Too Many Requests", "parameters": {"retry_after": 35}}, False, "channel", "35 s"),
        (502, {}, False, "channel", "answered 502"),
    ],
)  # fmt: skip
def test_telegrams_refusals(
    far: Remote, status: int, answer: dict[str, Any], permanent: bool, whom: str, said: str
) -> None:
    far.says(status, {"ok": False, **answer})
    problem = refused(far, "telegram", "42", token=TOKEN, url=far.url)
    assert (problem.permanent, problem.whom) == (permanent, whom)
    assert said in str(problem)
    assert "AAsecret" not in str(problem)


def test_telegram_gets_links_in_the_text_where_it_takes_no_buttons(far: Remote) -> None:
    def picky(request: Request) -> Answer:
        if "reply_markup" in request.json:
            return 400, {}, b'{"ok": false, "description": "Bad Request: BUTTON_URL_INVALID"}'
        return 200, {}, b'{"ok": true, "result": {"message_id": 8}}'

    far.answer = picky
    sent = telegram(far, message(item(url="http://baken.local/1", acknowledge_url="")))
    assert '<a href="http://baken.local/1">Open</a>' in sent["text"]


def test_slack(far: Remote) -> None:
    assert send(far, "slack", url=f"{far.url}/services/x").startswith("HTTP 200")
    sent = slack(far, message(item(title=EVIL)))
    assert sent["attachments"][0]["color"] == "#b3261e"
    assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)
    text = json.dumps(sent)
    assert "<!channel" not in text
    assert "<script" not in text
    assert slack(far, message(over(), severity="LOW"))["attachments"][0]["color"] == "#1c7447"


def test_teams(far: Remote) -> None:
    sent = teams(far, message(item(title=EVIL)))
    (attachment,) = sent["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    container = next(each for each in card["body"] if each["type"] == "Container")
    assert container["style"] == "attention"
    actions = container["items"][-1]["actions"]
    assert [(each["type"], each["title"]) for each in actions] == [
        ("Action.OpenUrl", "Acknowledge"), ("Action.OpenUrl", "Open"),
    ]  # fmt: skip
    # Underscores and stars stay what they are: nothing is a TextBlock, which reads Markdown.
    assert '"TextBlock"' not in json.dumps(card)


@pytest.mark.parametrize(("kind", "to"), [("slack", ""), ("teams", "")])
def test_a_webhook_that_is_gone_stops_the_channel(far: Remote, kind: str, to: str) -> None:
    far.says(410, b"channel_is_archived")
    problem = refused(far, kind, to, url=f"{far.url}/x")
    assert "channel_is_archived" in str(problem)
    assert (problem.permanent, problem.whom) == (True, "channel")
