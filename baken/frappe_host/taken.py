"""DocTypes of other apps whose place Baken's own of the same name takes, and how they get it back.

Before the place is taken, what stood there is remembered on the site: the definition, and the columns of the table.
Rows are never touched. What the other app's definition has beyond Baken's stays visible as Custom Fields. When Baken
goes, the other definition is put back and the columns that only Baken brought are dropped.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import frappe

MODULE = "Monitoring"
NAMES = ("System Alert", "SEPA Audit Log")
"""DocTypes that another app may have as well."""

_DOCTYPES = Path(__file__).resolve().parents[1] / "monitoring" / "doctype"
_PARENT = "__baken"
# Of a row that is written anew.
_PASSING = ("name", "owner", "creation", "modified", "modified_by", "parent", "parentfield", "parenttype", "__unsaved")


def recall(key: str) -> Any:
    """What was remembered on this site under `key`; None for nothing."""
    value = frappe.db.get_value("DefaultValue", {"parent": _PARENT, "defkey": key}, "defvalue")
    return json.loads(value) if value else None


def remember(key: str, value: Any) -> None:
    """Keep `value` on this site until Baken is uninstalled."""
    frappe.defaults.set_default(key, json.dumps(value, default=str), _PARENT)


def forget_all() -> None:
    """Forget everything that was remembered on this site."""
    frappe.db.delete("DefaultValue", {"parent": _PARENT})
    frappe.clear_cache()


def note(name: str) -> bool:
    """Remember what of DocType `name` is there from elsewhere; whether the definition in effect is another app's.

    Call it before Baken's definition is brought.
    """
    module = frappe.db.get_value("DocType", name, "module")
    if module == MODULE:
        return False
    columns = columns_of(name)
    if module is None and not columns:
        return False
    known = recall(name)
    definition = _definition(name) if module is not None else None
    if known is not None:
        columns = known["columns"]
    elif "baken" in frappe.get_installed_apps():
        # The other app came later: what is there beyond its own definition is Baken's.
        columns = []
    remember(name, {"definition": definition, "columns": columns})
    return module is not None


def take(name: str) -> None:
    """Put Baken's definition of DocType `name` in effect, where another app's is; rows and columns stay."""
    if frappe.db.get_value("DocType", name, "module") == MODULE:
        return
    note(name)
    _import(own_definition(name))


def keep_fields(name: str) -> None:
    """Let the fields that the other app's definition of `name` has beyond Baken's be Custom Fields."""
    if frappe.db.get_value("DocType", name, "module") != MODULE:
        return
    # The other app's file may be newer than what stood here when its place was taken.
    file, known = _file_of_others(name), recall(name)
    theirs = _read(file) if file is not None else known["definition"] if known is not None else None
    if theirs is None:
        return
    own = {field["fieldname"] for field in _read(own_definition(name))["fields"]}
    after = None
    for field in theirs["fields"]:
        fieldname = field.get("fieldname")
        is_value = field["fieldtype"] not in frappe.model.no_value_fields
        if not fieldname or not (is_value or field["fieldtype"] in frappe.model.table_fields) or fieldname in own:
            continue
        if not frappe.db.exists("Custom Field", {"dt": name, "fieldname": fieldname}):
            wanted = {key: value for key, value in field.items() if key not in _PASSING and key != "idx"}
            document = frappe.get_doc({**wanted, "doctype": "Custom Field", "dt": name})
            document.update({"module": MODULE, "is_system_generated": 1, "insert_after": after or _last(name)})
            # Nobody who makes an alert without the other app's form can fill it in.
            document.update({"reqd": 0})
            document.insert(ignore_permissions=True)
        after = fieldname


def give_back(name: str) -> None:
    """Put the remembered definition of `name` in effect again, where its app is still there; rows and columns stay."""
    known = recall(name)
    if known is None or frappe.db.get_value("DocType", name, "module") != MODULE:
        return
    definition = known["definition"]
    if definition is None:
        # There was a table without a DocType: it stays, with its rows.
        frappe.delete_doc("DocType", name, ignore_on_trash=True, force=True)
        return
    if not frappe.db.exists("Module Def", definition["module"]):
        return
    frappe.db.delete("Custom Field", {"dt": name, "module": MODULE})
    frappe.clear_cache(doctype=name)
    file = _file_of_others(name)
    if file is None:
        _import_document(definition)
        # So that the other app's file is compared with what it was compared with before.
        frappe.db.set_value("DocType", name, "migration_hash", definition.get("migration_hash"), update_modified=False)
    else:
        _import(file)


def drop_own_columns(name: str) -> None:
    """Drop the columns that only Baken's definition of `name` brought, once another one is in effect."""
    known = recall(name)
    if known is None or frappe.db.get_value("DocType", name, "module") == MODULE:
        return
    now = columns_of(name)
    wanted = set(known["columns"])
    if known["definition"] is not None:
        wanted |= set(frappe.get_meta(name, cached=False).get_valid_columns())
    for column in _columns_of_definition(name):
        if column in now and column not in wanted:
            frappe.db.sql_ddl(f"ALTER TABLE {_quoted(f'tab{name}')} DROP COLUMN {_quoted(column)}")
    frappe.clear_cache(doctype=name)


def columns_of(name: str) -> list[str]:
    """Names of the columns of a DocType's table, as the database knows them; empty without a table."""
    schema = "DATABASE()" if frappe.db.db_type == "mariadb" else "current_schema()"
    rows = frappe.db.sql(
        f"SELECT column_name FROM information_schema.columns WHERE table_schema = {schema} AND table_name = %s "  # noqa: S608
        "ORDER BY ordinal_position",
        (f"tab{name}",),
    )
    return [str(row[0]) for row in rows]


def own_definition(name: str) -> Path:
    """The file with Baken's definition of a DocType."""
    scrubbed = str(frappe.scrub(name))
    folder = _DOCTYPES / scrubbed
    file = folder / f"{scrubbed}.json"
    return file if file.exists() else folder / "definition.json"


def own_definitions() -> Iterator[dict[str, Any]]:
    """Baken's definitions of DocTypes, as its files have them."""
    for folder in sorted(_DOCTYPES.iterdir()):
        for file in sorted(folder.glob("*.json")):
            yield _read(file)


def _columns_of_definition(name: str) -> list[str]:
    layout = set(frappe.model.no_value_fields)
    return [field["fieldname"] for field in _read(own_definition(name))["fields"] if field["fieldtype"] not in layout]


def _last(name: str) -> str:
    return str(_read(own_definition(name))["fields"][-1]["fieldname"])


def _definition(name: str) -> dict[str, Any]:
    document = frappe.get_doc("DocType", name).as_dict(no_nulls=True)
    found: dict[str, Any] = json.loads(frappe.as_json(document))
    return {
        key: [{of: what for of, what in row.items() if of not in _PASSING} for row in value]
        if isinstance(value, list)
        else value
        for key, value in found.items()
    }


def _file_of_others(name: str) -> Path | None:
    """The file by which another installed app brings the DocType when the site migrates."""
    scrubbed = str(frappe.scrub(name))
    for app in frappe.get_installed_apps():
        if app in ("frappe", "baken"):
            continue
        for module in frappe.local.app_modules.get(app) or []:
            file = Path(frappe.get_module_path(module)) / "doctype" / scrubbed / f"{scrubbed}.json"
            if file.exists():
                return file
    return None


def _import(file: Path) -> None:
    from frappe.modules.import_file import import_file_by_path

    importing = frappe.flags.in_import
    try:
        import_file_by_path(str(file), force=True, ignore_version=True, reset_permissions=True)
    finally:
        frappe.flags.in_import = importing
    frappe.clear_cache()


def _import_document(definition: dict[str, Any]) -> None:
    from frappe.modules.import_file import import_doc

    importing = frappe.flags.in_import
    try:
        import_doc(json.loads(json.dumps(definition)), ignore_version=True, reset_permissions=True)
    finally:
        frappe.flags.in_import = importing
    frappe.clear_cache()


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _quoted(name: str) -> str:
    mark = "`" if frappe.db.db_type == "mariadb" else '"'
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"
