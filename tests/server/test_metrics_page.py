"""`/metrics` and `/metrics/targets`: who gets what, and what a scrape costs."""

import gzip
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import parser
from sqlalchemy import select

from baken.exporters import prometheus
from baken.history.store import StoreError
from baken.history.tables import audit
from baken.server import metrics_page
from baken.settings import SettingsError, load
from tests.server.world import ADMIN, BOARD, MEMBER, World, make_world, token

SITES = ("vereniging.test", "ander.test")
TOKEN = "a-token-of-prometheus"
SCRAPE = {"Authorization": f"Bearer {TOKEN}"}
# Who asks in these tests.
CLIENT = "testclient"

_read: Any = parser.text_string_to_metric_families


@pytest.fixture
def world(tmp_path: Path, public: Path) -> Iterator[World]:
    given = {"token": TOKEN, "allow": ["192.0.2.0/24", "2001:db8::7"]}
    more = {"exporters": {"prometheus": given, "labels": {"baken": "host-1"}}}
    with make_world(
        tmp_path, names=SITES, public=public, more=more, sign_in_attempts=5, trusted_proxies=[CLIENT]
    ) as made:
        for site in SITES:
            made.record({"frappe_errors": {(("window", "1h"),): 3}}, site=site)
        made.record({"host_cpu_ratio": 0.5}, site="")
        yield made


def sites_in(answer: httpx.Response) -> set[str | None]:
    assert answer.status_code == 200, answer.text
    return {sample.labels.get("site") for family in _read(answer.text) for sample in family.samples}


def by(address: str, **more: str) -> dict[str, str]:
    """Headers of a request from an address."""
    return {"X-Forwarded-For": address, "Host": "baken:8800", **more}


def test_the_token_opens_all_sites(world: World) -> None:
    answer = world.client.get("/metrics", headers=SCRAPE)
    assert sites_in(answer) == {None, *SITES}
    assert answer.headers["content-type"] == prometheus.TEXT
    assert "no-store" in answer.headers["cache-control"]
    assert sites_in(world.client.get("/metrics?site=ander.test", headers=SCRAPE)) == {"ander.test"}
    assert sites_in(world.client.get("/metrics?site=ander.test&site=vereniging.test", headers=SCRAPE)) == {*SITES}
    assert sites_in(world.client.get("/metrics?host=1", headers=SCRAPE)) == {None}
    assert sites_in(world.client.get("/metrics?site=ander.test&host=1", headers=SCRAPE)) == {None, "ander.test"}
    assert world.client.get("/metrics?site=unknown.test", headers=SCRAPE).status_code == 404
    assert world.client.post("/metrics", headers=SCRAPE).status_code == 405


def test_the_format_and_the_packing_that_are_asked_for(world: World) -> None:
    accept = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
    answer = world.client.get("/metrics", headers=SCRAPE | accept)
    assert answer.headers["content-type"] == prometheus.OPENMETRICS
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.endswith("# EOF\n")
    with world.client.stream("GET", "/metrics", headers=SCRAPE | {"Accept-Encoding": "gzip;q=0"}) as plain:
        assert "content-encoding" not in plain.headers
    with world.client.stream("GET", "/metrics", headers=SCRAPE | {"Accept-Encoding": "br, gzip"}) as packed:
        assert gzip.decompress(b"".join(packed.iter_raw())).startswith(b"# HELP baken_")


def test_nobody_without_a_secret(world: World) -> None:
    for path in ("/metrics", "/metrics/targets"):
        answer = world.client.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        text = answer.text
        assert "exporters.prometheus.token" in text and "exporters.prometheus.allow" in text
        assert TOKEN not in text and "baken_" not in text


@pytest.mark.parametrize("address", ["192.0.2.1", "192.0.2.255", "2001:db8::7", "::ffff:192.0.2.9"])
def test_addresses_that_are_allowed(world: World, address: str) -> None:
    assert sites_in(world.client.get("/metrics", headers=by(address))) == {None, *SITES}


@pytest.mark.parametrize("address", ["192.0.3.1", "2001:db8::8", "127.0.0.1", "unix", "nonsense"])
def test_addresses_that_are_not(world: World, address: str) -> None:
    assert world.client.get("/metrics", headers=by(address)).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("10.0.0.7:8800", 200),
        ("[2001:db8::1]:8800", 200),
        ("baken", 200),
        ("localhost:8800", 200),
        ("vereniging.test", 200),
        ("rebound.evil.example:8800", 401),
        ("192.0.2.1.evil.example", 401),
        ("[2001:db8::1", 401),
    ],
)
def test_a_page_of_somebody_else_cannot_read_it_through_a_browser_there(world: World, host: str, status: int) -> None:
    answer = world.client.get("/metrics", headers=by("192.0.2.1", Host=host))
    assert answer.status_code == status
    assert ("alerts.public_url" in answer.text) == (status == 401)
    # With the token the name says nothing.
    assert world.client.get("/metrics", headers=by("192.0.2.1", Host=host, **SCRAPE)).status_code == 200


def test_an_api_token_gets_its_own_site(world: World) -> None:
    for user in (ADMIN, BOARD):
        answer = world.client.get("/metrics", headers=token(user))
        assert sites_in(answer) == {None, "vereniging.test"}
    named = world.client.get("/metrics?site=ander.test", headers=token(ADMIN))
    assert sites_in(named) == {"ander.test"}, "the same key is one of a user there, too"
    assert world.client.get("/metrics?site=a&site=vereniging.test", headers=token(ADMIN)).status_code == 404
    both = world.client.get("/metrics?site=ander.test&site=vereniging.test", headers=token(ADMIN))
    assert both.status_code == 403
    assert world.client.get("/metrics", headers=token(MEMBER)).status_code == 403
    wrong = world.client.get("/metrics", headers={"Authorization": "token admin-key:wrong"})
    assert wrong.status_code == 401


def test_who_is_signed_in_gets_what_the_dashboard_shows(world: World) -> None:
    world.sign_in(ADMIN, site="vereniging.test")
    assert sites_in(world.client.get("/metrics")) == {None, "vereniging.test"}
    targets = world.client.get("/metrics/targets").json()
    assert [each["labels"].get("__param_site") for each in targets] == [None, "vereniging.test"]


def test_a_token_cannot_be_guessed(world: World) -> None:
    for number in range(5):
        wrong = {"Authorization": f"Bearer guess-number-{number}"}
        assert world.client.get("/metrics", headers=by("198.51.100.7", **wrong)).status_code == 401
    refused = world.client.get("/metrics", headers=by("198.51.100.7", **SCRAPE))
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    # Guesses of an API token from there are over as well; others go on.
    assert world.client.get("/metrics", headers=by("198.51.100.7", **token(ADMIN))).status_code == 429
    assert world.client.get("/metrics", headers=by("198.51.100.8", **SCRAPE)).status_code == 200


def test_a_prometheus_that_was_let_in_is_not_shut_out_by_its_neighbour(world: World) -> None:
    assert world.client.get("/metrics", headers=by("198.51.100.7", **SCRAPE)).status_code == 200
    for _ in range(6):
        world.client.get("/metrics", headers=by("198.51.100.7", Authorization="Bearer wrong"))
    assert world.client.get("/metrics", headers=by("198.51.100.7", **SCRAPE)).status_code == 200


def test_without_a_token_in_the_settings_no_token_is_right(tmp_path: Path, public: Path) -> None:
    with make_world(tmp_path, public=public) as closed:
        for given in ("", "None", "x" * 30):
            assert closed.client.get("/metrics", headers={"Authorization": f"Bearer {given}"}).status_code in (401, 429)
        assert closed.client.get("/metrics").status_code == 401
        assert closed.client.get("/metrics", headers=token(ADMIN)).status_code == 200


def test_who_fetched_is_in_the_audit_trail(world: World) -> None:
    world.client.get("/metrics", headers=SCRAPE)
    world.client.get("/metrics", headers=SCRAPE)
    world.client.get("/metrics", headers=by("192.0.2.1"))
    world.client.get("/metrics", headers=token(ADMIN))
    with world.store.read() as conn:
        rows = conn.execute(select(audit.c.user, audit.c.site).where(audit.c.target == "/metrics")).all()
    assert sorted(rows) == [("Prometheus (address)", ""), ("Prometheus (token)", ""), (ADMIN, "vereniging.test")]


def test_targets_one_for_each_site(world: World) -> None:
    found = world.client.get("/metrics/targets", headers=SCRAPE)
    assert found.headers["content-type"].startswith("application/json")
    common = {"baken": "host-1", "__metrics_path__": "/metrics", "__scheme__": "http"}
    assert found.json() == [
        {"targets": ["baken.test:80"], "labels": {**common, "__param_host": "1"}},
        *(
            {"targets": ["baken.test:80"], "labels": {**common, "__param_site": site, "instance": site}}
            for site in SITES
        ),
    ]
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "baken.example:8443", **SCRAPE}
    (first, *_) = world.client.get("/metrics/targets", headers=by("203.0.113.1", **told)).json()
    assert (first["targets"], first["labels"]["__scheme__"]) == (["baken.example:8443"], "https")
    assert TOKEN not in json.dumps(found.json())
    for host in ("baken.test:port", "[::1"):
        answer = world.client.get("/metrics/targets", headers=SCRAPE | {"Host": host})
        assert answer.status_code in (400, 417), answer.text


def test_two_at_once_cost_what_one_costs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made, gate = [], threading.Event()
    real = prometheus.families

    def families(*args: Any, **more: Any) -> Any:
        made.append(args[1])
        gate.wait(5)
        return real(*args, **more)

    monkeypatch.setattr(prometheus, "families", families)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(world.client.get, "/metrics", headers=SCRAPE) for _ in range(4)]
        threading.Event().wait(0.5)
        gate.set()
        assert {each.result().status_code for each in asked} == {200}
    assert len(made) == 1
    # A moment later it is made anew, and somebody else's part is another page.
    world.client.get("/metrics?site=ander.test", headers=SCRAPE)
    assert len(made) == 2
    monkeypatch.setattr(metrics_page, "_LEAST", 0.0)
    monkeypatch.setattr(metrics_page, "_SHARE", 0.0)
    world.client.get("/metrics", headers=SCRAPE)
    assert len(made) == 3


def test_no_page_is_given_to_somebody_who_may_see_less(world: World) -> None:
    assert sites_in(world.client.get("/metrics", headers=SCRAPE)) == {None, *SITES}
    assert sites_in(world.client.get("/metrics", headers=token(ADMIN))) == {None, "vereniging.test"}


def test_a_store_that_cannot_be_read_is_no_empty_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_args: Any, **_more: Any) -> Any:
        raise StoreError("the store cannot be read")

    monkeypatch.setattr(prometheus, "families", unreadable)
    answer = world.client.get("/metrics", headers=SCRAPE)
    assert answer.status_code == 503
    monkeypatch.undo()
    assert world.client.get("/metrics", headers=SCRAPE).status_code == 200


@pytest.mark.parametrize("wrong", ["10.0.0/8", "baken.example", "", "10.0.0.0/33"])
def test_what_is_no_network_is_said_at_the_start(wrong: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(None, {"exporters": {"prometheus": {"allow": ["127.0.0.1", wrong]}}})
    assert f"exporters.prometheus.allow (baken.toml or environment): {wrong!r} is no address and no network" in str(
        refused.value
    )


def test_a_short_token_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match=r"exporters\.prometheus\.token"):
        load(None, {"exporters": {"prometheus": {"token": "short"}}})
