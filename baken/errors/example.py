"""The one example that is kept of a pattern: scrubbed, short, and without the numbers under which people are filed."""

import re

from baken.errors.scrub import Scrubbed

LIMIT = 6000
# Documents that stand for a person, by Frappe's, ERPNext's and the association's naming series.
_OF_PEOPLE = re.compile(
    r"(?i)(?<![\w])((?:[a-z]+-){0,3}(?:member|lid|memb|cust|customer|emp|employee|supp|supplier|donor|dnr|vol|volunteer"
    r"|crm-lead|lead|contact)-)(?=[\w.-]{0,40}\d)[\w-]{1,60}"
)


def example(row: Scrubbed) -> str:
    """What may be kept of a scrubbed row as an example: at most LIMIT characters, the middle left out."""
    text = f"{row.title}\n\n{row.text}" if row.title and row.title != row.text else row.text or row.title
    text = _OF_PEOPLE.sub(r"\1<id>", text)
    if len(text) <= LIMIT:
        return text
    head = LIMIT // 3
    return f"{text[:head]}\n…\n{text[-(LIMIT - head) :]}"
