"""Whatever arguments are sent to whatever method: an answer or a refusal, never a failure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baken.api import registry
from tests.api.alerted import TOLD, fire
from tests.server.world import ADMIN, World, make_world, token

VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)
    | st.sampled_from(["1", "24", "frappe_sessions", '{"status":"Active"}', "sepa", "\x00", "\ud800", "' OR 1=1 --"])
)
NEARLY = VALUES | st.sampled_from(
    [
        "BA-000001", "1,2,x", 1, "2026-12-01T08:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00",
        "mon,sun", "02:00", "25:99", "active", "HIGH,LOW", "errors", "mail", "x" * 1001, 10**30, -(10**30), 1e300, 8000,
        '{"rule": "~(("}', {"rule": "HIGH_DISK"}, {"a b": "c"}, {"queue": "!~x{2,"}, "useful", "\x1b[2J\r\n",
    ]
)  # fmt: skip
METHODS = [entry for entry in registry.methods() if not entry.slow]
NAMES = sorted({parameter.name for entry in METHODS for parameter in entry.parameters} - {"force"})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("fuzz"), more={"alerts": TOLD}, role_cache_seconds=600) as made:
        made.record({"frappe_sessions": 4})
        fire(made.store)
        yield made


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(METHODS),
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=6), VALUES, max_size=4),
    st.booleans(),
)
def test_arguments(shared: World, entry: registry.Method, args: dict[str, Any], as_json: bool) -> None:
    args.pop("force", None)
    path = f"/api/method/{entry.name}"
    if as_json:
        headers = {**token(ADMIN), "Content-Type": "application/json"}
        answer = shared.client.post(path, content=json.dumps(args), headers=headers)
    else:
        text = {
            name.encode("utf-8", "ignore").decode(): str(value).encode("utf-8", "ignore").decode()
            for name, value in args.items()
        }
        answer = shared.client.get(path, params=text, headers=token(ADMIN))
    assert answer.status_code in (200, 404, 417), (answer.status_code, answer.text)
    body = answer.json()
    if answer.status_code != 200:
        assert body["exc_type"] in ("ValidationError", "DoesNotExistError")
        assert body["message"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([entry for entry in METHODS if entry.parameters]), st.data())
def test_arguments_that_the_method_has(shared: World, entry: registry.Method, data: st.DataObject) -> None:
    """So that more than the refusal of unknown names is tried: what a method takes, all of it, with odd values."""
    args = {parameter.name: data.draw(NEARLY, parameter.name) for parameter in entry.parameters}
    for name in data.draw(st.sets(st.sampled_from(sorted(args)))):
        if name == "force" or not next(each.required for each in entry.parameters if each.name == name):
            del args[name]
    args.pop("force", None)
    answer = shared.client.post(
        f"/api/method/{entry.name}",
        content=json.dumps(args),
        headers={**token(ADMIN), "Content-Type": "application/json"},
    )
    assert answer.status_code in (200, 404, 417), (entry.name, args, answer.text)
    assert answer.json()["message"] is not None


@pytest.mark.parametrize("entry", [entry for entry in registry.methods() if entry.slow], ids=lambda entry: entry.short)
def test_methods_that_wait(shared: World, entry: registry.Method, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baken.api.alert_manager._WAIT", 0.05)
    monkeypatch.setattr("baken.api.alert_actions.TRY_SECONDS", 0.05)
    for args in ({}, {"nonsense": 1}, {parameter.name: "\x00" for parameter in entry.parameters}):
        answer = shared.client.post(f"/api/method/{entry.name}", json=args, headers=token(ADMIN))
        assert answer.status_code in (200, 417), (entry.name, args, answer.text)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60),
    st.sampled_from(["/api/method/", "/assets/baken/", "/monitoring_dashboard/", "/", "/alerts/act?t="]),
)
def test_paths(shared: World, raw: bytes, prefix: str) -> None:
    from urllib.parse import quote

    answer = shared.client.get(f"http://baken.test{prefix}{quote(raw)}")
    assert answer.status_code < 500, (prefix, raw)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["Authorization", "Cookie", "X-Forwarded-For", "X-Frappe-Site-Name", "Origin", "Host",
                     "Sec-Fetch-Site", "Accept-Encoding", "Content-Type", "X-Frappe-CSRF-Token"]),
    st.binary(max_size=60).map(lambda raw: bytes(byte for byte in raw if byte >= 32 and byte != 127)),
    st.sampled_from(["GET", "POST"]),
)  # fmt: skip
def test_headers(shared: World, name: str, raw: bytes, verb: str) -> None:
    value = b"baken_sid=" + raw if name == "Cookie" else raw
    answer = shared.client.request(
        verb, "/api/method/baken.get_sites", headers=[(name.encode(), value), (b"x-forwarded-for", b"10.0.0.1")]
    )
    assert answer.status_code < 500, (name, raw, answer.text)
