"""Takes the names of people out of a text: where they are known to stand, and where capitals give them away."""

import re

from baken.errors.name_lists import FIRST_NAMES, SURNAME_WORDS, SURNAMES
from baken.errors.vocabulary import DOCTYPES, PERSON_DOCTYPES, WORDS
from baken.masking import Rule, Rules, apply

NAME = "<name>"

_UPPER = "A-ZÀ-ÖØ-Þ" + "".join(chr(code) for code in range(0x100, 0x250) if chr(code).isupper())
_LOWER = "a-zß-öø-ÿ" + "".join(chr(code) for code in range(0x100, 0x250) if chr(code).islower())
_CAPITAL = (
    rf"(?:[{_UPPER}]['’])?(?:Ma?c)?[{_UPPER}][{_LOWER}]{{1,30}}"
    rf"(?:-(?:[{_UPPER}]['’])?[{_UPPER}]?[{_LOWER}]{{1,30}}(?:[{_UPPER}][{_LOWER}]{{2,20}})?"
    rf"|['’][{_LOWER}]{{2,20}}){{0,3}}"
)
_PARTICLE_WORDS = (
    "van de den der het 't ter ten te la le el al bin ben von zu da dos du af op in aan bij uit onder over di del della"
    " do das ibn abu bint ould ait zum zur vom y e"
)
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
# A sentence goes on with these as often as a name does: between two capitals they count together with another one.
_PREPOSITIONS = frozenset(["op", "in", "aan", "bij", "uit", "onder", "over", "te", "do", "e", "y", "af", "het"])
_PARTICLE = "(?:" + "|".join(sorted(_PARTICLES, key=len, reverse=True)) + "|[Vv]an ['’]t|['’]t|['’]s)"
_INITIALS = rf"(?:(?:Th|Ch|Chr|Ph|Fr|Joh|IJ|[{_UPPER}])\. ?)"
_END = r"(?![\w(@]|\.\w|-[\w])"
_SEQUENCE = re.compile(
    rf"(?<![\w.<@/\\$#-]){_CAPITAL}{_END}(?:(?: {_PARTICLE}){{0,3}} (?:{_CAPITAL}{_END}"
    rf"|{_INITIALS}{{1,4}}(?!\w))){{0,6}}"
)
_INITIALLED = re.compile(rf"(?<![\w./\\-]){_INITIALS}{{1,5}} ?((?:{_PARTICLE} ){{0,3}})({_CAPITAL}){_END}")
_REVERSED = re.compile(
    rf"(?<![\w./\\<-])({_CAPITAL}), (?:{_INITIALS}{{1,5}}(?![\w.])|({_CAPITAL}){_END})(?: {_PARTICLE}(?!\w)){{0,3}}"
)
_LOUD = rf"[{_UPPER}]+(?:['’-][{_UPPER}]+)*+"
_SHOUTED = re.compile(
    rf"(?<![\w./\\<$-])(?:{_LOUD}(?!\.)|(?:[{_UPPER}]\.){{1,4}})(?:,? (?:(?:[{_UPPER}]\.){{1,4}}|{_LOUD}"
    rf"|['’]T)){{1,5}}(?![\w(=/\\-])"
)
_MARKERS = frozenset(
    {"member", "lid", "user", "gebruiker", "customer", "klant", "donor", "donateur", "volunteer", "vrijwilliger",
     "contact", "contactpersoon", "employee", "supplier", "beste", "geachte", "dear", "hallo", "hello", "hi", "mr",
     "mrs", "ms", "mevrouw", "meneer", "mevr", "dhr", "mw", "heer", "naam", "name", "namens", "lieve", "drs", "ir",
     "ing", "dr", "prof", "miss", "familie", "fam", "holder", "hoi", "leden", "members", "rekeninghouder",
     "penningmeester", "voorzitter", "secretaris", "applicant", "aanvrager", "betaler", "payer", "sir", "madam",
     "mej", "frau",
     "herr"}
)  # fmt: skip
_MARKED = re.compile(r"(?i)(\w+)[.:]?[ \"'“]{0,2}$")
_MARKED_LOWER = re.compile(
    r"\b((?:[Mm]ember|[Ll]id|[Nn]amens|[Bb]este|[Dd]ear|[Cc]ustomer|[Kk]lant|[Mm]evrouw|[Mm]eneer|[Mm]evr|[Dd]hr|[Mm]w"
    r"|[Gg]eachte heer|[Uu]ser|[Gg]ebruiker)[.:]? )"
    rf"([{_LOWER}]{{2,20}}(?: {_PARTICLE}){{0,3}} [{_LOWER}]{{2,20}}"
    rf"|(?:{_PARTICLE} ){{1,3}}[{_LOWER}]{{3,20}})(?![\w.@-])"
)
_STRICT = (
    r"(?:full|first|last|middle|member|customer|employee|contact|donor|volunteer|sender|recipient|holder|debtor|debitor"
    r"|account_holder|user_full|display|given|family|sur|maiden|partner|applicant|chapter_member"
    r"|bank_account_holder|owner)_?names?"
    r"|(?:full|first|last|given|family|sur|middle|display)Name|tussenvoegsel|surname|initials|voorletters"
    r"|(?:voor|achter|roep|geboorte|meisjes|leden)naam|account_?holder|rekeninghouder|tenaamstelling"
    r"|contact_?person|contactpersoon"
    r"|birth_?date|geboortedatum|date_of_birth"
)
_LOOSE = (
    r"(?:supplier|party|account|bank_account|payer|user)_?names?|naam|street|address_line\d?|straat|party|customer"
    r"|member"
    r"|lid|donor"
)
_ACCOUNTS = r"owner|modified_by|user(?:_id)?|username|login|assigned_to|allocated_to|created_by|approved_by"
_WORD_BARE = r"[^\s|,;<>{}()\[\]\"'=:&]{1,40}+(?![=:(\[])"
_FIELDS = re.compile(
    r"(?i)(?<![A-Za-z])(?=[A-Za-z_\d]{2,40}+[\"'\]]{0,2}\s{0,2}[:=])"
    rf"(?:({_STRICT})|({_LOOSE})|({_ACCOUNTS}))(?![a-z])"
    r"([\"'\]]{0,2}\s{0,2}+(?::|={1,2}|=>)\s{0,2}+)(?:b?\"([^\"\n]{1,200}+)\"|b?'((?:[^'\n]"
    r"|(?<=[A-Za-z])'(?=[A-Z][a-z]|t )){1,200}+)'"
    rf"|({_WORD_BARE}(?: (?:['’][ts](?= )|{_WORD_BARE})){{0,6}}(?:, ?{_INITIALS}{{1,4}}|, {_CAPITAL}(?![\w=:]))?))"
)
_FIELD_HINTS = (
    "name", "naam", "holder", "tussenv", "initials", "voorletters", "houder", "tenaam", "person", "birth", "geboorte",
    "street", "straat", "address", "owner", "modified_by", "user", "login", "_to", "_by", "party", "customer", "member",
    "lid", "donor",
)  # fmt: skip
_SYSTEM_USERS = frozenset(
    {"administrator", "guest", "root", "frappe", "www-data", "system", "admin", "none", "null", "all", "nobody",
     "mysql",     "postgres", "redis", "ubuntu", "daemon", "true", "false", "self", "user", "session", "unknown"}
)  # fmt: skip
_QUERY = re.compile(rf"(?<==)({_CAPITAL}(?:\+(?:{_PARTICLE}|{_CAPITAL}|[{_UPPER}]\.)){{1,6}})(?=[&\s\"'<>)]|$)")
_REPR = re.compile(r"<([A-Z]\w{1,60}(?: [A-Z]\w{1,40}){0,5}): ([^<>\n]{1,140}+)>")
_OF_DOCTYPE = re.compile(
    rf"\b({'|'.join(sorted(map(re.escape, PERSON_DOCTYPES), key=len, reverse=True))}): "
    rf"((?:{_CAPITAL}{_END}|{_PARTICLE}(?!\w)|{_INITIALS})(?: ?(?:{_CAPITAL}{_END}|{_PARTICLE}(?!\w))){{0,6}})"
)
_CODE_NAME = re.compile(r"[\w.-]*\d[\w./-]*|0x.*|\d.*|<\w+>|unsaved|None|new-[\w-]+|[\w.]+@.*", re.ASCII)
_CODE_VALUE = re.compile(r"[a-z_]\w*(?:[._]\w+)+|[A-Z][\w-]*\d[\w-]*|[\d.,:/-]+|%\(?\w*\)?s|[a-z]+|None|null")
_MONTHS = frozenset({"Jan", "April", "June", "August", "Juni"})
_DAY = re.compile(r"(?:\.?,? {1,2}|-|')\d")
_REPR_START = re.compile(r"<[A-Z][\w ]{1,100}: ")
_INITIAL = re.compile(rf"[{_UPPER}]\. ?[{_UPPER}a-z]|[hrJ]\. [{_UPPER}]")
_COMMA = re.compile(rf", [{_UPPER}]")
_SHOUT = re.compile(
    rf"(?<![{_UPPER}])(?<![{_UPPER}]['’-])[{_UPPER}]{{2}}[{_UPPER}'’-]*+,? [{_UPPER}][{_UPPER}.'’]"
    rf"|[{_UPPER}]\.,? ?[{_UPPER}]{{2}}"
)
_KNOWN = frozenset(DOCTYPES)
# How ordinary words of logs end, English and Dutch, that no list can hold all of.
_ORDINARY_ENDING = re.compile(
    r"(?:[tsxdc]ion|ations?|ment|ments|able|ible|ness|less|ity|ized?|ised?|ally|ingly|edly|izer|ising|izing|ating"
    r"|eding|uting|"
    r"[bcdfgklmnpt]ed|ful|ship|ology|ware|ics|ically|heid|heden|lijke?|teit|atie|aties|baar|eerd|erde|eren|ectie"
    r"|ology|ures?)$"
)


def mask_names(text: str) -> str:
    """`text` with names of people replaced by `<name>`.

    Known places: values of name fields, documents written as `<Customer: …>` or `Customer: …`. Elsewhere: initials with
    a surname, a first name with what follows it, surnames after a particle (van den …), and two or more capitalised
    words none of which is a word of the software's own vocabulary.
    """
    return apply(RULES, text)


def _ordinary(word: str) -> bool:
    lowered = word.lower()
    if lowered in WORDS:
        return True
    if lowered in FIRST_NAMES or lowered in SURNAMES:
        return False
    parts = re.split("['’-]", lowered)
    return all(part in WORDS for part in parts) or (len(parts) == 1 and bool(_ORDINARY_ENDING.search(lowered)))


def _known(word: str) -> bool:
    """Whether `word` (or a part of it) is a first name or surname that is not an ordinary word as well."""
    lowered = word.lower()
    if lowered in FIRST_NAMES or lowered in SURNAMES:
        return lowered not in WORDS
    if "-" not in lowered:
        return False
    parts = lowered.split("-")
    return any((part in FIRST_NAMES or part in SURNAMES) and part not in WORDS for part in parts)


def _mask_field(found: re.Match[str]) -> str:
    strict, loose, account, sign, double, single, bare = found.groups()
    value = next(part for part in (double, single, bare) if part is not None)
    if value.strip() in {"", "None", "null", NAME} or value.startswith("<") or "<name>" in value or "<email>" in value:
        return found[0]
    start = found.start(5 if double is not None else 6 if single is not None else 7) - found.start()
    taken = value
    if bare is not None:
        taken = _name_part(value, spoken=":" in sign)
        if not taken:
            return found[0]
    words = taken.replace(",", " ").split()
    if account is not None:
        parts = re.split(r"[\s._-]+", taken.lower())
        if taken.lower() in _SYSTEM_USERS:
            return found[0]
        if account.lower() not in ("owner", "modified_by") and not any(_known(part) for part in parts):
            return found[0]
        if bare is not None and all(_ordinary(word) for word in words):
            return found[0]
    elif (loose is not None or bare is not None) and all(_ordinary(word) for word in words):
        return found[0]
    if (
        _CODE_VALUE.fullmatch(taken)
        and (bare is not None or loose is not None or account is not None)
        and not _known(taken)
    ):
        plain_word = taken.isalpha() and strict is not None
        if not plain_word:
            return found[0]
    if loose is not None and not _personal(taken):
        return found[0]
    return found[0][:start] + NAME + found[0][start + len(taken) :]


def _personal(value: str) -> bool:
    """Whether a value that may be a thing's name as well has the form of a person's."""
    words = value.replace(",", " ").split()
    return len(words) <= 8 and any(word[:1].isalpha() for word in words) and not any(c.isdigit() for c in words[0])


def _name_part(value: str, spoken: bool) -> str:
    """The words at the beginning of `value` that are a name; the text may go on after them."""
    words = value.split(" ")
    taken = 1
    while taken < len(words):
        word = words[taken]
        before = words[taken - 1].lower()
        joins = word.lower() in _PARTICLES and taken + 1 < len(words)
        if joins and word.lower() in _PREPOSITIONS:
            joins = before in _PARTICLES or words[taken + 1].lower() in _PARTICLES
        capital = word[:1].isupper() and not (word.isupper() and len(word) > 3 and not words[0].isupper())
        if not (joins or before in _PARTICLES or (capital and not _document(word)) or _known(word)):
            break
        taken += 1
    if spoken and taken == 1 and len(words) > 1 and words[0].islower() and not _known(words[0]):
        # "member: is not active" is no name.
        return ""
    return " ".join(words[:taken])


def _document(word: str) -> bool:
    return any(sign.isdigit() for sign in word)


def _mask_repr(found: re.Match[str]) -> str:
    return found[0] if _CODE_NAME.fullmatch(found[2]) else f"<{found[1]}: {NAME}>"


def _mask_of_doctype(found: re.Match[str]) -> str:
    if all(_ordinary(word) for word in found[2].split()):
        return found[0]
    return f"{found[1]}: {NAME}"


def _mask_initialled(found: re.Match[str]) -> str:
    if (
        found[2].lower() in WORDS
        and not found[1]
        and found[2].lower() not in SURNAME_WORDS
        and found[2].lower() not in SURNAMES
    ):
        return found[0]
    return NAME


def _mask_reversed(found: re.Match[str]) -> str:
    last, first = found[1], found[2]
    if first is not None:
        if _ordinary(first) or not (
            first.lower().split("-")[0] in FIRST_NAMES and (_surname(last) or not _ordinary(last))
        ):
            return found[0]
        return NAME
    return found[0] if _ordinary(last) and not _surname(last) else NAME


def _surname(word: str) -> bool:
    lowered = word.lower()
    return lowered in SURNAMES or lowered in SURNAME_WORDS


def _mask_shouted(found: re.Match[str]) -> str:
    words = found[0].replace(",", "").split(" ")
    lowered = [word.lower() for word in words]
    first = next((n for n, word in enumerate(lowered) if word not in _PARTICLES), None)
    if first is None:
        return found[0]
    plain = [word for word in lowered[first:] if word not in _PARTICLES and not word.endswith(".")]
    initials = any(word.endswith(".") for word in lowered)
    known = [word for word in plain if _known(word)]
    strange = [word for word in plain if word not in WORDS and word not in _SHOUTED_WORDS]
    particle = len(plain) < len(lowered) and not initials
    if len(strange) < len(plain):
        return found[0]
    if (
        (known and len(plain) > 1)
        or (initials and len(plain) < 3)
        or (known and particle)
        or (plain and _first(plain[0]) and len(plain) >= 2)
    ):
        return NAME
    return found[0]


_SHOUTED_WORDS = frozenset(
    {"select", "from", "where", "insert", "into", "values", "delete", "join", "inner", "outer", "by", "and", "or",
     "null", "as", "put", "head", "patch", "http", "https", "ok", "info", "debug", "fatal", "utc", "gmt", "cet",
     "primary"}
)  # fmt: skip


def _first(word: str) -> bool:
    return word.split("-")[0] in FIRST_NAMES and word not in WORDS and len(word) > 2


def _mask_lower(found: re.Match[str]) -> str:
    words = found[2].split(" ")
    last = words[-1]
    if _known(words[0]) and words[0] in FIRST_NAMES and not (last in WORDS and last not in SURNAMES):
        return found[1] + NAME
    if words[0] in _PARTICLES and last in SURNAMES and last not in WORDS:
        return found[1] + NAME
    return found[0]


def _mask_query(found: re.Match[str]) -> str:
    words = found[1].split("+")
    return found[0] if all(_ordinary(word) for word in words) else NAME


def _mask_sequence(found: re.Match[str]) -> str:
    text = found[0]
    words = text.split(" ")
    if len(words) == 1:
        return _mask_single(found)
    if text in _KNOWN:
        return text
    out: list[str] = []
    run: list[str] = []
    for number, word in enumerate(words):
        if word[0].isupper() and _ordinary(word) and not _within_name(words, number, run):
            out += _finish(run, out, found)
            out.append(word)
            run = []
        else:
            run.append(word)
    return " ".join((*out, *_finish(run, out, found)))


def _within_name(words: list[str], number: int, run: list[str]) -> bool:
    """Whether an ordinary word is part of a name here: Mark de Vries, Lotte Post, Els van den Berg."""
    lowered = words[number].lower()
    following = words[number + 1] if number + 1 < len(words) else ""
    if (
        lowered in FIRST_NAMES
        and following
        and (following in _PARTICLES or _known(following))
        and following not in _PREPOSITIONS
    ):
        return True
    if not run or not (lowered in SURNAMES or lowered in SURNAME_WORDS):
        return False
    return run[-1] in _PARTICLES or run[-1].lower() in FIRST_NAMES or run[-1].endswith(".")


def _finish(run: list[str], before: list[str], found: re.Match[str]) -> list[str]:
    capitals = [word for word in run if word[0].isupper()]
    if not capitals or (len(run) == 1 and run[0] in _MONTHS and _DAY.match(found.string, found.end())):
        return run
    if _known(capitals[0]) or any(_known(word) for word in capitals):
        return [NAME] if len(capitals) > 1 or len(run) > 1 or _alone(capitals[0]) else run
    marked = bool(before and before[-1].lower() in _MARKERS) or (not before and _marker_before(found))
    if marked or len(capitals) >= 2:
        return [NAME]
    inner = run[: run.index(capitals[-1])]
    return [NAME] if any(word in _PARTICLES and word not in _PREPOSITIONS for word in inner) else run


def _alone(word: str) -> bool:
    return _known(word) and len(word) > 2


def _marker_before(found: re.Match[str]) -> bool:
    before = _MARKED.search(found.string[max(0, found.start() - 24) : found.start()])
    return before is not None and before[1].lower() in _MARKERS


def _mask_single(found: re.Match[str]) -> str:
    word = found[0]
    if _ordinary(word) or (word in _MONTHS and _DAY.match(found.string, found.end())):
        return word
    return NAME if _alone(word) or _marker_before(found) else word


_MARKER_HINTS = ("member", "lid ", "namens", "beste", "dear", "customer", "klant", "meneer", "mev", "dhr", "mw", "heer",
                 "user", "gebruiker")  # fmt: skip
RULES = (
    Rules((Rule(_FIELD_HINTS, _FIELDS, _mask_field),), ("=", ":")),
    Rules((Rule((), _REPR, _mask_repr),), needs=_REPR_START),
    Rules((Rule((), _OF_DOCTYPE, _mask_of_doctype),), (": ",)),
    Rules((Rule((), _QUERY, _mask_query),), ("+",)),
    Rules((Rule((), _INITIALLED, _mask_initialled),), needs=_INITIAL),
    Rules((Rule((), _REVERSED, _mask_reversed),), needs=_COMMA),
    Rules((Rule((), _SEQUENCE, _mask_sequence),)),
    Rules((Rule((), _SHOUTED, _mask_shouted),), needs=_SHOUT),
    Rules((Rule((), _MARKED_LOWER, _mask_lower),), _MARKER_HINTS),
)
"""What `mask_names` applies, in this order."""
