"""Brings messages that Frappe and ERPNext say in Dutch into English, so that a failure has one template in both.

Only what the framework itself says in many places is here; what an app says is told by the line of code that says it.
"""

import re

_DOCTYPES = {
    "Verkoopfactuur": "Sales Invoice", "Inkoopfactuur": "Purchase Invoice", "Klant": "Customer",
    "Leverancier": "Supplier", "Lid": "Member", "Lidmaatschapstype": "Membership Type", "Lidmaatschap": "Membership",
    "Gebruiker": "User", "Rapport": "Report", "Bestand": "File", "Betaling Entry": "Payment Entry",
    "Betalingsinvoer": "Payment Entry", "Betaling": "Payment Entry", "Journaalpost": "Journal Entry",
    "Dagboek": "Journal Entry", "Artikel": "Item", "Magazijn": "Warehouse", "Rekening": "Account",
    "Kostenplaats": "Cost Center", "Bedrijf": "Company", "Werknemer": "Employee", "Adres": "Address",
    "Vrijwilliger": "Volunteer", "Afdeling": "Chapter", "Regio": "Region", "Boekjaar": "Fiscal Year",
    "Verkooporder": "Sales Order", "Inkooporder": "Purchase Order", "Offerte": "Quotation",
    "Vrachtbrief": "Delivery Note", "Prijslijst": "Price List", "Valuta": "Currency", "Land": "Country",
    "Donateur": "Donor", "Donatie": "Donation", "Machtiging": "Mandate", "Project": "Project", "Taak": "Task",
    "Werkstroom": "Workflow", "E-mailaccount": "Email Account", "Melding": "Notification",
}  # fmt: skip
_NAMES = re.compile(rf"\b({'|'.join(sorted(_DOCTYPES, key=len, reverse=True))})\b(?= |:|\b<|$)")
_ROW = re.compile(r"\b(?:Rij|Regel) #?(?=\d)")
# Dutch with what stands in it, and the English that Frappe has for it.
_SENTENCES = tuple(
    (re.compile(dutch), english)
    for dutch, english in (
        (r"^(?:Fout: )?Document is gewijzigd nadat u het hebt geopend(.*?)(?: ?Vernieuw .*)?$",
         r"Error: Document has been modified after you have opened it\1 Please refresh to get the latest document."),
        (r"^(?:Fout: )?Waarde ontbreekt voor (.+)$", r"Error: Value missing for \1"),
        (r"^(?:Kon|Kan) (.+) niet vinden\.?$", r"Could not find \1"),
        (r"^(.+) niet gevonden\.?$", r"\1 not found"),
        (r"^(.+) bestaat (?:reeds|al)\.?$", r"\1 already exists"),
        (r"^(.+) bestaat niet\.?$", r"\1 does not exist"),
        (r"^(.+) is verplicht\.?$", r"\1 is mandatory"),
        (r"^(.+) moet uniek zijn\.?$", r"\1 must be unique"),
        (r"^(.+) is uitgeschakeld\.?$", r"\1 is disabled"),
        (r"^Kan niet verwijderen of annuleren omdat (.+) is (?:gekoppeld aan|verbonden met) (.+)$",
         r"Cannot delete or cancel because \1 is linked with \2"),
        (r"^Het is niet toegestaan om (.+) na indiening te wijzigen van (.+) in (.+)$",
         r"Not allowed to change \1 after submission from \2 to \3"),
        (r"^Niet toegestaan om (.+) te wijzigen na indiening(?: van (.+) in (.+))?$",
         r"Not allowed to change \1 after submission from \2 to \3"),
        (r"^Gebruiker mag (.+) niet verwijderen: (.+)$", r"User not allowed to delete \1: \2"),
        (r"^Gebruiker (.+) heeft geen toegang tot dit document\.?$", r"User \1 does not have access to this document"),
        (r"^Geen toestemming voor (.+)$", r"No permission for \1"),
        (r"^Geen toestemming om te lezen (.+)$", r"No permission to read \1"),
        (r"^Geen toestemming om (.+) te lezen$", r"No permission to read \1"),
        (r"^Onvoldoende (?:rechten|machtigingen|toestemming) voor (.+)$", r"Insufficient Permission for \1"),
        (r"^Niet toegestaan\.?$", "Not permitted"),
        (r"^Toegang geweigerd\.?$", "Access denied"),
        (r"^Stel (?:een|de) standaard ?e-?mailaccount in via Instellingen > E-mailaccount\.?$",
         "Please setup default Email Account from Settings > Email Account"),
        (r"^Wachtwoord niet gevonden voor (.+)$", r"Password not found for \1"),
        (r"^Ongeldige (?:aanmeldgegevens|inloggegevens|login)\.?$", "Invalid login credentials"),
        (r"^(.+) kan niet zijn (.+?)\. Het moet (?:een|één) van (?:de volgende zijn )?(.+?)(?: zijn)?$",
         r"\1 cannot be \2. It should be one of \3"),
        (r"^(.+) kan niet (.+) zijn\. Het moet (?:een|één) zijn van (.+)$",
         r"\1 cannot be \2. It should be one of \3"),
        (r"^Een ander (.+) met de naam (.+) bestaat(?: al)?, (?:kies|selecteer) een andere naam\.?$",
         r"Another \1 with name \2 exists, select another name"),
        (r"^(?:Kan|Kon) (.+) niet verwijderen\.?$", r"Cannot delete \1"),
        (r"^(?:Kan|Kon) geannuleerd document niet bewerken\.?$", "Cannot edit cancelled document"),
        (r"^Datum (.+) (?:valt|is) niet in een actief boekjaar(.*)$", r"Date \1 is not in any active Fiscal Year\2"),
        (r"^Van datum en (?:tot|einddatum) datum zijn verplicht\.?$", "From Date and To Date are mandatory"),
        (r"^Opmerking: (.+)$", r"Note: \1"),
    )
)  # fmt: skip
_HINT = re.compile(
    r"\b(?:niet|bestaat|is verplicht|ontbreekt|moet|uitgeschakeld|geen|Geen|Toegang|Onvoldoende|Ongeldige|Stel|Datum"
    r"|verplicht|gewijzigd|wijzigen|uniek|omdat|Kon|Kan|Wachtwoord|Rij|Regel|Opmerking)\b"
)


def english(text: str) -> str:
    """`text` in English when it is one of the Dutch messages that are known; otherwise `text` itself."""
    if not _HINT.search(text):
        return text
    text = _ROW.sub("Row #", text)
    for pattern, replacement in _SENTENCES:
        found = pattern.match(text)
        if found:
            return _NAMES.sub(lambda name: _DOCTYPES[name[1]], found.expand(replacement).strip())
    return text
