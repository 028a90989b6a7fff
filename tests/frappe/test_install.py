"""Baken comes to a site, stays through its migrations and leaves it: nothing is lost, nothing left behind."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from baken.history.store import open_store
from tests.frappe.benches import Bench, Site

pytestmark = pytest.mark.timeout(1800)

# What Frappe itself writes while commands run, whatever app they are about.
_PASSING = {
    "tabAccess Log", "tabActivity Log", "tabDeleted Document", "tabError Log", "tabInstalled Application",
    "tabNotification Log", "tabPermission Log", "tabScheduled Job Log", "tabSingles", "tabVersion", "__global_search",
}  # fmt: skip

_DOCTYPES = {"Alert Rule", "Baken Recipient", "Baken Settings", "SEPA Audit Log", "Silence", "System Alert"}


def installed(site: Site) -> list[str]:
    row = site.sql("SELECT defvalue FROM tabDefaultValue WHERE parent = '__global' AND defkey = 'installed_apps'")
    found: list[str] = json.loads(row[0][0])
    return found


def state(site: Site) -> dict[str, Any]:
    """What must be the same before Baken came and after it left."""
    counts = {table: number for table, number in site.counts().items() if table not in _PASSING}
    singles = site.sql("SELECT DISTINCT doctype FROM tabSingles")
    return {"layout": site.layout(), "counts": counts, "singles": {row[0] for row in singles}}


def differences(before: dict[str, Any], after: dict[str, Any], noise: Collection[str] = ()) -> dict[str, Any]:
    """What is not the same, but for how many rows the tables in `noise` have."""
    found: dict[str, Any] = {}
    for key in ("layout", "singles"):
        if before[key] != after[key]:
            found[key] = {"gone": sorted(before[key] - after[key]), "new": sorted(after[key] - before[key])}
    counts = {
        table: (before["counts"].get(table), after["counts"].get(table))
        for table in {*before["counts"], *after["counts"]}
        if table not in noise and before["counts"].get(table) != after["counts"].get(table)
    }
    return found | ({"counts": counts} if counts else {})


def module_of(site: Site, doctype: str) -> str | None:
    rows = site.sql(f"SELECT module FROM tabDocType WHERE name = '{doctype}'")
    return str(rows[0][0]) if rows else None


def settle(site: Site) -> None:
    """Let Frappe finish what it does at the first command after a copy."""
    site.run("migrate", "--skip-search-index")


def test_it_comes_stays_and_goes(any_site: Site) -> None:
    site = any_site
    settle(site)
    first = state(site)
    settle(site)
    before = state(site)
    # Other apps have logs of their own, into which each command writes.
    noise = set(differences(first, before).get("counts", {}))
    audit_log_of = module_of(site, "SEPA Audit Log")

    site.run("install-app", "baken")
    assert "baken" in installed(site)
    doctypes = {row[0] for row in site.sql("SELECT name FROM tabDocType WHERE module = 'Monitoring'")}
    assert doctypes >= _DOCTYPES - ({"SEPA Audit Log"} if audit_log_of else set())
    assert module_of(site, "SEPA Audit Log") == audit_log_of or audit_log_of is None
    tables = {row[0] for row in site.sql("SHOW TABLES")}
    assert {"baken_samples", "baken_alerts"} <= tables
    assert (site.folder / "private" / "baken").is_dir()
    jobs = {row[0] for row in site.sql("SELECT method FROM `tabScheduled Job Type` WHERE method LIKE 'baken.%'")}
    assert "baken.frappe_host.tasks.collect" in jobs

    site.run("migrate", "--skip-search-index")
    once = state(site)
    site.run("migrate", "--skip-search-index")
    assert differences(once, state(site), noise) == {}

    # A dry run says what would be, and changes nothing.
    site.run("uninstall-app", "baken", "--dry-run", "--yes", "--no-backup")
    assert differences(once, state(site), noise) == {}
    assert module_of(site, "System Alert") == "Monitoring"

    site.run("uninstall-app", "baken", "--yes", "--no-backup")
    assert differences(before, state(site), noise) == {}
    assert not (site.folder / "private" / "baken").exists()
    assert "baken" not in installed(site)
    assert site.sql("SELECT 1 FROM `tabDeleted Document` WHERE data LIKE '%\"Monitoring\"%'") == []
    assert site.sql("SELECT 1 FROM __Auth WHERE doctype = 'Baken Settings'") == []

    site.run("install-app", "baken")
    assert "baken" in installed(site)
    assert site.python("answer = bool(frappe.get_attr('baken.frappe_host.methods.get_system_metrics')())") is True


def test_the_place_of_another_apps_system_alert_is_taken_and_given_back(
    bench: Bench, site: Site, other_app: str
) -> None:
    settle(site)
    site.run("install-app", other_app)
    site.sql(
        "INSERT INTO `tabSystem Alert` "
        "(name, creation, modified, alert_type, severity, message, status, chapter, escalated) VALUES "
        "('a1', NOW(), NOW(), 'Bank', 'HIGH', 'It stands still', 'Active', 'Utrecht', 1)"
    )
    settle(site)
    before, columns = state(site), site.columns("tabSystem Alert")

    site.run("install-app", "baken")
    for _ in range(2):
        assert module_of(site, "System Alert") == "Monitoring"
        assert site.sql("SELECT chapter, escalated, message FROM `tabSystem Alert`") == [
            ("Utrecht", 1, "It stands still")
        ]
        fields = site.python("answer = [field.fieldname for field in frappe.get_meta('System Alert').fields]")
        assert {"chapter", "escalated", "alert_type"} <= set(fields)
        assert len(fields) == len(set(fields))
        assert columns.items() <= site.columns("tabSystem Alert").items()
        settle(site)
    document = site.python(
        "doc = frappe.get_doc('System Alert', 'a1')\ndoc.status = 'Acknowledged'\ndoc.save()\n"
        "answer = [doc.chapter, doc.acknowledged_by, doc.status]"
    )
    assert document == ["Utrecht", "Administrator", "Acknowledged"]

    site.run("uninstall-app", "baken", "--yes", "--no-backup")
    assert module_of(site, "System Alert") == "Other Alerts"
    assert site.columns("tabSystem Alert") == columns
    assert site.sql("SELECT status, chapter FROM `tabSystem Alert`") == [("Acknowledged", "Utrecht")]
    assert differences(before, state(site)) == {}
    settle(site)
    assert differences(before, state(site)) == {}


def test_an_app_that_comes_later_does_not_take_system_alert_away(bench: Bench, site: Site, other_app: str) -> None:
    site.run("install-app", "baken")
    site.python(
        "from baken.monitoring.doctype.system_alert.system_alert import SystemAlert\n"
        "SystemAlert.create_alert('Bank', 'HIGH', 'It stands still')"
    )
    site.run("install-app", other_app)
    for _ in range(2):
        assert module_of(site, "System Alert") == "Monitoring"
        fields = site.python("answer = [field.fieldname for field in frappe.get_meta('System Alert').fields]")
        assert {"chapter", "baken_alert"} <= set(fields)
        assert site.sql("SELECT message FROM `tabSystem Alert`") == [("It stands still",)]
        settle(site)
    site.run("uninstall-app", "baken", "--yes", "--no-backup")
    assert module_of(site, "System Alert") == "Other Alerts"
    assert site.sql("SELECT message FROM `tabSystem Alert`") == [("It stands still",)]
    assert "baken_alert" not in site.columns("tabSystem Alert")


def test_an_installation_that_was_cut_off_is_done_again(site: Site) -> None:
    settle(site)
    before = state(site)
    site.python(
        "from frappe.installer import add_module_defs\n"
        "from frappe.modules.import_file import import_file_by_path\n"
        "from baken.frappe_host import install, taken\n"
        "frappe.flags.in_install = 'baken'\n"
        "install.before_install()\n"
        "add_module_defs('baken')\n"
        "import_file_by_path(str(taken.own_definition('System Alert')))\n"
    )
    assert "baken" not in installed(site)
    site.run("install-app", "baken")
    assert "baken" in installed(site)
    site.run("uninstall-app", "baken", "--yes", "--no-backup")
    assert differences(before, state(site)) == {}


def test_a_store_and_tables_that_are_there_already_are_kept(site: Site) -> None:
    store = open_store(f"mysql://{site.database}:{site.password}@127.0.0.1:{site.bench.mariadb.port}/{site.database}")
    store.migrate()
    store.close()
    site.sql("INSERT INTO baken_alert_marks (site, name, value) VALUES ('elsewhere', 'kept', 7)")
    # A table whose DocType Frappe deleted as an orphan, with its rows.
    site.sql(
        "CREATE TABLE `tabSystem Alert` (name varchar(140) PRIMARY KEY, creation datetime(6), modified datetime(6), "
        "modified_by varchar(140), owner varchar(140), docstatus int(1) NOT NULL DEFAULT 0, "
        "idx int(8) NOT NULL DEFAULT 0, alert_type varchar(140), chapter varchar(140), "
        "_user_tags text, _comments text, _assign text, _liked_by text)"
    )
    site.sql("INSERT INTO `tabSystem Alert` (name, alert_type, chapter) VALUES ('a1', 'Bank', 'Utrecht')")
    columns = site.columns("tabSystem Alert")

    site.run("install-app", "baken")
    assert site.sql("SELECT value FROM baken_alert_marks WHERE site = 'elsewhere'") == [(7,)]
    assert site.sql("SELECT alert_type, chapter FROM `tabSystem Alert`") == [("Bank", "Utrecht")]

    site.run("uninstall-app", "baken", "--yes", "--no-backup")
    assert site.sql("SELECT alert_type, chapter FROM `tabSystem Alert`") == [("Bank", "Utrecht")]
    assert site.columns("tabSystem Alert").keys() == columns.keys()
    assert module_of(site, "System Alert") is None


def test_a_store_elsewhere_is_left_there(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    site.configure(baken={"history": {"url": f"sqlite:///{file}"}})
    site.run("install-app", "baken")
    assert file.exists()
    assert [row[0] for row in site.sql("SHOW TABLES LIKE 'baken\\_%'")] == []
    said = site.run("uninstall-app", "baken", "--yes", "--no-backup")
    assert "was left there" in said
    assert file.exists()


def test_an_audit_trail_outlives_the_app(site: Site) -> None:
    site.run("install-app", "baken")
    site.python(
        "frappe.get_doc({'doctype': 'SEPA Audit Log', 'process_type': 'Mandate Creation', 'action': 'made', "
        "'compliance_status': 'Compliant'}).insert()"
    )
    said = site.run("uninstall-app", "baken", "--yes", "--no-backup")
    assert "audit trail" in said
    assert site.sql("SELECT action FROM `tabSEPA Audit Log`") == [("made",)]
    site.run("install-app", "baken")
    assert site.python("answer = frappe.get_all('SEPA Audit Log', pluck='action')") == ["made"]


@pytest.mark.parametrize("what", ["settings", "store", "DocType"])
def test_what_stands_against_it_is_said_before_anything_is_changed(site: Site, what: str) -> None:
    settle(site)
    if what == "settings":
        site.configure(baken={"histroy": {}})
        expected = "histroy"
    elif what == "store":
        site.configure(baken={"history": {"url": "mysql://nobody:wrong@127.0.0.1:1/nothing"}})
        expected = "Baken: the database server of the store"
    else:
        site.python(
            "frappe.get_doc({'doctype': 'DocType', 'name': 'Silence', 'module': 'Core', 'custom': 1, "
            "'fields': [{'fieldname': 'a', 'fieldtype': 'Data', 'label': 'A'}], "
            "'permissions': [{'role': 'System Manager', 'read': 1}]}).insert()"
        )
        expected = "This site has a DocType Silence already"
    before = state(site)
    said = site.run("install-app", "baken", fails=True)
    assert expected in said
    assert "Traceback" not in said
    assert differences(before, state(site)) == {}
    assert "baken" not in installed(site)


def test_a_broken_baken_does_not_stop_a_migration(site: Site) -> None:
    site.run("install-app", "baken")
    site.configure(baken={"histroy": {}})
    said = site.run("migrate", "--skip-search-index")
    assert "Baken: preparing the store failed" in said
    site.configure(baken=None)
    assert "failed" not in site.run("migrate", "--skip-search-index")


def test_it_leaves_a_site_whose_settings_are_broken(site: Site) -> None:
    settle(site)
    before = state(site)
    site.run("install-app", "baken")
    site.configure(baken={"histroy": {}})
    site.run("uninstall-app", "baken", "--yes", "--no-backup")
    assert differences(before, state(site)) == {}
