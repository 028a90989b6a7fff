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

from baken import credentials
from baken.masking import Rule, Rules, apply

KEY_BYTES = 32
KEY_FILE = "installation.key"

EMAIL, IBAN, PHONE, BSN, CARD, ADDRESS, IP = (
    "<email>",
    "<iban>",
    "<phone>",
    "<bsn>",
    "<card>",
    "<address>",
    "<ip>",
)
"""What stands in a masked text instead of what was there."""


class KeyProblem(Exception):
    """The installation's key cannot be read or made; the text says what to do."""


# Length of an IBAN per country (ISO 13616).
_IBAN_COUNTRIES = {
    15: "NO", 16: "BE", 18: "DK|FI|FO|GL|NL|SD", 19: "MK|SI", 20: "AT|BA|EE|KZ|LT|LU|XK", 21: "CH|CR|HR|LI|LV",
    22: "BG|BH|DE|GB|GE|IE|ME|RS|VA", 23: "AE|GI|IL|IQ|OM|SO|TL", 24: "AD|CZ|ES|MD|PK|RO|SA|SE|SK|TN|VG",
    25: "LY|PT|ST", 26: "IS|TR", 27: "BI|DJ|FR|GR|IT|MC|MR|SM", 28: "AL|AZ|BY|CY|DO|GT|HN|HU|LB|NI|PL|SV",
    29: "BR|EG|PS|QA|UA", 30: "JO|KW|MU|YE", 31: "MT|SC", 32: "LC", 33: "RU",
}  # fmt: skip
# Between the groups of four: a space, a full stop, a dash, or the end of a line and what the next one is indented by.
_GAP = r"(?:[ ._\u00a0\u202f-]|[ \t]?[\n\u2028][ \t]{0,12})?"
_IBAN = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=IBAN)|(?<=iban))(?=[A-Za-z]{2} ?[0-9])(?:"
    + "|".join(
        rf"(?i:{countries})(?: ?[0-9]){{2}}(?:{_GAP}[A-Za-z0-9]){{{length - 4}}}"
        for length, countries in _IBAN_COUNTRIES.items()
    )
    + r")(?![A-Za-z0-9])"
    # MT940 writes the currency behind it.
    r"|(?<![A-Za-z0-9])NL[0-9]{2}[A-Z]{4}[0-9]{10}(?=EUR)"
)
_IBAN_NAMED = re.compile(
    r"(?i)((?<!<)iban\w{0,20}|rek(?:ening)?(?:nummer|nr)?\.?|account[ _](?:no"
    r"|number))(\W{1,6})(?-i:[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30})(?![\w-])"
)
_EMAIL = re.compile(r"(?<![\w.!#$&'*+/=?^`{|}~%-])[\w.!#$&'*+/=?^`{|}~%-]++@\w[\w.-]*+")
_EMAIL_SPELLED = re.compile(
    r"(?i)(?<![\w.+-])[\w.+-]{1,64}+ ?[(\[](?:at|apenstaartje)[)\]] ?[\w-]{1,60}(?:(?:\.| ?[(\[](?:dot"
    r"|punt)[)\]] ?)[\w-]{2,60}){1,4}"
)
_FILE_ENDINGS = frozenset(
    {"png", "jpg", "jpeg", "svg", "gif", "webp", "js", "css", "py", "json", "service", "timer", "socket"}
)
# Without a plus these are phone numbers for certain only where a name says so.
_PHONE_WORD = (
    r"(?:phone|tel(?:efoon)?(?:nummer|nr)?|mobile|mobiel(?:nummer)?|gsm|whatsapp|fax|contact_number|msisdn|cell)"
    r"(?:[ _]?(?:no|nr|number|nummer))?"
)
# The placeholder looks like a tag: what stands behind it is a phone number where there is no space between them.
_PHONE_NAMED = re.compile(
    rf"(?i)((?<!<){_PHONE_WORD}(?![a-z])[\"'\]]{{0,2}}\s?[.:=>]{{0,2}}\s{{0,2}}[\"'(<]{{0,2}}|<{_PHONE_WORD}>)"
    r"(?!\d{4}-\d\d-\d\d)(\+?\(?[0-9](?:[ ()./\u00a0-]{0,3}[0-9]){6,14})(?![\w-])"
)
_COUNTRY_CODES = (
    r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|21[1-368]|22\d|23\d|24\d|25\d|26\d|29\d|35\d"
    r"|37\d|38[0-35-79]"
    r"|42[013]|50\d|59\d|67\d|68\d|69\d|85\d|88\d|96\d|97\d|99\d)"
)
_SPACE = r"[ ./\u00a0\u202f-]{0,3}"


# Digits behind the code of a country. Other countries are recognised behind a plus only: 002041 4863 may be a time.
_COUNTRIES = (
    ("31|33|34|41|48|351|212", 9, 9), ("32|45|47", 8, 9), ("90|39", 10, 10), ("44", 9, 10), ("49|43", 8, 11),
    ("597", 6, 7),
)  # fmt: skip
_OTHER_COUNTRIES = (("1|7", 10, 10), ("49", 6, 7), ("61", 9, 9), ("5999?", 7, 7), (_COUNTRY_CODES, 6, 12))


def _numbers(countries: tuple[tuple[str, int, int], ...]) -> str:
    """With or without the 0 of within the country; the first digits may stand in brackets."""
    return "|".join(
        rf"(?:{codes})\)?{_SPACE}(?:\(0\))?{_SPACE}(?:[0-9](?:{_SPACE}[0-9]){{{least - 1},{most - 1}}}"
        rf"|\([0-9]{{2,4}}\)(?:{_SPACE}[0-9]){{{least - 4},{most - 2}}})"
        for codes, least, most in countries
    )


_PHONE_INTERNATIONAL = re.compile(
    rf"(?<![\w.+-])(?:\+ ?(?:{_numbers(_COUNTRIES + _OTHER_COUNTRIES)})|00 ?(?:{_numbers(_COUNTRIES)}))(?![0-9])"
)
_PHONE_NATIONAL = re.compile(
    r"(?<![\w.+-])(?!\d\d[-/.]\d\d[-/.](?:19|20)\d\d)(?:"
    # The Netherlands and Belgium
    r"06[ /_-]{0,3}\d(?:[ -]?\d){7}|06\.\d{8}|\(0[1-9]\d{1,3}\)[ -]{0,2}\d{2,4}(?:[ -]?\d{2,4}){1,3}"
    r"|0[1-9]\d(?:\d{7}|[ -]{1,3}\d{3}[ -]?\d{2}[ -]?\d{2})|0[1-9]\d[ -]{1,3}\d{2}[ -]\d{2}[ -]\d{3}"
    r"|0[1-9]\d{2}(?:\d{6}|[ -]{1,3}\d{3}[ -]?\d{3})|0[1-9]\d{2}[ -]{1,3}\d{2}[ -]\d{2}[ -]\d{2}"
    r"|04\d{2}[ /]\d{2}[ .]\d{2}[ .]\d{2}|0[1-9]\d?[ /]\d{2,3}[ .]\d{2}[ .]\d{2}|316\d{8}"
    # Germany, France, the United Kingdom, the United States
    r"|01[567]\d{1,2}[ /-]{1,3}\d{7,8}|0[2-9]\d{1,3}/ ?\d{3,8}(?!/|:[A-Z])|0[1-9](?:[ .]\d{2}){4}|07\d{3} \d{6}"
    r"|07\d{3} \d{3} \d{3}"
    r"|02\d \d{4} \d{4}|\([2-9]\d{2}\)[ -]?\d{3}-\d{4}|(?:1-)?[2-9]\d{2}-\d{3}-\d{4}|[2-9]\d{2}\.\d{3}\.\d{4}"
    r")(?![\w-]|[./]\d)"
)
_CARD = re.compile(
    r"(?<![\w.,-])[2-6][0-9]{3}(?:[0-9]{9,15}|([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|([ -])[0-9]{6}\2[0-9]{5})(?![\w-]"
    r"|[.,]\d)"
)
_CARD_START = re.compile(r"4|5[1-5]|2[2-7]|3[47]|6011|65|50|5[6-9]|6[0-9]")
_NINE = re.compile(r"(?<![\w.-])(?<![\d,]\d,)(\d{9}|\d{4}[. ]\d{2}[. ]\d{3}|\d{3}([. -])\d{3}\2\d{3})(?![\w-]|\.\d)")
_BSN_NAMED = re.compile(
    r"(?i)((?:(?<![a-z<])bsn|burgerservicenummer|sofi-?nummer|citizen service number)"
    r"\w{0,12}[\W_]{0,6}(?:(?:nummer|number|nr|no|is|was|van|of|for|voor|het|the|lid|member|value|waarde|ongeldig"
    r"|invalid)"
    r"\b[\W_]{1,4}){0,4}|<bsn>)"
    r"([0-9](?:[. -]?[0-9]){7,8})(?![\d])"
)
_POSTCODE = re.compile(
    r"(?:(?<!\w)[A-Z\u00c0-\u00de][\w'’.-]{2,40}+(?: [\w'’.-]{1,40}+){0,3}? \d{1,5}"
    r"(?:[ -]?[a-zA-Z]{1,3}|-\d{1,4})?,? {1,3})?(?<![\w.-])([1-9]\d{3} ?(?!SA|SD|SS)[A-Z]{2})(?![\w-])"
    r"(?:,? {1,2}(?:nr\.? |huisnummer )?\d{1,5}(?![\d.:-])[a-zA-Z]?\b)?"
)
_POSTCODE_NAMED = re.compile(
    r"(?i)\b(postcode|postal[_ ]?code|zip[_ ]?code|pincode)([\"']?\W{1,4}+)([1-9]\d{3} ?[A-Z]{2})(?![\w-])"
)
_STREET = re.compile(
    r"(?<!\w)[A-Z\u00c0-\u00de][\w'’-]{2,40}?(?:straat|laan|weg|plein|gracht|kade|singel|dreef|steeg|markt"
    r"|plantsoen|dijk|hof|baan)"
    r" \d{1,4}(?![\d.:,/-])(?: ?[a-zA-Z])?(?!\w)"
)
_IPV4 = re.compile(r"(?<![\w.])(?<![A-Za-z]/)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|\.\d|-[A-Za-z])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_VERSION_BEFORE = re.compile(r"(?i)(?:version|versie|release|build|v|==|>=|~=)[ :=]{0,2}\Z")
# A text in which one of these finds nothing need not be searched for the longer pattern that it begins or is part of.
_IBAN_START = re.compile(r"[0-9](?<=[A-Za-z ].) ?[0-9][ ._\u00a0\u202f-]?[A-Za-z0-9]")
_LONG_NUMBER = re.compile(r"[0-9](?:[^0-9A-Za-z]{0,4}[0-9]){6}")
_POSTCODE_SHAPE = re.compile(r"[1-9][0-9]{3} ?[A-Z]{2}(?![\w-])")
_STREET_END = re.compile(r"[tngelfkn] [0-9]{1,4}(?![\d.:,/-])")
_IPV4_MIDDLE = re.compile(r"\.[0-9]{1,3}\.[0-9]")
_IPV6_MIDDLE = re.compile(r":(?::|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:)")


def mask(text: str) -> str:
    """`text` with personal data and credentials replaced by what kind of thing stood there.

    Masked are e-mail addresses, IBANs, phone numbers, BSNs, card numbers, Dutch postcodes with a house number, IP
    addresses, and what `credentials` finds: keys of known shape, JWTs, values named password, token, secret and the
    like, userinfo in URLs. Document names, dates, amounts and versions stay. Masking twice changes nothing.
    """
    return apply(RULES, text)


def _mask_email(found: re.Match[str]) -> str:
    text = found[0]
    local, _, domain = text.rpartition("@")
    stripped = domain.rstrip(".-")
    ending = stripped.rpartition(".")[2]
    if ("." not in stripped and stripped != "localhost") or ending.isdigit() or ending in _FILE_ENDINGS:
        return text
    # Quotes, brackets and the like before an address belong to the text, not to the address.
    kept = len(local) - len(local.lstrip("'`{|=/?&!#*"))
    for sign in ("=", "/", "|", "{", "?", "&", "`"):
        kept = max(kept, local.rfind(sign) + 1)
    quote = local.rfind("'")
    # o'brien@… and b'brien@…
    if quote >= kept and not (quote - kept >= 1 and local[quote - 1].isalpha() and local[kept:quote] not in "burf"):
        kept = quote + 1
    if kept >= len(local):
        kept = 0
    return local[:kept] + EMAIL + domain[len(stripped) :]


def _mask_iban(found: re.Match[str]) -> str:
    compact = re.sub(r"[^A-Za-z0-9]", "", found[0]).upper()
    # One with a wrong check digit is still somebody's: the form of the busiest countries is enough.
    return IBAN if _iban_valid(compact) or _iban_formed(compact) else found[0]


def _iban_valid(compact: str) -> bool:
    rearranged = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


def _iban_formed(compact: str) -> bool:
    country, rest = compact[:2], compact[4:]
    if country in ("NL", "GB"):
        return rest[:4].isalpha() and rest[4:].isdigit()
    return country in ("BE", "DE", "AT", "ES") and rest.isdigit()


def _mask_named_iban(found: re.Match[str]) -> str:
    return found[1] + found[2] + IBAN


def _mask_named_phone(found: re.Match[str]) -> str:
    return found[1] + PHONE


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
    return found[1] + BSN


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
    if address.version == 4 and _VERSION_BEFORE.search(found.string, max(0, found.start() - 12), found.start()):
        return found[0]
    return IP


_NUMBERS = (
    Rule(("bsn", "burgerservice", "sofi", "citizen"), _BSN_NAMED, _mask_named_bsn),
    Rule(
        ("phone", "tel", "mobi", "gsm", "whatsapp", "fax", "contact_number", "msisdn", "cell"),
        _PHONE_NAMED,
        _mask_named_phone,
    ),
    Rule((), _PHONE_INTERNATIONAL, PHONE),
    Rule((), _PHONE_NATIONAL, PHONE),
    Rule((), _CARD, _mask_card),
    Rule((), _NINE, _mask_bsn),
)
_POSTCODES = (
    Rule(("post", "zip", "pincode"), _POSTCODE_NAMED, lambda found: found[1] + found[2] + ADDRESS),
    Rule((), _POSTCODE, _mask_postcode),
)
RULES = (
    *credentials.RULES,
    Rules((Rule((), _EMAIL, _mask_email),), ("@",)),
    Rules((Rule((), _EMAIL_SPELLED, EMAIL),), ("(at)", "[at]", "apenstaartje")),
    Rules(
        (Rule((), _IBAN, _mask_iban), Rule(("iban", "rek", "account"), _IBAN_NAMED, _mask_named_iban)),
        needs=_IBAN_START,
    ),
    Rules(_NUMBERS, needs=_LONG_NUMBER),
    Rules(_POSTCODES, needs=_POSTCODE_SHAPE),
    Rules((Rule((), _STREET, ADDRESS),), needs=_STREET_END),
    Rules((Rule((), _IPV4, _mask_ip),), needs=_IPV4_MIDDLE),
    Rules((Rule((), _IPV6, _mask_ip),), needs=_IPV6_MIDDLE),
)
"""What `mask` applies, in this order."""


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
