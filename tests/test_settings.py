"""Where settings come from, which source wins, and what is refused."""

from pathlib import Path

import pytest

from baken.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("BAKEN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _write(content: str) -> None:
    Path("baken.toml").write_text(content, encoding="utf-8")


def test_a_later_source_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().server.port == 8800
    _write("[server]\nport = 1001\nhost = '::1'\nsession_hours = 3")
    assert load().server.port == 1001
    monkeypatch.setenv("BAKEN_SERVER__PORT", "1002")
    monkeypatch.setenv("BAKEN_SERVER__HOST", "127.0.0.2")
    assert load().server.port == 1002
    server = load(None, {"server": {"port": 1003}}).server
    # What a source leaves open is taken from the one before it, key by key.
    assert (server.port, server.host, server.session_hours) == (1003, "127.0.0.2", 3)


def test_a_named_file_is_read_in_place_of_the_one_here() -> None:
    _write("[server]\nport = 1001")
    Path("other.toml").write_text("[server]\nport = 1004")
    assert load(Path("other.toml")).server.port == 1004


def test_lists_of_tables() -> None:
    _write('[[benches]]\npath = "/a"\nsites = ["x"]\n[[sites]]\nname = "y"\ndatabase_url = "sqlite:////y.db"')
    found = load()
    assert [(str(bench.path), bench.sites) for bench in found.benches] == [("/a", ["x"])]
    assert "y.db" not in repr(found.sites), "a database's URL holds a password"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("prot = 1", ["unknown setting prot (baken.toml or environment)", "known are: "]),
        ("[server]\nprot = 1", ["unknown setting server.prot (baken.toml or environment); did you mean port?"]),
        ("[optimizer.database]\nbatchsize = 1", ["unknown setting optimizer.database.batchsize", "mean batch_size?"]),
        ("[[benches]]\npath = '/a'\nsite = ['x']", ["unknown setting benches.0.site", "did you mean sites?"]),
        ("[server]\nport = 'http'", ["setting server.port", "integer"]),
        ("[server]\nport = 70000", ["setting server.port", "65535"]),
        ("[site_access]\nstatement_seconds = 0", ["setting site_access.statement_seconds", "greater than 0"]),
        ("[log]\nlevel = 'loud'", ["setting log.level", "'debug'"]),
        ("[[sites]]\nname = 'x'", ["setting sites.0.database_url", "required"]),
        ("server = 1", ["setting server", "dictionary"]),
        ("[server]\nport = 'a'\nhost = 1", ["setting server.port", "setting server.host"]),
        ("[server\n", ["baken.toml is not valid TOML", "line 1"]),
        ('[history]\nmetrics_url = "vm:8428"', ["history.metrics_url", "https://host/path"]),
        ('[incoming]\nsentry_key = "a key with spaces in it"', ["incoming.sentry_key", "letters and digits only"]),
        ('[exporters.prometheus]\ntoken = "short"', ["exporters.prometheus.token", "at least 16 characters and has 5"]),
    ],
)
def test_a_file_that_cannot_be_used_says_where(content: str, told: list[str]) -> None:
    _write(content)
    with pytest.raises(SettingsError) as problem:
        load()
    for part in told:
        assert part in str(problem.value)


def test_a_file_that_is_no_text() -> None:
    Path("baken.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"baken\.toml cannot be read"):
        load()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("BAKEN_PORT", "1", "environment variable BAKEN_PORT sets nothing in Baken"),
        ("BAKEN_SEVER__PORT", "1", "environment variable BAKEN_SEVER__PORT sets nothing in Baken"),
        ("BAKEN_SERVER__PROT", "1", "unknown setting server.prot"),
        ("BAKEN_SERVER__PORT", "http", "setting server.port"),
        ("BAKEN_BENCHES", "not json", "benches"),
    ],
)
def test_an_environment_that_cannot_be_used_says_where(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as problem:
        load()
    assert told in str(problem.value)


def test_the_documented_analytics_config() -> None:
    assert load().analytics.model_dump() == {
        "error_analysis": {"default_days": 30, "trend_threshold": 0.1, "recurring_threshold": 3},
        "forecasting": {"confidence_threshold": 0.6, "forecast_days": 7, "historical_days": 30},
        "compliance": {"sepa_threshold": 90, "audit_completeness_threshold": 95},
    }


def test_the_documented_optimizer_config() -> None:
    assert load().optimizer.model_dump() == {
        "caching": {"member_ttl": 300, "sepa_ttl": 900, "api_ttl": 120},
        "database": {"batch_size": 100, "query_timeout": 300, "connection_pool_size": 20},
        "resources": {"memory_threshold": 0.8, "cleanup_interval": 3600},
    }


def test_a_statement_has_the_smaller_of_two_limits() -> None:
    assert load().statement_seconds == 5
    assert load(None, {"site_access": {"statement_seconds": 900}}).statement_seconds == 300


def test_every_setting_has_a_description() -> None:
    pending = [Settings]
    while pending:
        section = pending.pop()
        assert section.__doc__
        for name, field in section.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and hasattr(kind, "model_fields"):
                pending.append(kind)
            else:
                assert field.description, f"{section.__name__}.{name}"


@pytest.mark.parametrize(
    "address", ["http://[::1", "https://baken.example.org:abc", "https://baken.example.org:99999/"]
)
def test_an_address_that_cannot_be_taken_apart_is_refused_before_anything_starts(address: str) -> None:
    _write(f'[alerts]\npublic_url = "{address}"')
    with pytest.raises(SettingsError, match=r"alerts\.public_url .*is no address; write it as https://baken"):
        load()
