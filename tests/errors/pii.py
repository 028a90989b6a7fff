"""Invented personal data, credentials and harmless values, each standing in the texts it is found in.

Everything is made from a seed. `HELD` are contexts that the rules were not tuned on.
"""

import base64
import html
import json
import quopri
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from baken.privacy import bsn_valid
from tests.errors.pii_contexts import (
    FOR_KIND,
    FOR_KIND_HELD,
    GENERAL,
    GENERAL_HELD,
    NAMED,
    NAMED_HELD,
    TRACE,
)  # fmt: skip
from tests.errors.pii_names import FIRST, LAST, PARTICLES, RARE_FIRST, RARE_LAST

Make = Callable[[random.Random], str]
BBAN = {
    "NL": "aaaannnnnnnnnn", "BE": "nnnnnnnnnnnn", "DE": "nnnnnnnnnnnnnnnnnn", "FR": "nnnnnnnnnncccccccccccnn",
    "GB": "aaaannnnnnnnnnnnnn", "ES": "nnnnnnnnnnnnnnnnnnnn", "IT": "annnnnnnnnncccccccccccc",
    "AT": "nnnnnnnnnnnnnnnn", "LU": "nnnccccccccccccc", "PL": "nnnnnnnnnnnnnnnnnnnnnnnn", "CH": "nnnnncccccccccccc",
    "IE": "aaaannnnnnnnnnnnnn", "PT": "nnnnnnnnnnnnnnnnnnnnn", "DK": "nnnnnnnnnnnnnn", "SE": "nnnnnnnnnnnnnnnnnnnn",
    "NO": "nnnnnnnnnnn", "FI": "nnnnnnnnnnnnnn", "CZ": "nnnnnnnnnnnnnnnnnnnn", "TR": "nnnnnncccccccccccccccc",
    "GR": "nnnnnnncccccccccccccccc", "MT": "aaaannnnncccccccccccccccccc", "HU": "nnnnnnnnnnnnnnnnnnnnnnnn",
    "RO": "aaaacccccccccccccccc", "BG": "aaaannnnnncccccccc", "SA": "nncccccccccccccccccc", "AE": "nnnnnnnnnnnnnnnnnnn",
    "MC": "nnnnnnnnnncccccccccccnn", "BR": "nnnnnnnnnnnnnnnnnnnnnnnac", "LT": "nnnnnnnnnnnnnnnn",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A text with what must be gone from it and what must stand in it afterwards.

    Attributes:
        kind: what `gone` is: email, iban, phone, bsn, credential or name; "" when nothing has to go.
        text: what is scrubbed.
        gone: the value as it was written; "" when there is none.
        kept: a harmless value; "" when there is none.
        context: the template the value stood in.
    """

    kind: str
    text: str
    gone: str
    kept: str
    context: str


def _pick(rng: random.Random, letters: str, count: int) -> str:
    return "".join(rng.choice(letters) for _ in range(count))


def _digits(rng: random.Random, count: int) -> str:
    return _pick(rng, string.digits, count)


def email(rng: random.Random) -> str:
    first, last = rng.choice(FIRST).lower(), rng.choice(LAST).lower().replace(" ", "")
    local = rng.choice(
        [f"{first}.{last}", f"{first[0]}{last}", f"{first}{rng.randrange(99)}", f"{first}_{last}", f"{first}+leden",
         f"{first}-{last}", f"info.{last}", f"{first}.{last}".upper(), first.title() + last.title(), f"{first}'{last}"]
    )  # fmt: skip
    return f"{local}@{rng.choice(['leden.example', 'vereniging.example', 'mail.sub-domain.example', 'x1.test'])}"


def iban(rng: random.Random) -> str:
    country = rng.choice(["NL"] * 12 + ["BE", "DE"] * 3 + list(BBAN))
    alphabets = {"a": string.ascii_uppercase, "n": string.digits, "c": string.digits + string.ascii_uppercase}
    bban = "".join(rng.choice(alphabets[sign]) for sign in BBAN[country])
    if country == "NL":
        bban = rng.choice(["ABNA", "INGB", "RABO", "TRIO", "SNSB", "BUNQ", "KNAB", "ASNB"]) + bban[4:]
    number = int("".join(str(int(sign, 36)) for sign in f"{bban}{country}00"))
    whole = f"{country}{98 - number % 97:02}{bban}"
    groups = [whole[start : start + 4] for start in range(0, len(whole), 4)]
    form = rng.randrange(10)
    if form < 4:
        return whole
    if form < 7:
        return " ".join(groups)
    if form == 7:
        return "-".join(groups)
    return ".".join(groups) if form == 8 else rng.choice([whole.lower(), " ".join(groups).lower()])


def phone(rng: random.Random) -> str:
    shape = rng.choice(
        ["06########", "06-########", "06 ## ## ## ##", "+316########", "+31 6 ########", "+31 6 ## ## ## ##",
         "00316########", "0031 6 ########", "+31 (0)6 ########", "+31-6-########", "(020) ### ## ##", "020-#######",
         "020 ### ## ##", "0318-######", "(0318) ######", "0318 ## ## ##", "+31 20 ### ## ##", "+31(0)20-#######",
         "06 - ########", "06.########", "+32 47# ## ## ##", "0032 47# ## ## ##", "047#/##.##.##", "047# ## ## ##",
         "02/###.##.##", "+49 151 ########", "0151 ########", "0171-#######", "+49 (0)30 ######", "030/######",
         "0049 30 #######", "+33 6 ## ## ## ##", "06.##.##.##.##", "0033 1 ## ## ## ##", "+44 20 79## ####",
         "+44 7700 9#####", "07700 9#####", "020 79## ####", "+1 202-555-01##", "(202) 555-01##", "202-555-01##",
         "+1 (202) 555-01##", "+1.202.555.01##", "+1202555####", "+90 532 ### ## ##", "+48 60# ### ###",
         "+212 6########", "+597 8######"]
    )  # fmt: skip
    return "".join(rng.choice("123456789") if sign == "#" else sign for sign in shape)


def bsn(rng: random.Random) -> str:
    while not bsn_valid(found := rng.choice("123456789") + _digits(rng, 8)):
        pass
    forms = [found, found, found, f"{found[:4]}.{found[4:6]}.{found[6:]}", f"{found[:3]} {found[3:6]} {found[6:]}",
             f"{found[:3]}.{found[3:6]}.{found[6:]}", f"{found[:4]} {found[4:6]} {found[6:]}"]  # fmt: skip
    return rng.choice(forms)


def name(rng: random.Random, rare: bool = False) -> str:
    """A full name; `rare`: of words that no list of common names holds."""
    first = rng.choice(RARE_FIRST if rare else FIRST)
    last = rng.choice(RARE_LAST if rare and rng.random() < 0.7 else LAST)
    particle = rng.choice(PARTICLES) + " " if rng.random() < 0.3 else ""
    letters = _pick(rng, "ABCDEFGHJKLMNPRSTW", rng.randrange(1, 4))
    initials = "".join(f"{letter}." for letter in letters)
    forms = [
        f"{first} {particle}{last}", f"{first} {particle}{last}", f"{first} {particle}{last}",
        f"{first} {particle}{last}-{rng.choice(LAST)}", f"{first}-{rng.choice(FIRST)} {particle}{last}",
        f"{initials} {particle}{last}", f"{last}, {initials}", f"{first} {initials[:2]} {particle}{last}",
        f"{last}, {first}", f"{initials} {particle}{last}-{rng.choice(LAST)}",
    ]  # fmt: skip
    return rng.choice(forms)


def _hex(rng: random.Random, count: int) -> str:
    return _pick(rng, "0123456789abcdef", count)


def _mixed(rng: random.Random, count: int) -> str:
    return "a7" + _pick(rng, string.ascii_letters + string.digits, count - 3) + "Q"


def _password(rng: random.Random) -> str:
    return rng.choice(
        [f"Zomer{rng.randrange(2000, 2030)}!", "hunter" + _digits(rng, 2), _mixed(rng, 12), f"P@ss-{_mixed(rng, 6)}",
         f"{_mixed(rng, 8)}#x", "correct-horse-battery" + _digits(rng, 1), f"w{_digits(rng, 3)}kom$"]
    )  # fmt: skip


def shaped(rng: random.Random) -> str:
    """A credential whose shape alone tells what it is."""
    m, h = _mixed, _hex
    b64 = string.ascii_letters + string.digits
    kinds: list[Callable[[], str]] = [
        lambda: f"eyJhbGciOiJIUzI1NiJ9.eyJ{m(rng, 30)}.{m(rng, 43)}",
        lambda: f"sk_live_{m(rng, 24)}", lambda: f"rk_test_{m(rng, 24)}", lambda: f"whsec_{m(rng, 32)}",
        lambda: f"live_{m(rng, 30)}", lambda: f"test_{m(rng, 30)}", lambda: f"access_{m(rng, 36)}",
        lambda: "AKIA" + _pick(rng, string.ascii_uppercase + "234567", 16),
        lambda: f"ghp_{m(rng, 36)}", lambda: f"github_pat_{m(rng, 22)}_{m(rng, 59)}", lambda: f"glpat-{m(rng, 20)}",
        lambda: f"xoxb-{_digits(rng, 12)}-{_digits(rng, 12)}-{m(rng, 24)}", lambda: f"AIza{m(rng, 35)}",
        lambda: f"ya29.{m(rng, 60)}", lambda: f"GOCSPX-{m(rng, 28)}", lambda: f"SG.{m(rng, 22)}.{m(rng, 43)}",
        lambda: f"SK{h(rng, 32)}", lambda: f"{_digits(rng, 10).replace('0', '7')}:AA{m(rng, 33)}",
        lambda: f"sk-proj-{m(rng, 48)}", lambda: f"sk-{m(rng, 48)}", lambda: f"sk-ant-api03-{m(rng, 60)}",
        lambda: f"npm_{m(rng, 36)}", lambda: f"pypi-AgEI{m(rng, 60)}", lambda: f"hf_{m(rng, 34)}",
        lambda: f"dop_v1_{h(rng, 64)}", lambda: f"shpat_{h(rng, 32)}", lambda: f"key-{h(rng, 32)}",
        lambda: f"$pbkdf2-sha256$29000${m(rng, 22)}${m(rng, 43)}", lambda: f"$2b$12${_pick(rng, b64, 53)}",
        lambda: f"$argon2id$v=19$m=65536,t=3,p=4${m(rng, 22)}${m(rng, 43)}", lambda: f"gAAAAAB{m(rng, 93)}==",
        lambda: f"$6${m(rng, 12)}${m(rng, 86)}",
        lambda: f"https://hooks.slack.com/services/T{m(rng, 8).upper()}/B{m(rng, 8).upper()}/{m(rng, 24)}",
        lambda: f"https://discord.com/api/webhooks/{_digits(rng, 18)}/{m(rng, 68)}",
        lambda: f"-----BEGIN RSA PRIVATE KEY-----\n{m(rng, 64)}\n{m(rng, 40)}\n-----END RSA PRIVATE KEY-----",
        lambda: f"-----BEGIN OPENSSH PRIVATE KEY-----\\n{m(rng, 70)}\\n-----END OPENSSH PRIVATE KEY-----",
        lambda: f"{h(rng, 15)}:{h(rng, 15)}",
    ]  # fmt: skip
    return rng.choice(kinds)()


def credential(rng: random.Random, held: bool) -> tuple[str, list[str]]:
    """A piece of text with credentials, and the credentials in it."""
    if rng.random() < 0.35:
        found = shaped(rng)
        return found, [found]
    template = rng.choice(NAMED_HELD if held else NAMED)
    values: list[str] = []

    def value(kind: str) -> str:
        size = int(kind[1:]) if kind[1:].isdigit() else 0
        if kind == "b64":
            made = base64.b64encode(f"jan:{_mixed(rng, 10)}".encode()).decode()
        elif kind == "p":
            made = _password(rng)
        elif kind == "u":
            made = _mixed(rng, rng.randrange(8, 20))
        else:
            made = {"h": _hex, "m": _mixed, "d": _digits}[kind[0]](rng, size)
        values.append(made)
        return made

    parts = template.replace("{{", "\0").replace("}}", "\1").split("{")
    out = parts[0]
    for part in parts[1:]:
        kind, _, rest = part.partition("}")
        out += value(kind) + rest
    return out.replace("\0", "{").replace("\1", "}"), values


def harmless(rng: random.Random) -> str:
    """A value that has to stay."""
    n, h = rng.randrange, _hex
    while bsn_valid(nine := _digits(rng, 9)) or nine[0] == "0":
        pass
    return rng.choice(
        [
            f"ACC-SINV-2026-{n(99999):05}", f"Assoc-Member-2026-{n(1, 13):02}-{n(9999):04}", f"EDE-{n(99999):05}",
            f"BATCH-2026-{n(999):04}", f"ACC-PAY-2026-{n(99999):05}-1", f"MEMB-26-{n(12):02}-{n(9999):04}",
            f"SO-{n(99999):05}", f"2026-{n(1, 13):02}-{n(1, 29):02}", f"{n(1, 29):02}-{n(1, 13):02}-2026",
            f"{n(24):02}:{n(60):02}:{n(60):02}.{n(10**6):06}",
            f"2026-{n(1, 13):02}-{n(1, 29):02} {n(24):02}:{n(60):02}:{n(60):02}",
            f"2026-01-{n(1, 29):02}T{n(24):02}:{n(60):02}:00+01:00", f"€1.{n(100, 999)},{n(10, 99)}",
            f"€ {n(1000)},{n(10, 99)}", f"EUR {n(99999)}.{n(10, 99)}", f"{n(99)}.{n(10, 99)}", f"15.{n(90)}.{n(20)}",
            f"v14.{n(90)}.0", "apps/verenigingen/verenigingen/utils/sepa.py",
            "/home/frappe/frappe-bench/logs/worker.error.log", "erpnext.accounts.doctype.sales_invoice.sales_invoice",
            "verenigingen.api.member_management.update", f"line {n(4000)}", f":{n(1024, 60000)}/", h(rng, 40),
            h(rng, 7) + "a", _pick(rng, string.ascii_lowercase + string.digits, 9) + "k",
            f"{h(rng, 8)}-{h(rng, 4)}-4{h(rng, 3)}-8{h(rng, 3)}-{h(rng, 12)}", nine,
            f"HTTP {rng.choice([200, 404, 500, 417])}",
            "SELECT name FROM `tabSales Invoice` WHERE docstatus = 1 LIMIT 20", "Sales Invoice",
            "Membership Dues Schedule", "Direct Debit Batch", "Payment Entry", "home-frappe-frappe-bench:long",
            "rq:job:dev.example::" + h(rng, 12), f"{n(100)}.{n(10)}%", f"{n(100)}%", "Europe/Amsterdam", "RABONL2U",
            "INGBNL2AXXX", f"{n(10, 90)}00-{n(10, 90)}99", "SEPA-2026-001-RCUR", f"0x7f{h(rng, 10)}",
            f"pid={n(99999)}", f"{n(9999)} ms", "ValidationError", "frappe.exceptions.LinkValidationError",
            "application/json", f"[{n(9999)}]", f"{n(10**9, 2 * 10**9)}", f"tr_{_pick(rng, string.ascii_letters, 10)}",
            "2026-Q3", f"week {n(52)}", "System Manager", "Administrator", f"#{n(9999)}", "INFO", "Python/3.11.7",
        ]
    )  # fmt: skip


MAKERS: dict[str, Make] = {"email": email, "iban": iban, "phone": phone, "bsn": bsn, "name": name}


def _written(template: str, value: str, other: str) -> tuple[str, str]:
    """The text of a `template` with `value` in it, and how the value is written there."""
    forms = {
        "{url}": quote(value, safe=""),
        "{htm}": html.escape(value).replace("@", "&#64;"),
        "{qp}": quopri.encodestring(value.replace("@", "=40").encode()).decode().replace("=3D40", "=40"),
        "{js}": json.dumps(value)[1:-1].replace("@", "\\u0040").replace("+", "\\u002b"),
        "{plus}": quote_plus(value),
        "{v!r}": repr(value),
    }
    text, written = template.replace("{{", "\0").replace("}}", "\1"), value
    for sign, form in forms.items():
        if sign in text:
            text, written = text.replace(sign, form), form.strip("'\"")
    text = text.replace("{v}", value).replace("{h}", other)
    return text.replace("\0", "{").replace("\1", "}"), written


def cases(seed: int, count: int, held: bool = False) -> Iterator[Case]:
    """`count` cases of each kind and `count` of harmless values alone; `held`: in contexts kept apart from tuning."""
    rng = random.Random(f"{seed}{held}")
    general, special = (GENERAL_HELD, FOR_KIND_HELD) if held else (GENERAL, FOR_KIND)
    for kind, make in MAKERS.items():
        for _ in range(count):
            rare = kind == "name" and rng.random() < 0.25
            value = name(rng, rare) if rare else make(rng)
            if kind == "name" and rng.random() < 0.06:
                value = value.upper()
            template = rng.choice(general if rng.random() < 0.5 else special[kind])
            other = harmless(rng)
            text, written = _written(template, value, other)
            kept = other if "{h}" in template else ""
            if rng.random() < 0.3:
                text = TRACE.replace("{v}", value).replace("{m}", text)
            yield Case(kind, text, written, kept, template)
    for _ in range(count):
        piece, values = credential(rng, held)
        template = rng.choice(("{v}", "{v}", "{h} {v}", "failed: {v}", "{v}\n{h}", "ERROR {h}: {v}"))
        other = harmless(rng)
        text = template.replace("{v}", piece).replace("{h}", other)
        if rng.random() < 0.3:
            text = TRACE.replace("{v}", piece).replace("{m}", text)
        for value in values:
            yield Case("credential", text, value, other if "{h}" in template else "", piece)
    for _ in range(count):
        template = rng.choice(general)
        first, second = harmless(rng), harmless(rng)
        text, _ = _written(template, first, second)
        yield Case("", text, "", first, template)
