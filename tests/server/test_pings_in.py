"""`/ping/KEY`: what jobs call, what they hear, and what somebody hears who has no job."""

import time
from typing import Any

import pytest

from baken.history.store import Store, StoreUnavailable
from baken.server.pings_in import Buckets
from tests.server.world import ADMIN, MEMBER, World, token


def made(world: World, name: str = "Nightly backup", **more: Any) -> dict[str, Any]:
    given = {"name": name, "period": 86_400, "grace": 3600, **more}
    answer = world.client.post("/api/method/baken.save_check", json=given, headers=token(ADMIN))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["message"]["check"]
    return found


def listed(world: World) -> dict[str, Any]:
    (found,) = world.get("baken.get_checks").json()["message"]["checks"]
    whole: dict[str, Any] = found
    return whole


def test_a_job_starts_ends_and_fails(world: World) -> None:
    key = made(world)["key"]
    assert listed(world)["state"] == "new"
    answer = world.client.get(f"/ping/{key}/start")
    assert (answer.status_code, answer.text) == (200, "OK\n")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cache-control"] == "no-store, private"
    assert listed(world)["state"] == "running"
    assert world.client.get(f"/ping/{key}").status_code == 200
    found = listed(world)
    assert (found["state"], found["last_kind"], found["started"]) == ("up", "success", None)
    assert found["seconds"] is not None
    assert world.client.get(f"/ping/{key}/fail").status_code == 200
    assert (listed(world)["state"], listed(world)["exit_code"]) == ("failed", None)
    assert world.client.get(f"/ping/{key}/17").status_code == 200
    assert (listed(world)["state"], listed(world)["exit_code"]) == ("failed", 17)
    assert world.client.get(f"/ping/{key}/log").status_code == 200
    assert listed(world)["state"] == "failed"
    assert world.client.get(f"/ping/{key}/0").status_code == 200
    assert listed(world)["state"] == "up"
    assert [each["kind"] for each in listed(world)["recent"]] == ["start", "success", "fail", "fail", "log", "success"]


def test_every_verb_of_curl_does_and_what_comes_along_is_not_kept(world: World) -> None:
    key = made(world)["key"]
    assert world.client.head(f"/ping/{key}").status_code == 200
    body = "Backup of Jan Jansen, NL91ABNA0417164300, went wrong"
    assert world.client.post(f"/ping/{key}/fail", content=body).status_code == 200
    assert world.client.post(f"/ping/{key}/log", content=b"x" * 200_000).status_code == 200
    assert world.client.get(f"/ping/{key}?rid=123&x={body}").status_code == 200
    assert listed(world)["pings"] == 4
    assert world.client.put(f"/ping/{key}").status_code == 405
    raw = world.settings.data_dir.joinpath("baken.db")
    assert all(b"Jansen" not in file.read_bytes() for file in raw.parent.glob("baken.db*"))


@pytest.mark.parametrize("word", ["256", "-1", "1.5", "starts", "START", "٣", "0000", "1/2", "%00"])
def test_what_stands_for_nothing(world: World, word: str) -> None:
    key = made(world)["key"]
    assert world.client.get(f"/ping/{key}/{word}").status_code == 404
    assert listed(world)["pings"] == 0


def test_a_wrong_address_is_nobodys_and_is_not_tried_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = made(world)["key"]
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    with monkeypatch.context() as patched:
        # It is known for wrong without a look into the store.
        patched.setattr(Store, "write", lambda _self: pytest.fail("the store was asked"))
        for given in (wrong, "x", "é", "a" * 5000, "a" * 36):
            assert world.client.get(f"/ping/{given}").status_code == 404
        codes = {world.client.get(f"/ping/{wrong}").status_code for _ in range(40)}
    assert codes == {404, 429}
    assert world.client.get(f"/ping/{wrong}").headers["retry-after"] == "10"
    # A job in the same network is not to be taken for missing because of another one.
    assert world.client.get(f"/ping/{key}").status_code == 200


def test_a_job_that_reports_too_often_is_told_so(world: World) -> None:
    key, other = made(world)["key"], made(world, "Other")["key"]
    codes = [world.client.get(f"/ping/{key}").status_code for _ in range(40)]
    assert codes[:30] == [200] * 30
    assert 429 in codes
    assert world.client.get(f"/ping/{other}").status_code == 200


def test_a_store_that_is_away_says_try_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = made(world)["key"]

    def away(_self: Store) -> None:
        raise StoreUnavailable("the store at secret-host does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", away)
        answer = world.client.get(f"/ping/{key}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "secret-host" not in answer.text
    assert world.client.get(f"/ping/{key}").status_code == 200


def test_it_answers_in_a_few_milliseconds(world: World) -> None:
    keys = [made(world, f"job {number}")["key"] for number in range(20)]
    took = []
    for key in keys:
        started = time.perf_counter()
        assert world.client.get(f"/ping/{key}").status_code == 200
        took.append(time.perf_counter() - started)
    assert sorted(took)[len(took) // 2] < 0.1


def test_the_method_does_the_same_on_every_host(world: World) -> None:
    key = made(world)["key"]

    def ping(**given: Any) -> int:
        return int(world.client.get("/api/method/baken.ping_check", params={"key": key, **given}).status_code)

    assert ping(kind="start") == 200
    assert listed(world)["state"] == "running"
    assert ping(exit_code=0) == 200
    assert listed(world)["state"] == "up"
    assert ping(exit_code=2) == 200
    assert (listed(world)["state"], listed(world)["exit_code"]) == ("failed", 2)
    assert world.client.post("/api/method/baken.ping_check", data={"key": key}).status_code == 200
    assert listed(world)["state"] == "up"
    assert ping(kind="nonsense") == 417
    assert ping(exit_code=256) == 417
    key = key[:-2] + "aa"
    assert ping() == 404


def test_who_may_not_see_the_dashboard_sees_no_addresses(world: World) -> None:
    made(world)
    assert world.get("baken.get_checks", MEMBER).status_code == 403
    assert world.get("baken.get_checks", None).status_code == 403


def test_a_bucket_fills_again_and_forgets_who_is_full() -> None:
    now = [0.0]
    bucket = Buckets(2, 0.5, lambda: now[0])
    assert [bucket.take("a") for _ in range(3)] == [True, True, False]
    assert bucket.take("b")
    now[0] = 2.0
    assert [bucket.take("a") for _ in range(2)] == [True, False]
    now[0] = 1000.0
    assert bucket.level("a") == 2
    for number in range(10_050):
        bucket.take(number)
    assert len(bucket._levels) <= 10_001
