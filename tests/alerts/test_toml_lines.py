"""Where keys of TOML stand."""

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from baken.alerts.rulebook import DEFAULTS
from baken.alerts.toml_lines import lines

TEXT = '''# a comment with [brackets] and = signs
top = 1

[FIRST]  # behind it
above = 10
match = { window = "1h", "odd key" = 'x = 1' }
title.en = "a ] and } and # in it"
title.nl = """
several = lines
[NOT_A_TABLE]
"""
windows = [
    ["1h", "5m", 14.4],  # the first
    ["6h", "30m", 6],
]

[FIRST.recover]
below = 8

[[test]]
name = "one"
[[test.series]]
metric = 'm'
[[test.series]]
metric = 'n'
[[test]]
name = "two"
[[test.series]]
metric = 'o'
'''


def test_each_key_has_its_line() -> None:
    found = lines(TEXT)
    expected = {
        ("top",): 2,
        ("FIRST",): 4,
        ("FIRST", "above"): 5,
        ("FIRST", "match"): 6,
        ("FIRST", "match", "window"): 6,
        ("FIRST", "match", "odd key"): 6,
        ("FIRST", "title"): 7,
        ("FIRST", "title", "en"): 7,
        ("FIRST", "title", "nl"): 8,
        ("FIRST", "windows"): 12,
        ("FIRST", "windows", "0"): 13,
        ("FIRST", "windows", "1"): 14,
        ("FIRST", "recover"): 17,
        ("FIRST", "recover", "below"): 18,
        ("test", "0", "name"): 21,
        ("test", "0", "series", "0", "metric"): 23,
        ("test", "0", "series", "1", "metric"): 25,
        ("test", "1", "name"): 27,
        ("test", "1", "series", "0", "metric"): 29,
    }
    assert {path: found.get(path) for path in expected} == expected
    assert not any("NOT_A_TABLE" in path or "several" in path for path in found)


def test_the_default_rules_are_all_found_where_their_name_stands() -> None:
    text = DEFAULTS.read_text(encoding="utf-8")
    rows = text.split("\n")
    found = lines(text)
    for name, table in tomllib.loads(text).items():
        assert rows[found[name,] - 1].startswith(f"[{name}]")
        for key in table:
            assert rows[found[name, key] - 1].lstrip().startswith(key), (name, key)


def test_windows_line_ends_count_once() -> None:
    assert lines("a = 1\r\nb = 2\r\n")["b",] == 2


keys = st.text("abcxyz_-", min_size=1, max_size=4)
texts = st.text("ab\n\t #[]{}=,'\\\"", max_size=12)


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {_written(each)}, # it's\n" for each in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{escaped}"'
    return str(value)


values = st.recursive(
    st.integers() | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)


@settings(deadline=None)
@given(st.dictionaries(keys, st.dictionaries(keys, values, max_size=4), max_size=4))
def test_whatever_the_values_are_the_keys_are_found_in_order(document: dict[str, dict[str, Any]]) -> None:
    rows: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for name, table in document.items():
        rows.append(f"[{name}]")
        expected[name,] = len(rows)
        for key, value in table.items():
            expected[name, key] = len(rows) + 1
            rows += f"{key} = {_written(value)}".split("\n")
    text = "\n".join(rows)
    assert tomllib.loads(text) == document
    found = lines(text)
    assert {path: line for path, line in found.items() if path in expected} == expected
