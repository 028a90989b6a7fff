"""Names in Zabbix: keys that a server reads back as they were meant, rows of discovery, values."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from baken.exporters import zabbix_items as items
from baken.history.samples import Latest
from baken.metrics import catalogue

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def parameters(key: str) -> list[str]:
    """The parameters of an item key, read as Zabbix' grammar has it."""
    found, rest = [], key[key.index("[") + 1 :]
    while True:
        rest = rest.lstrip(" ")
        value = ""
        if rest.startswith('"'):
            rest = rest[1:]
            while not rest.startswith('"'):
                step = 2 if rest.startswith('\\"') else 1
                value += rest[step - 1 : step]
                rest = rest[step:]
            rest = rest[1:].lstrip(" ")
        else:
            while rest[0] not in ",]":
                value, rest = value + rest[0], rest[1:]
        found.append(value)
        separator, rest = rest[0], rest[1:]
        if separator == "]":
            assert rest == "", key
            return found


def sample(metric: str, value: float = 1, **labels: str) -> Latest:
    return Latest(metric, labels, AT, value, None, None)


@given(st.lists(st.text(max_size=300), min_size=1, max_size=3))
def test_a_key_is_read_back_as_it_was_written(values: list[str]) -> None:
    written = items.key("frappe_x", *values)
    assert written.startswith("baken.frappe_x[")
    assert parameters(written) == [items.clean(each) for each in values]
    assert len(written) < 2048


@given(st.text(max_size=400))
def test_a_cleaned_value_stays_as_it_is(value: str) -> None:
    cleaned = items.clean(value)
    assert items.clean(cleaned) == cleaned
    assert len(cleaned) <= items.MOST_PARAMETER
    assert not set(cleaned) & set("{}\n\r\t\x00")


def test_usual_values_are_left_alone() -> None:
    assert items.key("frappe_errors", "1h") == "baken.frappe_errors[1h]"
    assert items.key("host_disk_bytes", "/srv/data", "used") == "baken.host_disk_bytes[/srv/data,used]"
    assert items.key("host_cpu_ratio") == "baken.host_cpu_ratio"
    assert items.key("x", 'a "b"') == 'baken.x[a "b"]'
    assert items.key("x", '"b"') == 'baken.x["\\"b\\""]'
    assert items.key("x", "a,b") == 'baken.x["a,b"]'
    assert items.key("x", "[a") == 'baken.x["[a"]'
    assert items.key("x", "a]") == 'baken.x["a]"]'


def test_long_values_that_begin_alike_stay_two() -> None:
    one, two = items.clean("x" * 200 + "1"), items.clean("x" * 200 + "2")
    assert one != two
    assert len(one) == items.MOST_PARAMETER


@given(st.lists(st.text(max_size=40), min_size=1, max_size=2))
def test_the_name_of_a_row_can_stand_in_a_path(values: list[str]) -> None:
    name = items.row_name([items.clean(each) for each in values])
    assert not set(name) & set("'\"\\[]{}()$")


def test_a_thing_is_discovered_once_for_all_metrics_that_tell_of_it() -> None:
    found = items.rows(
        [
            sample("frappe_queue_length", queue="long"),
            sample("frappe_workers", queue="long"),
            sample("frappe_workers", queue="short"),
            sample("frappe_errors", window="1h"),
            sample("frappe_site_up"),
            sample("gone_metric", queue="x"),
        ]
    )
    assert found == {
        "frappe_errors": [{"{#WINDOW}": "1h", "{#ROW}": "1h"}],
        "queue": [{"{#QUEUE}": "long", "{#ROW}": "long"}, {"{#QUEUE}": "short", "{#ROW}": "short"}],
    }


def test_hosts_have_names_that_zabbix_allows() -> None:
    assert items.host_name("", "vereniging.example") == "vereniging.example"
    assert items.host_name("Site ", "straße.example:8000") == "Site stra_e.example_8000"
    assert len(items.host_name("", "x" * 300)) == 128


def test_values_are_as_a_trapper_takes_them() -> None:
    up, ratio = catalogue.get("frappe_site_up"), catalogue.get("host_cpu_ratio")
    assert up is not None
    assert ratio is not None
    assert items.value(up, 1.0) == "1"
    assert items.value(ratio, 0.25) == "0.25"
    assert items.value(ratio, 3.0) == "3"
    assert float(items.value(ratio, 1e300)) == 1e300
    assert float(items.value(ratio, 1e-7)) == 1e-7


def test_no_two_metrics_share_a_key() -> None:
    keys = [items.prototype(entry) for entry in catalogue.metrics()]
    assert len(set(keys)) == len(keys)
    groups = {items.group(entry) for entry in catalogue.metrics()}
    # Names of groups become keys beside those of sites and rules.
    assert not groups & {"sites", "rules"}
