"""The demo's users, roles, passwords, keys and sessions, and the settings and lists every Frappe site has."""

import base64
import hashlib
import hmac
import random
import sqlite3
from datetime import timedelta

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from baken.demo import layout, rhythm
from baken.demo.layout import insert
from baken.demo.rhythm import document_name, stamp
from baken.demo.world import ABBREVIATION, COMPANY, World

PASSWORD = "baken-demo"  # noqa: S105 - the demo's well-known password; the demo listens on loopback only
LOG_DAYS = (("Error Log", 90), ("Scheduled Job Log", 7), ("Email Queue", 30), ("Activity Log", 90))
_ROUNDS = 29_000
# Share of the members with a user who visit the site on an average day.
VISITING = 0.12

# address, first name, last name, enabled, type, roles, API key
USERS: tuple[tuple[str, str, str, int, str, tuple[str, ...], str], ...] = (
    ("Administrator", "Administrator", "", 1, "System User", ("Administrator", "System Manager"), ""),
    ("Guest", "Guest", "", 1, "Website User", ("Guest",), ""),
    ("admin@example.test", "Adelwine", "Baakstra", 1, "System User", ("System Manager",), "demo-key"),
    ("board@example.test", "Bestuurd", "Bakenga", 1, "System User", ("Verenigingen Administrator",), "board-key"),
    ("member@example.test", "Lidwiene", "Bakema", 1, "Website User", ("Verenigingen Member",), "member-key"),
    ("former@example.test", "Voormalda", "Bakker-Nooit", 0, "System User", ("System Manager",), ""),
)


def password_hash(password: str, salt: bytes) -> str:
    """`password` as Frappe's passlib context writes it: `$pbkdf2-sha256$29000$salt$checksum`."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    return f"$pbkdf2-sha256${_ROUNDS}${_adapted(salt)}${_adapted(digest)}"


def _adapted(data: bytes) -> str:
    # passlib's own base64: no padding, a dot in place of the plus sign.
    return base64.b64encode(data).decode().rstrip("=").replace("+", ".")


def encryption_key(rng: random.Random) -> str:
    """A Fernet key for site_config.json."""
    return base64.urlsafe_b64encode(rng.randbytes(32)).decode()


def encrypt(text: str, key: str, rng: random.Random, epoch: int) -> str:
    """`text` as a Fernet token, made from the demo's own random stream: the same seed gives the same database.

    https://github.com/fernet/spec: version, time (seconds), IV, AES-128-CBC of the padded text, HMAC-SHA256 of it all.
    """
    secret = base64.urlsafe_b64decode(key)
    iv = rng.randbytes(16)
    padder = padding.PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(secret[16:]), modes.CBC(iv)).encryptor()
    body = b"\x80" + epoch.to_bytes(8, "big") + iv + encryptor.update(padded) + encryptor.finalize()
    return base64.urlsafe_b64encode(body + hmac.digest(secret[:16], body, "sha256")).decode()


def write_accounts(world: World, conn: sqlite3.Connection, key: str) -> None:
    """Insert users, their roles, passwords and API secrets, and the sessions that are open now.

    One member in nine has a user for the portal as well: a Website User who never set a password, so nobody can sign in
    with it, but whose visits make the figures of active users move.
    """
    rng = world.stream("accounts")
    born = rhythm.at(world.start, 8)
    users: list[tuple[object, ...]] = []
    roles: list[tuple[object, ...]] = []
    auth: list[tuple[object, ...]] = []
    epoch = int(rhythm.utc(born).timestamp())
    for name, first, last, enabled, kind, granted, api_key in USERS:
        active = stamp(world.here - timedelta(minutes=rng.uniform(1, 300))) if enabled and name != "Guest" else None
        users.append(
            (
                name,
                stamp(born),
                active or stamp(born),
                enabled,
                name if "@" in name else f"{name.lower()}@example.test",
                first,
                last,
                f"{first} {last}".strip(),
                kind,
                active,
                api_key or None,
                "*" * 15 if api_key else None,
            )
        )
        for place, role in enumerate(granted, start=1):
            roles.append((document_name(rng), stamp(born), stamp(born), place, role, name))
        if "@" in name or name == "Administrator":
            auth.append(("User", name, "password", password_hash(PASSWORD, rng.randbytes(16)), 0))
        if api_key:
            secret = api_key.replace("-key", "-secret")
            auth.append(("User", name, "api_secret", encrypt(secret, key, rng, epoch), 1))
    for m in world.members:
        if m.approved is None or m.number % 9:
            continue
        p = m.person
        # Some were there today, as many as visit the site at this hour.
        hours = 3.0 if rng.random() < VISITING * rhythm.activity(world.now) else 300.0
        seen = world.here - timedelta(hours=rng.expovariate(1 / hours) + 0.02)
        users.append(
            (
                p.email,
                stamp(m.approved),
                stamp(max(seen, m.approved)),
                int(m.status == "Active"),
                p.email,
                p.first,
                p.last,
                p.full,
                "Website User",
                stamp(max(seen, m.approved)),
                None,
                None,
            )
        )
        roles.append((document_name(rng), stamp(m.approved), stamp(m.approved), 1, "Verenigingen Member", p.email))
    insert(
        conn,
        "tabUser",
        "name creation modified enabled email first_name last_name full_name user_type last_active api_key api_secret",
        users,
        owner="Administrator",
        modified_by="Administrator",
        language="nl",
        time_zone=rhythm.ZONE_NAME,
    )
    insert(
        conn,
        "tabHas Role",
        "name creation modified idx role parent",
        roles,
        owner="Administrator",
        modified_by="Administrator",
        parentfield="roles",
        parenttype="User",
    )
    insert(conn, "__Auth", "doctype name fieldname password encrypted", auth)
    _write_sessions(world, rng, conn, users)


def session_data(user: str, opened: str, kind: str) -> str:
    """tabSessions.sessiondata: the text of a Python dict, as Frappe writes it."""
    return str(
        {
            "user": user,
            "session_ip": "203.0.113.7",
            "last_updated": opened,
            "session_expiry": "170:00:00",
            "full_name": user,
            "user_type": kind,
            "lang": "nl",
        }
    )


def _write_sessions(
    world: World, rng: random.Random, conn: sqlite3.Connection, users: list[tuple[object, ...]]
) -> None:
    rows: list[tuple[object, ...]] = []
    for user in users:
        name, kind, active = str(user[0]), str(user[8]), user[9]
        if not user[3] or active is None or str(active) < stamp(world.here - timedelta(days=7)):
            continue
        rows.append((name, f"{rng.getrandbits(224):056x}", session_data(name, str(active), kind), active))
    insert(conn, "tabSessions", "user sid sessiondata lastupdate", rows, status="Active")


def write_settings(world: World, conn: sqlite3.Connection) -> None:
    """Insert roles, DocTypes, settings, the log settings, the company and the installed apps."""
    rng = world.stream("settings")
    born = stamp(rhythm.at(world.start, 7.5))
    std: dict[str, str | int] = {"owner": "Administrator", "modified_by": "Administrator"}
    insert(
        conn,
        "tabRole",
        "name creation modified role_name",
        [(r, born, born, r) for r in layout.roles()],
        desk_access=1,
        **std,
    )
    kinds = [
        (t.doctype, t.module, int(t.istable), int(t.submittable), 0, 0, t.autoname)
        for t in layout.tables().values()
        if t.module
    ]
    known = {kind[0] for kind in kinds}
    virtual = {name for name, _ in layout.virtual()}
    kinds += [
        (name, module, 0, 0, 1, int(name in virtual), "") for name, module in layout.singles() if name not in known
    ]
    single = {name for name, _ in layout.singles()}
    kinds += [(name, module, 0, 0, 0, 1, "") for name, module in layout.virtual() if name not in known | single]
    insert(
        conn,
        "tabDocType",
        "name creation modified module istable is_submittable issingle is_virtual autoname",
        [(k[0], born, born, *k[1:]) for k in kinds],
        engine="InnoDB",
        **std,
    )
    insert(
        conn,
        "tabSingles",
        "doctype field value",
        [
            ("System Settings", "time_zone", rhythm.ZONE_NAME),
            ("System Settings", "enable_scheduler", "1"),
            ("System Settings", "country", "Netherlands"),
            ("System Settings", "language", "nl"),
            ("System Settings", "currency", "EUR"),
            ("System Settings", "setup_complete", "1"),
            ("System Settings", "date_format", "dd-mm-yyyy"),
            ("System Settings", "time_format", "HH:mm:ss"),
            ("System Settings", "session_expiry", "170:00"),
            ("System Settings", "backup_limit", "7"),
            ("System Settings", "dormant_days", "4"),
            ("System Settings", "enable_two_factor_auth", "0"),
            ("System Settings", "allow_error_traceback", "1"),
            ("System Settings", "enable_password_policy", "1"),
            ("System Settings", "minimum_password_score", "3"),
            ("System Settings", "allow_consecutive_login_attempts", "10"),
            ("System Settings", "max_auto_email_report_per_user", "20"),
            ("System Settings", "app_name", "ERPNext"),
            ("Global Defaults", "default_company", COMPANY),
            ("Global Defaults", "default_currency", "EUR"),
            ("Website Settings", "app_name", COMPANY),
            ("Verenigingen Settings", "company", COMPANY),
            ("Verenigingen Settings", "creditor_id", "NL00ZZZ000000000000"),
        ],
    )
    insert(
        conn,
        "tabLogs To Clear",
        "name creation modified idx ref_doctype days",
        [(document_name(rng), born, born, i, name, days) for i, (name, days) in enumerate(LOG_DAYS, start=1)],
        parent="Log Settings",
        parentfield="logs_to_clear",
        parenttype="Log Settings",
        **std,
    )
    insert(
        conn,
        "tabCompany",
        "name creation modified company_name abbr",
        [(COMPANY, born, born, COMPANY, ABBREVIATION)],
        default_currency="EUR",
        country="Netherlands",
        lft=1,
        rgt=2,
        default_receivable_account=f"Debtors - {ABBREVIATION}",
        **std,
    )
    apps = (
        ("frappe", "15.55.1"),
        ("erpnext", "15.90.0"),
        ("payments", "0.0.1"),
        ("hrms", "15.50.0"),
        ("verenigingen", "0.9.0"),
    )
    insert(
        conn,
        "tabInstalled Application",
        "name creation modified idx app_name app_version",
        [(document_name(rng), born, born, i, app, version) for i, (app, version) in enumerate(apps, start=1)],
        git_branch="version-15",
        parent="Installed Applications",
        parentfield="installed_applications",
        parenttype="Installed Applications",
        **std,
    )


def write_ledger(world: World, conn: sqlite3.Connection) -> None:
    """Insert bank transactions of the collected batches and a handful of journal entries at each month's end."""
    rng = world.stream("ledger")
    rows: list[tuple[object, ...]] = []
    found = conn.execute(
        'SELECT b.name, b.batch_date, SUM(l.amount) FROM "tabDirect Debit Batch" b JOIN "tabDirect '
        'Debit Batch Invoice" l '
        "ON l.parent = b.name WHERE l.status = 'Successful' GROUP BY b.name, b.batch_date ORDER BY b.name"
    ).fetchall()
    for number, (name, day, amount) in enumerate(found, start=1):
        when = f"{day} 07:10:00.000000"
        if when <= stamp(world.here):
            rows.append((f"ACC-BTN-{day[:4]}-{number:05d}", when, when, day, round(amount, 2), f"Incasso {name}", name))
    insert(
        conn,
        "tabBank Transaction",
        "name creation modified date deposit description reference_number",
        rows,
        owner="Administrator",
        modified_by="Administrator",
        docstatus=1,
        status="Reconciled",
        company=COMPANY,
        currency="EUR",
        bank_account=f"Betaalrekening - {ABBREVIATION}",
    )
    entries: list[tuple[object, ...]] = []
    for year, month in rhythm.months_between(world.start, world.today):
        for place in range(5):
            moment = rhythm.at(world.start.replace(year=year, month=month, day=24 + place % 4), 14 + place * 0.7)
            if moment < world.here:
                amount = rng.randrange(2_000, 90_000) / 100
                entries.append(
                    (
                        f"ACC-JV-{year}-{month:02d}{place:02d}",
                        stamp(moment),
                        stamp(moment),
                        moment.date().isoformat(),
                        amount,
                        amount,
                    )
                )
    insert(
        conn,
        "tabJournal Entry",
        "name creation modified posting_date total_debit total_credit",
        entries,
        owner="board@example.test",
        modified_by="board@example.test",
        docstatus=1,
        voucher_type="Journal Entry",
        naming_series="ACC-JV-.YYYY.-",
        company=COMPANY,
        title="Maandafsluiting",
        is_opening="No",
    )
