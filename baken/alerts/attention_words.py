"""What the overview says about what needs somebody, in English and in Dutch: what it means, and what to do."""

from collections.abc import Mapping

Text = dict[str, str]

_COUNTS: Mapping[str, tuple[str, ...]] = {
    "en": ("Nothing", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"),
    "nl": ("Niets", "Eén", "Twee", "Drie", "Vier", "Vijf", "Zes", "Zeven", "Acht", "Negen"),
}

TEXTS: Mapping[str, Text] = {
    "sentence.well": {
        "en": "Everything works: {checks} checks, nothing waiting.",
        "nl": "Alles werkt: {checks} controles, er wacht niets.",
    },
    "sentence.one": {"en": "One thing needs you: {first}.", "nl": "Eén ding vraagt je aandacht: {first}."},
    "sentence.many": {
        "en": "{count} things need you, first of all: {first}.",
        "nl": "{count} dingen vragen je aandacht, eerst dit: {first}.",
    },
    "sentence.taken": {
        "en": "Nothing new needs you; what is open, somebody looks after.",
        "nl": "Niets nieuws vraagt je aandacht; wat open staat, heeft iemand opgepakt.",
    },
    "sentence.held": {
        "en": "Nothing needs you now; what is open is held back on purpose.",
        "nl": "Niets vraagt nu je aandacht; wat open staat, wordt met opzet stilgehouden.",
    },
    "sentence.partly": {
        "en": "Nothing needs you, but {unjudged} of {checks} checks cannot be made.",
        "nl": "Niets vraagt je aandacht, maar {unjudged} van de {checks} controles lukken niet.",
    },
    "sentence.unknown": {
        "en": "How the site is now is not known: {why}.",
        "nl": "Hoe het nu met de site gaat, is niet bekend: {why}.",
    },
    "why.unseen": {"en": "Baken has not looked at it yet", "nl": "Baken heeft er nog niet naar gekeken"},
    "why.silent": {
        "en": "Baken has not looked at it since {moment}",
        "nl": "Baken heeft er sinds {moment} niet naar gekeken",
    },
    "why.unjudged": {"en": "too little of it was measured", "nl": "er is te weinig van gemeten"},
    "reason.unjudged": {"en": "Not judged, for want of a fresh figure: {what}.",
                        "nl": "Niet beoordeeld, bij gebrek aan een vers cijfer: {what}."},
    "reason.alert": {"en": "{title} (since {moment})", "nl": "{title} (sinds {moment})"},
    "reason.acknowledged": {"en": "{title} (since {moment}, acknowledged)",
                            "nl": "{title} (sinds {moment}, bevestigd)"},
    "due.backup.means": {
        "en": "If the server fails now, everything entered since the newest backup is gone.",
        "nl": "Valt de server nu uit, dan is alles weg wat sinds de nieuwste back-up is ingevoerd.",
    },
    "due.backup.todo": {
        "en": "Have a backup made today, and have it looked at why the daily one was not made.",
        "nl": "Laat vandaag een back-up maken en laat uitzoeken waarom de dagelijkse niet is gemaakt.",
    },
    "due.schedules.means": {
        "en": "These members get no invoice for their dues, so their dues do not come in.",
        "nl": "Deze leden krijgen geen factuur voor hun contributie, dus die contributie komt niet binnen.",
    },
    "due.schedules.todo": {
        "en": "Open the dues schedules whose next invoice date has passed, and correct what holds them up.",
        "nl": "Open de contributieschema's waarvan de volgende factuurdatum voorbij is en verhelp wat ze tegenhoudt.",
    },
    "due.mail.means": {
        "en": "Members do not get the e-mail that the site writes to them.",
        "nl": "Leden krijgen de e-mail niet die de site aan hen schrijft.",
    },
    "due.mail.todo": {
        "en": "Look into the Email Queue of the site: the oldest e-mail says why it was not sent.",
        "nl": "Kijk in de e-mailwachtrij van de site: bij de oudste e-mail staat waarom die niet is verzonden.",
    },
    "due.jobs_failing.means": {
        "en": "Work that the site should do by itself, such as invoicing or sending, is not done.",
        "nl": "Werk dat de site vanzelf hoort te doen, zoals factureren of verzenden, gebeurt niet.",
    },
    "due.jobs_failing.todo": {
        "en": "Look under Errors which ones fail, and pass the error on to the developer.",
        "nl": "Kijk bij Fouten welke mislukken en geef de fout door aan de ontwikkelaar.",
    },
    "due.jobs_late.means": {
        "en": "Work that the site should do by itself was not done at its time.",
        "nl": "Werk dat de site vanzelf hoort te doen, is niet op tijd gedaan.",
    },
    "due.jobs_late.todo": {
        "en": "Have it looked at whether the scheduler and the workers of the site run.",
        "nl": "Laat nakijken of de planner en de workers van de site draaien.",
    },
    "due.applications.means": {
        "en": "People who want to become members have waited for more than a week for an answer.",
        "nl": "Mensen die lid willen worden, wachten al meer dan een week op antwoord.",
    },
    "due.applications.todo": {
        "en": "Decide the applications, beginning with the oldest.",
        "nl": "Beslis over de aanmeldingen, te beginnen met de oudste.",
    },
    "due.orphans.means": {
        "en": "This money came in, but the invoices that it is for still count as unpaid.",
        "nl": "Dit geld is binnen, maar de facturen waarvoor het is, gelden nog als onbetaald.",
    },
    "due.orphans.todo": {
        "en": "Link each payment to its invoice with the payment reconciliation.",
        "nl": "Koppel elke betaling aan haar factuur met de betalingsafstemming.",
    },
    "due.customers.means": {
        "en": "No invoice can be made for these members.",
        "nl": "Voor deze leden kan geen factuur worden gemaakt.",
    },
    "due.customers.todo": {
        "en": "Open these members and create their customer record.",
        "nl": "Open deze leden en maak hun klantrecord aan.",
    },
    "due.mandates.means": {
        "en": "Without a valid mandate nothing may be collected from these members any more.",
        "nl": "Zonder geldige machtiging mag bij deze leden niets meer worden geïncasseerd.",
    },
    "due.mandates.todo": {
        "en": "Ask these members for a new mandate before the next collection.",
        "nl": "Vraag deze leden voor de volgende incasso om een nieuwe machtiging.",
    },
    "due.certificate.means": {
        "en": "After that browsers refuse to open the site.",
        "nl": "Daarna weigeren browsers de site te openen.",
    },
    "due.certificate.todo": {
        "en": "Have the certificate renewed, and have it looked at why that did not happen by itself.",
        "nl": "Laat het certificaat vernieuwen en laat uitzoeken waarom dat niet vanzelf gebeurde.",
    },
    "unseen": {"en": "Baken has not looked at the site yet", "nl": "Baken heeft nog niet naar de site gekeken"},
    "silent": {
        "en": "Baken has not looked at the site since {moment}",
        "nl": "Baken heeft sinds {moment} niet naar de site gekeken",
    },
    "silent.means": {
        "en": "Every figure on this page is as it was then; what happened since, nobody noticed.",
        "nl": "Elk cijfer op deze pagina is zoals het toen was; wat er sindsdien gebeurde, heeft niemand gezien.",
    },
    "silent.todo": {
        "en": "Look at Monitor what stands still; `baken serve` starts it again.",
        "nl": "Kijk bij Monitor wat er stilstaat; `baken serve` start het weer.",
    },
    "unreachable": {"en": "Baken cannot read the site", "nl": "Baken kan de site niet lezen"},
    "unreachable.means": {
        "en": "The site's database gives no answer, so members can probably do nothing on the site either.",
        "nl": "De database van de site geeft geen antwoord, dus leden kunnen op de site waarschijnlijk ook niets.",
    },
    "unreachable.todo": {
        "en": "Call whoever keeps the server running. They will want to know: {reason}",
        "nl": "Bel wie de server beheert. Die wil weten: {reason}",
    },
    "lost_figures": {
        "en": "Figures that were measured before and are not any more: {count}",
        "nl": "Cijfers die eerder werden gemeten en nu niet meer: {count}",
    },
    "lost_figures.means": {
        "en": "Baken notices nothing of what goes wrong there: {what}.",
        "nl": "Van wat daar misgaat, merkt Baken niets: {what}.",
    },
    "lost_figures.todo": {
        "en": "Monitor says of each why it cannot be measured.",
        "nl": "Bij Monitor staat van elk waarom het niet kan worden gemeten.",
    },
    "leak": {
        "en": "The Error Log holds secrets: {what}",
        "nl": "In het foutenlogboek staan geheimen: {what}",
    },
    "leak.means": {
        "en": "Whoever may read the Error Log, or a backup of the site, can use them.",
        "nl": "Wie het foutenlogboek of een back-up van de site mag lezen, kan ze gebruiken.",
    },
    "leak.todo": {
        "en": "Have them replaced, then have these rows of the Error Log deleted.",
        "nl": "Laat ze vervangen en laat daarna deze regels van het foutenlogboek verwijderen.",
    },
    "lost": {"en": "Errors were lost: {what}", "nl": "Er zijn fouten verloren gegaan: {what}"},
    "lost.means": {
        "en": "They are not in the Error Log: who looks only there thinks that all is well.",
        "nl": "Ze staan niet in het foutenlogboek: wie alleen daar kijkt, denkt dat alles goed is.",
    },
    "lost.todo": {
        "en": "Show the developer the finding under Errors; it says what to change.",
        "nl": "Laat de ontwikkelaar de bevinding bij Fouten zien; daar staat wat er anders moet.",
    },
    "untold": {"en": "Nobody is told about alerts", "nl": "Niemand krijgt bericht van meldingen"},
    "untold.means": {
        "en": "Alerts are shown here, but no e-mail or other message goes out.",
        "nl": "Meldingen staan hier, maar er gaat geen e-mail of ander bericht uit.",
    },
    "untold.todo": {
        "en": "Set up a channel and a recipient; Alerts, Delivery shows how.",
        "nl": "Stel een kanaal en een ontvanger in; bij Meldingen, Verzending staat hoe.",
    },
}  # fmt: skip
"""Every text by its key; fields are bare names in braces."""


def say(key: str, /, **fields: str | Mapping[str, str]) -> Text:
    """A text in both languages; a field is one text for both, or one by language. Raises KeyError for no such key."""
    return {
        language: text.format(
            **{name: value if isinstance(value, str) else value[language] for name, value in fields.items()}
        )
        for language, text in TEXTS[key].items()
    }


def counted(n: int) -> Text:
    """A number that begins a sentence: "Two", "Twee"; from ten on in digits."""
    return {language: names[n] if n < len(names) else str(n) for language, names in _COUNTS.items()}
