"""Takes the names of people out of a text: where they are known to stand, and where capitals give them away."""

import re

from baken.errors.vocabulary import DOCTYPES, FIRST_NAMES, PERSON_DOCTYPES, WORDS

NAME = "<name>"

_CAPITAL = r"[A-ZÀ-ÖØ-Þ](?:['’][A-ZÀ-ÖØ-Þ])?[a-zß-öø-ÿ]{1,30}(?:[-'’][A-ZÀ-ÖØ-Þa-z]?[a-zß-öø-ÿ]{1,30}){0,3}"
_PARTICLE = r"(?:van|de|den|der|het|'t|ter|ten|te|la|le|el|al|bin|ben|von|zu|da|dos|du|af|ter|op|in|[Vv]an 't|y)"
_SEQUENCE = re.compile(
    rf"(?<![\w.<-]){_CAPITAL}(?![\w(]|[.-]\w)(?:(?: {_PARTICLE}){{0,3}} {_CAPITAL}(?![\w(]|[.-]\w)){{0,5}}"
)
_PARTICLES = frozenset(
    {"van", "de", "den", "der", "het", "'t", "ter", "ten", "te", "la", "le", "el", "al", "bin", "ben", "von", "zu",
     "da", "dos", "du", "af", "y"}
)  # fmt: skip
_MARKERS = frozenset(
    {"member", "lid", "user", "gebruiker", "customer", "klant", "donor", "donateur", "volunteer", "vrijwilliger",
     "contact", "contactpersoon", "employee", "supplier", "beste", "geachte", "dear", "hallo", "hello", "hi", "mr",
     "mrs", "ms",     "mevrouw", "meneer", "mevr", "dhr", "mw", "heer", "naam", "name", "namens"}
)  # fmt: skip
_MARKED = re.compile(r"(?i)(\w+)[.:]?[ \"']{0,2}$")
_FIELDS = re.compile(
    r"(?i)(?<![A-Za-z])((?:full|first|last|middle|member|customer|employee|supplier|contact|party|donor"
    r"|volunteer|account|bank_account"
    r"|account_holder|user_full|holder|debtor|debitor|sender|recipient)_?names?|tussenvoegsel|fullname|surname"
    r"|voornaam|achternaam|naam"
    r"|account_?holder|birth_?date|geboortedatum|street|address_line\d?|straat|owner|modified_by)"
    r"([\"']?\s{0,2}+[:=]\s{0,2}+)(?:\"([^\"\n]{1,200}+)\"|'([^'\n]{1,200}+)'|([^|,;\n<>{}()\[\]\"'=]{1,120}+))"
)
_REPR = re.compile(r"<([A-Z]\w{1,60}(?: [A-Z]\w{1,40}){0,5}): ([^<>\n]{1,140}+)>")
_OF_DOCTYPE = re.compile(
    rf"\b({'|'.join(sorted(map(re.escape, PERSON_DOCTYPES), key=len, reverse=True))}): "
    rf"((?:{_CAPITAL}|{_PARTICLE})\b(?: (?:{_CAPITAL}|{_PARTICLE})\b){{0,6}})"
)
_CODE_NAME = re.compile(r"[\w.-]*\d[\w./-]*|<\w+>|unsaved|None|new-[\w-]+", re.ASCII)
_KNOWN = frozenset(DOCTYPES)


def mask_names(text: str) -> str:
    """`text` with names of people replaced by `<name>`.

    Known places: values of name fields, documents written as `<Customer: …>` or `Customer: …`. Elsewhere: a first
    name with what follows it, surnames after a particle (van den …), and two or more capitalised words none of which
    is a word of the software's own vocabulary.
    """
    if ":" in text or "=" in text:
        text = _FIELDS.sub(_mask_field, text)
        if "<" in text:
            text = _REPR.sub(_mask_repr, text)
        text = _OF_DOCTYPE.sub(_mask_of_doctype, text)
    return _SEQUENCE.sub(_mask_sequence, text)


def _mask_field(found: re.Match[str]) -> str:
    value = next(part for part in found.groups()[2:] if part is not None)
    quote = '"' if found[3] is not None else "'" if found[4] is not None else ""
    if value.strip() in {"", "None", "null", NAME} or value.startswith("<"):
        return found[0]
    if not quote and found[2].lstrip("\"'").startswith(": ") and all(_ordinary(word) for word in value.split()):
        return found[0]
    kept = value[len(value.rstrip()) :] and " "
    return f"{found[1]}{found[2]}{quote}{NAME}{quote}{kept}"


def _mask_repr(found: re.Match[str]) -> str:
    return found[0] if _CODE_NAME.fullmatch(found[2]) else f"<{found[1]}: {NAME}>"


def _mask_of_doctype(found: re.Match[str]) -> str:
    if all(_ordinary(word) for word in found[2].split()):
        return found[0]
    return f"{found[1]}: {NAME}"


def _mask_sequence(found: re.Match[str]) -> str:
    words = found[0].split(" ")
    if len(words) == 1:
        return _mask_single(found)
    if found[0] in _KNOWN:
        return found[0]
    out: list[str] = []
    run: list[str] = []
    for word in words:
        if word[0].isupper() and _ordinary(word):
            out += _finish(run, out)
            out.append(word)
            run = []
        else:
            run.append(word)
    return " ".join((*out, *_finish(run, out)))


def _ordinary(word: str) -> bool:
    return all(part in WORDS for part in re.split("['’-]", word.lower()))


def _finish(run: list[str], before: list[str]) -> list[str]:
    capitals = [word for word in run if word[0].isupper()]
    if not capitals:
        return run
    named = any(word.lower() in FIRST_NAMES for word in capitals)
    named = named or bool(before and before[-1].lower() in _MARKERS)
    if len(capitals) >= 2 or named or any(word in _PARTICLES for word in run[: run.index(capitals[-1])]):
        return [NAME]
    return run


def _mask_single(found: re.Match[str]) -> str:
    if not _ordinary(found[0]):
        if found[0].lower() in FIRST_NAMES:
            return NAME
        before = _MARKED.search(found.string[max(0, found.start() - 24) : found.start()])
        if before and before[1].lower() in _MARKERS and before.end() > before.start():
            return NAME
    return found[0]
