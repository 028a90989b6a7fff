"""Sign-in against the reference site's own users."""

from dataclasses import replace

import pytest

from baken.settings import Settings
from baken.sites import users
from baken.sites.problems import NotAvailable, SiteProblem
from baken.sites.site import Site
from tests.conftest import FrappeSite
from tests.metrics.conftest import NOW, Subject, changed

ELS, LID = "els.devries@vereniging.example", "lid.jansen@leden.example"
PASSWORD = "Wachtwoord!2026x"


def test_passwords_are_those_of_the_site(any_site: Subject) -> None:
    with any_site.reading() as r:
        assert users.check_password(r, ELS, PASSWORD)
        assert users.check_password(r, "Administrator", "admin")
        assert not users.check_password(r, ELS, PASSWORD + " ")
        assert not users.check_password(r, ELS, "")
        assert not users.check_password(r, "nobody@example.com", PASSWORD)
        assert not users.check_password(r, "Guest", "")


def test_roles(any_site: Subject) -> None:
    with any_site.reading() as r:
        els, lid, administrator = (users.load(r, name) for name in (ELS, LID, "Administrator"))
        assert els is not None and lid is not None and administrator is not None
        assert els.roles >= {"System Manager", "Verenigingen Administrator"}
        assert not lid.roles & {"System Manager", "Verenigingen Administrator"}
        assert "System Manager" in administrator.roles
        assert els.full_name
        assert users.load(r, "Guest") is None
        assert users.load(r, "nobody@example.com") is None


def test_a_disabled_user_is_nobody(own_site: Subject, frappe_site: FrappeSite) -> None:
    key = frappe_site.api_keys[ELS]
    with (
        changed(
            own_site,
            f"UPDATE tabUser SET enabled = 0 WHERE name = '{ELS}'",
            f"UPDATE tabUser SET enabled = 1 WHERE name = '{ELS}'",
        ),
        own_site.reading() as r,
    ):
        assert users.find(r, ELS) is None
        assert users.load(r, ELS) is None
        assert users.check_token(r, key["api_key"], key["api_secret"]) is None
    with own_site.reading() as r:
        assert users.find(r, ELS) is not None


def test_tokens_are_those_of_the_site(any_site: Subject, frappe_site: FrappeSite) -> None:
    with any_site.reading() as r:
        for name, key in frappe_site.api_keys.items():
            found = users.check_token(r, key["api_key"], key["api_secret"])
            assert found is not None
            assert found.name == name
            assert users.check_token(r, key["api_key"], key["api_secret"] + "x") is None
            assert users.check_token(r, key["api_key"], "") is None
        assert users.check_token(r, "unknown", "x") is None


def test_a_token_needs_the_encryption_key(frappe_subject: Subject, frappe_site: FrappeSite) -> None:
    key = frappe_site.api_keys[ELS]
    without = Site(replace(frappe_subject.site.config, encryption_key=None), Settings())
    with without.reading(NOW) as r, pytest.raises(NotAvailable, match="encryption_key"):
        users.check_token(r, key["api_key"], key["api_secret"])
    broken = Site(replace(frappe_subject.site.config, encryption_key="short"), Settings())
    with broken.reading(NOW) as r, pytest.raises(SiteProblem, match="Fernet"):
        users.check_token(r, key["api_key"], key["api_secret"])
    other = Site(replace(frappe_subject.site.config, encryption_key="A" * 43 + "="), Settings())
    with other.reading(NOW) as r:
        assert users.check_token(r, key["api_key"], key["api_secret"]) is None


def test_a_username_signs_in_where_the_site_allows_it(own_site: Subject) -> None:
    where = "doctype = 'System Settings' AND field = 'allow_login_using_user_name'"
    rows = own_site.execute(f"SELECT value FROM tabSingles WHERE {where}")
    own_site.execute(f"UPDATE tabUser SET username = 'els' WHERE name = '{ELS}'")
    with own_site.reading() as r:
        assert (users.find(r, "els") is not None) == (bool(rows) and rows[0][0] == "1")
    with (
        changed(
            own_site,
            [
                f"DELETE FROM tabSingles WHERE {where}",
                "INSERT INTO tabSingles (doctype, field, value) "
                "VALUES ('System Settings', 'allow_login_using_user_name', '1')",
            ],
            f"UPDATE tabSingles SET value = '0' WHERE {where}",
        ),
        own_site.reading() as r,
    ):
        found = users.find(r, "els")
        assert found is not None
        assert found.name == ELS
    with own_site.reading() as r:
        assert users.find(r, "els") is None
        assert users.find(r, ELS) is not None


def test_secrets_are_not_shown(frappe_subject: Subject) -> None:
    shown = repr(frappe_subject.site.config)
    assert frappe_subject.site.config.encryption_key is not None
    assert frappe_subject.site.config.encryption_key not in shown
    assert str(frappe_subject.site.config.database_url.password) not in shown
