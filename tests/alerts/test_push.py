"""Push messages: from an alert that fires to what the browser reads, over a push service of the tests' own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from baken.alerts import browsers, channels, lifecycle, outbox
from baken.alerts.channels import ChannelProblem, Context
from baken.alerts.channels import push as channel_kind
from baken.alerts.message import Gone, Undelivered
from baken.history import audit, push
from baken.history.store import Store
from baken.history.tables import channel_states
from baken.history.tables import outbox as outbox_table
from baken.settings import Channel, load
from baken.sites.problems import SiteUnreachable
from tests.alerts.news import item, message, over, trial
from tests.alerts.pushed import NETWORK, PEOPLE, Browser, push_service
from tests.alerts.remote import Remote
from tests.alerts.rig import SITE, START, OtherSide, Rig, make_rig


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with push_service(tmp_path_factory.mktemp("tls")) as found:
        yield found


@pytest.fixture
def service(running: Remote) -> Remote:
    """The push service, which has nothing yet and takes everything."""
    running.requests.clear()
    running.says(201)
    return running


def rig_on(store: Store, folder: Path, **changes: Any) -> Rig:
    """A world in which nobody but browsers is told."""
    return make_rig(store, folder, recipients=(), channels=(), allow_private=[NETWORK], **changes)


def deliver(rig: Rig) -> int:
    """Send what is due for real; how many messages were tried."""
    tried = 0
    while True:
        with rig.store.read() as conn:
            paced = outbox.plan(conn, rig.settings.alerts, rig.now, {})
        if paced.put_off:
            with rig.store.write() as conn:
                outbox.put_off(conn, paced.put_off)
        for batch in paced.batches:
            rig.sender.send(batch)
        tried += len(paced.batches)
        if not paced.batches and not paced.put_off:
            return tried


def audited(store: Store) -> list[tuple[str, str]]:
    """What the audit trail tells of push messages: (action, why)."""
    with store.read() as conn:
        return [(each.action, each.detail.get("why", "")) for each in audit.entries(conn) if "push" in each.action]


def states(store: Store) -> dict[tuple[str, str], Any]:
    with store.read() as conn:
        return {(row.channel, row.recipient): row for row in conn.execute(select(channel_states))}


def test_from_the_alert_to_the_screen(store: Store, service: Remote, tmp_path: Path) -> None:
    rig, browser = rig_on(store, tmp_path), Browser()
    made = browser.subscribe(store, service, rig.now, language="nl")
    rig.figure("database_up", 0)
    rig.advance(2)
    assert deliver(rig) == 1
    (request,) = service.requests
    assert (request.method, request.path) == ("POST", browser.path)
    headers = request.headers
    assert (headers["ttl"], headers["urgency"], headers["content-encoding"]) == ("86400", "high", "aes128gcm")
    assert len(headers["topic"]) == 32
    assert headers["authorization"].startswith("vapid t=")
    told = browser.read(request)
    number = rig.rows()[0].number
    assert told["title"] == "Kritiek: The database is down"
    assert told["body"].splitlines()[0] == SITE
    assert {key: told[key] for key in ("severity", "tag", "url", "alert", "quiet", "language", "acknowledge")} == {
        "severity": "CRITICAL", "tag": f"baken-alert-{number}", "url": f"/monitoring_dashboard/alerts/{number}",
        "alert": number, "quiet": False, "language": "nl", "acknowledge": "Bevestigen",
    }  # fmt: skip
    assert PEOPLE not in json.dumps(told)
    assert rig.kinds(number)[-1] == "notified"
    assert rig.sent() == [{"channel": "push", "recipient": f"push:{made.id}", "event": "fired"}]
    with store.read() as conn:
        kept = push.find(conn, made.id)
    assert kept is not None and kept.last_ok == rig.now

    # Somebody takes it up: what is on the screen is replaced, without a sound and without the button.
    rig.advance(60)
    rig.act(lambda act: lifecycle.acknowledge(act, number), "Els")
    rig.advance(2)
    deliver(rig)
    told = browser.read(service.requests[-1])
    assert (told["tag"], told["quiet"], told["alert"], told["done"]) == (f"baken-alert-{number}", True, None, [number])
    assert "Els heeft het opgepakt" in told["body"]
    assert service.requests[-1].headers["topic"] == headers["topic"]

    rig.advance(60)
    rig.figure("database_up", 1)
    rig.advance(2)
    deliver(rig)
    told = browser.read(service.requests[-1])
    assert (told["severity"], told["quiet"], told["done"], told["acknowledge"]) == ("over", True, [number], "")
    assert told["title"].startswith("Voorbij: ")


def test_below_the_wished_severity_nothing_comes(sqlite_store: Store, service: Remote, tmp_path: Path) -> None:
    rig, grave, all_of_it = rig_on(sqlite_store, tmp_path), Browser(), Browser()
    grave.subscribe(sqlite_store, service, rig.now)
    all_of_it.subscribe(sqlite_store, service, rig.now, at_least="LOW")
    elsewhere = Browser()
    elsewhere.subscribe(sqlite_store, service, rig.now, at_least="LOW", site="ander.example")
    rig.figure("frappe_queue_length", 30, {"queue": "long"})
    rig.advance(2)
    deliver(rig)
    assert [request.path for request in service.requests] == [all_of_it.path]
    rig.figure("frappe_queue_length", 3, {"queue": "long"})
    rig.advance(310)
    deliver(rig)
    assert [request.path for request in service.requests] == [all_of_it.path] * 2


def test_reminders_come_and_silenced_ones_do_not(sqlite_store: Store, service: Remote, tmp_path: Path) -> None:
    rig, browser = rig_on(sqlite_store, tmp_path), Browser()
    browser.subscribe(sqlite_store, service, rig.now)
    rig.figure("database_up", 0)
    rig.advance(2)
    deliver(rig)
    rig.advance(3700)
    rig.tick()
    rig.advance(2)
    deliver(rig)
    assert len(service.requests) == 2
    assert browser.read(service.requests[-1])["alert"] == rig.rows()[0].number
    rig.act(lambda act: lifecycle.suppress(act, rig.rows()[0].number, "silence:1"))
    rig.advance(3700)
    rig.tick()
    rig.advance(2)
    deliver(rig)
    assert len(service.requests) == 2


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten_and_nothing_is_broken(
    store: Store, service: Remote, tmp_path: Path, status: int
) -> None:
    rig, browser, stays = rig_on(store, tmp_path), Browser(), Browser()
    browser.subscribe(store, service, rig.now)
    other = stays.subscribe(store, service, rig.now)
    service.answer = lambda request: (status if request.path == browser.path else 201, {}, b"")
    rig.figure("database_up", 0)
    rig.figure("database_up", 0, site="ander.example")
    rig.advance(2)
    deliver(rig)
    with store.read() as conn:
        assert [each.id for each in push.every(conn)] == [other.id]
        assert outbox.failing(conn, rig.now) == {}
    assert set(states(store)) == {("push", ""), ("push", f"push:{other.id}")}
    assert ("push ended", "the browser gets no push messages from Baken any more: turned off there, or removed") in (
        audited(store)
    )
    assert rig.waiting() == []
    assert "notification_failed" in rig.kinds(rig.rows()[0].number)


def test_what_was_not_taken_is_tried_again(sqlite_store: Store, service: Remote, tmp_path: Path) -> None:
    rig, browser = rig_on(sqlite_store, tmp_path), Browser()
    made = browser.subscribe(sqlite_store, service, rig.now)
    for status in (500, 429, 503):
        service.says(status)
        rig.figure("database_up", 0)
        rig.advance(70)
        assert deliver(rig) == 1
    with sqlite_store.read() as conn:
        assert outbox.failing(conn, rig.now).keys() == {"push"}
        kept = push.find(conn, made.id)
    assert kept is not None and kept.failures == 3
    assert all(row.disabled_at is None for row in states(sqlite_store).values())
    service.says(201)
    rig.advance(70)
    deliver(rig)
    assert browser.read(service.requests[-1])["alert"] == 1
    assert [row.failing_since for row in states(sqlite_store).values()] == [None, None]


def test_one_that_is_refused_stops_no_other(sqlite_store: Store, service: Remote, tmp_path: Path) -> None:
    """A push service that does not know Baken's key, and an address that Baken may not call."""
    rig, refused, fine = rig_on(sqlite_store, tmp_path), Browser(), Browser()
    refused.subscribe(sqlite_store, service, rig.now)
    inside = Browser().subscribe(sqlite_store, service, rig.now, endpoint="https://169.254.169.254/latest")
    fine.subscribe(sqlite_store, service, rig.now)
    service.answer = lambda request: (403 if request.path == refused.path else 201, {}, b"bad key")
    rig.figure("database_up", 0)
    rig.advance(2)
    deliver(rig)
    assert {request.path for request in service.requests} == {refused.path, fine.path}
    stopped = {name for (_, name), row in states(sqlite_store).items() if row.disabled_at is not None}
    assert stopped == {"push:1", f"push:{inside.id}"}
    assert "never allowed" in states(sqlite_store)[("push", f"push:{inside.id}")].problem


def test_private_addresses_are_refused_where_nothing_allows_them(service: Remote, tmp_path: Path) -> None:
    browser, settings = Browser(), load(None, {"data_dir": str(tmp_path)})
    for endpoint, says in (
        (service.url + browser.path, "private address"),
        ("https://[::ffff:127.0.0.1]/x", "private address"),
        ("http://127.0.0.1/x", "begins with https"),
        ("file:///etc/passwd", "neither with https"),
    ):
        to = channel_kind.address(endpoint, browser.p256dh, browser.secret)
        with pytest.raises(Undelivered, match=says) as found:
            channels.send(browsers.channel(settings), to, message(), Context())
        assert (found.value.permanent, isinstance(found.value, Gone)) == (True, False)
    assert service.requests == []


def test_killed_between_sending_and_marking(sqlite_store: Store, service: Remote, tmp_path: Path) -> None:
    """It is told again by the process that takes the dead one's place, under the same tag: the screen shows one."""
    rig, browser = rig_on(sqlite_store, tmp_path), Browser()
    browser.subscribe(sqlite_store, service, rig.now)
    rig.figure("database_up", 0)
    rig.advance(2)
    with sqlite_store.read() as conn:
        (batch,) = outbox.plan(conn, rig.settings.alerts, rig.now, {}).batches
    with sqlite_store.write() as conn:
        outbox.claim(conn, batch, "rig", rig.now)
    # The process sent it and died here.
    assert deliver(rig) == 0
    with sqlite_store.write() as conn:
        outbox.release(conn, "rig")
    assert deliver(rig) == 1
    assert deliver(rig) == 0
    assert len(service.requests) == 1


class Directory:
    """A site whose users are asked after; it answers, says that somebody is gone, or is out of reach."""

    def __init__(self, roles: frozenset[str] | Exception | None) -> None:
        self.roles = roles
        self.asked = 0

    def reading(self) -> "Directory":
        self.asked += 1
        if isinstance(self.roles, Exception):
            raise self.roles
        return self

    def __enter__(self) -> "Directory":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""


def test_who_lost_the_role_gets_nothing(
    sqlite_store: Store, service: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baken.sites import users

    site = Directory(frozenset({"System Manager"}))

    def load_user(reading: Directory, name: str) -> users.User | None:
        return None if reading.roles is None else users.User(name, "Els", reading.roles, None)  # type: ignore[arg-type]

    monkeypatch.setattr(users, "load", load_user)
    rig = rig_on(sqlite_store, tmp_path)
    made = Browser().subscribe(sqlite_store, service, START)

    def may(later: timedelta) -> bool:
        return browsers.allowed(sqlite_store, made.id, lambda _name: cast(Any, site), START + later)

    assert may(timedelta(minutes=4)) and site.asked == 0
    assert may(timedelta(minutes=6)) and site.asked == 1
    assert may(timedelta(minutes=10)) and site.asked == 1
    # A site that is down is what messages are about: its last word holds.
    site.roles = SiteUnreachable("down")
    assert may(timedelta(days=3)) and may(timedelta(days=6, hours=23))
    site.roles = frozenset({"Member"})
    assert not may(timedelta(days=6, hours=23))
    assert audited(sqlite_store) == [("push ended", "the role is gone")]
    rig.figure("database_up", 0)
    rig.advance(2)
    assert deliver(rig) == 0

    made = Browser().subscribe(sqlite_store, service, START)
    site.roles = None
    assert not may(timedelta(minutes=6))
    made = Browser().subscribe(sqlite_store, service, START)
    site.roles = SiteUnreachable("down")
    assert not may(timedelta(days=8))
    assert audited(sqlite_store)[0] == ("push ended", "the site has not confirmed the role for a week")

    # Nobody need be told of anything for somebody who is gone to be forgotten.
    Browser().subscribe(sqlite_store, service, START)
    site.roles, site.asked = None, 0
    browsers.review(sqlite_store, lambda _name: cast(Any, site), START + timedelta(hours=23))
    assert site.asked == 0
    browsers.review(sqlite_store, lambda _name: cast(Any, site), START + timedelta(hours=25))
    with sqlite_store.read() as conn:
        assert site.asked == 1 and push.every(conn) == []


def test_a_number_is_never_given_out_again(store: Store, service: Remote) -> None:
    first = Browser().subscribe(store, service, START)
    with store.write() as conn:
        browsers.end(conn, first, "turned off", START)
    assert Browser().subscribe(store, service, START).id > first.id


def test_another_person_at_the_same_browser_gets_a_number_of_their_own(store: Store, service: Remote) -> None:
    browser = Browser()
    first = browser.subscribe(store, service, START)
    again = browser.subscribe(store, service, START + timedelta(hours=1), at_least="LOW")
    assert (again.id, again.created, again.at_least) == (first.id, START, "LOW")
    other = browser.subscribe(store, service, START, user="jan@example.test")
    with store.read() as conn:
        assert [each.user for each in push.every(conn)] == ["jan@example.test"]
    assert other.id > first.id


def test_the_eleventh_browser_takes_the_place_of_the_silent_one(sqlite_store: Store, service: Remote) -> None:
    made = [
        Browser().subscribe(sqlite_store, service, START + timedelta(minutes=minute))
        for minute in range(push.MOST_PER_USER)
    ]
    with sqlite_store.write() as conn:
        push.worked(conn, made[0].id, START + timedelta(days=1))
    newest = Browser().subscribe(sqlite_store, service, START + timedelta(days=2))
    with sqlite_store.read() as conn:
        left = [each.id for each in push.of_user(conn, "leden.example", PEOPLE)]
    assert left == [made[0].id, *(each.id for each in made[2:]), newest.id]


def test_many_alerts_are_one_message(sqlite_store: Store) -> None:
    many = message(*(item(number=number, title=f"Alert {number} " + "é" * 300) for number in range(1, 30)))
    told = channel_kind.payload(many)
    assert len(told) <= 3000
    said = json.loads(told)
    assert said["tag"] == "baken-alert-leden.example.org"
    assert (said["alert"], said["acknowledge"], said["url"]) == (None, "", "/monitoring_dashboard/alerts")
    assert "24 more are not in this message" in said["body"] or said["body"].endswith("…")
    mixed = json.loads(channel_kind.payload(message(item(number=1), over(number=2))))
    assert (mixed["done"], mixed["quiet"]) == ([2], False)
    assert json.loads(channel_kind.payload(trial()))["tag"] == "baken-test"


def test_the_channel_is_not_set_up() -> None:
    for given in ({"name": "push", "kind": "ntfy"}, {"name": "own", "kind": "push", "data_dir": "/"}):
        with pytest.raises(ChannelProblem, match="is always there and is not set up"):
            channels.check([Channel.model_validate(given)])


def test_a_failing_push_channel_is_told_over_others(sqlite_store: Store, service: Remote, tmp_path: Path) -> None:
    rig = rig_on(sqlite_store, tmp_path)
    Browser().subscribe(sqlite_store, service, rig.now, at_least="LOW")
    with sqlite_store.write() as conn:
        found = browsers.joined(conn, rig.settings.alerts)
        assert [each.name for each in found.recipients] == ["push:1"]
        outbox.went_wrong(conn, "push", "push:1", "it hangs", rig.now, disable=False)
        outbox.forget_removed(conn, rig.settings.alerts)
        assert outbox.failing(conn, rig.now) == {"push": 0.0}


def test_without_browsers_nothing_is_loaded_or_made() -> None:
    script = (
        "import sys; from baken.alerts import watch, browsers, push_keys; from baken.alerts.channels import push; "
        "print(sorted({'cryptography', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_addresses_are_in_no_trail_and_no_outbox(sqlite_store: Store, service: Remote, tmp_path: Path) -> None:
    rig, browser = rig_on(sqlite_store, tmp_path), Browser()
    browser.subscribe(sqlite_store, service, rig.now)
    service.says(400, browser.path.encode())
    rig.figure("database_up", 0)
    rig.advance(2)
    deliver(rig)
    with sqlite_store.read() as conn:
        rows = [dict(row._mapping) for row in conn.execute(select(outbox_table))]
        kept = [dict(row._mapping) for row in conn.execute(select(channel_states))]
    secret = browser.path.rsplit("/", 1)[-1]
    assert rows and secret not in str(rows) + str(kept) and PEOPLE not in str(rows) + str(kept)


def test_the_rig_of_others_is_told_as_before(sqlite_store: Store, tmp_path: Path) -> None:
    """Without browsers acknowledging tells nobody, as the setting says."""
    rig = make_rig(sqlite_store, tmp_path)
    assert isinstance(rig.side, OtherSide)
    rig.figure("database_up", 0)
    rig.advance(2)
    rig.deliver()
    rig.act(lambda act: lifecycle.acknowledge(act, 1))
    rig.advance(310)
    rig.deliver()
    assert rig.side.told() == [(1, "fired")]
