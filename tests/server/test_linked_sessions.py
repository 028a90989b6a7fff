"""One person on several sites: linked sessions, operators, and what nobody gets by trying."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from baken import clock
from baken.history import tables
from baken.server import identity
from baken.server.app import create_app
from baken.server.identity import abroad
from baken.sites.reading import Reading
from baken.sites.site import Site
from tests.server.world import ADMIN, BASE, BOARD, MEMBER, PAGE, PASSWORD, World, make_world, token

ONE, TWO, THREE = "one.test", "two.test", "three.test"
METRICS = f"/api/method/{PAGE}.get_system_metrics"
SESSION = "/api/method/baken.get_session"
FLEET = "/api/method/baken.get_fleet"
OPERATOR = {"operators": [{"user": ADMIN, "site": ONE}]}


def three_sites(folder: Path, **server: Any) -> Any:
    return make_world(folder, names=(ONE, TWO, THREE), sign_in_attempts=50, **server)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with three_sites(tmp_path) as made:
        for number, site in enumerate((ONE, TWO, THREE), start=1):
            made.record({"association_members": {(("status", "Active"),): number}}, site=site)
        yield made


@pytest.fixture
def run(tmp_path: Path) -> Iterator[World]:
    """With an operator: ADMIN of site one."""
    with three_sites(tmp_path, **OPERATOR) as made:
        for number, site in enumerate((ONE, TWO, THREE), start=1):
            made.record({"association_members": {(("status", "Active"),): number}}, site=site)
        yield made


def on(site: str | None) -> dict[str, str]:
    return {} if site is None else {"X-Frappe-Site-Name": site}


def active(world: World, site: str | None = None) -> int:
    """The active members, of which each site has another number; or the status when it is refused."""
    answer = world.client.get(METRICS, headers=on(site))
    same = world.client.get(METRICS, params={} if site is None else {"site": site})
    assert answer.status_code == same.status_code
    return int(answer.json()["message"]["members"]["active"] if answer.status_code == 200 else answer.status_code)


def session(world: World, site: str | None = None) -> Any:
    answer = world.client.get(SESSION, headers=on(site))
    assert answer.status_code == 200, answer.text
    return answer.json()["message"]


def audit(world: World, **wanted: str) -> list[Any]:
    with world.store.read() as conn:
        rows = conn.execute(tables.audit.select().order_by(tables.audit.c.id)).mappings().all()
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def cookie(world: World) -> str:
    return str(world.client.cookies["baken_sid"])


def ask_as(world: World, value: str, site: str | None = None) -> int:
    """The status for a request with this cookie and no other."""
    world.client.cookies.clear()
    return int(world.client.get(METRICS, headers={**on(site), "Cookie": f"baken_sid={value}"}).status_code)


def test_signed_in_to_two_sites(world: World) -> None:
    first = world.sign_in(site=ONE)
    assert (active(world), active(world, ONE), active(world, TWO)) == (1, 1, 403)
    csrf = world.sign_in(BOARD, site=TWO)
    assert csrf != first
    # The site that was signed in to last is meant when none is named; nothing is lost of the other.
    assert (active(world), active(world, ONE), active(world, TWO), active(world, THREE)) == (2, 1, 2, 403)
    told = session(world)
    assert (told["user"], told["site"], told["home_site"], told["operator"]) == (BOARD, TWO, TWO, False)
    assert told["sites"] == [ONE, TWO]
    other = session(world, ONE)
    assert (other["user"], other["site"], other["sites"]) == (ADMIN, ONE, [ONE, TWO])
    # One token does for all sites, and the one before for none.
    assert told["csrf_token"] == other["csrf_token"] == csrf
    for site in (None, ONE, TWO):
        assert world.client.post(METRICS, headers={**on(site), "X-Frappe-CSRF-Token": csrf}).status_code == 200
        assert world.client.post(METRICS, headers={**on(site), "X-Frappe-CSRF-Token": first}).status_code == 400


def test_signing_out_ends_all_of_it(world: World) -> None:
    world.sign_in(site=ONE)
    csrf = world.sign_in(BOARD, site=TWO)
    value = cookie(world)
    # Also when the page shows a site on which there is no session.
    answer = world.client.post("/api/method/logout", headers={"X-Frappe-CSRF-Token": csrf, **on(THREE)})
    assert answer.status_code == 200
    assert [ask_as(world, value, site) for site in (None, ONE, TWO)] == [401, 401, 401]
    with world.store.read() as conn:
        assert conn.execute(tables.web_sessions.select()).all() == []
    assert {(row["site"], row["user"]) for row in audit(world, action="sign-out")} == {(ONE, ADMIN), (TWO, BOARD)}


def test_what_was_written_down_is_under_the_sites_own_user(world: World) -> None:
    world.sign_in(site=ONE)
    world.sign_in(BOARD, site=TWO)
    active(world, ONE)
    active(world, TWO)
    looks = {(row["site"], row["user"]) for row in audit(world, action="looked")}
    assert looks == {(ONE, ADMIN), (TWO, BOARD)}


def test_the_cookie_before_is_good_for_nothing(world: World) -> None:
    """Whoever planted a cookie in a browser, or knows an older one, does not share in the sign-in after it."""
    world.sign_in(BOARD, site=ONE)
    planted = cookie(world)
    world.sign_in(ADMIN, site=TWO)
    good = cookie(world)
    assert [ask_as(world, planted, site) for site in (None, ONE, TWO, THREE)] == [401] * 4
    assert [ask_as(world, good, site) for site in (None, ONE, TWO, THREE)] == [200, 200, 200, 403]


def test_two_browsers_have_nothing_to_do_with_each_other(world: World) -> None:
    world.sign_in(site=ONE)
    first = cookie(world)
    world.client.cookies.clear()
    world.sign_in(site=TWO)
    second = cookie(world)
    assert [ask_as(world, first, site) for site in (ONE, TWO)] == [200, 403]
    assert [ask_as(world, second, site) for site in (ONE, TWO)] == [403, 200]
    # Both at once in one header: the first one counts, and only that.
    world.client.cookies.clear()
    both = {"Cookie": f"baken_sid={first}; other={second}", **on(TWO)}
    assert world.client.get(METRICS, headers=both).status_code == 403


def test_a_forged_group(world: World) -> None:
    world.sign_in(site=ONE)
    value = cookie(world)
    with world.store.read() as conn:
        row = conn.execute(tables.web_sessions.select()).mappings().one()
    # What stands in the store is no cookie, signed or not.
    signed, mark = value.rsplit(".", 1)
    for forged in (row["group_id"], row["id"], row["csrf"], f"{row['group_id']}.{mark}", f"{row['id']}.{mark}"):
        assert ask_as(world, forged) == 401
    assert signed not in str(dict(row))
    assert ask_as(world, value) == 200


def test_a_failed_sign_in_leaves_what_there_was(world: World) -> None:
    world.sign_in(site=ONE)
    assert world.client.post("/api/method/login", data={"usr": ADMIN, "pwd": "wrong", "site": TWO}).status_code == 401
    member = {"usr": MEMBER, "pwd": PASSWORD, "site": TWO}
    assert world.client.post("/api/method/login", data=member).status_code == 403
    assert (active(world), active(world, TWO)) == (1, 403)
    assert session(world)["sites"] == [ONE]


def test_somebody_else_on_the_same_site_takes_over_nothing(world: World) -> None:
    world.sign_in(ADMIN, site=ONE)
    world.sign_in(ADMIN, site=TWO)
    before = cookie(world)
    world.sign_in(BOARD, site=ONE)
    assert session(world)["sites"] == [ONE]
    assert (active(world), active(world, TWO)) == (1, 403)
    assert ask_as(world, before, TWO) == 401


def test_the_same_person_again_keeps_the_other_site(world: World) -> None:
    world.sign_in(ADMIN, site=ONE)
    world.sign_in(BOARD, site=TWO)
    world.sign_in(ADMIN, site=ONE)
    assert (active(world), active(world, TWO)) == (1, 2)
    with world.store.read() as conn:
        assert len(conn.execute(tables.web_sessions.select()).all()) == 2


def test_one_of_them_expires(world: World) -> None:
    start = clock.now()
    with time_machine.travel(start, tick=False):
        world.sign_in(ADMIN, site=ONE)
    with time_machine.travel(start + 6 * clock.HOUR, tick=False):
        world.sign_in(BOARD, site=TWO)
        value = cookie(world)
        assert session(world)["sites"] == [ONE, TWO]
    with time_machine.travel(start + 12.1 * clock.HOUR, tick=False):
        assert [ask_as(world, value, site) for site in (None, ONE, TWO)] == [200, 403, 200]
        told = world.client.get(SESSION, headers={"Cookie": f"baken_sid={value}"}).json()["message"]
        assert told["sites"] == [TWO]
        # It is not brought back by signing in elsewhere.
        world.client.cookies.set("baken_sid", value)
        world.sign_in(ADMIN, site=THREE)
        assert session(world)["sites"] == [TWO, THREE]
    with time_machine.travel(start + 25 * clock.HOUR, tick=False):
        assert [ask_as(world, value, site) for site in (None, ONE, TWO)] == [401] * 3


def test_a_role_is_lost_on_one_site_only(world: World) -> None:
    world.sign_in(ADMIN, site=ONE)
    csrf = world.sign_in(BOARD, site=TWO)
    world.site_sql('DELETE FROM "tabHas Role" WHERE parent = ?', BOARD, site=TWO)
    assert (active(world), active(world, ONE), active(world, TWO)) == (403, 1, 403)
    assert session(world, ONE)["sites"] == [ONE]
    found = world.client.get(FLEET, headers=on(ONE)).json()["message"]["sites"]
    assert [each["site"] for each in found] == [ONE]
    assert world.client.post(METRICS, headers={**on(TWO), "X-Frappe-CSRF-Token": csrf}).status_code == 403
    # The same name on the other site is somebody else: nothing of it changes.
    world.site_sql('DELETE FROM "tabHas Role" WHERE parent = ?', BOARD, site=ONE)
    assert active(world, ONE) == 1


def test_a_user_is_disabled_on_one_site_only(world: World) -> None:
    world.sign_in(ADMIN, site=ONE)
    world.sign_in(BOARD, site=TWO)
    world.site_sql('UPDATE "tabUser" SET enabled = 0 WHERE name = ?', BOARD, site=TWO)
    assert (active(world, TWO), active(world, ONE), active(world)) == (403, 1, 1)
    assert session(world)["sites"] == [ONE]
    world.site_sql('UPDATE "tabUser" SET enabled = 0 WHERE name = ?', ADMIN, site=ONE)
    assert (active(world), active(world, ONE)) == (401, 401)


def test_the_database_of_one_site_goes_away(world: World) -> None:
    world.sign_in(ADMIN, site=ONE)
    world.sign_in(BOARD, site=TWO)
    world.files[TWO].rename(world.files[TWO].with_suffix(".away"))
    assert (active(world, ONE), active(world, TWO)) == (1, 2)
    assert session(world)["sites"] == [ONE, TWO]


def test_a_site_out_of_reach_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants to know all their sites asks one that is silent less often than the others."""
    asked: list[str] = []
    moment = time.monotonic()

    @contextmanager
    def noted(site: Site) -> Iterator[Reading]:
        asked.append(site.name)
        with identity.asking(site) as reading:
            yield reading

    monkeypatch.setattr("baken.server.sessions.asking", noted)
    monkeypatch.setattr("baken.server.sessions.time", SimpleNamespace(monotonic=lambda: moment))
    with three_sites(tmp_path, role_cache_seconds=30) as world:
        world.sign_in(ADMIN, site=ONE)
        world.sign_in(BOARD, site=TWO)
        world.files[TWO].rename(world.files[TWO].with_suffix(".away"))
        found = []
        for _ in range(7):
            moment += 31
            asked.clear()
            assert session(world, ONE)["sites"] == [ONE, TWO]
            found.append(list(asked))
        assert found == [[ONE, TWO], [ONE], [ONE], [ONE], [ONE], [ONE, TWO], [ONE]]


def test_a_site_that_is_watched_no_more(world: World) -> None:
    world.sign_in(ADMIN, site=ONE)
    world.sign_in(BOARD, site=TWO)
    gone = world.sites.pop(TWO)
    assert (active(world), active(world, ONE), active(world, TWO)) == (1, 1, 403)
    assert session(world)["sites"] == [ONE]
    world.sites[TWO] = gone
    assert active(world, TWO) == 2


def test_after_a_restart(world: World) -> None:
    world.sign_in(ADMIN, site=ONE)
    world.sign_in(BOARD, site=TWO)
    with TestClient(create_app(world.settings, world.store, world.sites), base_url=BASE) as again:
        again.cookies.set("baken_sid", cookie(world))
        assert again.get(METRICS, headers=on(ONE)).json()["message"]["members"]["active"] == 1
        assert again.get(METRICS, headers=on(TWO)).json()["message"]["members"]["active"] == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=200))
def test_sites_with_any_name(world: World, name: str) -> None:
    if "baken_sid" not in world.client.cookies:
        world.sign_in(ADMIN, site=ONE)
        world.sign_in(BOARD, site=TWO)
    for params in ({"site": name}, {"site": name + "\x00"}, {"site": f"{ONE} {name}x"}):
        answer = world.client.get(METRICS, params=params)
        assert answer.status_code == (200 if params["site"] in ("", ONE, TWO) else 403), params


@pytest.mark.parametrize(
    "name", ["ONE.TEST", "one.test.", " one.test", "one.test ", "one.test,two.test", "../one.test"]
)
def test_nearly_a_site(run: World, name: str) -> None:
    run.sign_in(BOARD, site=TWO)
    assert run.client.get(METRICS, params={"site": name}).status_code == 403
    run.client.cookies.clear()
    run.sign_in(ADMIN, site=ONE)
    # An operator is told that there is no such site.
    assert run.client.get(METRICS, params={"site": name}).status_code == 404


# Operators


def test_an_operator_sees_all_sites(run: World) -> None:
    csrf = run.sign_in(ADMIN, site=ONE)
    assert [active(run, site) for site in (None, ONE, TWO, THREE)] == [1, 1, 2, 3]
    told = session(run)
    assert (told["user"], told["operator"], told["sites"]) == (ADMIN, True, [ONE, TWO, THREE])
    away = session(run, TWO)
    assert (away["site"], away["home_site"], away["user"]) == (TWO, ONE, abroad(ADMIN, ONE))
    assert away["roles"] == ["System Manager"]
    assert away["csrf_token"] == csrf
    found = run.client.get(FLEET, headers=on(TWO)).json()["message"]["sites"]
    assert {each["site"] for each in found} == {ONE, TWO, THREE}
    assert run.client.post(METRICS, headers={**on(THREE), "X-Frappe-CSRF-Token": csrf}).status_code == 200
    assert run.client.post(METRICS, headers=on(THREE)).status_code == 400


def test_the_trail_tells_an_operator_from_the_sites_own_user(run: World) -> None:
    run.sign_in(ADMIN, site=ONE)
    active(run, TWO)
    run.client.cookies.clear()
    run.sign_in(ADMIN, site=TWO)
    active(run, TWO)
    users = [row["user"] for row in audit(run, site=TWO, action="looked")]
    assert users == [f"{ADMIN} ({ONE})", ADMIN]


def test_the_same_name_on_another_site_is_nobody(run: World) -> None:
    run.sign_in(ADMIN, site=TWO)
    assert [active(run, site) for site in (None, ONE, TWO, THREE)] == [2, 403, 2, 403]
    told = session(run)
    assert (told["operator"], told["sites"]) == (False, [TWO])
    assert [each["site"] for each in run.client.get(FLEET).json()["message"]["sites"]] == [TWO]
    # Nor is anybody else of the operator's site.
    run.client.cookies.clear()
    run.sign_in(BOARD, site=ONE)
    assert [active(run, site) for site in (ONE, TWO)] == [1, 403]


def test_where_an_operator_is_signed_in_that_session_serves(run: World) -> None:
    run.sign_in(ADMIN, site=ONE)
    run.sign_in(BOARD, site=TWO)
    # The one that began last is no operator's; the one before still is.
    assert session(run, TWO)["user"] == BOARD
    assert session(run)["sites"] == [ONE, TWO, THREE]
    assert session(run, THREE)["user"] == abroad(ADMIN, ONE)


def test_an_operator_who_loses_the_role_at_home(run: World) -> None:
    run.sign_in(ADMIN, site=ONE)
    run.sign_in(BOARD, site=TWO)
    assert active(run, THREE) == 3
    run.site_sql('DELETE FROM "tabHas Role" WHERE parent = ?', ADMIN, site=ONE)
    # Also where another session serves: the fleet asks the operator's own site.
    assert [each["site"] for each in run.client.get(FLEET).json()["message"]["sites"]] == [TWO]
    assert session(run)["sites"] == [TWO]
    assert session(run)["operator"] is False
    assert [active(run, site) for site in (ONE, TWO, THREE)] == [403, 2, 403]
    # Being an administrator of the other sites makes no difference.
    run.site_sql('UPDATE "tabHas Role" SET role = ? WHERE parent = ?', "System Manager", BOARD, site=TWO)
    assert active(run, THREE) == 403


def test_an_operator_who_is_disabled_at_home(run: World) -> None:
    run.sign_in(ADMIN, site=ONE)
    assert active(run, TWO) == 2
    run.site_sql('UPDATE "tabUser" SET enabled = 0 WHERE name = ?', ADMIN, site=ONE)
    assert [active(run, site) for site in (TWO, None)] == [401, 401]


def test_an_operators_token_is_good_for_its_own_site(run: World) -> None:
    for number, site in enumerate((TWO, THREE)):
        run.site_sql('UPDATE "tabUser" SET api_key = ? WHERE name = ?', f"key-{number}", ADMIN, site=site)
    header = token(ADMIN)
    assert run.client.get(METRICS, headers=header).status_code == 200
    assert run.client.get(METRICS, headers={**header, **on(TWO)}).status_code == 401
    told = run.client.get(SESSION, headers=header).json()["message"]
    assert (told["sites"], told["operator"]) == ([ONE], False)
    assert [each["site"] for each in run.client.get(FLEET, headers=header).json()["message"]["sites"]] == [ONE]
    # A cookie that is sent along adds nothing to it.
    run.sign_in(ADMIN, site=ONE)
    assert [each["site"] for each in run.client.get(FLEET, headers=header).json()["message"]["sites"]] == [ONE]


def test_a_long_name_abroad_still_tells_the_site() -> None:
    told = abroad("a" * 140, "s" * 60)
    assert len(told) == 140
    assert told.endswith(f" ({'s' * 60})")
