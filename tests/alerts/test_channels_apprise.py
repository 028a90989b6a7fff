"""Apprise: what it sends on, what it refuses, and that it holds nobody up."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from baken.alerts import channels
from baken.alerts.channels import ChannelProblem, Context
from baken.alerts.message import Message, Undelivered
from baken.settings import Channel
from tests.alerts.news import message, over
from tests.alerts.remote import LOOPBACK, Answer, Remote, Request, remote


@pytest.fixture
def far() -> Iterator[Remote]:
    """The other side."""
    with remote() as made:
        yield made


def channel(url: str) -> Channel:
    """A channel of Apprise."""
    return Channel.model_validate({"name": "any", "kind": "apprise", "url": url})


def send(url: str, to: str = "", news: Message | None = None, context: Context = LOOPBACK) -> str:
    """Send over an address of Apprise."""
    return channels.send(channel(url), to, news or message(), context)


def test_a_message_goes_to_the_service_with_its_severity(far: Remote) -> None:
    assert send(f"json://127.0.0.1:{far.port}/x") == "Apprise: JSON"
    body = far.requests[0].json
    assert body["title"] == message().subject
    assert "What to do:" in body["message"]
    assert body["type"] == "failure"
    send(f"json://127.0.0.1:{far.port}/x", news=message(over(), severity="LOW"))
    assert far.requests[1].json["type"] == "success"


def test_the_recipient_has_his_place_in_the_address(far: Remote) -> None:
    send(f"json://127.0.0.1:{far.port}/for/{{to}}", "a/b?c")
    assert far.requests[0].path.startswith("/for/a%2Fb%3Fc")
    with pytest.raises(Undelivered, match="has no address") as problem:
        send(f"json://127.0.0.1:{far.port}/for/{{to}}")
    assert problem.value.whom == "recipient"


def test_what_is_not_taken_is_tried_again(far: Remote) -> None:
    far.says(500)
    with pytest.raises(Undelivered, match="could not deliver") as problem:
        send(f"json://user:p4ss@127.0.0.1:{far.port}/x")
    assert not problem.value.permanent
    assert "p4ss" not in str(problem.value)


@pytest.mark.parametrize("scheme", ["json", "xml", "form", "gotify", "ntfy"])
def test_private_addresses_are_refused_where_there_is_a_host(far: Remote, scheme: str) -> None:
    with pytest.raises(Undelivered, match=r"Apprise address 127\.0\.0\.1 leads to the private address") as problem:
        send(f"{scheme}://127.0.0.1:{far.port}/token-of-it", context=Context())
    assert problem.value.permanent
    assert far.requests == []


def test_an_address_that_apprise_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Undelivered, match="does not understand") as problem:
        send("nosuchservice://p4ss/word")
    assert problem.value.permanent
    assert "p4ss" not in str(problem.value) + "".join(capsys.readouterr())


@pytest.mark.parametrize("url", ["just words", ""])
def test_settings_that_cannot_work_are_refused(url: str) -> None:
    with pytest.raises(ChannelProblem, match="option url: this is no Apprise address"):
        channels.options(channel(url))


def test_a_slow_service_holds_nobody_up(far: Remote) -> None:
    release = threading.Event()

    def slow(request: Request) -> Answer:
        release.wait(60)
        return 200, {}, b""

    far.answer = slow
    began = time.monotonic()
    with pytest.raises(Undelivered, match=r"took longer than 0\.3 s") as problem:
        send(f"json://127.0.0.1:{far.port}/x", context=Context(allow_private=("127.0.0.0/8",), timeout=0.3))
    # The service goes on for a minute.
    assert time.monotonic() - began < 30
    release.set()
    assert not problem.value.permanent


def test_a_failure_inside_a_plug_in_is_told_without_its_text(far: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    def breaks(*args: Any, **kwargs: Any) -> bool:
        raise KeyError("s3cr3t")

    monkeypatch.setattr(apprise.Apprise, "notify", breaks)
    with pytest.raises(Undelivered, match="failed: KeyError") as problem:
        send(f"json://127.0.0.1:{far.port}/x")
    assert "s3cr3t" not in str(problem.value)
