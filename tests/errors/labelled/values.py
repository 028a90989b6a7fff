"""Invented values that stand in messages: no person, company or account of these exists."""

import random
from datetime import datetime, timedelta

PEOPLE = (
    "Elif Bos", "Jan de Groot", "Sanne van den Berg", "Wei Dekker", "Anne-Marie 't Hof", "Mohamed el Amrani",
    "Fleur Jansen", "Piet Smit", "Noor van Dijk", "Kees Bakker",
)  # fmt: skip
COMPANIES = ("Vereniging Zonnebloem", "Stichting De Brug", "Ledenbond", "Zeilclub Het Anker", "VV Noord")
ABBREVIATIONS = ("VV", "ZB", "LB", "DB", "HA")
ITEMS = ("Blauwe Fiets", "Contributie 2025", "ART-00812", "Tas", "Lidmaatschap Jeugd", "SKU 4411-B", "Vlag groot")
ACCOUNTS = ("Debtors", "Cash", "Stores", "1300 - Debiteuren", "8000 - Contributies", "Bank Rabo", "Kruisposten")
MAILS = ("jan@leden.example", "els.devries@vereniging.example", "x+y@sub.domein.example", "k.bakker@post.example")
IBANS = ("NL21 RABO 6780 4877 60", "NL91ABNA0417164300", "NL13TEST0123456789", "BE68539007547034")
HOSTS = ("api.mollie.example", "soap.boekhouden.example")
WORDS = ("Proef", "Actief", "Afgewezen", "Overdue", "Expired", "In behandeling")


def values(rng: random.Random) -> dict[str, str]:
    """One value for each kind that a message may name."""
    day = datetime(2024, 1, 1) + timedelta(seconds=rng.randrange(80_000_000))
    when = day.strftime("%Y-%m-%d %H:%M:%S") + f".{rng.randrange(10**6):06}"
    number = rng.randrange(1, 99_999)
    return {
        "invoice": rng.choice((f"ACC-SINV-{day.year}-{number:05}", f"SINV-{number:05}", f"{day.year}-{number:06}")),
        "payment": f"ACC-PAY-{day.year}-{number:05}",
        "member": rng.choice((f"Assoc-Member-{day:%Y-%m}-{number % 9999:04}", f"MEM-{number:05}", f"LID{number:06}")),
        "mandate": rng.choice((f"MNDT-{number:06}", f"M-{number % 9999:04}-{day:%Y%m%d}-001")),
        "batch": f"DDB-{day.year}-{number:05}",
        "hash": "".join(rng.choice("0123456789abcdefghijklmnopqrstuv") for _ in range(9)) + str(rng.randrange(10)),
        "hex": f"{rng.getrandbits(44) | 1 << 43:x}",
        "person": rng.choice(PEOPLE),
        "company": rng.choice(COMPANIES),
        "item": rng.choice(ITEMS),
        "account": f"{rng.choice(ACCOUNTS)} - {rng.choice(ABBREVIATIONS)}",
        "warehouse": f"{rng.choice(('Stores', 'Magazijn', 'Werk in uitvoering'))} - {rng.choice(ABBREVIATIONS)}",
        "mail": rng.choice(MAILS),
        "iban": rng.choice(IBANS),
        "amount": rng.choice((f"{number / 7:.2f}", f"€ {number:,}.00".replace(",", "."), f"{number}.0", str(number))),
        "date": rng.choice((f"{day:%d-%m-%Y}", f"{day:%Y-%m-%d}", f"{day:%d/%m/%Y}")),
        "when": when,
        "n": str(rng.randrange(1, 400)),
        "m": str(rng.randrange(1, 4_000)),
        "state": rng.choice(WORDS),
        "path": rng.choice((f"./private/files/statement_{number}.xml", f"/home/frappe/site/private/files/{number}.pdf",
                            f"./site{number % 7}.example/private/files/MT940 {day:%d-%m}.940")),
    }  # fmt: skip
