"""Baken comes to a site, follows its migrations, and leaves it.

Everything here can be done again after it was cut off. What a person has to know is said on the console; only what
makes Baken unfit for the site stops an installation, and nothing stops a migration.
"""

import contextlib
import sys
from collections.abc import Callable

import click
import frappe

from baken.frappe_host import taken

PYTHON = (3, 11)
FRAPPE = (14, 15, 16)
# What is remembered on the site: roles that Baken brings, and whether the row in Log Settings is its own.
_ROLES, _LOG_ROW = "roles", "log row"


def before_install() -> None:
    """See whether Baken fits the site, prepare its store, and remember what is there of other apps.

    Raises frappe.IncompatibleApp with a text for people; nothing of the site is changed then.
    """
    problem = _misfit()
    if problem:
        raise frappe.IncompatibleApp(problem)
    # What an installation that was cut off left behind; Frappe does not make a module that is there.
    frappe.db.delete("Module Def", {"name": taken.MODULE, "app_name": "baken"})
    if taken.recall(_ROLES) is None:
        taken.remember(_ROLES, _roles_to_come())
    for name in taken.NAMES:
        taken.note(name)
    _prepare()
    frappe.db.commit()


def after_install() -> None:
    """Bring what is not brought by Frappe's own sync. The scheduler's jobs follow right after, by Frappe."""
    _bring()
    _register_log()
    _prepare()


def after_app_install(app: str) -> None:
    """Another app came: should it have brought a System Alert of its own, Baken's takes its place again."""
    if app == "baken" or "baken" not in frappe.get_installed_apps():
        return
    _without_raising("taking System Alert over", _bring)


def after_migrate() -> None:
    """Bring store and DocTypes to this version; what goes wrong is said and does not stop the migration."""
    _without_raising("preparing the store", _prepare)
    _without_raising("bringing the DocTypes up to date", _bring)


def before_uninstall() -> None:
    """Give other apps back what was theirs, before Frappe deletes the DocTypes of the module.

    Nothing is lost yet: Frappe calls this for `--dry-run` as well.
    """
    frappe.flags.baken_leaves = frappe.utils.now_datetime()
    for name in taken.NAMES:
        taken.give_back(name)
    _spare_audit_log()
    frappe.db.commit()


def after_uninstall() -> None:
    """Take away everything that is Baken's; after a dry run, put Baken's DocTypes in effect again."""
    if "baken" in frappe.get_installed_apps():
        _bring()
        frappe.db.commit()
        return
    from baken.frappe_host import host, removal

    host.forget()
    removal.stop_scheduler()
    for name in taken.NAMES:
        taken.drop_own_columns(name)
    gone = [each["name"] for each in taken.own_definitions() if not frappe.db.exists("DocType", each["name"])]
    removal.remove_rows(gone, frappe.flags.baken_leaves)
    if taken.recall(_LOG_ROW):
        frappe.db.delete("Logs To Clear", {"ref_doctype": "System Alert"})
    removal.remove_roles(taken.recall(_ROLES) or [])
    if not removal.drop_store():
        click.echo("Baken's store lies in another database, as site_config.json says, and was left there.")
    removal.remove_folder()
    taken.forget_all()
    frappe.db.commit()


def _misfit() -> str | None:
    """Why Baken cannot be installed on this site, and what to do; None when it can."""
    if sys.version_info < PYTHON:
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"Baken needs Python {PYTHON[0]}.{PYTHON[1]} or newer; this bench has {here}. Make its env anew."
    major = int(str(frappe.__version__).partition(".")[0])
    if major not in FRAPPE:
        return f"Baken knows Frappe 14, 15 and 16; this bench has {frappe.__version__}."
    if frappe.db.db_type not in ("mariadb", "postgres"):
        return f"Baken needs a site on MariaDB or PostgreSQL; this one is on {frappe.db.db_type}."
    missing = _missing()
    if missing:
        return (
            f"The Python package {missing} is not installed in this bench. Run: bench setup requirements --python baken"
        )
    owner = frappe.db.get_value("Module Def", taken.MODULE, "app_name") or frappe.local.module_app.get(
        frappe.scrub(taken.MODULE)
    )
    if owner not in (None, "baken"):
        return f"The app {owner} has a module {taken.MODULE} already; two apps cannot have a module of one name."
    for definition in taken.own_definitions():
        name = definition["name"]
        module = frappe.db.get_value("DocType", name, "module")
        if name not in taken.NAMES and module not in (None, taken.MODULE):
            return f"This site has a DocType {name} already, in module {module}. Rename it first."
    return None


def _missing() -> str | None:
    """The name of the first package that Baken needs and that cannot be imported."""
    try:
        from baken.api import registry  # noqa: F401
        from baken.collector import cycle  # noqa: F401
    except ModuleNotFoundError as error:
        return str(error.name)
    return None


def _prepare() -> None:
    """Make or migrate the store, and make the installation's key.

    Raises frappe.IncompatibleApp with a text for people.
    """
    from baken.frappe_host import host
    from baken.history.store import StoreError
    from baken.privacy import KeyProblem
    from baken.settings import SettingsError
    from baken.sites.problems import SiteProblem

    host.forget()
    try:
        found = host.present()
        # Another process may have made the store while this one knew it already.
        found.store.migrate()
        _ = found.key
    except (SettingsError, SiteProblem, StoreError, KeyProblem) as problem:
        raise frappe.IncompatibleApp(f"Baken: {problem}") from problem


def _bring() -> None:
    """Let Baken's System Alert be in effect, with the fields of another app's, and a SEPA Audit Log be there."""
    from baken.monitoring.doctype.sepa_audit_log import sepa_audit_log
    from baken.monitoring.doctype.system_alert import taken_over

    taken.take("System Alert")
    taken.keep_fields("System Alert")
    taken_over.take_over()
    sepa_audit_log.ensure()


def _register_log() -> None:
    """Let the site's own clean-up of logs take resolved System Alerts along, as Log Settings shows and changes."""
    from baken.monitoring.doctype.system_alert.system_alert import KEPT_DAYS

    rows = frappe.get_all("Logs To Clear", filters={"parent": "Log Settings"}, pluck="ref_doctype")
    if "System Alert" in rows:
        return
    # Its row alone: saving Log Settings would add those of other apps.
    place = {"parent": "Log Settings", "parenttype": "Log Settings", "parentfield": "logs_to_clear"}
    row = {"doctype": "Logs To Clear", **place, "idx": len(rows) + 1, "ref_doctype": "System Alert", "days": KEPT_DAYS}
    frappe.get_doc(row).db_insert()
    frappe.clear_document_cache("Log Settings", "Log Settings")
    taken.remember(_LOG_ROW, True)


def _spare_audit_log() -> None:
    """Let the rows of a SEPA Audit Log that Baken brought stay in their table: the law wants them kept."""
    name = "SEPA Audit Log"
    if frappe.db.get_value("DocType", name, "module") != taken.MODULE:
        return
    rows = frappe.db.count(name)
    if rows:
        frappe.delete_doc("DocType", name, ignore_on_trash=True, force=True)
        click.echo(f"The table `tab{name}` stays: its {rows} rows are an audit trail. Drop it once nobody needs them.")


def _roles_to_come() -> list[str]:
    """Roles that Baken's DocTypes give rights and that the site does not have."""
    named = {row["role"] for each in taken.own_definitions() for row in each.get("permissions", [])}
    return sorted(name for name in named if not frappe.db.exists("Role", name))


def _without_raising(what: str, work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - the site's migration goes on, whatever Baken trips over
        click.secho(f"Baken: {what} failed: {error}. The site goes on without; see logs/baken.log.", fg="red", err=True)
        _note(f"{what} failed", error)


def _note(what: str, error: Exception) -> None:
    """Write into Baken's log, where the bench has what that takes."""
    with contextlib.suppress(ImportError):
        import structlog

        from baken.frappe_host import own_log

        own_log.prepare()
        structlog.get_logger(__name__).error(what, error=f"{type(error).__name__}: {error}")
