"""Tells which kinds of live credentials stand in the raw text of an Error Log row, without telling the credentials.

Frappe writes the variables of every frame into its Error Log, and leaves out those only whose name it knows. What is
found here stands in the site's database, its backups and wherever the log is sent to.
"""

import re
from collections.abc import Callable

from baken import credentials
from baken.credentials import HASH, JWT, NAMED, SCHEME, SHAPE, USERINFO, WEBHOOK

KINDS = {
    "authorization_header": "Authorization header",
    "password": "password",
    "api_secret": "API key or secret",
    "token": "token",
    "jwt": "JSON Web Token",
    "private_key": "private key",
    "url_password": "password in a URL",
    "service_key": "key of a known service",
    "password_hash": "hash of a password",
    "session_cookie": "session cookie",
    "one_time_link": "link that sets a password",
}
"""What `find` tells apart: kind and what it is called."""

KINDS_NL = {
    "authorization_header": "Authorization-header",
    "password": "wachtwoord",
    "api_secret": "API-sleutel of -geheim",
    "token": "token",
    "jwt": "JSON Web Token",
    "private_key": "privésleutel",
    "url_password": "wachtwoord in een URL",
    "service_key": "sleutel van een bekende dienst",
    "password_hash": "hash van een wachtwoord",
    "session_cookie": "sessiecookie",
    "one_time_link": "link waarmee een wachtwoord wordt ingesteld",
}
"""What the kinds are called in Dutch."""

# How far behind a sign its value may end, in characters.
_BEHIND = 700
_PLACEHOLDER = re.compile(
    r"(?i)(?:your|my|the|some|an?|insert|enter|new|old|current|confirm)[ _-].*"
    r"|.*(?:example|placeholder|dummy|sample|redacted|changeme|change[_-]me|not set|todo).*|(.)\1*|test\w{0,4}"
    r"|(?:pass(?:word|wd)?|secret|token|key|api_?key|api_?secret)s?|\W*"
)
Check = Callable[[str, int, set[str]], None]
_CODE_LIKE = re.compile(r"[A-Za-z_][A-Za-z_.]*\(?\)?|/.*|[\w.-]+/[\w./-]+|https?://.*")
_LINK_KEY = re.compile(r"key=([\w-]{16,200})")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{20}")
_COOKIE_VALUE = re.compile(r"(?i)cookie.{0,5}?[:=].{0,400}?\b(?:sid|session\w{0,10})=([^;,\s\"']{16,200})", re.DOTALL)


def find(text: str) -> frozenset[str]:
    """The kinds (keys of KINDS) of live credentials in `text`; what is empty, masked or a placeholder is none."""
    found: set[str] = set()
    for letter, sign, check in _SIGNS:
        if letter in text:
            for match in sign.finditer(text):
                check(text, match.start(), found)
    return frozenset(found)


def _live(value: str) -> bool:
    return len(value) >= 4 and credentials.secret_value(value) and not _PLACEHOLDER.fullmatch(value)


def _named(text: str, at: int, found: set[str]) -> None:
    """A value under a name that has one of its letters at `at`."""
    for start in range(max(0, at - 12), at + 1):
        # Names of secrets begin with these.
        if text[start] in _INITIALS and (match := NAMED.match(text, start, at + _BEHIND)):
            break
    else:
        return
    place = credentials.named_value(match)
    if place is None:
        return
    value = text[place[0] : place[1]]
    kind = _kind((match[1] or match[2] or "").lower())
    if value.count(" ") > 1 and kind != "authorization_header":
        # A sentence.
        return
    if _live(value) and (kind == "password" or _telling(value, kind)):
        found.add(kind)


def _kind(name: str) -> str:
    if name.startswith(("pass", "pw", "wachtw")):
        return "password"
    if name.startswith("authori"):
        return "authorization_header"
    if name.startswith(("cookie", "session", "sid")):
        return "session_cookie"
    return "token" if name.startswith(("token", "jwt", "csrf")) else "api_secret"


def _telling(value: str, kind: str) -> bool:
    """Whether a value looks like a secret, where its name alone does not tell."""
    if kind == "authorization_header":
        return len(value) >= (12 if " " in value else 20)
    if _CODE_LIKE.fullmatch(value) and not any(sign.isdigit() for sign in value):
        return len(value) >= 24 and "_" not in value and "." not in value and "/" not in value
    return len(value) >= 8 and (credentials.random_looking(value) or len(value) >= 16)


def _scheme(text: str, at: int, found: set[str]) -> None:
    match = SCHEME.match(text, at, at + _BEHIND)
    if match and credentials.scheme_holds(match) and _live(match[3]):
        found.add("authorization_header")


def _uncommon(text: str, at: int, found: set[str]) -> None:
    """Authorization: with any scheme, or a key that begins with AIza."""
    if text[at : at + 3].lower() != "zat":
        _service_key(text, at, found)
        return
    _named(text, at, found)
    match = _AUTHORIZATION.match(text, at)
    if match:
        _scheme(text, match.end(), found)


def _cookie(text: str, at: int, found: set[str]) -> None:
    match = _COOKIE_VALUE.search(text, max(0, at - 6), at + _BEHIND)
    if match and _live(match[1]):
        found.add("session_cookie")


def _k(text: str, at: int, found: set[str]) -> None:
    """A key, a token, a cookie, sk_… or hooks.slack.com."""
    following = text[at + 1 : at + 2]
    if following in "-_":
        _service_key(text, at, found)
    elif following == "s":
        _webhook(text, at, found)
    elif text[at - 1 : at] in ("?", "&", ";"):
        match = _LINK_KEY.match(text, at)
        if match and _live(match[1]):
            found.add("one_time_link")
    else:
        if following in "iI":
            _cookie(text, at, found)
        _named(text, at, found)


def _near(pattern: re.Pattern[str], before: int, kind: str) -> Check:
    """A check whether `pattern` matches from at most `before` characters before a sign on."""

    def check(text: str, at: int, found: set[str]) -> None:
        if kind not in found and any(
            pattern.match(text, start, at + _BEHIND) for start in range(max(0, at - before), at + 1)
        ):
            found.add(kind)

    return check


def _private_key(text: str, at: int, found: set[str]) -> None:
    if "PRIVATE KEY" in text[at : at + 40] and _KEY_BODY.search(text, at + 20, at + 200):
        found.add("private_key")


def _b(text: str, at: int, found: set[str]) -> None:
    """Bearer and Basic, or the beginning of a key."""
    (_private_key if text[at + 1] == "E" else _scheme)(text, at, found)


def _url(text: str, at: int, found: set[str]) -> None:
    start = text.rfind("://", max(0, at - 300), at)
    if start >= 0 and "url_password" not in found and (match := USERINFO.match(text, start, at + 100)):
        secret = match[0][3:-1].partition(":")[2]
        if secret and _live(secret):
            found.add("url_password")


_service_key = _near(SHAPE, 12, "service_key")
_webhook = _near(WEBHOOK, 4, "service_key")
_INITIALS = frozenset("pwsaelcmhdtjoPWSAELCMHDTJO")
_AUTHORIZATION = re.compile(r"(?i)zation\\?[\"']?\s?[:=]\s?[\"']?")
_K = re.compile(
    r"k(?:ey(?:(?<=[_-]key)|(?<=(?:api|ret|ess|ate)key)|(?<=[?&;]key)=)|en(?<=oken)|ie(?<=ookie)|[-_](?<=\W[srp]k[-_])"
    r"|s\.slack)"
)
# Each sign begins with the rarest letter of its word, so that the search skips from one such letter to the next. A row
# without credentials costs a dozen such walks and no more.
_SIGNS: tuple[tuple[str, re.Pattern[str], Check], ...] = (
    ("w", re.compile(r"w(?:(?<=assw)|(?<=pw)d|acht)"), _named),
    ("W", re.compile(r"W(?:(?<=PASSW)|(?<=PW)D|acht)"), _named),
    ("k", _K, _k),
    ("K", re.compile(r"K(?:ey(?<=[a-z_-]Key)|EY(?<=[_-]KEY)|EN(?<=TOKEN)|IE(?<=COOKIE))"), _k),
    ("K", re.compile(r"K(?:(?<=AK)IA|(?<=SK)[0-9a-f]{32})"), _service_key),
    ("e", re.compile(r"ecret"), _named),
    ("C", re.compile(r"C(?<=SEC)RET"), _named),
    ("s", re.compile(r"sid[\"'=]"), _named),
    ("z", re.compile(r"z(?:ation(?<=uthorization)|a(?<=AIza))"), _uncommon),
    ("Z", re.compile(r"Z(?<=AUTHORIZ)ATION"), _uncommon),
    ("B", re.compile(r"B(?:(?:earer|asic) |(?<=-----B)EGIN )"), _b),
    ("J", re.compile(r"J(?<=eyJ)"), _near(JWT, 2, "jwt")),
    ("$", re.compile(r"\$(?=[pb2a156ys])"), _near(HASH, 0, "password_hash")),
    ("v", re.compile(r"v(?:(?<=liv)e_|(?<=hv)s\.|1_)"), _service_key),
    ("x", re.compile(r"x(?:ox[a-z]-|app-)"), _service_key),
    ("G", re.compile(r"G(?<=SG)\."), _service_key),
    ("g", re.compile(r"g(?:AAAAA|h[opsru]_|ithub_pat_|lpat-)"), _service_key),
    ("@", re.compile(r"@"), _url),
)  # fmt: skip
