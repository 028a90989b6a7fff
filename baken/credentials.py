"""Finds credentials in text: by the shape of a value, and by the name or the place that a value stands in.

Every pattern runs in linear time: a run of characters is entered at its beginning only and left whole, or is bounded.
"""

import re

from baken.masking import Rule, Rules

SECRET = "<secret>"  # noqa: S105 -- what stands in a text instead of one

_EMPTY = frozenset(
    {"", "none", "null", "true", "false", "nil", "undefined", "str", "int", "bytes", "dict", "bool", "yes", "no",
     "optional", "any", "string", "self", "required", "missing", "invalid", "expired", "secretstr", "basic", "bearer",
     "digest", "token", "set", "unset", "empty", "ok", "changeme", "redacted", "masked", "filtered", "hidden",
     "administrator", "guest"}
)  # fmt: skip
_MASKED = re.compile(r"[*•.xX]{3,}|<[a-z_ -]+>|\[[A-Za-z_ -]+\]|\{+[\w. ]*\}+|\$\{?\w+\}?|%\(?\w*\)?s|…+|\*+\w{0,4}")

PEM = re.compile(r"-----BEGIN (?:(?!-----END )[\s\S])*+(?:-----END [^\n-]{0,60}-----|\Z|)")
JWT = re.compile(r"(?<![\w.-])eyJ[\w-]{6,}+\.[\w-]{6,}+(?:\.[\w-]*+){0,3}")
USERINFO = re.compile(
    r"://[^\s/@?\"'<>]{1,400}+(?:@[^\s/@?\"'<>]{0,200}+(?=@))*+@|(?<![\w:])\w{1,40}:[^\s/@:\"'<>]{1,100}+@(?=tcp\("
    r"|unix\()"
)
HASH = re.compile(
    r"\$(?:pbkdf2[\w-]{0,12}|2[abxy]|argon2\w{1,2}|[156y]|scrypt|bcrypt[\w-]{0,10})\$[\w./$=,+-]{16,}+"
    r"|(?<!\w)pbkdf2_sha\d{1,3}\$\d{1,7}\$[\w./$=+-]{16,}+|\{S?SHA\d{0,3}\}[\w+/=]{20,}+|(?<!\w)\*[0-9A-F]{40}(?!\w)"
)
SHAPE = re.compile(
    r"(?<![\w-])(?:(?:sk|pk|rk|whsec)_(?:live_|test_)?\w{10,}+|(?:live|test)_[A-Za-z0-9]{20,}+|access_[A-Za-z0-9]{30,}+"
    r"|gh[opsru]_\w{20,}+|github_pat_\w{20,}+|gl(?:pat|dt|rt|ptt|soat|cbt|ft|imt|agent)-[\w-]{15,}+"
    r"|xox[abeoprs]-[\w-]{10,}+|xapp-[\w-]{20,}+|A(?:K|S)IA[A-Z0-9]{16}(?!\w)|AIza[\w-]{30,}+|ya29\.[\w-]{20,}+"
    r"|GOCSPX-[\w-]{20,}+|1//0[\w-]{30,}+|SG\.[\w-]{16,}+\.[\w-]{16,}+|(?:SK|AC)[0-9a-f]{32}(?!\w)"
    r"|sk-(?=[A-Za-z-]{0,80}\d)[\w-]{20,}+|npm_[A-Za-z0-9]{30,}+|pypi-[\w-]{40,}+|hf_[A-Za-z0-9]{25,}+"
    r"|(?:dop|doo|dor)_v1_[0-9a-f]{40,}+|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{20,}+|key-[0-9a-f]{32}(?!\w)"
    r"|[0-9a-f]{32}-us\d{1,2}(?!\w)|hv[sb]\.[\w-]{20,}+|dp\.(?:pt|st|ct)\.[\w-]{20,}+|sq0[a-z]{3}-[\w-]{20,}+"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{40,}+|gAAAAA[\w-]{40,}+={0,2}|re_[A-Za-z0-9]{8}_[A-Za-z0-9]{16,}+"
    r"|(?:EAAC|EAAG|EAAJ)[A-Za-z0-9]{40,}+|lin_api_\w{30,}+|ATATT3[\w=-]{40,}+|secret_[A-Za-z0-9]{32,}+)"
)
_PAIR_NEEDS = re.compile(r":[\w-]{15}")
PAIR = re.compile(r"(?:(?<![\w:.-])|(?<=bot))(?:\d{8,10}:AA[\w-]{30,40}|[0-9a-f]{15}:[0-9a-f]{15})(?![\w:-])")
WEBHOOK = re.compile(
    r"(?<=://)(?:hooks\.slack\.com/(?:services|workflows|triggers)/|(?:\w{1,12}\.)?discord(?:app)?\.com/api/webhooks/"
    r"|[\w.-]{0,60}office\.com/webhook\w{0,4}/|api\.telegram\.org/bot"
    r"|chat\.googleapis\.com/v1/spaces/)([^\s\"'<>)]{1,600}+)"
)
_LONG_PART = re.compile(r"/[\w.~=-]{16}")
LINK = re.compile(
    r"(?i)/(?:reset|reset[-_]password|password[-_]reset|update[-_]password|set[-_]password|activat(?:e|ion)"
    r"|confirm(?:ation)?"
    r"|verif(?:y|ication|ieer)|invit(?:e|ation)|magic(?:[-_]link)?|unsubscribe|login|sso|token|one[-_]time|otl"
    r"|bevestig|uitnodiging)"
    r"/([\w.~=-]{16,}+)"
)
SCHEME = re.compile(
    r"(?i)(?<![\w-])(Bearer|Basic|Digest|Token|Api-?Key|Negotiate|NTLM|Hawk|AWS4-HMAC-SHA256|AUTH (?:PLAIN|LOGIN"
    r"|XOAUTH2))([ \t]{1,4})"
    r"((?:\w{1,30}=(?:\\{0,3}\"[^\"\n]{0,600}\"|[^\s,\"']{1,600}),?[ \t]{0,3}){2,20}|[\w.~+/=:-]{8,}+)"
)
SCHEME_HINTS = (
    "bearer", "basic", "digest", "token", "api-key", "apikey", "negotiate", "ntlm", "hawk", "aws4-", "auth plain",
    "auth login", "xoauth2",
)  # fmt: skip

HEADER = re.compile(
    r"(?i)((?<![a-z])authorization\\{0,3}[\"']?\s{0,2}[:=]\s{0,2}(?:bearer|basic|token|api-?key)\s{1,3})"
    r"([^\s\"',;<>]{3,4000}+)"
)
_CODEWORD = r"passw(?:or)?d|passwort|wachtwoord|passphrase|passcode|(?<![A-Za-z])pwd?(?![a-z])|(?<=_)pass(?![a-z])"
_SURE = (
    rf"{_CODEWORD}|pwd|secret|security[_-]?code|api[_-]?(?:key|token|sleutel)|(?:access|private|encryption"
    rf"|auth|signing"
    r"|account|stripe|mollie|licen[sc]e|consumer|master|service|reset|login|hmac|session|webhook|aws|azure|storage|sas"
    r"|client|smtp|db)[_-]?key"
)
_UNSURE = (
    r"token|authori[sz]ation|credentials?|cookie|session[_-]?id|signature|jwt"
    r"|(?<![a-z])(?:sid|otp|cvc|cvv|pin|auth|pass|csrf)(?![a-z])"
)
NAMED = re.compile(
    rf"(?i)(?:({_SURE})|({_UNSURE})|(?<=[?&])(?:key|code|sig|hash|k|t)(?==))([\w-]{{0,40}}+)"
    r"(\]?\\{0,3}[\"'`]\]?)?(\s{0,3}+(?::=|=>|={1,3}|->|:)\s{0,3}+)"
    r"(?:[bur]?(?:\\{1,3}[\"']((?:[^\"'\\\n]|\\++[^\"'\\\n]){0,4000}+)|\"((?:[^\"\\\n]|\\[^\n]){0,4000}+)"
    r"|'((?:[^'\\\n]|\\[^\n]){0,4000}+)|`([^`\n]{0,4000}+))"
    r"|((?:[^\s,;&<>(){}\[\]\"'`]|[(\[{](?=\w)|(?<=\w)[)\]}](?=[\w!@#$%^*-])|&(?![\w-]{0,40}=)){1,4000}+))"
)
NAMED_HINTS = (
    "pass", "pwd", "pw", "wachtw", "secret", "key", "token", "authori", "credential", "cookie", "session", "signature",
    "securit", "sleutel", "jwt", "sid", "otp", "cvc", "cvv", "pin", "auth", "csrf", "code=", "sig=", "hash=",
    "?k=", "?t=", "&k=", "&t=",
)  # fmt: skip
SPOKEN_HINTS = (
    "pass", "pw", "wachtw", "secret", "key", "token", "auth", "credential", "cookie", "session", "signature", "securit",
    "sleutel", "jwt", "sid", "otp", "cvc", "cvv", "pin", "csrf", "code", "sig=", "hash=", "?k=", "?t=", "&k=", "&t=",
    "bearer", "basic", "digest", "negotiate", "ntlm", "hawk", "aws4-",
)  # fmt: skip
"""A text without any of these, in lower case, speaks of no credential."""
# What a name may end with that makes it speak about a secret, and not hold one.
_ABOUT = frozenset(
    {"reset", "expired", "expiry", "expires", "expiration", "type", "policy", "length", "count", "age", "at", "on",
     "in", "name", "field", "fieldname", "strength", "score", "url", "uri", "path", "file", "change", "changed",
     "update", "updated", "min", "max", "limit", "enabled", "required", "hint", "label", "doctype", "ttl", "status",
     "error",
     "errors", "exception", "missing", "invalid", "provider", "method", "settings", "manager", "usage", "version",
     "scope", "date", "time", "days", "seconds", "list", "rotation", "attempts", "failed", "created", "modified"}
)  # fmt: skip
_INNER = re.compile(r"(?i)key|secret|token|hash|pass|value|pwd")
_OBJECT = re.compile(r"[A-Za-z]\w*\{.*|(?:\w+\.)+\w+@[0-9a-f]+|0x[0-9a-f]+")
_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[a-z_]+(?:_[a-z]+)+")
_COOKIE = re.compile(
    r"(?i)(?<![\w-])((?:set-)?cookie\\?[\"']?\s{0,2}[:=]\s{0,2}[\"']?)([\w.%-]{1,60}=[^\n\"']{1,4000}+)"
)
_COOKIE_PART = re.compile(r"([\w.%-]{1,60}=)([^;,\s]{1,4000}+)")
_COOKIE_KEPT = frozenset({"path", "expires", "domain", "max-age", "samesite", "version", "system_user"})
ELEMENT = re.compile(
    rf"(?i)<((?:\w{{1,20}}:)?\w{{0,20}}?(?:{_SURE}|token"
    rf"|securitycode\d?)\w{{0,20}})((?:\s[^<>]{{0,200}})?>)([^<>\s][^<>]{{0,2000}}+)(?=<)"
)
TUPLE = re.compile(
    rf"(?i)(?<!\w)\((b?[\"'][\w-]{{0,30}}?(?:{_SURE}"
    rf"|{_UNSURE})[\w-]{{0,20}}[\"'],\s?b?([\"']))((?:(?!\2)[^\n\\]){{1,2000}}+)(?=\2\))"
)
AUTH = re.compile(
    r"(?i)\b((?:basic_)?auth\s?=\s?\(\s?)(([\"'])(?:(?!\3)[^\n]){0,400}+\3,\s?([\"'])(?:(?!\4)[^\n]){1,400}+\4)"
)
IDENTIFIED = re.compile(
    r"(?i)\b(identified\s(?:by|with \w{1,40} (?:by|as))\s(?:password\s)?"
    r"|(?-i:PASSWORD)\()([\"'])((?:(?!\2)[^\n]){1,400}+)"
)
OPTION = re.compile(
    r"(?i)(?<![\w-])(--?[\w-]{0,30}?(?:password|passwd|pass|pwd|secret|token|api-?key|access-key|auth-key"
    r"|secret-key)[\s=]{1,3}[\"']?)"
    r"(?![-=\"'])([^\s\"'<>]{3,400}+)"
)
CLIENT = re.compile(
    r"(?<![\w/-])((?:mysql\w{0,10}|mariadb[\w-]{0,10}|sshpass)\b(?: [^\s"
    r"|;]{1,80}+(?<! -p)){0,12}? (?:-p ?)[\"']?)(?![\s\"'-])([^\s\"'<>]{3,400}+)"
)
REDIS = re.compile(r"(\bredis-cli(?: [^\s|;]{1,80}){0,6}? (?:-a|--pass) [\"']?)([^\s\"'<>]{3,400}+)")
USER = re.compile(r"((?<!\S)(?:-u|--user|--proxy-user)[ =]?[\"']?[\w.@-]{1,80}+:)([^\s\"'<>]{2,400}+)")
SENTENCE = re.compile(
    r"(?i)(?<![a-z])(?:([\w-]{0,30}?(?:passw(?:or)?d|wachtwoord|passphrase|pwd|secret(?:[ _-]?key)?|SECRET_KEY))"
    r"|(?:[\w-]{0,20}?token|api[ _-]?(?:key|secret|sleutel|token)|(?:session|access) ?id|(?:session|access|reset"
    r"|encryption|signing|auth|licen[sc]e|stripe|mollie)[ _-]?key|sid|secret|sleutel|jwt"
    r"|credentials?)"
    r"|(otp|(?:verification|login|security|access|one-time|2fa|eenmalige?) ?code|verificatiecode|toegangscode"
    r"|inlogcode|pin ?code))"
    r"((?:\s(?:is|was|value|waarde|for|voor|of|van|now|nu|as|wordt|werd|with|met|used|changed|set|reset|gewijzigd"
    r"|to|in|naar)){0,3}[:=]?\s{1,2})"
    r"([\"'“‘`(\[]{0,2})([^\s\"'”’`,;<>()\[\]]{4,400}+)"
)
_NUMBERED = re.compile(
    r"(?:[A-Za-z]{2,20}-)+[\d-]*\d|[\d.,:/T+-]+Z?|[\w.-]*/[\w./-]*|#\d+|[a-z]+(?:_\d+)+|0x[0-9a-f]+|v?\d+(?:\.\d+)+\w*"
)


def secret_value(value: str) -> bool:
    """Whether `value` can be a live secret: not empty, not masked already, and no word for "nothing"."""
    return value.strip().lower().rstrip(".") not in _EMPTY and not _MASKED.fullmatch(value)


def random_looking(value: str) -> bool:
    """Whether `value` mixes letters and digits as secrets do, unlike names of documents, dates and versions."""
    value = value.rstrip(".:!?")
    digit = letter = False
    for sign in value:
        digit = digit or sign.isdigit()
        letter = letter or sign.isalpha()
    return digit and letter and len(value) >= 6 and not _NUMBERED.fullmatch(value)


def scheme_holds(found: re.Match[str]) -> bool:
    """Whether what follows an authentication scheme is a credential, and not the rest of a sentence."""
    scheme, value = found[1].lower(), found[3]
    if "=" in value[:-2] and "," in value:
        return True
    if "=" in value.rstrip("="):
        # token_type: bearer max_tokens=4096
        return False
    if scheme in ("token", "apikey", "api-key", "hawk"):
        pair = ":" in value.strip(":") and any(sign.isdigit() for sign in value)
        return pair or len(value) >= 40 or (len(value) >= 16 and random_looking(value))
    telling = any(sign.isdigit() for sign in value) or value.endswith("=") or len(value) > 24
    return telling or value != value.lower() != value.title().lower()


def named_value(found: re.Match[str]) -> tuple[int, int] | None:
    """Where in the text the secret of a NAMED match stands (begin and end), or None when it holds none."""
    sure, unsure, rest, close, sign, *_ = found.groups()
    group = next(number for number in range(6, 11) if found[number] is not None)
    value, bare = found[group], group == 10
    if not secret_value(value) or not _name_holds(rest, value):
        return None
    # ?key=… and ?hash=… may be anything; ?sig=… signs something.
    loose = sure is None and unsure is None and not found[0].lower().startswith("sig")
    if loose and not (len(value) >= 16 or random_looking(value)):
        return None
    if bare and not _bare_holds(found, value, sure, close, sign):
        return None
    if (
        not sure
        and unsure
        and unsure.lower() in ("pass", "token", "signature", "auth", "pin", "sid")
        and _small(value, rest)
    ):
        return None
    return found.start(group), found.end(group)


def _small(value: str, rest: str) -> bool:
    return value.rstrip(")").isdigit() and (len(value) < 4 or rest.lower() == "s")


def _name_holds(rest: str, value: str) -> bool:
    if not rest:
        return True
    if rest[0].islower() and rest != "s" and not _INNER.search(rest):
        # secretary, tokenizer, authorised …
        return False
    last = re.split("[_-]", rest)[-1].lower()
    return last not in _ABOUT or (last in ("hash", "key", "value") and len(value) > 8)


def _bare_holds(found: re.Match[str], value: str, sure: str | None, close: str | None, sign: str) -> bool:
    following = found.string[found.end() : found.end() + 2]
    if value[-1] == "=" and following[:1] == "<":
        # Cookie: sid=<secret>
        return False
    if (
        following[:1] in ("(", "[")
        or _OBJECT.fullmatch(value)
        or (_CODE.fullmatch(value) and not any(part.isdigit() for part in value))
    ):
        # A call or a name in a line of code.
        return False
    if ":" in sign and close is None:
        # "token: Password not found": a sentence goes on; "token: 81c2…" and "password: welcome" do not.
        sentence = following[:1] == " " and following[1:2].isalpha()
        if value.isalpha() and (sentence or not sure) and len(value) < 24:
            return False
    return True


def _named(found: re.Match[str]) -> str:
    place = named_value(found)
    if place is None:
        return found[0]
    start, end = place[0] - found.start(), place[1] - found.start()
    return found[0][:start] + SECRET + found[0][end:]


def _scheme(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{SECRET}" if scheme_holds(found) else found[0]


def _kept_start(found: re.Match[str]) -> str:
    """The first group stays, what follows it is secret."""
    return found[1] + SECRET if secret_value(found[2]) else found[0]


def _cookie(found: re.Match[str]) -> str:
    return found[1] + _COOKIE_PART.sub(_cookie_part, found[2])


def _cookie_part(found: re.Match[str]) -> str:
    if found[1][:-1].lower() in _COOKIE_KEPT or not secret_value(found[2]):
        return found[0]
    return found[1] + SECRET


def _element(found: re.Match[str]) -> str:
    return f"<{found[1]}{found[2]}{SECRET}" if secret_value(found[3]) else found[0]


def _tuple(found: re.Match[str]) -> str:
    return f"({found[1]}{SECRET}" if secret_value(found[3]) else found[0]


def _identified(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{SECRET}" if secret_value(found[3]) else found[0]


def link_holds(found: re.Match[str]) -> bool:
    """Whether the last part of a link's path is a one-time key, and not the name of a page or document."""
    return random_looking(found[1]) and not found[1].endswith((".html", ".py", ".js"))


def _link(found: re.Match[str]) -> str:
    return found[0][: -len(found[1])] + SECRET if link_holds(found) else found[0]


def userinfo_holds(found: re.Match[str]) -> bool:
    """Whether what stands before the host of a URL is more than a plain name of a user."""
    return not (
        found[0][0] == ":" and found[0][3:-1].replace("_", "a").replace("-", "a").isalpha() and len(found[0]) < 32
    )


def _userinfo(found: re.Match[str]) -> str:
    if not userinfo_holds(found):
        return found[0]
    return ("://" if found[0][0] == ":" else "") + f"{SECRET}@"


def _webhook(found: re.Match[str]) -> str:
    return found[0][: -len(found[1])] + SECRET if secret_value(found[1]) else found[0]


def sentence_holds(found: re.Match[str]) -> bool:
    """Whether a sentence that speaks of a secret goes on with one."""
    password, code, quoted, value = found[1], found[2], found[4], found[5]
    if not secret_value(value):
        return False
    if code:
        return value.rstrip(".:!?").isdigit()
    if password:
        closed = found.string[found.end() : found.end() + 1] in ("'", '"', "”", "’", "`")
        quoted_value = bool(quoted) and closed and not _CODE.fullmatch(value) and not value.islower()
        return (
            quoted_value
            or random_looking(value)
            or (len(value) > 5 and not value[:-1].isalnum() and value[-1] in "$#@")
        )
    return len(value) >= 8 and random_looking(value)


def _sentence(found: re.Match[str]) -> str:
    if not sentence_holds(found):
        return found[0]
    value = found[5].rstrip(".:") if len(found[5]) > 8 else found[5]
    start = found.start(5) - found.start()
    return found[0][:start] + SECRET + found[5][len(value) :]


_SPOKEN = (
    Rule(("authorization",), HEADER, _kept_start),
    Rule(("cookie",), _COOKIE, _cookie),
    Rule(SCHEME_HINTS, SCHEME, _scheme),
    Rule(("auth",), AUTH, lambda found: found[1] + SECRET if "<" not in found[2] else found[0]),
    Rule(NAMED_HINTS, NAMED, _named),
    Rule(("</",), ELEMENT, _element),
    Rule(("('", '("', "(b'"), TUPLE, _tuple),
    Rule(("password('", 'password("'), IDENTIFIED, _identified),
    Rule(("-pass", "-pwd", "-secret", "-token", "-api", "-access", "-auth", "--pw", "-key"), OPTION, _kept_start),
    Rule(("passw", "wachtw", "passphrase", "pwd", "secret", "token", "api", "sleutel", "jwt", "credential", "otp",
          "code", "key", "access", "sid"), SENTENCE, _sentence),
)  # fmt: skip
RULES = (
    Rules((Rule((), PEM, SECRET),), ("-----begin",)),
    Rules(
        (
            Rule((), USERINFO, _userinfo),
            Rule(("hooks.", "discord", "office.com/", "telegram.org/bot", "chat.googleapis"), WEBHOOK, _webhook),
        ),
        ("://", "@tcp(", "@unix("),
    ),
    Rules((Rule((), JWT, SECRET),), ("eyj",)),
    Rules(_SPOKEN, SPOKEN_HINTS),
    Rules((Rule((), CLIENT, _kept_start), Rule((), REDIS, _kept_start)), ("mysql", "mariadb", "sshpass", "redis-cli")),
    Rules((Rule((), IDENTIFIED, _identified),), ("identified ",)),
    Rules((Rule((), USER, _kept_start),), ("-u ", "-user")),
    Rules((Rule((), LINK, _link),), needs=_LONG_PART),
    Rules((Rule((), SHAPE, SECRET),)),
    Rules((Rule((), PAIR, SECRET),), needs=_PAIR_NEEDS),
    Rules((Rule((), HASH, SECRET),), ("$", "{s", "*")),
)
"""Every way in which a credential is found, in the order in which they are tried."""
