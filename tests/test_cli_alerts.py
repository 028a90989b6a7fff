"""The commands `baken rules …` and `baken alert …`: what they print, what they refuse, their exit statuses."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from baken import cli_options, clock
from baken.alerts import lifecycle, outbox
from baken.cli_alerts import _local
from baken.history import kept
from baken.history.store import Store, open_store
from tests.api.alerted import HOST, change, fire, row
from tests.test_cli import SITE, Ended, Run, bench, pristine, run

__all__ = ["bench", "pristine", "run"]

DATA = ("--data-dir", "data")
CHANNELS = """
[[alerts.channels]]
name = "mail"
kind = "email"
host = "127.0.0.1"
sender = "Baken <baken@example.test>"

[[alerts.recipients]]
name = "beheer"
channel = "mail"
to = "beheer@example.test"
"""


@pytest.fixture
def store(tmp_path: Path) -> Any:
    (tmp_path / "data").mkdir()
    opened = open_store(f"sqlite:///{tmp_path}/data/baken.db")
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture(params=[80, 120])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The width of the terminal."""
    monkeypatch.setattr(cli_options.out, "_width", request.param)
    width: int = request.param
    return width


def wide(ended: Ended) -> int:
    return max(map(len, ended.out.splitlines()))


# Rules


def test_rules_that_are_in_order(run: Run, tmp_path: Path) -> None:
    ended = run("rules", "check", *DATA)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("(0 of your own or changed, 0 switched off); 0 channels, 0 recipients\n")
    (tmp_path / "own.toml").write_text("[HIGH_DISK]\nenabled = false\n\n[SITE_DOWN]\nfor = '7m'\n")
    ended = run("rules", "check", "own.toml", *DATA)
    assert ended.code == 0
    assert "(2 of your own or changed, 1 switched off)" in ended.out
    (tmp_path / "baken.toml").write_text(CHANNELS)
    assert run("rules", "check", *DATA).out.endswith("1 channels, 1 recipients\n")


def test_mistakes_in_rules_are_told_with_file_and_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[HIGH_DISK]\nabov = 0.9\n\n[MINE]\nmetric = "host_disk_used_rato"\nabove = 1\nseverity = "BAD"\n'
    )
    ended = run("rules", "check", "own.toml", *DATA)
    assert (ended.code, ended.out) == (1, "")
    lines = ended.err.splitlines()
    assert all(line.startswith("baken: own.toml:") for line in lines), lines
    assert any("own.toml:2" in line and "did you mean above" in line for line in lines)
    assert any("own.toml:5" in line and "host_disk_used_ratio" in line for line in lines)
    assert any("own.toml:7" in line and "known are: CRITICAL, HIGH, LOW, MEDIUM" in line for line in lines)
    (tmp_path / "own.toml").write_text("[HIGH_DISK\n")
    ended = run("rules", "check", "own.toml", *DATA)
    assert (ended.code, ended.out) == (1, "")
    assert "own.toml:1" in ended.err
    ended = run("rules", "check", "nowhere.toml", *DATA)
    assert (ended.code, ended.err) == (2, "baken: there is no file of rules nowhere.toml\n")


def test_rules_of_the_settings_that_are_wrong_stop_every_command_that_needs_them(
    run: Run, store: Store, tmp_path: Path, bench: Path
) -> None:
    (tmp_path / "data" / "rules.toml").write_text("[HIGH_DISK]\nabov = 0.9\n")
    for args in (
        ("rules", "check", *DATA),
        ("rules", "list", *DATA),
        ("rules", "explain", "--bench", str(bench), *DATA),
        ("alert", "silence", "rule=HIGH_DISK", *DATA),
    ):
        ended = run(*args)
        assert ended.code in (1, 2), args
        assert ended.err.startswith("baken: data/rules.toml:2: HIGH_DISK: unknown key abov; did you mean above?"), (
            args,
            ended.err,
        )
    # What is wrong with the rules keeps nobody from looking after alerts.
    number = fire(store)
    assert run("alert", "ack", str(number), *DATA).code == 0


def test_a_channel_that_cannot_be_used_is_a_mistake(run: Run, tmp_path: Path) -> None:
    (tmp_path / "baken.toml").write_text(CHANNELS.replace('kind = "email"', 'kind = "e-mail"'))
    ended = run("rules", "check", *DATA)
    assert (ended.code, ended.out) == (1, "")
    assert "mail" in ended.err
    assert "email" in ended.err


def test_the_list_of_rules(run: Run, columns: int) -> None:
    ended = run("rules", "list", *DATA)
    assert ended.code == 0
    lines = ended.out.splitlines()
    place = lines.index("HIGH_JOB_QUEUE MEDIUM")
    assert lines[place + 1] == "  frappe_queue_length > 20, over when ≤ 10 for 5m"
    assert "The documented limit" in lines[place + 2]
    found = json.loads(run("rules", "list", "--json", *DATA).out)
    keys = {"rule", "severity", "area", "condition", "for", "enabled", "reason", "source", "changed"}
    assert keys == set(found[0])
    assert len(found) == len([line for line in lines if line and not line.startswith(" ")])


def set_on_page(store: Store, name: str, values: dict[str, Any], site: str = SITE) -> None:
    with store.write() as conn:
        kept.put(conn, "rule", site, name, {"values": values}, by="els@example.test", now=clock.now())


def test_the_list_of_rules_tells_what_was_changed_on_the_page(run: Run, store: Store) -> None:
    own = {"metric": "frappe_queue_length", "above": 5, "severity": "LOW", "area": "performance", "title": "Own",
           "message": "More."}  # fmt: skip
    set_on_page(store, "HIGH_JOB_QUEUE", {"above": 99})
    set_on_page(store, "HIGH_JOB_QUEUE", {"enabled": False}, "ander.example")
    set_on_page(store, "OWN_QUEUE", own)
    set_on_page(store, "DAILY_ERRORS", {"tell": ["gone"]})
    lines = run("rules", "list", *DATA).out.splitlines()
    place = lines.index("HIGH_JOB_QUEUE MEDIUM")
    assert lines[place + 3] == "  on ander.example: switched off (set on the page by els@example.test)"
    assert lines[place + 4].startswith(f"  on {SITE}: frappe_queue_length > 99, MEDIUM (set on the page by")
    made = lines[lines.index("OWN_QUEUE (made on the page)") + 1]
    assert made.startswith(f"  on {SITE}: frappe_queue_length > 5, LOW")
    assert any("it tells gone, who can be told no more" in line for line in lines)
    found = {each["rule"]: each for each in json.loads(run("rules", "list", "--json", *DATA).out)}
    assert [each["site"] for each in found["HIGH_JOB_QUEUE"]["changed"]] == ["ander.example", SITE]
    assert found["OWN_QUEUE"]["own"]
    assert found["HIGH_CPU"]["changed"] == []


def test_a_rule_is_explained_as_it_was_changed_on_the_page(run: Run, store: Store, bench: Path) -> None:
    set_on_page(store, "HIGH_JOB_QUEUE", {"above": 99})
    set_on_page(store, "DAILY_ERRORS", {"enabled": False})
    where = ("--bench", str(bench), *DATA)
    ended = run("rules", "explain", "HIGH_JOB_QUEUE", *where)
    assert "frappe_queue_length > 99" in ended.out
    assert "set on the page by els@example.test" in ended.out
    assert "DAILY_ERRORS off" in run("rules", "explain", "DAILY_ERRORS", *where).out


def test_rules_are_tried_out(run: Run, tmp_path: Path) -> None:
    mine = next(iter(sorted((Path(__file__).parent / "alerts" / "rules").glob("*.toml"))))
    ended = run("rules", "test", str(mine), *DATA)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("ok ")
    assert run("rules", "test", "nowhere.toml", *DATA).code == 2
    (tmp_path / "bad.toml").write_text("this is no TOML")
    ended = run("rules", "test", "bad.toml", *DATA)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("baken: bad.toml: this is not valid TOML: ")
    (tmp_path / "wrong.toml").write_text(mine.read_text().replace("10x8 11x12 0x4", "10x24"))
    ended = run("rules", "test", str(mine), "wrong.toml", *DATA)
    assert (ended.code, ended.err) == (1, "")
    failed = ended.out.splitlines()
    place = next(number for number, line in enumerate(failed) if line.startswith("failed wrong.toml: "))
    assert failed[place + 1].startswith("       ")


def test_why_a_rule_fires_or_does_not(run: Run, bench: Path, store: Store) -> None:
    where = ("--bench", str(bench), *DATA)
    assert run("collect", "--once", *where).code == 0
    ended = run("rules", "explain", "members_without_customer", *where)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].split()[0] == "MEMBERS_WITHOUT_CUSTOMER"
    assert lines[0].split()[1] in ("ok", "firing", "pending")
    assert any(line.startswith("  Why this limit: ") for line in lines)
    assert any(line.startswith("  From rules.toml:") for line in lines)
    one = json.loads(run("rules", "explain", "HIGH_DISK", "--json", *where).out)
    assert one["name"] == "HIGH_DISK"
    whole = json.loads(run("rules", "explain", "--json", *where).out)
    assert len(whole) > 40
    ended = run("rules", "explain", "HIGH_DISC", *where)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "baken: there is no rule HIGH_DISC; did you mean HIGH_DISK?\n"
    assert "`baken rules list` names them" in run("rules", "explain", "qqqq", *where).err


def test_an_explanation_names_the_alert(run: Run, bench: Path, store: Store) -> None:
    from baken.history import samples
    from baken.history.samples import Cycle, Sample

    with store.write() as conn:
        found = [Sample("frappe_queue_length", (("queue", "long"),), 25.0)]
        samples.record(conn, [Cycle(SITE, clock.now(), found, {}, ["frappe_queue_length"])])
    fire(store, site=SITE)
    ended = run("rules", "explain", "HIGH_JOB_QUEUE", "--bench", str(bench), *DATA)
    assert "HIGH_JOB_QUEUE firing" in ended.out
    assert "Holds: queue long: 25 (limit 20)." in ended.out
    assert "Its alert is 1: `baken alert show 1`" in ended.out


# Alerts


def test_the_list_of_alerts_is_readable_at_any_width(run: Run, store: Store, columns: int) -> None:
    at = datetime.now(UTC) - timedelta(hours=3)
    queue = fire(store, site="leden.vereniging.example", at=at)
    disk = fire(store, "HIGH_DISK", HOST, {"mount": "/srv/a/very/long/path/that/goes/on"}, value=0.93)
    down = fire(store, "SITE_DOWN", "leden.vereniging.example", {})
    change(store, lambda act: lifecycle.acknowledge(act, disk))
    change(store, lambda act: lifecycle.suppress(act, queue, "silence:1"))
    ended = run("alert", "list", *DATA)
    assert (ended.code, ended.err) == (0, "")
    assert wide(ended) <= columns
    lines = ended.out.splitlines()
    assert lines[0].split() == ["alert", "severity", "status", "since", "title"]
    firsts = [line.split()[:3] for line in lines if line.startswith("BA-")]
    # The worst first; nothing but a title goes over several lines.
    assert firsts == [
        [f"BA-{down:06}", "CRITICAL", "Active"],
        [f"BA-{disk:06}", "HIGH", "Acknowledged"],
        [f"BA-{queue:06}", "MEDIUM", "Active"],
    ]
    indent = lines[0].index("title")
    assert all(line.startswith("BA-") or not line[:indent].strip() for line in lines[1:])
    whole = " ".join(" ".join(line[indent:].split()) for line in lines[1:])
    assert "25 jobs wait in queue long · leden.vereniging.example (held back: silence)" in whole
    assert "leden.vereniging.example does not answer Disk" in whole
    assert "…" not in ended.out
    assert _local(clock.iso(at) or "") in ended.out
    assert columns - indent >= 30


def test_the_list_can_be_narrowed_and_read_by_programs(run: Run, store: Store) -> None:
    ended = run("alert", "list", *DATA)
    assert (ended.code, ended.out) == (0, "No alerts are open.\n")
    assert run("alert", "list", "--all", *DATA).out == "There have been no alerts.\n"
    assert json.loads(run("alert", "list", "--json", *DATA).out) == []
    one, other = fire(store, site="a.example"), fire(store, site="b.example")
    host = fire(store, "HIGH_DISK", HOST, {"mount": "/"})
    change(store, lambda act: lifecycle.resolve(act, one))

    def numbers(*args: str) -> list[int]:
        return [each["number"] for each in json.loads(run("alert", "list", "--json", *args, *DATA).out)]

    assert numbers() == [host, other]
    assert numbers("--all") == [host, other, one]
    assert numbers("--site", "a.example") == [host]


def test_texts_of_others_give_the_terminal_no_commands(run: Run, store: Store) -> None:
    number = fire(store, labels={"queue": "\x1b[2J[red]x[/red]"})
    change(store, lambda act: lifecycle.comment(act, number, "one\ntwo \x1b]0;x\x07 [bold]y"))
    for args in (("alert", "list"), ("alert", "show", str(number))):
        ended = run(*args, *DATA)
        assert "\x1b" not in ended.out
        assert "\x07" not in ended.out
        assert "[red]x[/red]" in ended.out
    assert "one / two" in ended.out
    assert "[bold]y" in ended.out


def test_one_alert_with_its_trail(run: Run, store: Store, tmp_path: Path) -> None:
    from baken.settings import load

    (tmp_path / "baken.toml").write_text(CHANNELS)
    settings = load(tmp_path / "baken.toml").alerts
    number = fire(store, settings=settings)
    change(store, lambda act: lifecycle.acknowledge(act, number, "I look at it"), user="els")
    ended = run("alert", "show", "BA-000001", *DATA)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "BA-000001 MEDIUM Acknowledged"
    assert lines[1].startswith("  HIGH_JOB_QUEUE · vereniging.test · since ")
    assert lines[2] == "  25 jobs wait in queue long"
    assert lines[-3].endswith("  fired")
    assert lines[-2].endswith("  acknowledged by els: I look at it")
    assert lines[-1].startswith("  mail to beheer: waiting, due ")
    found = json.loads(run("alert", "show", "1", "--json", *DATA).out)
    assert set(found) == {"alert", "trail", "notifications"}
    for name in ("2", "BA-000002", "x", "-1"):
        ended = run("alert", "show", "--", name) if name == "-1" else run("alert", "show", name, *DATA)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == f"baken: there is no alert {name}\n"


def test_people_take_up_end_and_open_again(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "els")
    one, other = fire(store), fire(store, labels={"queue": "short"})
    ended = run("alert", "ack", str(one), "ba-000002", "--note", "I look at it", *DATA)
    assert (ended.code, ended.out, ended.err) == (0, "BA-000001 is acknowledged\nBA-000002 is acknowledged\n", "")
    assert row(store, other).acknowledged_by == "els (command line)"
    ended = run("alert", "ack", str(one), *DATA)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "baken: BA-000001 is acknowledged already, by els (command line)\n"
    # What can be done is done, and the status tells that not all of it could.
    ended = run("alert", "resolve", str(one), "77", "x", *DATA)
    assert (ended.code, ended.out) == (1, "BA-000001 is resolved\n")
    assert ended.err.splitlines() == [
        "baken: there is no alert BA-000077",
        "baken: x is no alert; give a number, or a name such as BA-000012",
    ]
    assert run("alert", "reopen", str(one), *DATA).out == "BA-000001 is open again\n"
    assert run("alert", "reopen", str(one), *DATA).code == 1
    ended = run("alert", "ack", str(one), "--note", "x" * 1001, *DATA)
    assert (ended.code, ended.err) == (2, "baken: the note has 1001 characters; at most 1000 are kept\n")
    assert row(store, one).status == "Active"
    assert run("alert", "ack", *DATA).code == 2


def test_silences(run: Run, store: Store) -> None:
    number = fire(store)
    ended = run("alert", "silence", "rule=HIGH_JOB_QUEUE", "queue=long", "--for", "90m", "-m", "an import", *DATA)
    assert ended.code == 0
    until = _local((clock.now() + timedelta(minutes=90)).isoformat())
    assert ended.out == f"silence 1 until {until}; `baken alert unsilence 1` ends it\n"
    assert row(store, number).suppressed == "silence:1"
    ended = run("alert", "unsilence", "1", *DATA)
    assert (ended.code, ended.out) == (0, "silence 1 is over\n")
    assert row(store, number).suppressed is None
    ended = run("alert", "unsilence", "1", *DATA)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("baken: silence 1 was ended already by ")


def test_a_silence_of_one_site(run: Run, store: Store) -> None:
    mine, theirs = fire(store, site="a.example"), fire(store, site="b.example")
    assert run("alert", "silence", "--site", "a.example", "-m", "a move", *DATA).code == 0
    assert (row(store, mine).suppressed, row(store, theirs).suppressed) == ("silence:1", None)
    assert run("alert", "unsilence", "1", *DATA).code == 0
    assert row(store, mine).suppressed is None


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["silence"], "say why in a comment, or name some alerts"),
        (["silence", "HIGH_DISK"], "'HIGH_DISK' is no matcher; write rule=HIGH_DISK"),
        (["silence", "=x"], "'=x' is no matcher"),
        (["silence", "rule=~(("], "is no regular expression"),
        (["silence", "rule=X", "--for", "soon"], "'soon' is no length of time; write 90s, 5m, 1h30m or 7d"),
        (["silence", "rule=X", "--for", "0s"], "lies before the present"),
        (["silence", "rule=X", "--for", "500d"], "ends within a year"),
        (["silence", "rule=X", "-m", "x" * 1001], "has 1001 characters"),
        (["unsilence", "9"], "there is no silence 9"),
        (["unsilence", "x"], "Invalid value for 'NUMBER'"),
        (["enable", "mail"], "there is no channel mail; there are: none"),
    ],
)
def test_what_cannot_be_done_is_status_2(args: list[str], told: str, run: Run, store: Store) -> None:
    ended = run("alert", *args, *DATA)
    assert (ended.code, ended.out) == (2, "")
    assert told.lower() in " ".join(ended.err.split()).lower()


def test_a_channel_is_used_again(run: Run, store: Store, tmp_path: Path) -> None:
    (tmp_path / "baken.toml").write_text(CHANNELS)
    with store.write() as conn:
        outbox.went_wrong(conn, "mail", "", "the password is refused", clock.now(), disable=True)
    assert run("alert", "enable", "mail", *DATA).out == "mail is used again\n"
    assert "was not stopped" in run("alert", "enable", "mail", *DATA).out
    assert "there is no channel post; there are: mail" in run("alert", "enable", "post", *DATA).err


def test_a_trial_without_a_collector(run: Run, store: Store, bench: Path) -> None:
    ended = run("alert", "trial", "--bench", str(bench), *DATA)
    assert ended.code == 1
    assert ended.out.startswith(
        "failed alert evaluated: nothing has been collected yet: start `baken serve`, or enable the site's scheduler"
    )
