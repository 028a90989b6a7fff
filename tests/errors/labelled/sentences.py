"""Writes rows without a traceback: a label and a sentence, in whichever order `frappe.log_error` was told them."""

import random

from tests.errors.labelled.tracebacks import Row
from tests.errors.labelled.values import values

SENTENCES = {
    "SEPA Notification Error": "Failed to send SEPA notification to {person} ({mail}) for {mandate}",
    "Dues Check": "Member {member} ({person}) has {n} overdue invoices worth {amount}",
    "Report Query": "Query failed: SELECT name FROM tabMember WHERE name IN ('{member}', '{invoice}') AND total > {m}",
    "Bank Import": "Import of {path} stopped at line {m}: unexpected column",
    "Webshop": "Item {item} not found in price list {state}",
    "E-Boekhouden": "Account {account} has no currency",
    "Reconciliation": "Could not reconcile {payment} with {invoice}: amounts {amount} and {amount} differ",
    "Chapter Check": "Chapter {company} has no board member with role Treasurer",
    "Batch Builder": "Skipping {person}: no active mandate",
    "Fraud Detection": "Duplicate IBAN {iban} for {member} and {person}",
    "Mollie": "Timeout after {n} seconds while fetching https://api.mollie.example/v2/payments/tr_{hash}",
    "Stock": "Row {n}: {item} x {m} exceeds stock in {warehouse} on {date}",
    "Nightly": "Processed {n} of {m} members, {n} failed",
    "Teams": "Team {company} lost its lead {person} on {when}",
}


def rows(each: int, seed: int) -> list[Row]:
    """`each` rows of every sentence in both orders, which are labels of their own."""
    rng = random.Random(seed)
    made = []
    for label, sentence in SENTENCES.items():
        for _ in range(each):
            made.append(Row(f"{label} as text", sentence.format_map(values(rng))[:140], label))
            made.append(Row(f"{label} as title", label, sentence.format_map(values(rng))))
    return made
