"""What ids of jobs tell, as each version of Frappe writes them."""

import pytest

from baken.sites import job_ids


@pytest.mark.parametrize(
    ("job", "owner"),
    [
        ("leden.example::7", "leden.example"),
        ("leden.example||7967c173-8942", "leden.example"),
        ("leden.example||scheduled_job||ui020fgfek", "leden.example"),
        ("leden.example::scheduled_job::app.tasks.pay", "leden.example"),
        ("7967c173-8942-4a0c-9960-b0070653cd37", None),
        ("", None),
    ],
)
def test_whose_a_job_is(job: str, owner: str | None) -> None:
    assert job_ids.owner(job) == owner


def test_one_job_is_one_in_every_spelling() -> None:
    spellings = (
        "s.example::scheduled_job::app.tasks.pay",
        "s.example::scheduled_job::tasks.pay",
        "s.example||scheduled_job||tasks.pay",
    )
    assert {job_ids.same(each) for each in spellings} == {job_ids.scheduled("s.example", "app.tasks.pay")}
    assert job_ids.same("s.example||a::b.c.d") == job_ids.same("s.example::a::b.c.d")
    assert job_ids.same("7967c173") == "7967c173"


def test_only_some_ids_tell_the_method() -> None:
    assert job_ids.tells_method("s.example::scheduled_job::app.tasks.pay")
    assert not job_ids.tells_method("s.example||scheduled_job||ui020fgfek")
    assert not job_ids.tells_method("s.example::7")
