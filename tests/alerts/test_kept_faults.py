"""What is set on the page when something is wrong with it: rows of others, people who go, and what waits for them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import insert, select, update

from baken import clock
from baken.alerts import browsers, kept_recipients, kept_rules, outbox, rulebook
from baken.alerts.watch import AlertWatch
from baken.clock import to_ms
from baken.history import audit, dashboards, kept, kept_retention, push
from baken.history.store import Store
from baken.history.tables import channel_states, kept_settings, profiles
from baken.history.tables import dashboards as dashboards_table
from baken.history.tables import outbox as rows_of
from baken.settings import load
from baken.sites.problems import SiteUnreachable
from bench.mailbox import MailServer
from tests.alerts.rig import MAIL, RECIPIENT, RULES, SITE, START
from tests.alerts.test_kept_rules import OWN, recipient
from tests.alerts.test_watch import measure, settings_of, until

BROKEN = ("", "no json", "[]", "null", '{"values": []}', '{"values": 3}', "[" * 5000, '{"channel": 7, "to": ["x"]}')
PENNY = kept_recipients.full_name(SITE, "penny")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.up()
    yield server
    server.down()


def spoil(store: Store, kind: str, name: str, body: str, site: str = SITE) -> None:
    """A row that Baken did not write."""
    row = {"site": site, "kind": kind, "name": name, "at": to_ms(START), "by": "x", "body": body}
    with store.write() as conn:
        conn.execute(insert(kept_settings).values(**row))
        kept.hold(conn)


def test_rows_that_cannot_be_read_take_no_other_with_them(store: Store, tmp_path: Path) -> None:
    given = load(None, {"data_dir": str(tmp_path), "alerts": {"channels": [MAIL], "recipients": [RECIPIENT]}})
    for number, body in enumerate(BROKEN):
        spoil(store, "rule", f"OWN_{number}", body)
        spoil(store, "recipient", f"r{number}", body)
    with store.write() as conn:
        kept.put(conn, "rule", SITE, "OWN_GOOD", {"values": OWN}, by="els", now=START)
        good = {"channel": "mail", "to": kept_recipients.seal(b"k" * 32, "els@example.test")}
        kept.put(conn, "recipient", SITE, "els", good, by="els", now=START)
    with store.read() as conn:
        people = kept_recipients.chosen(conn, given, b"k" * 32)
        made = kept_rules.books(conn, rulebook.read(None), people.settings.alerts)
    assert [each.to for each in people.settings.alerts.recipients] == ["beheer@example.test", "els@example.test"]
    assert {name for _, name in people.problems} == {f"r{number}" for number in range(len(BROKEN))}
    assert "OWN_GOOD" in made.of(SITE).rules
    assert {each.rule for each in made.problems[SITE]} == {f"OWN_{number}" for number in range(len(BROKEN))}


@pytest.mark.parametrize("body", [*BROKEN, '{"raw_days": "x"}', '{"audit_days": -5}', '{"raw_days": 0}'])
def test_limits_that_nobody_can_mean_delete_nothing(sqlite_store: Store, body: str, tmp_path: Path) -> None:
    given = load(None, {"data_dir": str(tmp_path)})
    spoil(sqlite_store, "retention", kept_retention.NAME, body, kept.EVERYWHERE)
    with sqlite_store.read() as conn:
        assert kept_retention.limits(conn, given) == kept_retention.filed(given)


@pytest.mark.parametrize("body", [*BROKEN, '{"panels": 3}', '{"panels": [1]}', '{"panels": [{"kind": "text"}]}'])
def test_a_dashboard_and_a_profile_that_cannot_be_read_hide_no_other(sqlite_store: Store, body: str) -> None:
    from baken.history.dashboard_body import parse

    empty = parse('{"panels": []}')
    with sqlite_store.write() as conn:
        first, second = (
            dashboards.create(
                conn, site=SITE, user="els", title=title, body=empty, shared=True, locked=False, now=START
            )
            for title in ("a", "b")
        )
        conn.execute(update(dashboards_table).where(dashboards_table.c.id == first.id).values(body=body))
        conn.execute(insert(profiles).values(site=SITE, user="els", at=to_ms(START), body=body))
    with sqlite_store.read() as conn:
        found = dashboards.of_site(conn, SITE, "jan")
        kept.profile(conn, SITE, "els")
    assert [(one.id, one.readable, one.body["panels"]) for one in found] == [
        (first.id, False, []),
        (second.id, True, []),
    ]
    with sqlite_store.write() as conn:
        dashboards.remove(conn, site=SITE, user="els", id=first.id, version=1, now=START)


def test_the_watch_goes_on_whatever_is_wrong_with_what_was_set(
    sqlite_store: Store, tmp_path: Path, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings_of(tmp_path, mail)
    watch = AlertWatch(given, sqlite_store, "test", lambda: [SITE])

    def broken(*_: object) -> None:
        raise KeyError("a mistake of Baken's own")

    monkeypatch.setattr(kept_rules, "books", broken)
    recipient(sqlite_store, given, "penny")
    watch.start()
    try:
        measure(sqlite_store, watch, 90)
        until(lambda: mail.taken)
        assert "set on the page" in str(watch.trouble())
    finally:
        watch.stop()


def test_that_somebody_can_be_told_no_more_takes_no_rule_away(sqlite_store: Store, tmp_path: Path) -> None:
    given = load(None, {"data_dir": str(tmp_path), "alerts": {"channels": [MAIL], "recipients": [RECIPIENT]}})
    spoil(sqlite_store, "rule", "OWN_X", json.dumps({"values": {**OWN, "tell": [PENNY]}}))
    spoil(sqlite_store, "rule", "OWN_Y", json.dumps({"values": {**OWN, "tell": [PENNY, "beheer"]}}))
    with sqlite_store.read() as conn:
        people = kept_recipients.chosen(conn, given, None).settings.alerts
        made = kept_rules.books(conn, rulebook.read(None), people)
    assert made.of(SITE).rules["OWN_X"].tell == ()
    assert made.of(SITE).rules["OWN_Y"].tell == ("beheer",)
    assert all(PENNY in each.text for each in made.problems[SITE])


def test_a_rule_of_the_file_that_names_somebody_of_another_site_can_be_changed(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES.replace('severity = "HIGH"', 'severity = "HIGH"\ntell = ["elders"]'))
    (tmp_path / "none.toml").write_text("")
    book = rulebook.read(tmp_path / "rules.toml", ["elders"], defaults=tmp_path / "none.toml")
    rule, wrong = kept_rules.check(book, "QUEUE", {"above": 99}, ["beheer"], own=False)
    assert not wrong
    assert rule is not None and rule.tell == ("elders",)
    assert kept_rules.check(book, "QUEUE", {"tell": ["elders"]}, ["beheer"], own=False)[1]


# Recipients who are called otherwise, told elsewhere, or gone


def waits(store: Store, recipient: str, number: int, channel: str = "mail", **more: Any) -> None:
    row = {"key": f"k{number}", "site": SITE, "kind": "report", "channel": channel, "recipient": recipient}
    with store.write() as conn:
        rest = {"severity": "LOW", "due": to_ms(clock.now()), "body": '{"period": "daily", "until": 1}', **more}
        outbox.put(conn, [row | rest], clock.now())


def stands(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as conn:
        query = select(rows_of.c.channel, rows_of.c.recipient, rows_of.c.state).order_by(rows_of.c.id)
        return [(row.channel, row.recipient, row.state) for row in conn.execute(query)]


def test_what_waits_goes_on_to_the_new_name_and_channel(store: Store) -> None:
    waits(store, "jan", 1)
    waits(store, "els", 2)
    with store.write() as conn:
        outbox.went_wrong(conn, "mail", "jan", "no such mailbox", clock.now(), disable=True)
        outbox.readdress(conn, "mail", "jan", ("mail", "jan p."))
    assert stands(store) == [("mail", "jan p.", "waiting"), ("mail", "els", "waiting")]
    with store.write() as conn:
        assert conn.execute(select(channel_states)).all() == []
        first = conn.execute(select(rows_of.c.id).order_by(rows_of.c.id)).scalars().first()
        assert first is not None
        outbox.sent(conn, [first], "x", "m", clock.now())
    waits(store, "jan p.", 3)
    with store.write() as conn:
        outbox.readdress(conn, "mail", "jan p.", ("ntfy", "jan p."))
    assert stands(store) == [
        ("mail", "jan p.", "sent"),
        ("mail", "els", "waiting"),
        ("ntfy", "jan p.", "waiting"),
    ]
    with store.write() as conn:
        outbox.went_wrong(conn, "mail", "els", "no such mailbox", clock.now(), disable=True)
        outbox.forget_recipient(conn, "mail", "els", "the recipient was removed")
        assert outbox.waiting(conn) == 1


def test_what_is_for_somebody_who_was_set_a_moment_ago_waits_for_the_settings(
    sqlite_store: Store, tmp_path: Path, mail: MailServer
) -> None:
    given = settings_of(tmp_path, mail)
    recipient(sqlite_store, given, "els")
    watch = AlertWatch(given, sqlite_store, "test", lambda: [SITE])
    watch._take_kept()
    recipient(sqlite_store, given, "penny")
    waits(sqlite_store, PENNY, 1)
    watch.sender._begin_due()
    for thread in watch.sender._busy.values():
        thread.join()
    assert stands(sqlite_store) == [("mail", PENNY, "waiting")]
    watch._take_kept()
    with sqlite_store.write() as conn:
        kept.drop(conn, "recipient", SITE, "penny", by="els", now=clock.now())
    watch._take_kept()
    with sqlite_store.write() as conn:
        conn.execute(update(rows_of).values(due=0))
    watch.sender._begin_due()
    for thread in watch.sender._busy.values():
        thread.join()
    assert stands(sqlite_store) == [("mail", PENNY, "dropped")]


def test_a_row_that_got_a_new_name_while_it_was_claimed_is_not_dropped(store: Store) -> None:
    waits(store, "jan", 1)
    waits(store, "jan", 2)
    with store.write() as conn:
        first, second = conn.execute(select(rows_of.c.id).order_by(rows_of.c.id)).scalars()
        batch = outbox.Batch("mail", "jan", SITE, "report", "LOW", (first, second))
        assert len(outbox.claim(conn, batch, "me", clock.now())) == 2
        conn.execute(update(rows_of).where(rows_of.c.id == second).values(recipient="jan p."))
        outbox.unknown(conn, [first, second], "mail", "jan", "nobody", clock.now())
    assert stands(store) == [("mail", "jan", "dropped"), ("mail", "jan p.", "waiting")]
    with store.read() as conn:
        assert conn.execute(select(rows_of.c.holder).where(rows_of.c.id == second)).scalar() is None


# Browsers of operators


class Home:
    """A site that knows a user."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.roles: frozenset[str] | Exception = frozenset({"System Manager"})

    def reading(self) -> "Home":
        if isinstance(self.roles, Exception):
            self.asked.append("?")
            raise self.roles
        return self

    def __enter__(self) -> "Home":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""


def test_an_operators_browser_on_another_site_lives_as_long_as_the_operator(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baken.server.identity import abroad
    from baken.sites import users

    home, places = Home(), []

    def load_user(reading: Home, name: str) -> users.User:
        home.asked.append(name)
        return users.User(name, "Ada", cast(Any, reading.roles), None)

    def site_of(name: str) -> Any:
        places.append(name)
        return home if name == "thuis.example" else None

    monkeypatch.setattr(users, "load", load_user)
    user = abroad("ada@example.test", "thuis.example")

    def put() -> int:
        with sqlite_store.write() as conn:
            made = push.put(
                conn, site=SITE, user=user, endpoint="https://push.example.test/1", p256dh="p", auth="a",
                language="en", at_least="CRITICAL", browser="Firefox", origin="", now=START,
            )  # fmt: skip
        return made.id

    number, later = put(), START + 2 * browsers.ASK_AGAIN
    operators = {("ada@example.test", "thuis.example")}
    assert browsers.allowed(sqlite_store, number, site_of, later, operators)
    assert (places, home.asked) == (["thuis.example"], ["ada@example.test"])
    home.roles = frozenset({"Member"})
    assert not browsers.allowed(sqlite_store, number, site_of, later + browsers.ASK_AGAIN, operators)
    home.roles = frozenset({"System Manager"})
    # Who is no operator any more sees the site no more, whatever role there is at home.
    number = put()
    assert not browsers.allowed(sqlite_store, number, site_of, later, ())
    with sqlite_store.read() as conn:
        assert push.every(conn) == []
        assert [each.action for each in audit.entries(conn)] == ["push ended", "push ended"]


def test_a_site_that_hangs_is_not_waited_for_with_every_message(sqlite_store: Store) -> None:
    home = Home()
    silent: dict[str, float] = {}
    home.roles = SiteUnreachable("down")
    with sqlite_store.write() as conn:
        made = push.put(
            conn, site=SITE, user="els@example.test", endpoint="https://push.example.test/1", p256dh="p", auth="a",
            language="en", at_least="CRITICAL", browser="Firefox", origin="", now=START,
        )  # fmt: skip
    for _ in range(5):
        assert browsers.allowed(
            sqlite_store, made.id, lambda _name: cast(Any, home), START + 2 * browsers.ASK_AGAIN, (), silent
        )
    assert home.asked == ["?"]


def test_a_change_of_one_site_makes_nobody_look_at_others(
    sqlite_store: Store, tmp_path: Path, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = [f"{number}.example" for number in range(50)]
    watch = AlertWatch(settings_of(tmp_path, mail), sqlite_store, "test", lambda: sites)
    looked: list[str] = []

    def look(site: str) -> int:
        looked.append(site)
        return 0

    monkeypatch.setattr(watch, "_evaluate", look)
    watch._take_kept()

    def change(site: str, values: dict[str, Any]) -> list[str]:
        with sqlite_store.write() as conn:
            kept.put(conn, "rule", site, "QUEUE", {"values": values}, by="els", now=clock.now())
        looked.clear()
        watch._take_kept()
        return list(looked)

    assert change(sites[7], {"above": 99}) == [sites[7]]
    assert change(sites[8], {"enabled": False}) == [sites[8]]
    recipient(sqlite_store, watch._filed, "penny", sites[9])
    looked.clear()
    watch._take_kept()
    assert looked == []
    assert set(change(kept.EVERYWHERE, {"above": 50})) >= set(sites)
