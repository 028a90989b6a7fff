"""The webhook: what arrives, that its signature holds, and that a repetition can be recognised."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from baken import clock
from baken.alerts import channels
from baken.alerts.channels import ChannelProblem, Context
from baken.alerts.message import Message, Undelivered
from baken.settings import Channel
from tests.alerts.news import item, message, report
from tests.alerts.remote import LOOPBACK, Remote, remote


@pytest.fixture
def far() -> Iterator[Remote]:
    """The other side."""
    with remote() as made:
        yield made


def channel(**options: Any) -> Channel:
    """A webhook."""
    return Channel.model_validate({"name": "hook", "kind": "webhook", **options})


def send(far: Remote, news: Message | None = None, **options: Any) -> str:
    """Send over a webhook to the other side."""
    return channels.send(channel(url=f"{far.url}/in/t0ken", **options), "", news or message(), LOOPBACK)


def test_the_body(far: Remote) -> None:
    assert send(far) == "HTTP 200"
    request = far.requests[0]
    assert (request.method, request.path) == ("POST", "/in/t0ken")
    assert request.headers["content-type"] == "application/json"
    body = request.json
    assert {key: body[key] for key in ("version", "id", "kind", "site", "severity", "at", "subject", "report")} == {
        "version": 1, "id": "m-1", "kind": "alert", "site": "leden.example.org", "severity": "CRITICAL",
        "at": "2026-11-27T13:03:00Z", "subject": message().subject, "report": None,
    }  # fmt: skip
    (alert,) = body["alerts"]
    assert alert["name"] == "BA-000123"
    assert alert["labels"] == {"queue": "long"}
    assert alert["began"] == "2026-11-27T12:21:00Z"
    # Everything that is in an item is there but the chart.
    assert {field for field in item().__slots__ if field != "chart"} <= set(alert)


def test_the_signature_is_that_of_time_and_body(far: Remote) -> None:
    send(far, secret="hush")
    request = far.requests[0]
    given = dict(part.split("=") for part in request.headers["x-baken-signature"].split(","))
    digest = hmac.new(b"hush", given["t"].encode() + b"." + request.content, hashlib.sha256).hexdigest()
    assert given["v1"] == digest
    assert abs(int(given["t"]) - clock.now().timestamp()) < 600


def test_without_a_secret_there_is_no_signature(far: Remote) -> None:
    send(far)
    assert "x-baken-signature" not in far.requests[0].headers


def test_a_repetition_has_the_same_key(far: Remote) -> None:
    send(far)
    send(far)
    send(far, message(id="m-2"))
    keys = [request.headers["idempotency-key"] for request in far.requests]
    assert keys == ["m-1", "m-1", "m-2"]
    assert [request.headers["x-baken-id"] for request in far.requests] == keys


def test_a_report(far: Remote) -> None:
    send(far, report())
    body = far.requests[0].json
    assert (body["kind"], body["alerts"]) == ("report", [])
    assert body["report"] == json.loads(json.dumps(report().report))


def test_headers_of_ones_own(far: Remote) -> None:
    send(far, headers={"Authorization": "Bearer t"})
    assert far.requests[0].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "option url is missing"),
        ({"url": "hooks.example.org"}, "option url: the address"),
        ({"url": "https://u:p4ss@hooks.example.org/"}, "a user or a password"),
        ({"url": "https://a.example.org", "headers": {"Host": "x"}}, "'Host' cannot be set"),
        ({"url": "https://a.example.org", "headers": {"X-Baken-Id": "x"}}, "'X-Baken-Id' cannot be set"),
        ({"url": "https://a.example.org", "headers": {"X-A": "p4ss\r\nX-B: c"}}, "the value of X-A"),
        ({"url": "https://a.example.org", "secrets": "p4ss"}, "unknown option secrets; did you mean secret?"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ChannelProblem) as problem:
        channels.options(channel(**options))
    assert str(problem.value).startswith("channel hook: ")
    assert said in str(problem.value)
    assert "p4ss" not in str(problem.value)


def test_it_goes_to_no_private_address_unless_that_is_allowed(far: Remote) -> None:
    with pytest.raises(Undelivered, match=r"the private address 127\.0\.0\.1; add 127\.0\.0\.0/8"):
        channels.send(channel(url=far.url), "", message(), Context())
    assert far.requests == []
