"""The commands `baken errors …` as other programs use them: over pipes, line by line."""

import json
import subprocess
import sys
from typing import Any

import pytest

TRACEBACK = """Traceback with variables (most recent call last):
  File "apps/frappe/frappe/app.py", line {line}, in application
    response = frappe.api.handle(request)
      request = <Request 'http://127.0.0.1/api/method/x' [POST]>
  File "{bench}apps/verenigingen/verenigingen/utils/payments.py", line {line}, in pay
    frappe.throw(text)
      password = '{secret}'
frappe.exceptions.ValidationError: Invoice {invoice} of {mail} is not paid"""


def errors(command: str, lines: list[Any], *options: str) -> "subprocess.CompletedProcess[bytes]":
    text = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    return subprocess.run(
        [sys.executable, "-m", "baken.cli", "errors", command, *options], input=text, capture_output=True, check=False
    )


def answers(done: "subprocess.CompletedProcess[bytes]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def traceback(**values: str) -> str:
    given = {
        "line": "12",
        "bench": "",
        "secret": "hunter2",
        "invoice": "ACC-SINV-2026-00001",
        "mail": "jan@x.example",
    }
    return TRACEBACK.format(**given | values)


def test_texts_come_back_in_order_with_their_pattern() -> None:
    other = traceback(line="99", bench="/home/x/bench/", secret="y", invoice="ACC-SINV-2020-00731", mail="a@b.example")
    lines = [
        {"id": "a", "text": traceback(), "method": "verenigingen.utils.payments.pay"},
        {"text": "Nov 22 10:00:01 host sshd[812]: Failed password for root from 192.0.2.7 port 4022 ssh2"},
        {"id": None, "text": other, "method": "verenigingen.utils.payments.pay"},
        {"id": 7, "text": "Nov 23 11:30:59 host sshd[99]: Failed password for root from 198.51.100.9 port 51 ssh2"},
        {"id": "empty", "text": ""},
    ]
    done = errors("fingerprint", lines)
    found = answers(done)
    assert done.returncode == 0, done.stderr
    assert [each["id"] for each in found] == ["a", 2, None, 7, "empty"]
    assert found[0]["pattern"] == found[2]["pattern"]
    assert found[1]["pattern"] == found[3]["pattern"]
    assert len({each["pattern"] for each in found}) == 3
    assert set(found[0]) == {"id", "pattern", "template", "exception", "category", "severity", "area"}
    assert found[0]["exception"] == "frappe.exceptions.ValidationError"
    assert "ACC-SINV" not in found[0]["template"]


def test_why_is_told_when_asked() -> None:
    (found,) = answers(errors("fingerprint", [{"text": traceback()}], "--why"))
    assert "ValidationError" in found["why"]
    assert found["frames"] == ["verenigingen.utils.payments:pay"]


def test_scrubbed_texts_tell_of_nobody() -> None:
    lines = [
        {"id": 1, "text": traceback(), "method": "x"},
        {
            "id": 2,
            "text": "2026-11-22 10:00 login of jan@x.example with NL91 ABNA 0417 1643 00 refused, job 12, 15.55.1",
        },
    ]
    first, second = answers(errors("scrub", lines))
    assert "hunter2" not in first["text"]
    assert "jan@x.example" not in first["text"] + second["text"]
    assert "0417" not in second["text"]
    assert "ACC-SINV-2026-00001" in first["text"]
    assert second["text"].startswith("2026-11-22 10:00 login of <email>")
    assert second["text"].endswith("refused, job 12, 15.55.1")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{broken", "line 2 is not JSON"),
        (b"[1]", "no JSON object"),
        (b'{"id": NaN, "text": "x"}', "line 2 is not JSON"),
        (b'{"text": ' + b"[" * 50_000, "line 2 is not JSON"),
        (b'{"id": 1}', 'no "text"'),
        (b'{"id": 1, "text": 5}', 'no "text"'),
        (b'{"text": "a", "method": 5}', '"method" of line 2'),
    ],
)
def test_a_line_that_cannot_be_read_is_told_and_the_others_go_on(line: bytes, told: str) -> None:
    done = errors("fingerprint", [{"text": "one"}, line, {"text": "three"}])
    found = answers(done)
    assert done.returncode == 1
    assert told in found[1]["error"]
    assert "pattern" in found[0]
    assert found[2]["id"] == 3
    assert b"Traceback" not in done.stderr


def test_odd_bytes_and_lone_surrogates_are_no_reason_to_stop() -> None:
    done = errors("fingerprint", [b'{"text": "caf\xe9 \\ud800 broken"}', b"", {"text": "nul \x00"}])
    assert [len(each["pattern"]) for each in answers(done)] == [16, 16]
    assert done.returncode == 0


def test_ids_and_titles_with_half_a_letter_come_back_as_they_were() -> None:
    done = errors("scrub", [b'{"id": "a\\ud800", "text": "x"}', b'{"id": 2, "text": "", "method": "m\\udfff"}'])
    assert answers(done) == [{"id": "a\ud800", "text": "x"}, {"id": 2, "text": "m\udfff"}]
    assert done.returncode == 0


def test_answers_come_while_the_input_is_still_open() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "baken.cli", "errors", "scrub"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(2):
        process.stdin.write(json.dumps({"id": number, "text": "x"}).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"id": number, "text": "x"}
    # Whoever reads goes away first.
    process.stdout.close()
    process.stdin.write(b'{"text": "y"}\n' * 2000)
    process.stdin.close()
    assert process.wait(timeout=90) == 1
