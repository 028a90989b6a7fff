"""Names that count on never meet, however many there are."""

import pytest

from baken.demo.naming import NamingSeries


def test_a_name_tells_its_prefix_and_number_so_no_two_meet() -> None:
    names = NamingSeries(5)
    # Twelve invoices a year for 200,000 members, beyond every width a name was made for.
    wanted = 2_400_000
    names._current.update({"ACC-PAY-2025-": 79_990, "ACC-PAY-2026-": wanted - 20, "ACC-PAY-20-": 26_000})
    given = [(prefix, names.next(prefix)) for prefix in ("ACC-PAY-2025-", "ACC-PAY-2026-", "ACC-PAY-20-") * 30]
    assert len({name for _, name in given}) == len(given)
    for prefix, name in given:
        stem, _, digits = name.rpartition("-")
        assert f"{stem}-" == prefix
        assert digits.isdecimal()
    assert names.next("ACC-PAY-2026-") == f"ACC-PAY-2026-{wanted + 11}"


def test_numbers_count_from_one_and_are_padded() -> None:
    names = NamingSeries(4)
    assert [names.next("MEMB-26-11-") for _ in range(2)] == ["MEMB-26-11-0001", "MEMB-26-11-0002"]


def test_a_prefix_that_could_run_into_its_number_is_refused() -> None:
    with pytest.raises(ValueError, match="hyphen"):
        NamingSeries(4).next("ACC-PAY-8")
