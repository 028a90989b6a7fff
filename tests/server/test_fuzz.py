"""Whatever arguments are sent to whatever method: an answer or a refusal, never a failure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baken.api import registry
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
METHODS = [entry for entry in registry.methods() if not entry.slow]
NAMES = sorted({parameter.name for entry in METHODS for parameter in entry.parameters} - {"force"})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("fuzz"), role_cache_seconds=600) as made:
        made.record({"frappe_sessions": 4})
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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.sampled_from(["/api/method/", "/assets/baken/", "/monitoring_dashboard/", "/"]))
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
