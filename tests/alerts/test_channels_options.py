"""Channels in general: how they are found, and what their settings must be."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from baken.alerts import channels
from baken.alerts.channels import ChannelProblem, Context
from baken.alerts.message import Undelivered
from baken.settings import Channel, Recipient
from tests.alerts.news import message


def channel(kind: str, name: str = "one", **options: Any) -> Channel:
    """A channel as the settings have it."""
    return Channel.model_validate({"name": name, "kind": kind, **options})


def recipient(channel_name: str, to: str = "") -> Recipient:
    """Somebody who is told over a channel."""
    return Recipient(name="board", channel=channel_name, to=to)


def test_every_file_is_a_kind_with_all_that_one_needs() -> None:
    folder = Path(channels.__file__).parent
    assert set(channels.KINDS) == {file.stem for file in folder.glob("*.py")} - {"__init__", "http", "push"}
    assert set(channels.KINDS) == {
        "apprise", "email", "ntfy", "slack", "system_alert", "teams", "telegram", "webhook",
    }  # fmt: skip
    for kind in channels.KINDS:
        module = channels.module(kind)
        assert len(module.HELP) > 100
        assert all(field.description for field in module.Options.model_fields.values())


@pytest.mark.parametrize("kind", ["emial", "http", "../email", "__init__", ""])
def test_an_unknown_kind(kind: str) -> None:
    with pytest.raises(ChannelProblem, match="there is no kind of channel") as problem:
        channels.module(kind)
    if kind == "emial":
        assert str(problem.value) == "there is no kind of channel 'emial'; did you mean email?"


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("tk_secret\n")
    found: Any = channels.options(channel("ntfy", token_file=str(file)))
    assert found.token.get_secret_value() == "tk_secret"
    file.write_text("https://hooks.example.org/services/x")
    found = channels.options(channel("slack", url_file=file))
    assert found.url.get_secret_value() == "https://hooks.example.org/services/x"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"token_file": "{folder}/none"}, "channel one: token_file {folder}/none cannot be read: No such file"),
        ({"token_file": "{folder}/empty"}, "token_file {folder}/empty is empty"),
        ({"token_file": "{folder}/full", "token": "tk_x"}, "give token or token_file, not both"),
        ({"url_file": "{folder}/full"}, "unknown option url_file"),
        ({"tokne_file": "{folder}/full"}, "unknown option tokne_file; did you mean token_file?"),
    ],
)
def test_files_of_secrets_that_cannot_be_used(tmp_path: Path, options: dict[str, str], said: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "full").write_text("tk_hidden")
    given = {name: value.format(folder=tmp_path) for name, value in options.items()}
    with pytest.raises(ChannelProblem) as problem:
        channels.options(channel("ntfy", **given))
    assert said.format(folder=tmp_path) in str(problem.value)
    assert "tk_hidden" not in str(problem.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ChannelProblem) as problem:
        channels.check(
            [channel("webhook", "a"), channel("fax", "b"), channel("ntfy", "c"), channel("ntfy", "c")],
            [recipient("c"), recipient("d", "x"), recipient("c", "topic")],
        )
    said = str(problem.value)
    for part in (
        "channel a: option url is missing", "channel b: there is no kind of channel 'fax'", "channel c is there twice",
        "recipient board: channel c needs `to`", "recipient board: there is no channel 'd'",
    ):  # fmt: skip
        assert part in said
    assert said.count("needs `to`") == 1


def test_settings_that_work_are_fine() -> None:
    channels.check(
        [
            channel("email", "mail", host="mail.example.org", sender="baken@example.org"),
            channel("slack", "chat", url="https://hooks.example.org/services/x"),
        ],
        [recipient("mail", "board@example.org"), recipient("chat")],
    )


def test_a_channel_with_unusable_settings_delivers_nothing() -> None:
    with pytest.raises(Undelivered, match="option url is missing") as problem:
        channels.send(channel("webhook"), "", message(), Context())
    assert (problem.value.permanent, problem.value.whom) == (True, "channel")


def test_what_is_secret_does_not_show() -> None:
    found = channels.options(channel("telegram", token="123:AAsecret"))
    assert "AAsecret" not in repr(found) + str(found)


def test_the_heavy_libraries_are_read_when_something_is_sent_and_not_before() -> None:
    script = (
        "import sys; from baken.alerts import channels, words, letter, brief, chart; "
        "[channels.module(kind) for kind in channels.KINDS]; "
        "print(sorted({'httpx', 'jinja2', 'PIL', 'apprise'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
