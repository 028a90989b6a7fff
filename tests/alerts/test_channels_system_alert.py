"""The mirror in the site's System Alerts, against a server that behaves like Frappe's REST API."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from baken.alerts import channels
from baken.alerts.channels import Context
from baken.alerts.message import Message, Undelivered
from baken.settings import Channel
from tests.alerts.news import NOW, item, message, over, report, trial
from tests.alerts.remote import Answer, Remote, Request, remote

FIELDS = {
    "alert_type", "severity", "message", "source", "status", "timestamp", "details", "acknowledged_by",
    "acknowledged_at", "resolved_by", "resolved_at",
}  # fmt: skip


@dataclass
class Site:
    """Frappe's side: its System Alerts by name."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    doctype: bool = True
    forget: int = 0

    def answer(self, request: Request) -> Answer:
        """Answer as Frappe does."""
        assert request.headers["authorization"] == "token key:secret"
        if not self.doctype:
            return _json(404, {"exc_type": "DoesNotExistError"})
        parts = urlsplit(request.path)
        path = unquote(parts.path)
        assert path.startswith("/api/resource/System Alert")
        name = path.removeprefix("/api/resource/System Alert").strip("/")
        if request.method == "GET":
            return self._listed(parse_qs(parts.query))
        assert set(request.json) <= FIELDS
        if request.method == "PUT":
            if name not in self.rows:
                return _json(404, {"exc_type": "DoesNotExistError"})
            self.rows[name] |= request.json
            return _json(200, {"data": {"name": name}})
        made = f"a{len(self.rows) + 1}"
        self.rows[made] = request.json
        if self.forget:
            self.forget -= 1
            return _json(502, {})
        return _json(200, {"data": {"name": made}})

    def _listed(self, query: dict[str, list[str]]) -> Answer:
        rows = self.rows.items()
        for column, sign, value in json.loads(query["filters"][0]):
            assert sign == "="
            rows = {name: row for name, row in rows if row[column] == value}.items()
        return _json(200, {"data": [{"name": name, "details": row["details"]} for name, row in rows]})


def _json(status: int, body: object) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


@dataclass
class Names:
    """What the store remembers."""

    names: dict[int, str] = field(default_factory=dict)

    def get(self, alert: int) -> str | None:
        """The name of an alert's copy."""
        return self.names.get(alert)

    def put(self, alert: int, name: str) -> None:
        """Remember a name."""
        self.names[alert] = name


@pytest.fixture
def site() -> Site:
    """A site with the DocType."""
    return Site()


@pytest.fixture
def far(site: Site) -> Iterator[Remote]:
    """Its server."""
    with remote() as made:
        made.answer = site.answer
        yield made


def send(far: Remote, names: Names, news: Message | None = None, **options: Any) -> str:
    """Mirror a message's alerts."""
    given = {"url": far.url, "api_key": "key", "api_secret": "secret", **options}
    channel = Channel.model_validate({"name": "mirror", "kind": "system_alert", **given})
    context = Context(allow_private=("127.0.0.0/8",), timeout=5, mirrors=names)
    return channels.send(channel, "", news or message(), context)


def test_a_copy_follows_its_alert(far: Remote, site: Site) -> None:
    names = Names()
    assert send(far, names) == "1 System Alert up to date"
    assert names.names == {123: "a1"}
    row = site.rows["a1"]
    assert {key: row[key] for key in ("alert_type", "severity", "source", "status", "timestamp")} == {
        "alert_type": "HIGH_ERROR_RATE", "severity": "CRITICAL", "source": "Baken", "status": "Active",
        # Frappe keeps the wall clock of the site.
        "timestamp": "2026-11-27 14:03:00",
    }  # fmt: skip
    assert row["message"] == "12 errors within an hour: The Error Log grew by 12 rows; usually it is 2."
    assert json.loads(row["details"])["alert"] == "BA-000123"
    send(far, names, message(item(event="acknowledged", status="Acknowledged")))
    assert (row["status"], row["acknowledged_at"]) == ("Acknowledged", "2026-11-27 14:03:00")
    send(far, names, message(over()))
    assert (row["status"], row["resolved_at"]) == ("Resolved", "2026-11-27 14:03:00")
    assert row["acknowledged_at"] == "2026-11-27 14:03:00"
    send(far, names, message(item(event="reopened")))
    assert (row["status"], row["resolved_at"], row["acknowledged_at"]) == ("Active", None, None)
    assert len(site.rows) == 1


def test_a_repetition_makes_no_second_copy(far: Remote, site: Site) -> None:
    """Also when the answer to the first attempt was lost, so that its name is not known."""
    names = Names()
    site.forget = 1
    with pytest.raises(Undelivered, match="answered 502") as problem:
        send(far, names)
    assert not problem.value.permanent
    send(far, names)
    send(far, names)
    assert len(site.rows) == 1
    assert names.names == {123: "a1"}


def test_the_copy_of_another_alert_of_the_same_rule_is_not_taken(far: Remote, site: Site) -> None:
    names = Names()
    send(far, names)
    send(far, names, message(item(number=124)))
    assert names.names == {123: "a1", 124: "a2"}


def test_a_copy_that_was_deleted_is_made_again(far: Remote, site: Site) -> None:
    names = Names({123: "gone"})
    send(far, names, message(over()))
    assert site.rows[names.names[123]]["status"] == "Resolved"


def test_several_alerts(far: Remote, site: Site) -> None:
    names = Names()
    assert send(far, names, message(item(), item(number=124))) == "2 System Alerts up to date"
    assert len(site.rows) == 2


def test_a_test_leaves_nothing_and_a_report_asks_nothing(far: Remote, site: Site) -> None:
    send(far, Names(), trial())
    assert [request.method for request in far.requests] == ["GET"]
    send(far, Names(), report())
    assert len(far.requests) == 1
    assert site.rows == {}


def test_a_site_of_a_bench_is_named(far: Remote) -> None:
    send(far, Names(), site="leden.example.org")
    assert {request.headers["x-frappe-site-name"] for request in far.requests} == {"leden.example.org"}


def test_a_site_without_the_doctype_is_told_what_to_do(far: Remote, site: Site) -> None:
    site.doctype = False
    with pytest.raises(Undelivered, match="has no DocType System Alert; install the app") as problem:
        send(far, Names())
    assert (problem.value.permanent, problem.value.whom) == (True, "channel")


def test_frappes_other_way_to_say_that_the_doctype_is_missing(far: Remote) -> None:
    far.says(500, {"exception": "ImportError: No module named 'frappe.core.doctype.system_alert'"})
    with pytest.raises(Undelivered, match="has no DocType System Alert") as problem:
        send(far, Names())
    assert problem.value.permanent


@pytest.mark.parametrize(
    ("status", "permanent", "said"),
    [(401, True, "check the key"), (403, True, "check the key"), (417, True, "ValidationError"),
     (500, False, "answered 500"), (429, False, "too many messages")],
)  # fmt: skip
def test_refusals(far: Remote, status: int, permanent: bool, said: str) -> None:
    far.says(status, {"exc_type": "ValidationError", "exception": "for jan@example.org"})
    with pytest.raises(Undelivered, match=said) as problem:
        send(far, Names())
    assert problem.value.permanent is permanent
    assert "secret" not in str(problem.value).replace("the secret", "")
    assert "jan@example.org" not in str(problem.value)


def test_times_are_on_the_sites_clock(far: Remote, site: Site) -> None:
    send(far, Names(), message(item(at=NOW), zone="America/New_York"))
    assert site.rows["a1"]["timestamp"] == "2026-11-27 08:03:00"
