"""What a Sentry SDK sends becomes the pattern of what Frappe files of the same failure, and tells nobody's data."""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken import clock
from baken.errors import counts, sentry, sentry_envelope
from baken.errors.event import SENTRY, Event
from baken.errors.fingerprint import fingerprint_text
from baken.errors.scrub import scrub
from baken.errors.sentry import Sent
from baken.errors.sentry_envelope import Malformed, TooBig
from tests.errors.sentry_site import Caught, failing, filed, filed_with_variables, make_app, sdk, sent_of

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def app(folder: Path) -> ModuleType:
    return make_app(folder)


def read(body: bytes, now: datetime | None = None) -> list[Sent]:
    return sentry.errors(sentry_envelope.read(body), now or datetime.now(UTC))


def test_the_same_pattern_whichever_source_shows_the_failure(app: ModuleType, folder: Path) -> None:
    for work in app.WAYS:
        body, error = sent_of(work)
        (sent,) = read(body)
        own = fingerprint_text(sent.event.method, sent.event.error)
        job, title = filed(error, folder), str(error)[:140]
        assert own.pattern == fingerprint_text(title, job).pattern, (work.__name__, sent.event.error)
        assert own.pattern == fingerprint_text(title, filed_with_variables(error, folder)).pattern, work.__name__
        assert own.frames == fingerprint_text(title, job).frames


def test_the_failures_are_read_as_python_writes_them(app: ModuleType, folder: Path) -> None:
    for work in (*app.WAYS, app.group):
        if work is app.deep:
            # Python writes the calls that repeat once.
            continue
        body, error = sent_of(work)
        (sent,) = read(body)
        theirs = scrub(None, "".join(filed(error, folder))).failures
        ours = scrub(None, (sent.event.error or "").replace(f"{folder}/", "")).failures
        assert ours == theirs, work.__name__


def test_what_is_not_looked_at_is_not_there(app: ModuleType) -> None:
    body, _ = sent_of(app.divide, "jan@leden.example")
    assert b"hunter2" in body
    (sent,) = read(body)
    assert "hunter2" not in repr(sent.event)
    (found,) = counts.digest([sent.event], {})
    assert "jan@leden.example" not in repr(found.scrubbed) + repr(found.chain)


def test_who_where_and_when(app: ModuleType) -> None:
    caught = Caught()
    with sdk(caught) as scope:
        scope.set_extra("job", {"uuid": "logs.example::1", "scheduled": False, "kwargs": {"password": "hunter2"}})
        scope.set_transaction_name("verenigingen.utils.payments.pay")
        scope.capture_exception(failing(app.divide))
    (sent,) = read(caught.bodies[0])
    event = sent.event
    assert (sent.site, sent.release, sent.sdk.split()[0]) == ("logs.example", "15.55.1", "sentry.python")
    assert (event.source, event.user, event.job) == (SENTRY, "jan@leden.example", "verenigingen.utils.payments.pay")
    assert event.method == "verenigingen.utils.payments.pay"
    assert len(event.name) == 32
    (found,) = counts.digest([event], {})
    assert found.component == "worker"
    assert abs(sent.clock - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_message_is_a_title_and_a_text() -> None:
    caught = Caught()
    with sdk(caught) as scope:
        scope.capture_message("Mollie webhook\nPayment tr_1 is not known", level="error")
        scope.capture_message("all is well", level="info")
    assert len(caught.bodies) == 2
    (sent,) = read(caught.bodies[0])
    assert (sent.event.method, sent.event.error) == ("Mollie webhook", "Payment tr_1 is not known")
    assert read(caught.bodies[1]) == []


def event(**more: Any) -> dict[str, Any]:
    values = [{"type": "ValueError", "value": "no", "stacktrace": {"frames": [{"filename": "a.py", "function": "f"}]}}]
    return {"event_id": "0" * 32, "platform": "python", "exception": {"values": values}, **more}


def envelope(*events: dict[str, Any], **headers: Any) -> bytes:
    lines = [json.dumps({"event_id": "0" * 32, **headers})]
    for each in events:
        payload = json.dumps(each)
        lines += [json.dumps({"type": "event", "length": len(payload.encode())}), payload]
    return "\n".join(lines).encode()


@pytest.mark.parametrize("minutes", [-90, 90, 0])
def test_a_clock_that_is_wrong(minutes: int) -> None:
    now = datetime(2026, 7, 1, 12, tzinfo=UTC)
    theirs = now + timedelta(minutes=minutes)
    happened = theirs - timedelta(seconds=20)
    body = envelope(event(timestamp=happened.isoformat()), sent_at=theirs.isoformat().replace("+00:00", "Z"))
    (sent,) = read(body, now)
    assert sent.event.at == now - timedelta(seconds=20)
    # The rows of the same failure are dated by the same clock.
    assert sent.clock == min(happened, now)


@pytest.mark.parametrize(
    "given", [None, "yesterday", 1e300, -1e300, 0, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", [], True]
)
def test_a_moment_that_is_none(given: Any) -> None:
    now = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for body in (
        envelope(event(timestamp=given), sent_at=given),
        envelope(event(timestamp=now.timestamp()), sent_at=given),
    ):
        (sent,) = read(body, now)
        assert (sent.event.at, sent.clock) == (now, now)


def test_who_sends_is_kept_without_persons() -> None:
    given = {"level": "error", "message": "x", "release": "frappe@15.55.1", "sdk": {"name": "jan@leden.example"}}
    found = sentry.error(given, {}, clock.now())
    assert found is not None and (found.release, found.sdk) == ("frappe@15.55.1", "<email>")
    found = sentry.error({**given, "release": "jan@leden.example"}, {}, clock.now())
    assert found is not None and found.release == "<email>"


def test_what_the_sdk_sends_that_frappe_15_has() -> None:
    """Made by sentry-sdk 1.37.1, which sends events without envelopes, and cuts what is long."""
    found = json.loads((Path(__file__).parent / "sentry_1_37_1.json").read_text())
    failed, message = (sentry.error(each, {}, datetime.now(UTC)) for each in found["events"])
    assert failed is not None and message is not None
    filed = fingerprint_text("verenigingen.utils.payments.pay", found["traceback"])
    assert fingerprint_text(failed.event.method, failed.event.error) == filed
    assert (failed.site, failed.event.user, failed.sdk) == ("logs.example", "jan@leden.example", "sentry.python 1.37.1")
    (occurrence,) = counts.digest([failed.event], {})
    assert occurrence.component == "worker"
    assert (message.event.method, str(message.event.error)[-7:]) == ("Bank import", "line...")


def test_an_error_of_a_browser() -> None:
    frames = [
        {"filename": "https://x.example/assets/frappe/dist/js/desk.bundle.ABCD1234.js", "function": "?", "lineno": 1},
        {"filename": "https://x.example/assets/app/js/pay.js", "function": "Form.pay", "lineno": 12, "colno": 5},
    ]
    values = [{"type": "TypeError", "value": "x is undefined", "stacktrace": {"frames": frames}}]
    (sent,) = read(envelope(event(platform="javascript", exception={"values": values}, user={"id": "a.example"})))
    theirs = (
        "TypeError: x is undefined\n    at Form.pay (https://x.example/assets/app/js/pay.js:12:5)\n"
        "    at https://x.example/assets/frappe/dist/js/desk.bundle.ABCD1234.js:1"
    )
    assert sent.event.error == theirs
    (found,) = counts.digest([sent.event], {})
    assert found.component == "browser"


def test_items_without_length_and_items_of_other_kinds() -> None:
    body = b'{}\n{"type":"session"}\n{"sid":"x"}\n{"type":"event"}\n' + json.dumps(event()).encode()
    body += b'\n{"type":"attachment","length":3}\n\n\n\n\n{"type":"client_report"}\n{}\n'
    assert len(read(body)) == 1
    assert read(b'{"event_id":"1"}\n{"type":"transaction"}\n{"type":"transaction"}') == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n", b"[]", b"{", b"{}\n[]", b'{}\n{"type":"event","length":99}\n{}',
        b'{}\n{"type":"event","length":-1}\n',
        b'{}\n{"type":"event","length":true}\n{}', b'{}\n{"type":"event"}\n[]', b"[" * 100_000, b"{" + b"x" * 30_000,
        b'{}\n{"type":"event"}\n' + b'{"a":' * 50_000, b'{}\n{"type":"event"}\n{"a":' + b"1" * 5000 + b"}",
        b"{}\n" + b'{"type":"event"}\n{}\n' * 11, b"{}\n" + b'{"type":"x"}\n\n' * 101,
    ],
)  # fmt: skip
def test_what_is_no_envelope(body: bytes) -> None:
    with pytest.raises(Malformed):
        sentry_envelope.read(body)


def _raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "Deflate": _raw, "identity": bytes,
    "": bytes, "br": lambda data: bytes(cramjam.brotli.compress(data)),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKERS)
def test_packed(name: str) -> None:
    for size in (0, 10, 300_000):
        data = random.Random(size).randbytes(size // 2) + b"x" * (size - size // 2)
        assert sentry_envelope.unpack(PACKERS[name](data), name) == data


@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
def test_a_bomb(name: str) -> None:
    bomb = PACKERS[name](bytes(60_000_000))
    with pytest.raises((TooBig, Malformed)):
        sentry_envelope.unpack(bomb, name)
    with pytest.raises((TooBig, Malformed)):
        sentry_envelope.unpack(bomb[: len(bomb) // 2], f"{name}, gzip")
    with pytest.raises(Malformed):
        sentry_envelope.unpack(b"not packed", name)


def test_an_event_that_is_too_big() -> None:
    with pytest.raises(TooBig):
        sentry_envelope.read(envelope(event(extra={"x": "y" * sentry_envelope.MOST_EVENT})))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["\ud800", "\x00", 'a"\n  File "b", line 1, in c', "__cause__", "exceptions[0]"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["values", "type", "value", "module", "stacktrace", "frames", "filename", "abs_path", "function",
         "context_line", "lineno", "colno", "mechanism", "source", "exception_id", "parent_id", "id", "email", "job",
         "uuid", "scheduled", "frappe_user", "site", "formatted", "message", "name", "version"]
    ), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
FIELDS = [
    "exception", "message", "logentry", "user", "tags", "extra", "timestamp", "transaction", "event_id", "level",
    "type", "platform", "request", "release", "sdk",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8),
    st.dictionaries(st.sampled_from(["sent_at", "sdk"]), JSON),
)
def test_whatever_an_event_holds(body: dict[str, Any], headers: dict[str, Any]) -> None:
    found = sentry.error(body, headers, NOW)
    if found is None:
        return
    assert isinstance(found.event, Event)
    for text in (found.event.method, found.event.error, found.event.user, found.event.name, found.site):
        assert text is None or "\x00" not in text.encode().decode()
    assert NOW - sentry.KEPT <= found.event.at <= NOW
    assert found.clock <= NOW
    counts.digest([found.event], {})


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda rest: envelope(event()) + b"\n" + rest))
def test_whatever_bytes_come(body: bytes) -> None:
    try:
        read(body)
    except (Malformed, TooBig):
        return
