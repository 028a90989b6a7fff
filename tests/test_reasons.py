"""Everything that the server can say to the reader of the dashboard has its Dutch sentence in the front end."""

import json
import re
from pathlib import Path

from tests import said

TABLE = Path(__file__).parents[1] / "frontend" / "src" / "locales" / "reasons.nl.json"

OPEN = {
    "{} of {} over {} {}": "the words of a condition; too open to be told from any other sentence, and said in parts",
    "code {} words {} {}": "the key of a pattern, which nobody is shown",
}
"""Templates that have no Dutch of their own, and why."""


def table() -> dict[str, str]:
    found: dict[str, str] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


def test_every_sentence_of_the_code_has_its_dutch() -> None:
    known = {said.plain(text) for text in table()}
    missing = [
        f"{each.place}: {each.template}"
        for each in said.said()
        if not known & {each.template, said.plain(each.template)}
    ]
    missing = [text for text in missing if text.split(": ", 1)[1] not in OPEN]
    assert not missing, f"{TABLE.name} lacks the Dutch of:\n" + "\n".join(missing)


def test_the_dutch_names_the_same_values() -> None:
    for text, dutch in table().items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", dutch)), text


def test_no_template_is_nothing_but_values() -> None:
    for text in table():
        assert len(re.findall(r"[a-zA-Z]", re.sub(r"\{\w+\}", "", text))) >= 2, text


def test_texts_are_found_in_the_code_however_they_are_put_together() -> None:
    found = {each.template for each in said.said()}
    assert "this site has no DocType {}" in found  # handed to the class above
    assert "{} is resolved already, by {}" in found  # a sum of an f-string and a choice
    assert "no run since {}; look into Baken's log: the collector is gone" in found  # a choice within an answer
    assert "not measured yet" in found  # a constant that is returned
    assert "Baken was not collecting" in found  # an argument
    assert not [text for text in found if "<html" in text]
