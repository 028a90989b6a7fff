"""The HTTP around it: headers, files, pages, redirects, bodies, and errors that give nothing away."""

import json
from pathlib import Path

import pytest

from baken.api import registry
from baken.server.guard import CONTENT_SECURITY_POLICY
from tests.server.world import ADMIN, PAGE, World, make_world, token

METRICS = f"/api/method/{PAGE}.get_system_metrics"
EVERYWHERE = (
    "/",
    "/login",
    "/monitoring_dashboard",
    "/health",
    METRICS,
    "/nothing",
    "/api/method/ping",
    "/api/nothing",
)


@pytest.mark.parametrize("path", EVERYWHERE)
def test_security_headers_are_on_every_answer(world: World, path: str) -> None:
    headers = world.client.get(path).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cache-control"] == "no-store, private"
    assert "strict-transport-security" not in headers
    assert "access-control-allow-origin" not in headers


def test_pages_and_answers_are_never_cached(world: World) -> None:
    """Defect 3: a page that an administrator had opened was then given to guests."""
    world.sign_in()
    for path in ("/monitoring_dashboard", "/monitoring_dashboard/metrics", METRICS):
        answer = world.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store, private"
    world.client.cookies.clear()
    page = world.client.get("/monitoring_dashboard/metrics?x=1")
    assert page.status_code == 302
    assert page.headers["location"] == "/login?next=/monitoring_dashboard/metrics%3Fx%3D1"
    assert world.client.get(METRICS).status_code == 403


def test_assets(world: World) -> None:
    hashed = world.client.get("/assets/baken/assets/index-BFp3xQ2a.js", headers={"Accept-Encoding": "identity"})
    assert hashed.status_code == 200
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-type"].startswith("text/javascript")
    assert hashed.headers["vary"] == "Accept-Encoding"
    plain = world.client.get("/assets/baken/theme.js")
    assert plain.headers["cache-control"] == "public, no-cache"
    again = world.client.get("/assets/baken/theme.js", headers={"If-None-Match": plain.headers["etag"]})
    assert again.status_code == 304


def test_the_service_worker_may_serve_the_pages(world: World, public: Path) -> None:
    for name in ("sw.js", "assets/sw.js", "other.js", "manifest.webmanifest"):
        (public / name).write_text("{}")
    worker = world.client.get("/assets/baken/sw.js")
    assert worker.headers["service-worker-allowed"] == "/monitoring_dashboard"
    assert worker.headers["content-type"].startswith("text/javascript")
    # A browser that keeps an old one shows old pages.
    assert worker.headers["cache-control"] == "public, no-cache"
    for name in ("assets/sw.js", "other.js"):
        assert "service-worker-allowed" not in world.client.get(f"/assets/baken/{name}").headers
    manifest = world.client.get("/assets/baken/manifest.webmanifest")
    assert manifest.headers["content-type"].startswith("application/manifest+json")
    assert "worker-src 'self'" in worker.headers["content-security-policy"]
    # Where the page asks for them; nobody need be signed in, for the browser looks for a newer one at any time.
    for name in ("sw.js", "manifest.webmanifest"):
        own = world.client.get(f"/monitoring_dashboard/{name}")
        assert own.status_code == 200
        assert own.headers["content-type"] == world.client.get(f"/assets/baken/{name}").headers["content-type"]
    assert world.client.get("/monitoring_dashboard/sw.js").headers["service-worker-allowed"] == "/monitoring_dashboard"
    assert world.client.get("/monitoring_dashboard/theme.js").status_code == 302


def test_assets_that_were_packed_beforehand(world: World) -> None:
    with world.client.stream(
        "GET", "/assets/baken/assets/index-BFp3xQ2a.js", headers={"Accept-Encoding": "br, gzip"}
    ) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["content-type"].startswith("text/javascript")
    with world.client.stream(
        "GET", "/assets/baken/assets/index-BFp3xQ2a.js", headers={"Accept-Encoding": "gzip;q=0"}
    ) as answer:
        assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "..%2foutside.txt",
        "%2e%2e/outside.txt",
        "..%5coutside.txt",
        "assets/../../outside.txt",
        "%2e%2e%2f%2e%2e%2fetc/passwd",
        "/etc/passwd",
        "%00",
        ".secret",
        "assets",
        "",
        "index.html",
        "assets/index-BFp3xQ2a.js.gz",
        "x" * 300,
    ],
)
def test_nothing_else_is_given_out(world: World, path: str) -> None:
    answer = world.client.get("/assets/baken/" + path)
    assert answer.status_code in (404, 307)
    assert "outside" not in answer.text
    assert "root:" not in answer.text


def test_redirects_stay_here(world: World) -> None:
    for path in (
        "//evil.example/x",
        "/monitoring_dashboard//evil.example",
        "/monitoring_dashboard/?next=//evil.example",
        "/login?next=//evil.example",
        "/monitoring_dashboard/%0d%0aX-Evil:1",
        "/assets/baken//evil.example/",
    ):
        answer = world.client.get("http://baken.test" + path)
        location = answer.headers.get("location", "/")
        assert location.removeprefix("http://baken.test").startswith("/login?next=/monitoring_dashboard") or (
            answer.status_code in (200, 404)
        ), (path, answer.status_code, location)
        assert "x-evil" not in answer.headers


def test_a_front_end_that_is_not_built(tmp_path: Path) -> None:
    with make_world(tmp_path, public=tmp_path / "nothing") as world:
        page = world.client.get("/login")
        assert page.status_code == 503
        assert "make setup" in page.text
        assert world.client.get("/assets/baken/x.js").status_code == 404
        assert world.get(f"{PAGE}.get_system_metrics").status_code == 200


def test_unknown_paths(world: World) -> None:
    page = world.client.get("/nothing", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    answer = world.client.get("/api/method/no.such.method", headers={**token(ADMIN), "Accept": "text/html"})
    assert (answer.status_code, answer.json()["exc_type"]) == (404, "DoesNotExistError")
    assert world.client.get("/app/System%20Alert").status_code == 404
    assert world.client.get("/api/method/frappe.client.get_list", headers=token(ADMIN)).status_code == 404


def test_errors_look_like_frappes(world: World) -> None:
    body = world.get(f"{PAGE}.get_recent_errors", hours="many").json()
    assert body["exc_type"] == "ValidationError"
    told = json.loads(json.loads(body["_server_messages"])[0])["message"]
    assert told == body["message"]
    assert "hours" in told
    assert "many" in told
    assert "whole number" in told


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_verbs(world: World, method: str) -> None:
    answer = world.client.request(method, METRICS, headers=token(ADMIN))
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_a_large_body(world: World) -> None:
    answer = world.client.post(METRICS, content=b"x" * 1_000_001, headers=token(ADMIN))
    assert answer.status_code == 413

    def parts() -> object:
        for _ in range(1100):
            yield b" " * 1000

    streamed = world.client.post("/api/method/login", content=parts())
    assert streamed.status_code == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"hours": ' + b"9" * 5000 + b"}"),
        ("application/json", b"\xff\xfe"),
        ("application/json", b'{"hours": NaN}'),
        ("application/json", b'{"ho\\ud800urs": 1}'),
        ("application/x-www-form-urlencoded", b"hours=%ff"),
        ("application/x-www-form-urlencoded", b"hours=1&hours=2"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % i for i in range(200))),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: nothing\r\n\r\n"),
        ("text/plain", b"hello"),
    ],
)
def test_a_body_that_cannot_be_understood(world: World, kind: str, body: bytes) -> None:
    answer = world.client.post(
        f"/api/method/{PAGE}.get_recent_errors", content=body, headers={**token(ADMIN), "Content-Type": kind}
    )
    assert (answer.status_code, answer.json()["exc_type"]) == (417, "ValidationError")


def test_arguments_as_frappe_passes_them(world: World) -> None:
    name = f"/api/method/{PAGE}.get_recent_errors"
    assert len(world.client.get(name + "?hours=3&cmd=x", headers=token(ADMIN)).json()["message"]["hours"]) == 3
    assert len(world.client.post(name, data={"hours": "5"}, headers=token(ADMIN)).json()["message"]["hours"]) == 5
    assert len(world.client.post(name, json={"hours": 7}, headers=token(ADMIN)).json()["message"]["hours"]) == 7
    unknown = world.client.get(name + "?days=3", headers=token(ADMIN))
    assert unknown.status_code == 417
    assert "days" in unknown.json()["message"]
    missing = world.get("baken.get_series")
    assert missing.status_code == 417
    assert "metric is missing" in missing.json()["message"]


def test_an_unforeseen_error_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    def broken(_call: object) -> None:
        secret = "geheim-12345"  # noqa: F841
        raise RuntimeError("IBAN NL91ABNA0417164300 of jan@leden.example")

    entry = registry.find(f"{PAGE}.get_system_metrics")
    monkeypatch.setitem(registry._methods, entry.name, replace(entry, run=broken))
    answer = world.client.get(METRICS, headers=token(ADMIN))
    assert answer.status_code == 500
    body = answer.json()
    assert body["exc_type"] == "InternalServerError"
    assert answer.headers["x-request-id"] in body["message"]
    for word in ("NL91", "Traceback", "RuntimeError", "geheim", "exc"):
        assert word not in answer.text.replace('"exc_type"', "")
    logged = capsys.readouterr()
    text = logged.out + logged.err
    assert answer.headers["x-request-id"] in text
    assert "RuntimeError" in text
    for word in ("geheim-12345", "NL91ABNA", "jan@", "admin-secret"):
        assert word not in text.replace('secret = "geheim-12345"', "")


def test_health_tells_nothing_to_guests(world: World) -> None:
    answer = world.client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["collector"] == {"running": False, "age_seconds": None}
    assert "vereniging" not in answer.text
    assert str(world.settings.data_dir) not in answer.text
    from datetime import timedelta

    from baken import clock
    from baken.history import leases

    with world.store.write() as conn:
        leases.take(conn, "collector", "somehost:1", timedelta(minutes=1), clock.now())
    world.record({"frappe_site_up": 1})
    answer = world.client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["collector"]["age_seconds"] < 600
    assert "somehost" not in answer.text


def test_openapi_describes_every_method(world: World) -> None:
    described = world.client.get("/api/openapi.json", headers=token(ADMIN)).json()
    assert described["openapi"].startswith("3.1")
    for entry in registry.methods():
        for name in entry.names:
            path = described["paths"][f"/api/method/{name}"]
            assert {"200", "401", "403", "417", "503"} <= set(path["get"]["responses"])
            given = {parameter["name"] for parameter in path["get"]["parameters"]} - {"site"}
            assert given == {parameter.name for parameter in entry.parameters}
    ids = [verb["operationId"] for path in described["paths"].values() for verb in path.values()]
    assert len(ids) == len(set(ids))
    assert set(described["components"]["securitySchemes"]) == {"token", "basic", "session", "csrf"}
