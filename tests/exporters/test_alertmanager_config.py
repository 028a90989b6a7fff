"""What `baken export alertmanager-config` writes, as amtool reads it."""

import subprocess
from pathlib import Path

import pytest
import yaml

from baken.exporters import alertmanager_config
from baken.exporters.alertmanager_config import PATH
from tests.conftest import in_ci
from tests.server_alertmanager import check_config
from tests.servers import ServerMissingError, program
from tests.test_cli import Ended, Run, pristine, run

__all__ = ["pristine", "run"]

SECRET = "a-secret-of-the-tests"


def checked(file: Path) -> str:
    try:
        return check_config(file)
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))


def test_amtool_takes_it(tmp_path: Path) -> None:
    for token in (None, SECRET):
        file = tmp_path / "alertmanager.yml"
        file.write_text(alertmanager_config.text("https://baken.example.org", token=token))
        assert "SUCCESS" in checked(file)
        assert (SECRET in file.read_text()) is (token is not None)
        (hook,) = yaml.safe_load(file.read_text())["receivers"][1]["webhook_configs"]
        assert hook["url"] == f"https://baken.example.org{PATH}"
        assert hook["send_resolved"] is True
        assert all(len(line) <= 120 for line in file.read_text().splitlines())


def test_whoever_is_told_today_is_told_all_the_same(tmp_path: Path) -> None:
    """Alertmanager's own receiver gets nothing of what a route takes, not even of one that continues."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(alertmanager_config.text("https://baken.example.org", token=SECRET))
    try:
        amtool = program("amtool")
    except ServerMissingError as missing:
        if in_ci():
            pytest.fail(f"{missing}; in CI every server has to be there")
        pytest.skip(str(missing))

    def receivers(*labels: str) -> str:
        command = [amtool, "config", "routes", "test", f"--config.file={file}", *labels]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert receivers("alertname=DiskFull", "severity=critical") == "baken,yours"
    assert receivers("alertname=Watchdog") == "yours"
    assert receivers("alertname=HIGH_ERROR_RATE", "source=baken") == "yours"


def test_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "baken.toml").write_text(f'[incoming]\nalertmanager_token = "{SECRET}"\n')
    config = ("--config", str(tmp_path / "baken.toml"), "--data-dir", str(tmp_path))
    shown: Ended = run("export", "alertmanager-config", *config, "--url", "https://baken.example.org/")
    assert shown.code == 0, shown.err
    assert "https://baken.example.org/api/alertmanager/webhook" in shown.out and SECRET not in shown.out
    shown = run("export", "alertmanager-config", *config, "--with-token")
    assert SECRET in shown.out and "holds a secret" in shown.err
    assert run("export", "alertmanager-config", *config, "--url", "baken.example.org").code == 2
    (tmp_path / "baken.toml").unlink()
    shown = run("export", "alertmanager-config", "--data-dir", str(tmp_path))
    assert "webhook is closed" in shown.err and shown.code == 0
    assert run("export", "alertmanager-config", "--data-dir", str(tmp_path), "--with-token").code == 2
