"""Masks personal data and credentials in text, and makes pseudonyms that only this installation can make.

Every pattern here runs in linear time: a run of characters is entered at its beginning only (look-behind) and left
whole (possessive), or is bounded. Texts come from the outside and may be made to hurt.
"""

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import traceback
from pathlib import Path

KEY_BYTES = 32
KEY_FILE = "installation.key"

EMAIL, IBAN, PHONE, BSN, CARD, ADDRESS, IP, SECRET = (
    "<email>",
    "<iban>",
    "<phone>",
    "<bsn>",
    "<card>",
    "<address>",
    "<ip>",
    "<secret>",
)
"""What stands in a masked text instead of what was there."""


class KeyProblem(Exception):
    """The installation's key cannot be read or made; the text says what to do."""


# Length of an IBAN per country (ISO 13616).
_IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "XK"), 20),
    **dict.fromkeys(("CH", "CR", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    "LC": 32,
}

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ .-]?[A-Za-z0-9]){11,28}")
_EMAIL = re.compile(r"(?<![\w.!#$&'*+/=?^`{|}~%-])[\w.!#$&'*+/=?^`{|}~%-]++@\w[\w.-]*+")
_EMAIL_ESCAPED = re.compile(r"(?<![\w.+-])[\w.+-]++%40[\w.-]++")
_PEM = "-----BEGIN "
_JWT = re.compile(r"(?<![\w.-])eyJ[\w-]{6,}+\.[\w-]{6,}+(?:\.[\w-]*+)?")
_SCHEME = re.compile(r"(?i)\b(Bearer|Basic|Digest|Token)(\s{1,4})([\w.~+/=:-]{8,}+)")
_KEY_SHAPE = re.compile(
    r"(?<![\w-])(?:(?:sk|pk|rk|whsec)_(?:live_|test_)?\w{10,}+|(?:live|test)_[A-Za-z0-9]{20,}+|gh[opsru]_\w{20,}+"
    r"|github_pat_\w{20,}+|glpat-[\w-]{15,}+|xox[abeoprs]-[\w-]{10,}+|A(?:K|S)IA[A-Z0-9]{16}|AIza[\w-]{30,}+"
    r"|SG\.[\w-]{16,}+\.[\w-]{16,}+|gAAAAA[\w-]{40,}+={0,2})"
)
# A value after = or : under a name that speaks of a secret. Group 2 tells how sure the name is.
_NAMED = re.compile(
    r"(?i)(?:(passw(?:or)?d|passwort|wachtwoord|passphrase|pwd|secret|api[_-]?key|apikey|access[_-]?key|private[_-]?key"
    r"|encryption[_-]?key|secret[_-]?key)|(token|authori[sz]ation|credentials?|cookie|session[_-]?id|signature|(?<![a-z])"
    r"(?:sid|otp|cvc|cvv|pin|auth)(?![a-z]))|(?<=[?&])(?:key|code|sig|hash)(?==))"
    r"[\w-]{0,24}+(\\?[\"'])?(\s{0,3}+(?:=>?|:)\s{0,3}+)"
    r"(?:(?:b|u|r)?\\?\"((?:[^\"\\\n]|\\[^\n]){0,4000}+)|(?:b|u|r)?\\?'((?:[^'\\\n]|\\[^\n]){0,4000}+)|"
    r"([^\s,;&<>(){}\[\]\"']{1,4000}+))"
)
_NAMED_HINTS = ("pass", "pwd", "wachtw", "secret", "key", "token", "authori", "credential", "cookie", "session",
                "signature", "sid", "otp", "cvc", "cvv", "pin", "auth", "code=", "sig=", "hash=")  # fmt: skip
_EMPTY_VALUES = {"", "none", "null", "true", "false", "nil", "undefined", "str", "int", "bytes", "dict", "bool"}
_MASKED = re.compile(r"\A(?:\*+|<[a-z]+>|x{3,})\Z")
_USERINFO = re.compile(r"://[^\s/@\"'<>]{1,400}+@")
_PHONE_INTERNATIONAL = re.compile(r"(?<![\w.+/-])(?:\+|00)[1-9][0-9]{0,2}(?:[ ().-]{0,2}[0-9]){6,12}(?![0-9])")
_PHONE_DUTCH = re.compile(
    r"(?<![\w.+/-])(?!\d\d-\d\d-\d{4})(?:\(0[1-9]\d{1,2}\) ?\d{2,3}(?:[ -]?\d{2}){2}\d?|06[ -]{0,3}\d(?:[ -]?\d){7}"
    r"|0[1-9]\d[ -]{0,3}\d{3}[ -]?\d{2}[ -]?\d{2}|0[1-9]\d[ -]{1,3}\d{2}[ -]\d{2}[ -]\d{3}"
    r"|0[1-9]\d{2}[ -]{0,3}\d{3}[ -]?\d{3}"
    r"|0[1-9]\d{2}[ -]{1,3}\d{2}[ -]\d{2}[ -]\d{2})(?![\w-]|\.\d)"
)
_CARD = re.compile(r"(?<![\w.,-])[2-6][0-9]{3}(?:[ -]?[0-9]){9,15}(?![\w-]|[.,]\d)")
_CARD_START = re.compile(r"4|5[1-5]|2[2-7]|3[47]|6011|65|50|5[6-9]|6[0-9]")
_NINE = re.compile(r"(?<![\w.,/:-])(\d{9}|\d{4}[. ]\d{2}[. ]\d{3}|\d{3}[. ]\d{3}[. ]\d{3})(?![\w/:-]|[.,]\d)")
_BSN_NAMED = re.compile(
    r"(?i)\b(bsn|burgerservicenummer|sofinummer|sofi-nummer)(\W{0,6}+)([0-9][0-9. ]{6,10}[0-9])(?!\d)"
)
_POSTCODE = re.compile(
    r"(?:(?<!\w)[A-Z\u00c0-\u00de][\w'’.-]{2,40}+(?: [\w'’.-]{1,40}+){0,3}? \d{1,5}"
    r"(?:[ -]?[a-zA-Z]{1,3}|-\d{1,4})?,? {1,3})?(?<![\w.-])([1-9]\d{3} ?(?!SA|SD|SS)[A-Z]{2})(?![\w-])"
    r"(?:,? {1,2}(?:nr\.? |huisnummer )?\d{1,5}(?![\d.:-])[a-zA-Z]?\b)?"
)
_POSTCODE_SHAPE = re.compile(r"[1-9]\d{3} ?[A-Z]{2}(?![\w-])")
_POSTCODE_NAMED = re.compile(
    r"(?i)\b(postcode|postal[_ ]?code|zip[_ ]?code|pincode)([\"']?\W{1,4}+)([1-9]\d{3} ?[A-Z]{2})(?![\w-])"
)
_IPV4 = re.compile(r"(?<![\w.])(?<![A-Za-z]/)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.-])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_DIGIT_RUN = re.compile(r"\d{4}|\d[ .()-]{1,3}\d{2}")


def mask(text: str) -> str:
    """`text` with personal data and credentials replaced by what kind of thing stood there.

    Masked are e-mail addresses, IBANs, phone numbers, BSNs, card numbers, JWTs, keys of known shape, Bearer and
    Basic credentials, values named password, token, secret and the like, userinfo in URLs, Dutch postcodes with
    a house number, IP addresses. Document names, dates, amounts and versions stay. Masking twice changes nothing.
    """
    if "-----BEGIN" in text:
        text = _mask_pem(text)
    if "://" in text and "@" in text:
        text = _USERINFO.sub(f"://{SECRET}@", text)
    if "eyJ" in text:
        text = _JWT.sub(SECRET, text)
    lowered = text.lower()
    if any(hint in lowered for hint in ("bearer", "basic", "token", "digest")):
        text = _SCHEME.sub(_mask_scheme, text)
    if any(hint in lowered for hint in _NAMED_HINTS):
        text = _NAMED.sub(_mask_named, text)
    if "_" in text or "-" in text or "AKIA" in text or "ASIA" in text or "AIza" in text or "gAAAAA" in text:
        text = _KEY_SHAPE.sub(SECRET, text)
    if "@" in text:
        text = _EMAIL.sub(_mask_email, text)
    if "%40" in text:
        text = _EMAIL_ESCAPED.sub(EMAIL, text)
    if _DIGIT_RUN.search(text):
        text = _mask_numbers(text, lowered)
    if text.count(".") >= 3:
        text = _IPV4.sub(_mask_ip, text)
    if text.count(":") >= 2:
        text = _IPV6.sub(_mask_ip, text)
    return text


def _mask_numbers(text: str, lowered: str) -> str:
    text = _IBAN.sub(_mask_iban, text)
    if "bsn" in lowered or "burgerservice" in lowered or "sofi" in lowered:
        text = _BSN_NAMED.sub(_mask_named_bsn, text)
    text = _PHONE_INTERNATIONAL.sub(PHONE, text)
    text = _PHONE_DUTCH.sub(PHONE, text)
    text = _CARD.sub(_mask_card, text)
    text = _NINE.sub(_mask_bsn, text)
    if "post" in lowered or "zip" in lowered or "pincode" in lowered:
        text = _POSTCODE_NAMED.sub(lambda found: found[1] + found[2] + ADDRESS, text)
    return _POSTCODE.sub(_mask_postcode, text) if _POSTCODE_SHAPE.search(text) else text


def _mask_pem(text: str) -> str:
    parts, position = [], 0
    while (start := text.find(_PEM, position)) >= 0:
        parts.append(text[position:start])
        end = text.find("-----END ", start)
        close = text.find("-----", end + 9) if end >= 0 else -1
        parts.append(SECRET)
        # A block without an end goes on to the end of the text.
        position = close + 5 if close >= 0 else len(text)
    return "".join((*parts, text[position:]))


def _mask_scheme(found: re.Match[str]) -> str:
    scheme, value = found[1], found[3]
    if scheme.lower() == "token":
        telling = ":" in value.strip(":") and any(c.isdigit() for c in value)
    else:
        telling = any(c.isdigit() for c in value) or value.endswith("=") or len(value) > 24
        telling = telling or value != value.lower() != value.title().lower()
    return f"{scheme}{found[2]}{SECRET}" if telling or len(value) >= 40 else found[0]


def _mask_named(found: re.Match[str]) -> str:
    sure, _unsure, close, sign, double, single, bare = found.groups()
    value = next(part for part in (double, single, bare) if part is not None)
    if value.lower() in _EMPTY_VALUES or _MASKED.match(value):
        return found[0]
    if bare is not None and ":" in sign and close is None:
        # "token: Password not found": a sentence goes on; "token: 81c2…" and "password: welcome" do not.
        rest = found.string[found.end() : found.end() + 2]
        sentence = rest[:1] == " " and rest[1:2].isalpha()
        if bare.isalpha() and (sentence or not sure) and len(bare) < 24:
            return found[0]
        if bare.lower() in ("bearer", "basic", "token", "digest"):
            return found[0]
    if bare is not None and bare.lower() in ("bearer", "basic", "digest"):
        return found[0]
    start = found.start(5 if double is not None else 6 if single is not None else 7) - found.start()
    return found[0][:start] + SECRET + found[0][start + len(value) :]


def _mask_email(found: re.Match[str]) -> str:
    text = found[0]
    local, _, domain = text.rpartition("@")
    stripped = domain.rstrip(".-")
    if "." not in stripped and stripped != "localhost":
        return text
    # Quotes, brackets and the like before an address belong to the text, not to the address.
    kept = len(local) - len(local.lstrip("'`{|=/?&!#*"))
    for sign in ("=", "'", "/", "|", "{", "?", "&", "`"):
        kept = max(kept, local.rfind(sign) + 1)
    if kept >= len(local):
        kept = 0
    return local[:kept] + EMAIL + domain[len(stripped) :]


def _mask_iban(found: re.Match[str]) -> str:
    text = found[0]
    country = text[:2].upper()
    length = _IBAN_LENGTHS.get(country)
    if length is None:
        return text
    compact, end = "", 0
    while end < len(text) and len(compact) < length:
        compact += text[end] if text[end] not in " .-" else ""
        end += 1
    following = text[end : end + 1] or found.string[found.end() : found.end() + 1]
    if len(compact) < length or following.isalnum():
        return text
    # One with a wrong check digit is still somebody's: the form of the busiest countries is enough.
    return IBAN + text[end:] if _iban_valid(compact.upper()) or _iban_formed(compact.upper()) else text


def _iban_valid(compact: str) -> bool:
    rearranged = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


def _iban_formed(compact: str) -> bool:
    country, rest = compact[:2], compact[4:]
    if country == "NL":
        return rest[:4].isalpha() and rest[4:].isdigit()
    if country == "GB":
        return rest[:4].isalpha() and rest[4:].isdigit()
    return country in ("BE", "DE", "AT", "ES") and rest.isdigit()


def _mask_card(found: re.Match[str]) -> str:
    digits = [int(character) for character in found[0] if character.isdigit()]
    if not 13 <= len(digits) <= 19 or not _CARD_START.match("".join(map(str, digits[:4]))):
        return found[0]
    total = sum(digits[-1::-2]) + sum(digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return CARD if total % 10 == 0 else found[0]


def bsn_valid(digits: str) -> bool:
    """Whether eight or nine `digits` pass the elfproef of a burgerservicenummer."""
    padded = digits.zfill(9)
    if len(padded) != 9 or not padded.isdigit() or int(padded) == 0:
        return False
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, padded, strict=True)) % 11 == 0


def _mask_bsn(found: re.Match[str]) -> str:
    return BSN if bsn_valid(re.sub(r"\D", "", found[1])) else found[0]


def _mask_named_bsn(found: re.Match[str]) -> str:
    # Under its own name it is masked with a wrong check digit as well: somebody mistyped his number.
    return found[1] + found[2] + BSN if len(re.sub(r"\D", "", found[3])) in (8, 9) else found[0]


def _mask_postcode(found: re.Match[str]) -> str:
    # Four digits and two capitals alone may be anything: "LIMIT 1000 OR".
    return ADDRESS if found[0] != found[1] else found[0]


def _mask_ip(found: re.Match[str]) -> str:
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    if address.is_loopback or address.is_unspecified or (address.version == 6 and len(found[0]) < 6):
        return found[0]
    return IP


class Pseudonyms:
    """Names for people that stay the same within an installation and mean nothing outside it."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a key for pseudonyms needs {KEY_BYTES} bytes or more")
        self._key = key

    def of(self, kind: str, value: str) -> str:
        """The pseudonym of `value` among things of this `kind` (user, member, …): the kind and 16 hex digits."""
        # What came over the network need not be text that can be written in UTF-8.
        text = f"{kind}\0{value.strip().lower()}".encode("utf-8", "backslashreplace")
        digest = hmac.new(self._key, text, hashlib.sha256)
        return f"{kind}-{digest.hexdigest()[:16]}"


def installation_key(data_dir: Path) -> bytes:
    """The 32 secret bytes of this installation, made when there are none yet and readable for its owner alone.

    Raises KeyProblem when the file cannot be read or made, or is not what Baken wrote.
    """
    path = data_dir / KEY_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as problem:
        raise KeyProblem(
            f"the installation's key {path} cannot be read or made: {problem.strerror or problem}; "
            "give Baken's user access to it, or set data_dir to a folder of its own"
        ) from problem
    if len(key) != KEY_BYTES:
        raise KeyProblem(
            f"the installation's key {path} has {len(key)} bytes instead of {KEY_BYTES}; bring it back from a backup, "
            "or remove it: Baken then makes a new one, and pseudonyms made with the old one no longer match"
        )
    return key


def _make_key(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link appears whole or not at all, and never over a key that another process has made meanwhile.
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()


def masked_trace(error: BaseException) -> str:
    """The traceback of an `error` nobody foresaw, for the log: masked, and without the values that were at hand.

    Made here and not by the logger: tokens, passwords and people stand in the local variables.
    """
    return mask("".join(traceback.format_exception(error)))
