"""What must not leave a text, what must stay readable, and that no text takes long."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.privacy import KeyProblem, Pseudonyms, bsn_valid, installation_key, mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail jan.smit67@leden.example now", "mail <email> now"),
        ("'Els.de-Vries+x@sub.vereniging.nl'", "'<email>'"),
        ("update?user=lid%40leden.example", "update?user=<email>"),
        ("iban: NL21 RABO 6780 4877 60, BIC", "iban: <iban>, BIC"),
        ("NL91ABNA0417164300", "<iban>"),
        ("IBAN NL00ABNA0417164300 has invalid check digits", "IBAN <iban> has invalid check digits"),
        ("DE89 3704 0044 0532 0130 00 and", "<iban> and"),
        ("be71096123456769", "<iban>"),
        ("+31643352705", "<phone>"),
        ("tel 06-12345678, 06 12 34 56 78 or 020 123 4567", "tel <phone>, <phone> or <phone>"),
        ("0031 6 12345678; +31 (0)6 12 34 56 78; +49 30 901820", "<phone>; <phone>; <phone>"),
        ("BSN 111222333", "BSN <bsn>"),
        ("of 123456782 is", "of <bsn> is"),
        ("bsn: 12345678", "bsn: <bsn>"),
        ("card 4111 1111 1111 1111", "card <card>"),
        ("5500005555555559 declined", "<card> declined"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "<secret>"),
        ("Authorization: Bearer abcdef123456789", "Authorization: Bearer <secret>"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic <secret>"),
        ("header token 0123456789abcde:f123456789abcde", "header token <secret>"),
        ("'Authorization': 'token 0123:456789'", "'Authorization': '<secret>'"),
        ("password=hunter2 next", "password=<secret> next"),
        ("wachtwoord: geheim", "wachtwoord: <secret>"),
        ('{"api_key": "x y z", "user": 1}', '{"api_key": "<secret>", "user": 1}'),
        ("stripe_secret_key='abc'", "stripe_secret_key='<secret>'"),
        ("update-password?key=abcdef0123&x=1", "update-password?key=<secret>&x=1"),
        ("live_dHar4XY7LxsDOtmnkVtjNVWXLSlXsM", "<secret>"),
        ("sk_live_51HqLyjWDarjtT1zdp7dc", "<secret>"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "<secret>"),
        ("AKIAIOSFODNN7EXAMPLE", "<secret>"),
        ("mysql://root:p4ss@db/x", "mysql://<secret>@db/x"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----.", "<secret>."),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "<secret>"),
        ("Dorpsstraat 12, 1234 AB Utrecht", "<address> Utrecht"),
        ("1234AB 5", "<address>"),
        ("postcode: 1234 AB", "postcode: <address>"),
        ("from 10.20.30.40:443", "from <ip>:443"),
        ("from 2001:db8::1 and fe80::1ff:fe23:4567:890a", "from <ip> and <ip>"),
        ("from 10.20.30.40.", "from <ip>."),
        ("NL91ABNA0417164300 NL69INGB0123456789", "<iban> <iban>"),
        ("IBAN NL91ABNA04171643 is too short", "IBAN <iban> is too short"),
        (":25:NL91ABNA0417164300EUR", ":25:<iban>EUR"),
        ("0470/12.34.56, 0151 12345678, (202) 555-0143", "<phone>, <phone>, <phone>"),
        ("+31 6 12345678 15.51.4", "<phone> 15.51.4"),
        ("a,111222333,2026", "a,<bsn>,2026"),
        ("mysql -u root -pGeheim12 site", "mysql -u root -p<secret> site"),
        ('Authorization: Digest username="x", response="0a1b2c"', "Authorization: Digest <secret>"),
        ("Cookie: sid=0123456789abcdef; system_user=yes", "Cookie: sid=<secret>; system_user=yes"),
        ("auth=('api', 'geheim12')", "auth=(<secret>)"),
        ("met wachtwoord Welkom01!", "met wachtwoord <secret>"),
        ("https://hooks.slack.com/services/T0/B0/abc123", "https://hooks.slack.com/services/<secret>"),
        ("row $2b$12$abcdefghijklmnopqrstuv", "row <secret>"),
        ("jan%2540x.example", "<email>"),
        ("%22password%22%3A%22geheim12%22", "%22password%22%3A%22<secret>%22"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "ACC-SINV-2026-00012 Assoc-Member-2026-11-0058 MEMB-2026-0001 ACC-PAY-2026-00123-1",
        "2026-11-22 17:55:31.441402 01-01-2018 12:00 06-01-2018 12:00:01 20261122T175531Z 22/11/2026",
        "€ 1.234,56 EUR 12,345.67 0.10 1792159682.2564135 12345",
        "Frappe 15.55.1, ERPNext v15.90.1, Chrome/120.0.0.0, Python 3.11.7",
        "Error getting session token: Password not found for E-Boekhouden Settings api_token",
        "KeyError: 'token' KeyError('api_secret') password = None token=''",
        "CSRF validation failed: object is not bound",
        "Basic authentication failed for the user",
        "SELECT name FROM tabMember LIMIT 1000 OR x",
        "(1205, 'Lock wait timeout exceeded; try restarting transaction')",
        "127.0.0.1:11000 ::1 0.0.0.0 12:34:56 x[::2] std::vector",
        "<function pay at 0x7f856b69a263> 37d407822d a1b2c3d4e5",
        "perf_job_1795366666_4593a073 line 123456789:1",
        "@frappe.whitelist() def f(): pass",
        "react@18.2.0 icon@2x.png akka.tcp://sparkDriver@node",
        "password_reset_at=2026-01-01 token_type: bearer max_tokens=4096",
        "081110 010354 5184 INFO 002041 4863 [0701/114930:WARNING]",
        "version 15.55.1.2 limit=40 LIKE '%abc%' C:\\new\\table",
        "postcodes 1000-1099 BIC RABONL2U order 123456789",
    ],
)
def test_what_stays(text: str) -> None:
    assert mask(text) == text


@given(st.text(alphabet="aA0129 @.:-_/=+'\"<>()\n%eyJBNL", max_size=300))
@settings(max_examples=300, deadline=None)
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@given(st.integers(0, 10**10 - 1), st.sampled_from(["ABNA", "RABO", "INGB", "TRIO"]), st.text(max_size=20))
def test_every_iban_of_the_netherlands_is_masked(account: int, bank: str, around: str) -> None:
    digits = "".join(str(int(character, 36)) for character in f"{bank}{account:010}NL00")
    iban = f"NL{98 - int(digits) % 97:02}{bank}{account:010}"
    assert iban not in mask(f"{around} {iban} {around}")
    spaced = " ".join(iban[start : start + 4] for start in range(0, 18, 4))
    assert spaced not in mask(f"{around} {spaced}, {around}")


@given(st.integers(10_000_000, 999_999_999))
def test_a_bsn_is_masked_and_another_number_is_not(number: int) -> None:
    text = f"{number:09}"
    assert (mask(f"of {text} is") == "of <bsn> is") == bsn_valid(text)


HOSTILE = [
    "a", "@", "a@", "a@a.", "eyJ-", "eyJa.", "1 ", "NL12 ", "password=", "password='", "password: ", "://a:", "://a@",
    "+31", "06-", "0 ", "1234 AB ", "Straat a b c 1 ", "1.1.1.", "a:", ":", "Bearer ", "A1-", "-----BEGIN ", "token",
    "pass-word_", "\\'", "Aa ", "4 ", "AA00", "secret_", "secret ", "=", "sk_live_", "123456782", "bsn 1", "%40",
    "a%40",     "'", '"', "é", "gAAAAA", "{", "<", "\n", "\t ", "Token a",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_texts_take_no_longer_than_friendly_ones(unit: str) -> None:
    # Four times the text may take about four times as long; a rule that looks back takes sixteen times.
    short, long = (unit * (size // len(unit)) for size in (40_000, 160_000))
    # What else the machine does may stretch one of both: it is so each time where a rule looks back.
    assert any(_seconds(long) < 8 * _seconds(short) + 0.15 for _ in range(5))


def _seconds(text: str) -> float:
    taken = []
    for _ in range(2):
        started = time.process_time()
        mask(text)
        taken.append(time.process_time() - started)
    return min(taken)


def test_pseudonyms_are_stable_and_keyed() -> None:
    first, second = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
    assert first.of("user", "Els@x.nl") == first.of("user", "els@x.nl ")
    assert first.of("user", "els@x.nl") != second.of("user", "els@x.nl")
    assert first.of("user", "els@x.nl") != first.of("member", "els@x.nl")
    assert first.of("user", "els@x.nl").startswith("user-")
    assert len(first.of("user", "els@x.nl")) == 21
    with pytest.raises(ValueError, match="32 bytes"):
        Pseudonyms(b"short")


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    key = installation_key(folder)
    assert len(key) == 32
    assert installation_key(folder) == key
    file = folder / "installation.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(folder.iterdir()) == [file]


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    code = f"from baken.privacy import *; print(installation_key(Path({str(tmp_path / 'd')!r})).hex())"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate()[0] for process in running}) == 1


def test_a_key_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    (tmp_path / "installation.key").write_bytes(b"short")
    with pytest.raises(KeyProblem, match="5 bytes instead of 32"):
        installation_key(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyProblem, match="cannot be read or made"):
        installation_key(tmp_path / "file")
    (tmp_path / "folder" / "installation.key").mkdir(parents=True)
    with pytest.raises(KeyProblem, match="cannot be read or made"):
        installation_key(tmp_path / "folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_of_somebody_else_is_explained(tmp_path: Path) -> None:
    installation_key(tmp_path)
    (tmp_path / "installation.key").chmod(0)
    with pytest.raises(KeyProblem, match="Permission denied"):
        installation_key(tmp_path)
