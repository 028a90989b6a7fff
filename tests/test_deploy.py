"""What lies in deploy/: it loads, is accepted by the programs that it is for, and serves Baken."""

import configparser
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main
import uvicorn
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from baken.alerts import ready
from baken.cli import app
from baken.settings import Settings, load
from tests.conftest import in_ci
from tests.server.world import ADMIN, PASSWORD, World, make_world
from tests.servers import Process, ServerMissingError, free_port, program

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose"
EXAMPLES = sorted((DEPLOY / "examples").glob("*.toml"))


def installed(*names: str) -> str:
    """A program; the test is skipped without it, and fails in CI."""
    try:
        return program(*names)
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every program has to be there")
        pytest.skip(str(missing))


def accepts(line: str) -> None:
    """See that Baken's command line takes what stands behind `baken`; nothing is carried out."""
    words = shlex.split(line)
    assert words[0].rsplit("/", 1)[-1] == "baken", line
    command = typer.main.get_command(app)
    context = command.make_context("baken", [], resilient_parsing=True)
    for at, word in enumerate(words[1:], start=1):
        found = command.get_command(context, word) if hasattr(command, "get_command") else None
        if found is None:
            command.make_context(command.name or "", words[at:], parent=context)
            return
        context = typer.Context(found, parent=context, info_name=word, resilient_parsing=True)
        command = found
    assert not hasattr(command, "get_command"), f"{line}: a command is missing"


# ---- settings


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BAKEN_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "file", [*EXAMPLES, COMPOSE / "baken.toml"], ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_examples_of_settings_load(file: Path, tmp_path: Path) -> None:
    settings = load(file, {"data_dir": str(tmp_path)})
    assert settings.benches or settings.sites
    # Channels, recipients and rules as well, as at a start.
    ready.check(settings)


def test_secrets_in_examples_are_placeholders() -> None:
    for file in EXAMPLES:
        for secret in re.findall(r'(?:token|password) = "([^"]+)"', file.read_text()):
            assert secret.startswith("CHANGE-ME")


# ---- systemd, supervisor, Procfile


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """A unit's sections; a key may stand there several times."""
    found: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(section, {}).setdefault(key, []).append(value)
    return found


def test_the_service_may_write_to_its_own_folder_only() -> None:
    service = unit("baken.service")["Service"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["ProtectHome"] == ["read-only"]
    assert service["StateDirectory"] == ["baken"]
    assert service["CapabilityBoundingSet"] == [""]
    assert "ReadWritePaths" not in service
    assert service["User"] == ["baken"]
    assert service["Restart"] == ["always"]
    accepts(service["ExecStart"][0])
    accepts(unit("baken-backup.service")["Service"]["ExecStart"][0])
    assert unit("baken-backup.timer")["Timer"]["Persistent"] == ["true"]


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze = installed("systemd-analyze")
    for file in (DEPLOY / "systemd").iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace("/opt/baken/.venv/bin/baken", sys.executable))
    units = sorted(str(file) for file in tmp_path.iterdir())
    checked = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)
    told = [line for line in checked.stderr.splitlines() if "baken" in line]
    assert told == [], checked.stderr
    for name in ("baken.service", "baken-backup.service"):
        score = subprocess.run(
            [analyze, "security", "--offline=true", tmp_path / name], capture_output=True, text=True, check=False
        )
        if "Unknown" in score.stderr or "unrecognized" in score.stderr:
            continue
        level = re.search(r"exposure level for \S+: ([0-9.]+)", score.stdout)
        assert level is not None, score.stdout + score.stderr
        assert float(level[1]) <= 2.5


def test_the_backup_tells_how_it_ended(tmp_path: Path) -> None:
    """The shell's part of the unit with what systemd sets: 0 is a success, other numbers a failure, a kill has none."""
    service = unit("baken-backup.service")["Service"]
    called = tmp_path / "called"
    (tmp_path / "curl").write_text(f'#!/bin/sh\nfor word in "$@"; do last=$word; done\necho "$last" >> {called}\n')
    (tmp_path / "curl").chmod(0o755)

    def run(line: str, **env: str) -> None:
        words = shlex.split(line.removeprefix("-").replace("$$", "$"))
        subprocess.run(words, env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **env}, check=True)

    url = "https://baken.example.org/ping/KEY"
    run(service["ExecStartPre"][0], BAKEN_PING=url)
    for end, status in (("exited", "0"), ("exited", "1"), ("killed", "KILL")):
        run(service["ExecStopPost"][0], BAKEN_PING=url, EXIT_CODE=end, EXIT_STATUS=status)
    run(service["ExecStopPost"][0], EXIT_CODE="exited", EXIT_STATUS="0")
    assert called.read_text().split() == [f"{url}/start", f"{url}/0", f"{url}/1", f"{url}/fail"]


def test_supervisor_and_procfile_start_baken() -> None:
    parsed = configparser.ConfigParser(inline_comment_prefixes=None, comment_prefixes=(";",))
    parsed.read(DEPLOY / "bench" / "supervisor.conf")
    program_ = parsed["program:baken"]
    accepts(program_["command"])
    assert program_["stopsignal"] == "TERM"
    assert int(program_["stopwaitsecs"]) > 15
    name, _, command = (DEPLOY / "bench" / "Procfile").read_text().partition(": ")
    assert name == "baken"
    accepts(command)


# ---- nginx


class Nginx:
    """nginx with the file of deploy/, on ports of its own and with a certificate of its own, before a Baken."""

    def __init__(self, folder: Path, backend: int) -> None:
        self.port, self.plain = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        _certificate(folder)
        text = (DEPLOY / "nginx" / "baken.conf").read_text()
        # Only what a machine decides; everything else is as it is handed out.
        for old, new in {
            "127.0.0.1:8800": f"127.0.0.1:{backend}",
            "listen 80;": f"listen 127.0.0.1:{self.plain};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/letsencrypt/live/baken.example.org/fullchain.pem": f"{folder}/cert.pem",
            "/etc/letsencrypt/live/baken.example.org/privkey.pem": f"{folder}/key.pem",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        (folder / "baken.conf").write_text(text)
        paths = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{paths}include {folder}/baken.conf;\n}}\n"
        )
        self.command = [installed("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", "stderr"]
        self.process = Process("nginx", folder, self.command, self._ping)

    def _ping(self) -> None:
        try:
            httpx.get(f"http://127.0.0.1:{self.plain}/", trust_env=False)
        except httpx.HTTPError as problem:
            raise OSError(str(problem)) from None

    def client(self, address: str = "127.0.0.1", **more: Any) -> httpx.Client:
        """A browser that comes from this address."""
        transport = httpx.HTTPTransport(local_address=address, verify=False)
        return httpx.Client(
            base_url=self.url, transport=transport, headers={"Host": "baken.example.org"}, timeout=60, **more
        )


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "baken.example.org")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Nginx]]:
    """The application behind a real server behind a real nginx."""
    installed("nginx")
    folder = tmp_path_factory.mktemp("behind")
    public = folder / "public"
    (public / "assets").mkdir(parents=True)
    (public / "index.html").write_text("<!doctype html><title>Baken</title>")
    (public / "assets" / "index-BFp3xQ2a.js").write_text("export const x = 1;" * 5000)
    with make_world(folder, public=public, role_cache_seconds=30) as world:
        port = free_port()
        config = uvicorn.Config(
            world.app, port=port, log_level="error", access_log=False, proxy_headers=False, server_header=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        (folder / "nginx").mkdir()
        nginx = Nginx(folder / "nginx", port)
        nginx.process.start()
        try:
            yield world, nginx
        finally:
            nginx.process.stop()
            world.app.state.close_streams()
            server.should_exit = True
            thread.join()


def test_nginx_takes_the_file(behind: tuple[World, Nginx]) -> None:
    checked = subprocess.run([*behind[1].command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr, checked.stderr


def test_a_browser_behind_nginx(behind: tuple[World, Nginx]) -> None:
    world, nginx = behind
    world.record({"association_members": {(("status", "Active"),): 7}})
    plain = httpx.get(f"http://127.0.0.1:{nginx.plain}/x?y", headers={"Host": "baken.example.org"}, trust_env=False)
    assert (plain.status_code, plain.headers["location"]) == (301, "https://baken.example.org/x?y")
    with nginx.client() as browser:
        assert browser.get("/api/method/ping").json() == {"message": "pong"}
        answer = browser.post("/api/method/login", data={"usr": ADMIN, "pwd": PASSWORD})
        assert answer.status_code == 200, answer.text
        # It came by https, so the cookie is for https alone.
        assert "secure" in answer.headers["set-cookie"].lower()
        assert "strict-transport-security" in answer.headers
        sid = answer.headers["set-cookie"].split(";")[0]
        browser.headers["Cookie"] = sid
        page = "/api/method/verenigingen.www.monitoring_dashboard.get_system_metrics"
        assert browser.get(page).json()["message"]["members"]["active"] == 7
        assert browser.get("/monitoring_dashboard").text.startswith("<!doctype html>")
        asset = browser.get("/assets/baken/assets/index-BFp3xQ2a.js")
        assert asset.text.startswith("export const x")
        assert "immutable" in asset.headers["cache-control"]


def test_what_changes_comes_through_nginx_at_once(behind: tuple[World, Nginx]) -> None:
    world, nginx = behind
    with nginx.client() as browser:
        sid = (
            browser.post("/api/method/login", data={"usr": ADMIN, "pwd": PASSWORD}).headers["set-cookie"].split(";")[0]
        )
        headers = {"Cookie": sid, "Accept": "text/event-stream"}
        stop = threading.Event()

        def go_on() -> None:
            # What changes before the server has had its first look is no change to it.
            while not stop.wait(0.5):
                world.record({"association_members": {(("status", "Active"),): time.time()}})

        changing = threading.Thread(target=go_on)
        with browser.stream("GET", "/api/method/baken.get_changes", headers=headers) as stream:
            assert stream.status_code == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            changing.start()
            started = time.monotonic()
            try:
                for line in stream.iter_lines():
                    assert time.monotonic() - started < 60, "nginx holds the stream back"
                    if line.startswith("event: changed"):
                        break
            finally:
                stop.set()
                changing.join()


def test_figures_are_not_given_to_the_internet(behind: tuple[World, Nginx]) -> None:
    _, nginx = behind
    with nginx.client("127.0.0.2") as outside:
        for path in ("/metrics", "/metrics/targets", "/metrics?site=vereniging.test"):
            answer = outside.get(path)
            assert answer.status_code == 403
            assert "nginx" in answer.text
        assert outside.get("/api/method/ping").status_code == 200
    with nginx.client() as inside:
        # nginx lets it through; Baken asks for its token, which has not been sent.
        answer = inside.get("/metrics")
        assert answer.status_code in (401, 403)
        assert "nginx" not in answer.text


def test_nobody_comes_from_where_they_say(behind: tuple[World, Nginx]) -> None:
    """Failed sign-ins count for the address that nginx saw, whatever the client writes into X-Forwarded-For."""
    world, nginx = behind
    with nginx.client("127.0.0.3") as guesser:
        status = [
            guesser.post(
                "/api/method/login",
                data={"usr": f"nobody{number}@example.test", "pwd": "x"},
                headers={"X-Forwarded-For": f"198.51.100.{number}"},
            ).status_code
            for number in range(world.settings.server.sign_in_attempts + 2)
        ]
    assert status[0] == 401
    assert status[-1] == 429


# ---- the image


def test_the_image_is_built_of_what_is_there_and_let_in() -> None:
    text = (DEPLOY / "docker" / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source.rstrip("/") == each or source.startswith(f"{each}/") for each in let_in), source
    assert ignored[1] == "*"
    assert "baken/public" in ignored
    # Not as root, from a lock with hashes, with a check of its health.
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    installs = re.findall(r"pip install .*", text)
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert "/health" in re.findall(r"HEALTHCHECK.*\n.*", text)[0]
    entry = re.findall(r"^(?:ENTRYPOINT|CMD) \[(.+)\]$", text, re.MULTILINE)
    accepts(" ".join(word.strip('", ') for line in entry for word in line.split(",")))


def test_the_lock_of_the_image_is_a_part_of_the_whole_one() -> None:
    whole = (ROOT / "requirements.lock").read_text()
    part = (DEPLOY / "docker" / "requirements.lock").read_text()

    def blocks(text: str) -> dict[str, str]:
        found = re.findall(r"^([A-Za-z0-9._-]+)==(.+(?:\n    .+)*)", text, re.MULTILINE)
        return {name.lower(): rest for name, rest in found}

    every, some = blocks(whole), blocks(part)
    assert some
    assert all(every[name] == rest for name, rest in some.items())
    assert all("--hash=sha256:" in rest for rest in some.values())
    assert not {"pytest", "mypy", "ruff", "playwright", "mkdocs", "fakeredis", "setuptools"} & set(some)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["server"]]
    names = {re.split(r"[<>=\[; ]", text)[0].lower() for text in wanted}
    assert names <= set(some)
    # The wheel is built with the setuptools of the whole lock.
    picked = subprocess.run(
        ["sed", "-n", r"/^setuptools==/,/[^\\]$/p", ROOT / "requirements.lock"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert blocks(picked) == {"setuptools": every["setuptools"]}


# ---- compose


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    return found


def test_compose_names_what_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"baken", "files", "prometheus", "alertmanager", "grafana"}
    for name, service in services.items():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (COMPOSE / source).exists() if source.startswith("./") else source in compose["volumes"], (
                name,
                source,
            )
        # From this machine only: before the internet stands a proxy with TLS.
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        for other in service.get("depends_on", {}):
            assert other in services
        assert re.search(r":v?\d+\.\d+\.\d+$|:local$", service["image"]), name
    wanted = set(re.findall(r"\$\{([A-Z_]+)", (COMPOSE / "compose.yaml").read_text()))
    given = set(re.findall(r"^([A-Z_]+)=$", (COMPOSE / ".env.example").read_text(), re.MULTILINE))
    assert wanted == given
    assert (ROOT / services["baken"]["build"]["dockerfile"]).exists()
    known = {f"BAKEN_{name}".upper() for name in Settings.model_fields}
    assert all(name.split("__")[0] in known for name in services["baken"]["environment"])


@pytest.fixture(scope="module")
def made(compose: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the service `files` writes, written by its own commands."""
    folder = tmp_path_factory.mktemp("compose")
    made = folder / "made"
    made.mkdir()
    (folder / "bin").mkdir()
    (folder / "bin" / "baken").write_text(f'#!/bin/sh\nexec {sys.executable} -m baken.cli "$@"\n')
    (folder / "bin" / "baken").chmod(0o755)
    service = compose["services"]["files"]
    script = service["command"][0].replace("$$", "$").replace("/made", str(made))
    script = script.replace("/etc/baken/baken.toml", str(COMPOSE / "baken.toml"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BAKEN_")}
    environment = {
        **kept,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BAKEN_DATA_DIR": str(folder / "data"),
        "BAKEN_EXPORTERS__PROMETHEUS__TOKEN": "metrics-token-0123456789",
        "BAKEN_INCOMING__ALERTMANAGER_TOKEN": "webhook-token-0123456789",
    }
    done = subprocess.run(
        [*service["entrypoint"], script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return made


def rewritten(name: str, made: Path, folder: Path) -> Path:
    file = folder / name
    file.write_text((COMPOSE / name).read_text().replace("/made", str(made)))
    return file


def test_prometheus_and_alertmanager_take_what_compose_gives_them(made: Path, tmp_path: Path) -> None:
    promtool, amtool = installed("promtool"), installed("amtool")
    file = rewritten("prometheus.yml", made, tmp_path)
    checked = subprocess.run([promtool, "check", "config", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search(r"SUCCESS: \d{2,} rules found", checked.stdout), checked.stdout
    file = rewritten("alertmanager.yml", made, tmp_path)
    checked = subprocess.run([amtool, "check-config", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    def route(**labels: str) -> list[str]:
        words = [f"{name}={value}" for name, value in labels.items()]
        told = subprocess.run(
            [amtool, "config", "routes", "test", f"--config.file={file}", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        return told.stdout.strip().split(",")

    assert route(alertname="HIGH_CPU", source="baken", area="performance") == ["people"]
    # As Prometheus sends what it judged: every alert of these rules has the job.
    judged = yaml.safe_load((made / "prometheus" / "baken.rules.yml").read_text())
    (labels,) = (
        rule["labels"] for group in judged["groups"] for rule in group["rules"] if rule.get("alert") == "HIGH_CPU"
    )
    assert route(alertname="HIGH_CPU", job="baken", **labels) == ["nobody"]
    assert route(alertname="BAKEN_UNREACHABLE", job="baken", source="baken", area="monitor") == ["people"]
    assert route(alertname="NodeDown", severity="critical") == ["baken", "people"]
    assert route(alertname="Watchdog") == ["people"]


def test_grafana_finds_what_compose_gives_it(compose: dict[str, Any], made: Path) -> None:
    environment = compose["services"]["grafana"]["environment"]
    provisioning = Path(environment["GF_PATHS_PROVISIONING"].replace("/made", str(made)))
    sources = yaml.safe_load((provisioning / "datasources" / "baken.yaml").read_text())["datasources"]
    for source in sources:
        host = source["url"].removeprefix("http://").split(":")[0]
        assert host in compose["services"]
    provider = yaml.safe_load((provisioning / "dashboards" / "baken.yaml").read_text())["providers"][0]
    dashboards = sorted(Path(provider["options"]["path"]).glob("*.json"))
    assert len(dashboards) == 5
    # Grafana and Prometheus are other users than Baken.
    for file in made.rglob("*"):
        assert file.stat().st_mode & 0o044 == 0o044, file
    assert "Openen in Baken" in dashboards[0].read_text(), "in the language and with the address of the settings"
    assert (made / "prometheus" / "baken.token").read_text() == "metrics-token-0123456789"


# ---- Kubernetes


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict[str, Any]]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "baken.yaml").read_text())
    return {document["kind"]: document for document in documents}


def test_kubernetes_gets_one_pod_with_nothing_it_does_not_need(manifest: dict[str, dict[str, Any]]) -> None:
    deployment = manifest["Deployment"]["spec"]
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}
    pod = deployment["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    accepts(" ".join(["baken", *container["args"]]))
    assert pod["terminationGracePeriodSeconds"] > 15
    # As the image has them.
    dockerfile = (DEPLOY / "docker" / "Dockerfile").read_text()
    assert f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" in dockerfile
    paths = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert paths == {"/var/lib/baken", "/etc/baken", "/tmp"}
    assert f"VOLUME {sorted(paths)[-1]}" in dockerfile


def test_what_the_parts_of_the_manifest_name_is_there(manifest: dict[str, dict[str, Any]]) -> None:
    assert set(manifest) == {
        "ServiceAccount", "ConfigMap", "Secret", "PersistentVolumeClaim", "Deployment", "Service", "Ingress",
        "NetworkPolicy",
    }  # fmt: skip
    pod = manifest["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    for found in (
        manifest["Deployment"]["spec"]["selector"]["matchLabels"],
        manifest["Service"]["spec"]["selector"],
        manifest["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert found.items() <= labels
    (container,) = pod["spec"]["containers"]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    assert (
        volumes["data"]["persistentVolumeClaim"]["claimName"] == manifest["PersistentVolumeClaim"]["metadata"]["name"]
    )
    assert volumes["settings"]["configMap"]["name"] == manifest["ConfigMap"]["metadata"]["name"]
    assert container["envFrom"][0]["secretRef"]["name"] == manifest["Secret"]["metadata"]["name"]
    assert pod["spec"]["serviceAccountName"] == manifest["ServiceAccount"]["metadata"]["name"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    (service_port,) = manifest["Service"]["spec"]["ports"]
    assert service_port["targetPort"] in ports
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert probes["startupProbe"]["path"] == "/health"
    assert {probe["port"] for probe in probes.values()} <= set(ports)
    (rule,) = manifest["Ingress"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == manifest["Service"]["metadata"]["name"]
    assert backend["port"]["name"] == service_port["name"]
    (incoming,) = manifest["NetworkPolicy"]["spec"]["ingress"]
    assert incoming["ports"] == [{"protocol": "TCP", "port": ports["http"]}]


def test_the_settings_of_the_manifest_load(
    manifest: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "baken.toml"
    file.write_text(manifest["ConfigMap"]["data"]["baken.toml"])
    for name, value in manifest["Secret"]["stringData"].items():
        monkeypatch.setenv(name, value)
    settings = load(file, {"data_dir": str(tmp_path)})
    ready.check(settings)
    assert [site.name for site in settings.sites] == ["example.org"]
    assert settings.exporters.prometheus.token is not None


# ---- the manual


def test_commands_and_files_of_the_manual_are_real() -> None:
    for name in ("deploy.md", "grafana.md"):
        text = (ROOT / "docs" / name).read_text()
        for block in re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.DOTALL):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                found = re.search(r"(?:^|\s)((?:\S*/)?baken (?!namespace|$)[a-z].*)", line.split("  #")[0])
                if found is not None and not re.match(r"\S*(?:kubectl|docker)", line):
                    accepts(re.split(r" (?:&&|\|)", found[1])[0])
        for path in re.findall(r"`(deploy/[\w./-]+)`", text):
            assert (ROOT / path).exists(), path
    used = (ROOT / "docs" / "deploy.md").read_text()
    for file in (path for path in DEPLOY.rglob("*") if path.is_file()):
        assert file.name in used or str(file.parent.relative_to(ROOT)) in used, (
            f"docs/deploy.md does not tell of {file}"
        )
