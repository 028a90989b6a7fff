"""What metrics are called and what they mean, in both languages."""

import pytest

from baken.metrics import catalogue


def test_every_metric_has_a_title_and_a_help_in_both_languages() -> None:
    for language in ("en", "nl"):
        titles = [entry.texts[language].title for entry in catalogue.metrics()]
        assert len(set(titles)) == len(titles), "two metrics are called the same"
        for entry in catalogue.metrics():
            said = entry.texts[language]
            assert said.title[0].isupper()
            assert len(said.title.split()) <= 5
            assert len(said.title) <= 34, said.title
            assert not said.help.endswith(".")
    assert all(entry.texts["nl"].help != entry.texts["en"].help for entry in catalogue.metrics())


def test_the_answer_of_the_api_has_both_languages() -> None:
    entry = catalogue.get("host_cpu_ratio")
    assert entry is not None
    assert (entry.title, entry.help) == ("Processor use", catalogue.texts(entry)["en"]["help"])
    assert catalogue.texts(entry)["nl"]["title"] == "Processorgebruik"


@pytest.mark.parametrize("nl", [("", "Hulp"), ("Titel", " ")])
def test_a_metric_without_its_dutch_is_an_error_at_import(nl: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="nl is incomplete"):
        catalogue.metric("host_tried", unit="bytes", title="Tried", help="Tried", nl=nl)
