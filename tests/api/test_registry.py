"""The registry: names, roles, and arguments that come as text."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baken.api import registry
from baken.api.arguments import Range, convert, parameters_of
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call, Caller, NotPermitted, UnknownMethod
from baken.history import audit
from baken.history.store import open_store
from baken.settings import Settings


def sample(
    call: Call,
    number: Annotated[int, Range(1, 100)],
    share: Annotated[float, Range(0, 1)] = 0.5,
    flag: bool = False,
    text: str = "",
    choice: Literal["a", "b"] = "a",
    maybe: Annotated[int, Range(1, 9)] | None = None,
    labels: dict[str, str] | None = None,
) -> None:
    """A method with every kind of parameter."""


PARAMETERS = {parameter.name: parameter for parameter in parameters_of(sample)}


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("number", "30", 30),
        ("number", " 7 ", 7),
        ("number", "30.0", 30),
        ("number", 30.0, 30),
        ("share", "0.25", 0.25),
        ("share", 1, 1),
        ("flag", "1", True),
        ("flag", "false", False),
        ("flag", 0, False),
        ("flag", "", False),
        ("text", "", ""),
        ("text", 5, "5"),
        ("choice", "b", "b"),
        ("maybe", None, None),
        ("maybe", "", None),
        ("maybe", "9", 9),
        ("labels", '{"status": "Active"}', {"status": "Active"}),
        ("labels", {"a": 1}, {"a": "1"}),
    ],
)
def test_values_as_text_and_json(name: str, given: Any, value: Any) -> None:
    assert convert(PARAMETERS[name], given) == value


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("number", "thirty"),
        ("number", ""),
        ("number", None),
        ("number", True),
        ("number", "1.5"),
        ("number", "0"),
        ("number", 101),
        ("number", "9" * 400),
        ("number", [1]),
        ("share", "nan"),
        ("share", "inf"),
        ("share", 2),
        ("flag", "maybe"),
        ("flag", 2),
        ("text", {"a": 1}),
        ("text", "a\x00b"),
        ("text", "\ud800"),
        ("text", "x" * 10_001),
        ("choice", "c"),
        ("maybe", 10),
        ("labels", "[1]"),
        ("labels", "["),
        ("labels", {"a": {"b": 1}}),
        ("labels", "[" * 50_000),
    ],
)
def test_a_bad_value_says_what_is_expected(name: str, given: Any) -> None:
    with pytest.raises(BadArgument) as problem:
        convert(PARAMETERS[name], given)
    text = str(problem.value)
    assert text.startswith(f"argument {name} is ")
    assert PARAMETERS[name].expected in text
    assert len(text) < 400
    text.encode()


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(st.sampled_from(sorted(PARAMETERS)), JSON | st.dictionaries(st.text(), JSON, max_size=3))
def test_any_value_is_converted_or_refused(name: str, value: Any) -> None:
    parameter = PARAMETERS[name]
    try:
        found: Any = convert(parameter, value)
    except BadArgument:
        return
    if parameter.range and found is not None:
        assert parameter.range.least <= found <= parameter.range.most
    assert found is None or type(found) in (parameter.kind, int)


def register(name: str, function: Callable[..., Any], **options: Any) -> None:
    registry.method(name, **options)(function)


def test_names_are_unique() -> None:
    registry.methods()

    def get_sites(call: Call) -> None: ...

    for name in ("baken.get_sites", "some.other.get_sites"):
        with pytest.raises(ValueError, match="registered twice"):
            register(name, get_sites, roles=DASHBOARD_ROLES)


def test_what_cannot_be_registered() -> None:
    def get_nothing(call: Call, what: list[int]) -> None: ...

    with pytest.raises(ValueError, match="cannot be converted"):
        register("baken.get_nothing", get_nothing, roles=DASHBOARD_ROLES)
    with pytest.raises(ValueError, match="either roles or guest"):
        register("baken.get_nothing", get_nothing)
    with pytest.raises(ValueError, match="end with its function's name"):
        register("baken.get_something", get_nothing, guest=True)


WITH_SECRET = {"baken.ping_check", "baken.zabbix_webhook_receiver"}


def test_every_method_is_documented() -> None:
    documented = {
        f"verenigingen.www.monitoring_dashboard.{name}"
        for name in (
            "get_system_metrics",
            "get_recent_errors",
            "get_audit_summary",
            "get_active_alerts",
            "get_performance_metrics",
            "refresh_dashboard_data",
            "test_monitoring_system",
        )
    } | {f"verenigingen.utils.resource_monitor.{name}" for name in ("get_system_health", "get_performance_report")}
    assert documented <= {entry.name for entry in registry.methods()}
    for entry in registry.methods():
        assert "Returns" in entry.help, entry.name
        # Another program signs nobody in: it shows a secret.
        assert entry.guest == (entry.short in WITH_SECRET), entry.name
        assert entry.roles == (frozenset() if entry.guest else DASHBOARD_ROLES)


def call_as(tmp_path: Path, *roles: str) -> Call:
    store = open_store(f"sqlite:///{tmp_path}/baken.db")
    store.migrate()
    user = Caller("x@example.test", "X", frozenset(roles)) if roles else None
    return Call(Settings(), store, {}, None, user, datetime(2026, 11, 20, 12, tzinfo=UTC))


def test_roles_are_checked_wherever_it_is_called_from(tmp_path: Path) -> None:
    """Defect 15: no role was checked in any method."""
    for roles in ((), ("Member",), ("System User", "Administrator")):
        call = call_as(tmp_path, *roles)
        for entry in registry.methods():
            for name in () if entry.guest else entry.names:
                with pytest.raises(NotPermitted):
                    registry.invoke(call, name, {})
    with pytest.raises(UnknownMethod, match=r"no\.such"):
        registry.invoke(call_as(tmp_path, "System Manager"), "no.such", {})


def test_arguments_are_named_in_the_answer(tmp_path: Path) -> None:
    call = call_as(tmp_path, "System Manager")
    with pytest.raises(BadArgument, match=r"unknown argument 'days'; baken\.get_recent_errors takes: hours, limit"):
        registry.invoke(call, "baken.get_recent_errors", {"days": 3})
    with pytest.raises(BadArgument, match="argument metric is missing; expected a text"):
        registry.invoke(call, "baken.get_series", {})
    assert registry.arguments(registry.find("baken.get_recent_errors"), {"cmd": "x", "site": "y"}) == {
        "hours": 24,
        "limit": 10,
    }


def test_a_look_is_in_the_audit_trail_once_an_hour_per_person(tmp_path: Path) -> None:
    call = call_as(tmp_path, "System Manager")
    for minutes in (0, 20, 70):
        registry.invoke(replace(call, now=call.now + timedelta(minutes=minutes)), "baken.get_metric_catalogue", {})
    with call.store.read() as conn:
        looks = [entry for entry in audit.entries(conn) if entry.action == "looked"]
    assert len(looks) == 2
    assert {look.target for look in looks} == {"baken.get_metric_catalogue"}
    assert call.user is not None
    assert {look.user for look in looks} == {call.user.name}
