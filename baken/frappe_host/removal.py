"""What Frappe does not take away itself when an app is uninstalled from a site."""

import shutil
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import frappe
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from baken.frappe_host import config
from baken.frappe_host.taken import MODULE

APP = "baken"

# Where Frappe keeps things about documents of a DocType, by the field that names the DocType.
_ABOUT = {
    "Block Module": "module",
    "Client Script": "dt",
    "Comment": "reference_doctype",
    "Custom DocPerm": "parent",
    "Custom Field": "dt",
    "DocShare": "share_doctype",
    "Document Follow": "ref_doctype",
    "Global Search DocType": "document_type",
    "Kanban Board": "reference_doctype",
    "List Filter": "reference_doctype",
    "List View Settings": "name",
    "Logs To Clear": "ref_doctype",
    "Notification Log": "document_type",
    "Property Setter": "doc_type",
    "Session Default": "ref_doctype",
    "Tag Link": "document_type",
    "ToDo": "reference_type",
    "User Permission": "allow",
    "Version": "ref_doctype",
    "View Log": "reference_doctype",
}
# Tables of no DocType that name one in their column `doctype`.
_RAW = ("__Auth", "__UserSettings", "__global_search", "Singles")


def stop_scheduler() -> None:
    """Take Baken's jobs out of the scheduler, so that none begins from now on."""
    names = frappe.get_all("Scheduled Job Type", filters={"method": ["like", f"{APP}.%"]}, pluck="name")
    if not names:
        return
    frappe.db.delete("Scheduled Job Log", {"scheduled_job_type": ["in", names]})
    frappe.db.delete("Scheduled Job Type", {"name": ["in", names]})
    frappe.db.commit()


def remove_rows(doctypes: Collection[str], began: datetime | None) -> None:
    """Delete what Frappe keeps about `doctypes`, which are gone, and what it noted on the way since `began`."""
    named = [*doctypes, MODULE]
    for about, field in _ABOUT.items():
        if frappe.db.table_exists(about) and frappe.db.has_column(about, field):
            frappe.db.delete(about, {field: ["in", named]})
    for table in _RAW:
        frappe.db.delete(table, {"doctype": ["in", named]})
    frappe.db.delete("Patch Log", {"patch": ["like", f"{APP}.%"]})
    for doctype in ("Desktop Icon", "Workspace Sidebar"):
        if frappe.db.table_exists(doctype) and frappe.db.has_column(doctype, "app"):
            for name in frappe.get_all(doctype, filters={"app": APP}, pluck="name"):
                frappe.delete_doc(
                    doctype, name, ignore_on_trash=True, force=True, ignore_permissions=True, delete_permanently=True
                )
    _remove_deleted(named, began)


def _remove_deleted(named: Collection[str], began: datetime | None) -> None:
    """Empty Frappe's list of deleted documents of what the uninstallation put there."""
    frappe.db.delete("Deleted Document", {"deleted_doctype": ["in", [*named, "Scheduled Job Type"]]})
    for doctype in ("DocType", "Module Def"):
        frappe.db.delete("Deleted Document", {"deleted_doctype": doctype, "deleted_name": ["in", list(named)]})
    if began is not None:
        lately = {"creation": [">=", began], "data": ["like", f'%"module": "{MODULE}"%']}
        frappe.db.delete("Deleted Document", lately)


def remove_roles(names: Collection[str]) -> None:
    """Delete those of the roles that nobody has and nothing else gives rights."""
    for name in names:
        people = frappe.get_all(
            "Has Role",
            filters={"role": name, "parenttype": "User", "parent": ["not in", ["Administrator", "Guest"]]},
            limit_page_length=1,
        )
        rights = any(
            frappe.get_all(of, filters={"role": name}, limit_page_length=1) for of in ("DocPerm", "Custom DocPerm")
        )
        if people or rights or not frappe.db.exists("Role", name):
            continue
        frappe.db.delete("Has Role", {"role": name})
        frappe.delete_doc("Role", name, force=True, ignore_permissions=True, delete_permanently=True)


def drop_store() -> bool:
    """Drop the tables of the store, where it lives in the site's own database; whether it does."""
    if not _is_in_site():
        return False
    mariadb = frappe.db.db_type == "mariadb"
    if mariadb:
        # Rather say that somebody holds a table than wait for a day.
        frappe.db.sql("SET SESSION lock_wait_timeout = 60")
    schema, mark = ("DATABASE()", "`") if mariadb else ("current_schema()", '"')
    rows = frappe.db.sql(
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema} "  # noqa: S608
        "AND table_name LIKE %s",
        (r"baken\_%",),
    )
    for (table,) in rows:
        frappe.db.sql_ddl(f"DROP TABLE IF EXISTS {mark}{table}{mark}")
    return True


def remove_folder() -> None:
    """Delete the site's folder with the installation's key."""
    shutil.rmtree(config.data_dir(), ignore_errors=True)


def _is_in_site() -> bool:
    given: Any = frappe.local.conf.get(config.KEY)
    history: Any = given.get("history") if isinstance(given, Mapping) else None
    url = history.get("url") if isinstance(history, Mapping) else None
    if not url:
        return True
    from baken.sites.bench import read_site

    own = read_site(config.bench_folder(), frappe.local.site).database_url
    try:
        other = make_url(str(url))
    except ArgumentError:
        return False
    return other.database == own.database and (other.host, other.port) == (own.host, own.port)
