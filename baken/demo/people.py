"""Invented people: names put together from syllables nobody bears, example.test addresses, IBANs that only check
out.
"""

import random
from dataclasses import dataclass

# Made up on purpose: none of these is a name one meets, so no row of the demo can be somebody.
_FIRST = [
    "Brantelle",
    "Corvijn",
    "Dorwine",
    "Elvaro",
    "Fenniken",
    "Gorvald",
    "Hildrune",
    "Ismarel",
    "Jorvina",
    "Kelvorn",
    "Lunetta",
    "Mirvald",
    "Nordine",
    "Oswerla",
    "Pellamar",
    "Quintorn",
    "Rosvelde",
    "Sterwin",
    "Tolvina",
    "Ulmaric",
    "Vendelie",
    "Wolmara",
    "Xanterd",
    "Yldewin",
    "Zorvette",
    "Alberwyn",
    "Bosmarel",
    "Celdrane",
    "Dunvaro",
    "Ermelind",
    "Farquil",
    "Glimmera",
    "Hartolde",
    "Ivenna",
    "Jelmarin",
    "Kronvald",
    "Lievarda",
    "Mosterin",
    "Nevalyn",
    "Ortwilde",
]
_STEM = [
    "Achter",
    "Boven",
    "Diep",
    "Eike",
    "Fluister",
    "Grind",
    "Helm",
    "Ijzer",
    "Klaver",
    "Lente",
    "Maan",
    "Nevel",
    "Oever",
    "Paarden",
    "Riet",
    "Schemer",
    "Turf",
    "Uiver",
    "Varen",
    "Wilgen",
    "Zilver",
    "Zonne",
    "Berken",
    "Distel",
    "Eikel",
    "Ganzen",
    "Hazel",
    "Kievit",
    "Linde",
    "Mist",
]
_END = [
    "meerstra",
    "waardsema",
    "hofstede",
    "velthorst",
    "broekinga",
    "duinster",
    "akkerloo",
    "beemdstra",
    "kamperloo",
    "wierdema",
    "dijklaar",
    "polderman",
    "zandloper",
    "heidekamp",
    "bosveldt",
    "weidegeer",
]
_BETWEEN = ("", "", "", "", "", "van", "van der", "de", "ter", "op 't")
# Bank codes of no bank: the register of Dutch BICs has no ZZ.. entries.
_BANKS = ("ZZDA", "ZZDB", "ZZDC", "ZZDE", "ZZDF")

CHAPTERS = (
    ("Rietlanden", "noord-holland"),
    ("Zilverdijk", "zuid-holland"),
    ("Nevelmeer", "utrecht"),
    ("Kievitshoek", "groningen"),
    ("Turfwaard", "friesland"),
    ("Lindehof", "gelderland"),
    ("Maanpolder", "noord-brabant"),
    ("Distelveld", "limburg"),
)


@dataclass(frozen=True, slots=True)
class Person:
    first: str
    between: str
    last: str
    email: str
    phone: str
    iban: str
    bic: str

    @property
    def full(self) -> str:
        return " ".join(part for part in (self.first, self.between, self.last) if part)


def iban(bank: str, account: int) -> str:
    """A Dutch IBAN with the right check digits (ISO 7064 mod 97-10) for a `bank` code and a number of ten digits."""
    body = f"{bank}{account:010d}"
    digits = "".join(str(int(character, 36)) for character in body + "NL00")
    return f"NL{98 - int(digits) % 97:02d}{body}"


def person(rng: random.Random, number: int) -> Person:
    """The `number`th invented person: the number keeps mail address and account apart from everyone else's."""
    first = rng.choice(_FIRST)
    between = rng.choice(_BETWEEN)
    last = rng.choice(_STEM) + rng.choice(_END)
    bank = rng.choice(_BANKS)
    account = 100_000_000 + number * 7_919 % 899_999_993
    return Person(
        first=first,
        between=between,
        last=last,
        email=f"{first}.{last}.{number}@leden.example.test".lower(),
        # 085-0000000..: prefix of internet numbers, this block is not given out.
        phone=f"+31850{number % 1_000_000:06d}",
        iban=iban(bank, account),
        bic=f"{bank}NL2X",
    )
