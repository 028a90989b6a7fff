"""The leak scan finds every kind of credential among the variables of a traceback, and nothing where there is none."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.errors.leaks import KINDS, find
from tests.errors.logs import traceback

HEX = "0123456789abcdef"
LETTERS = "aB3dE5fG7hI9jK1lM2nO4pQ6"
LEAKS = [
    ("password", "password = 'Zomer2026!'"),
    ("password", "kwargs = {'new_password': 'Zomer2026!', 'logout_all_sessions': 1}"),
    ("password", "conf = {'db_password': 'x7Yq2pLw'}"),
    ("password", "DB_PASSWORD = 'x7Yq2pLw'"),
    ("password", 'body = {"wachtwoord": "geheim12"}'),
    ("authorization_header", f"headers = {{'Authorization': 'token {HEX[:15]}:{HEX[:15]}'}}"),
    ("authorization_header", f'headers = {{"authorization": "Bearer {LETTERS}"}}'),
    ("authorization_header", "header = 'Authorization: Basic amFuOlpvbWVyMjAyNiE='"),
    ("api_secret", f"settings = _dict(stripe_secret_key='{LETTERS}')"),
    ("api_secret", f"api_secret = '{HEX[:15]}'"),
    ("api_secret", f"x = {{'encryption_key': '{LETTERS}='}}"),
    ("token", f"access_token = '{LETTERS}'"),
    ("token", f"data = {{'csrf_token': '{HEX * 3}'}}"),
    ("jwt", f"x = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIi{LETTERS}.{LETTERS}'"),
    ("private_key", f"key = '-----BEGIN RSA PRIVATE KEY-----\\n{LETTERS}{LETTERS}\\n-----END RSA PRIVATE KEY-----'"),
    ("url_password", "url = 'redis://:x7Yq2pLw@redis-cache:13000'"),
    ("url_password", "dsn = 'mysql://frappe:x7Yq2pLw@db/site'"),
    ("service_key", f"x = 'sk_live_{LETTERS}'"),
    ("service_key", f"x = 'live_{LETTERS}{LETTERS}'"),
    ("service_key", f"x = 'ghp_{LETTERS}{LETTERS}'"),
    ("service_key", "x = 'AKIAIOSFODNN7QWERTYU'"),
    ("service_key", f"x = 'AIza{LETTERS}{LETTERS}'"),
    ("service_key", f"x = 'SG.{LETTERS}.{LETTERS}'"),
    ("service_key", f"x = 'xoxb-1234567890-{LETTERS}'"),
    ("service_key", f"x = 'gAAAAAB{LETTERS}{LETTERS}=='"),
    ("service_key", f"x = 'https://hooks.slack.com/services/T0/B0/{LETTERS}'"),
    ("password_hash", f"row = ('x', '$pbkdf2-sha256$29000${LETTERS}${LETTERS}')"),
    ("password_hash", f"x = '$2b$12${LETTERS}{LETTERS}'"),
    ("one_time_link", f"link = 'https://x.example/update-password?key={HEX}{HEX}'"),
    ("session_cookie", f"environ = {{'HTTP_COOKIE': 'full_name=x; sid={HEX * 3}; user_id=x'}}"),
    ("session_cookie", f"session = {{'user': 'x', 'sid': '{HEX * 3}'}}"),
]


def _row(variable: str) -> str:
    return traceback("builtins.ValueError", "wrong", secret="********").replace(
        "      member = ", f"      {variable}\n      member = "
    )


@pytest.mark.parametrize(("kind", "variable"), LEAKS)
def test_every_kind_is_found_among_variables(kind: str, variable: str) -> None:
    assert kind in find(_row(variable))
    assert kind in KINDS
    value = max(variable.replace("'", " ").split(), key=len)
    assert not any(value in told for told in find(_row(variable)))


def test_all_kinds_are_tried() -> None:
    assert {kind for kind, _ in LEAKS} == set(KINDS)


@pytest.mark.parametrize(
    "variable",
    [
        "password = '********'", "password = None", "password = ''", "api_secret = '<secret>'", "token = 'xxxxxxxx'",
        "password = 'your-password'", "api_key = 'changeme'", "kwargs = {'pwd': '*****'}", "token = Token('name', 3)",
        "fieldname = 'api_secret'", "password = get_password('api_key')", "cookie = <SimpleCookie: >",
        "token_type = 'Bearer'", "password_reset_at = '2026-01-01 10:00:00'", "key = 'ACC-SINV-2026-00012'",
        "url = 'https://x.example/a@b'", "url = 'https://jan@x.example'", "sid = 'Guest'",
        "headers = {'Authorization': None}",
        "doc = <SalesInvoice: ACC-SINV-2026-00012>", "u = '/app?key=short'",
        "cache_key = 'user_permissions:els@x.example'", "task_name = 'x'",
        "message = 'Password not found for E-Boekhouden Settings api_token'", "secretary = 'Jan de Vries'",
        "amount = '$100'", "authorized = True", "cookies = {}", "tokens = 1200", "csrf_token = None",
        "x = '-----BEGIN CERTIFICATE-----\\nMIIE'",
    ],
)  # fmt: skip
def test_what_is_no_live_credential_is_not_found(variable: str) -> None:
    assert find(_row(variable)) == frozenset()


@given(st.text(alphabet="kwzeKWZBJG$v_xg@ -:='\"sidcoretpa{}\n", max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_scanned(text: str) -> None:
    assert find(text) <= set(KINDS)


@pytest.mark.parametrize(
    "unit",
    ["password=", "token ", "k-", "sk_", "secret:", "w", "@", "://a@", "$2", "Bearer ", "cookie=", "eyJ", "sid='"],
)
def test_hostile_texts_take_no_longer_than_friendly_ones(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        find(text)
        return time.process_time() - started

    # What else the machine does may stretch one of both: it is so each time where a rule looks back.
    assert any(seconds(20_000) < 8 * seconds(5_000) + 0.15 for _ in range(5))
