"""Who users are: their groups by the roles that the site gives, asked for again when the site could not tell."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest

from baken.errors.people import resolve
from baken.sites.problems import QueryTimeout
from baken.sites.reading import Reading
from tests.errors.logs import PSEUDONYMS, Log

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
ELS = "els@vereniging.example"


@pytest.fixture
def reading(log: Log) -> Iterator[Reading]:
    log.connection.executescript(
        f"""
        CREATE TABLE tabUser (name varchar(140), user_type varchar(140));
        CREATE TABLE `tabHas Role` (parent varchar(140), role varchar(140), parenttype varchar(140));
        INSERT INTO tabUser VALUES ('{ELS}', 'System User');
        INSERT INTO `tabHas Role` VALUES ('{ELS}', 'System Manager', 'User');
        """
    )
    with log.site.reading(NOW) as found:
        yield found


def _fail(*_args: Any, **_options: Any) -> NoReturn:
    raise QueryTimeout("the site takes too long")


def test_a_group_that_could_not_be_read_is_asked_for_again(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("baken.errors.people.time.monotonic", lambda: clock[0])
    with monkeypatch.context() as patch:
        patch.setattr(reading, "rows", _fail)
        unsure = resolve(reading, {ELS, "Guest"}, PSEUDONYMS)
    assert (unsure[ELS].group, unsure["Guest"].group) == ("unknown", "guest")
    assert resolve(reading, {ELS}, PSEUDONYMS)[ELS].group == "unknown"
    clock[0] += 61
    assert resolve(reading, {ELS}, PSEUDONYMS)[ELS].group == "manager"


def test_who_is_known_is_not_asked_for_again_within_an_hour(reading: Reading) -> None:
    resolve(reading, {ELS}, PSEUDONYMS)
    before = reading.queries
    assert resolve(reading, {ELS}, PSEUDONYMS)[ELS].group == "manager"
    assert reading.queries == before
