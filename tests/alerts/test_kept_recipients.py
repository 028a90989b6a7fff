"""Recipients of the page: their addresses are encrypted, masked in answers, and no two sites mix theirs up."""

from pathlib import Path

import pytest

from baken.alerts import kept_recipients, routing
from baken.alerts.kept_recipients import AddressLost, check, chosen, full_name, masked, seal, short_name, unseal
from baken.history import kept
from baken.history.store import Store
from baken.settings import Settings, load
from tests.alerts.rig import MAIL, RECIPIENT, SITE, START

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
OTHER = "ander.example"


@pytest.fixture
def filed(tmp_path: Path) -> Settings:
    return load(None, {"data_dir": str(tmp_path), "alerts": {"channels": [MAIL], "recipients": [RECIPIENT]}})


def put(store: Store, site: str, name: str, address: str, key: bytes = KEY, **more: object) -> None:
    body = {"channel": "mail", "to": seal(key, address), "at_least": "LOW", **more}
    with store.write() as conn:
        kept.put(conn, "recipient", site, name, body, by="els", now=START)


def test_an_address_is_read_with_the_installations_key_alone() -> None:
    sealed = seal(KEY, "els@example.test")
    assert "els" not in sealed
    assert unseal(KEY, sealed) == "els@example.test"
    with pytest.raises(AddressLost, match="enter the address again"):
        unseal(OTHER_KEY, sealed)
    assert (seal(KEY, ""), unseal(KEY, "")) == ("", "")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("els@vereniging.nl", "e***@v***.nl"),
        ("e@mail.vereniging.nl", "e***@m***.nl"),
        ("-1001234567", "-1***"),
        ("abc", "***"),
        ("https://hooks.example/a@b.c/secret", "ht***"),
        ("", ""),
    ],
)
def test_a_masked_address_tells_nobody_else(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_two_sites_with_a_recipient_of_the_same_name_keep_them_apart(sqlite_store: Store, filed: Settings) -> None:
    put(sqlite_store, SITE, "Penny", "penny@a.test")
    put(sqlite_store, OTHER, "Penny", "penny@b.test")
    with sqlite_store.read() as conn:
        found = chosen(conn, filed, KEY).settings.alerts
        of_one = chosen(conn, filed, KEY, SITE).settings.alerts
    facts = routing.Facts("HIGH_CPU", OTHER, "HIGH", "performance", {})
    assert [each.to for each in routing.fitting(found, facts)] == ["beheer@example.test", "penny@b.test"]
    named = routing.named(found, "mail", full_name(SITE, "Penny"))
    assert named is not None and named.to == "penny@a.test"
    assert [each.to for each in of_one.recipients] == ["beheer@example.test", "penny@a.test"]
    assert short_name(of_one.recipients[1]) == "Penny"
    assert short_name(of_one.recipients[0]) is None


def test_without_the_key_it_is_known_who_but_not_where(sqlite_store: Store, filed: Settings) -> None:
    put(sqlite_store, SITE, "Penny", "penny@a.test")
    with sqlite_store.read() as conn:
        found = chosen(conn, filed, None)
    assert [(each.name, each.to) for each in found.settings.alerts.recipients[1:]] == [(full_name(SITE, "Penny"), "")]
    assert not found.problems


def test_one_that_cannot_be_used_is_left_out_with_the_reason(sqlite_store: Store, filed: Settings) -> None:
    put(sqlite_store, SITE, "Lost", "x@a.test", OTHER_KEY)
    put(sqlite_store, SITE, "Elsewhere", "x@a.test", channel="gone")
    put(sqlite_store, SITE, "Late", "x@a.test", hours="always")
    put(sqlite_store, SITE, "Fine", "x@a.test")
    with sqlite_store.read() as conn:
        found = chosen(conn, filed, KEY)
    assert [each.name for each in found.settings.alerts.recipients[1:]] == [full_name(SITE, "Fine")]
    assert {name for _, name in found.problems} == {"Lost", "Elsewhere", "Late"}
    assert "enter the address again" in found.problems[SITE, "Lost"]
    assert "no channel 'gone'" in found.problems[SITE, "Elsewhere"]


def test_what_is_wrong_is_told_with_its_field(filed: Settings) -> None:
    def wrong(**given: object) -> dict[str, str]:
        base = {"name": "Penny", "channel": "mail", "to": "penny@a.test"}
        return {each.field: each.text for each in check(filed.alerts, SITE, {**base, **given}, alone=True)}

    assert wrong() == {}
    assert "1 to 60" in wrong(name="")["name"]
    assert "brackets" in wrong(name="Penny (x)")["name"]
    assert "no channel" in wrong(channel="post")["channel"]
    assert "needs `to`" in wrong(to="")["to"]
    assert "no e-mail address" in wrong(to="penny")["to"]
    assert "no e-mail address" in wrong(to="a@b.nl, c@d.nl")["to"]
    assert "no area" in wrong(areas=["weather"])["areas"]
    assert wrong(hours="always")["hours"]
    assert wrong(time_zone="Mars/Base")["time_zone"]
    assert wrong(step=12)["step"]
    assert wrong(reports=["hourly"])["reports"]


def test_a_channel_with_one_end_is_not_one_sites_to_use(tmp_path: Path) -> None:
    hook = {"name": "hook", "kind": "webhook", "url": "https://hooks.example.test/x"}
    filed = load(None, {"data_dir": str(tmp_path), "alerts": {"channels": [hook]}})
    given = {"name": "Penny", "channel": "hook"}
    assert check(filed.alerts, SITE, given, alone=True) == []
    (problem,) = check(filed.alerts, SITE, given, alone=False)
    assert problem.field == "channel"
    assert "baken.toml" in problem.text


def test_a_name_longer_than_the_column_is_still_its_sites_own() -> None:
    sites = [f"{'a' * 130}{n}" for n in range(2)]
    names = {full_name(site, "x" * 60) for site in sites}
    assert len(names) == 2
    assert max(map(len, names)) <= kept_recipients._LONGEST
