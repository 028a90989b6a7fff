"""The site's own users: who may sign in, with which roles. Secrets are compared here and never leave this room."""

import hmac
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import or_, select

from baken.sites.problems import NotAvailable, SiteProblem
from baken.sites.reading import Reading


@dataclass(frozen=True, slots=True)
class User:
    """An enabled user of a site."""

    name: str
    full_name: str
    roles: frozenset[str]
    language: str | None


def find(reading: Reading, login: str) -> User | None:
    """The enabled user who signs in as `login`: the e-mail address, or the username where the site allows it."""
    users = reading.require("User", "enabled")
    matches = users.c.name == login
    if reading.single("System Settings", "allow_login_using_user_name") == "1" and "username" in users.c:
        matches = or_(matches, users.c.username == login)
    row = reading.row(select(users.c.name).where(matches, users.c.enabled == 1).limit(1))
    return load(reading, str(row[0])) if row else None


def load(reading: Reading, name: str) -> User | None:
    """The enabled user called `name` with the roles; None when there is none, or not any more."""
    users = reading.require("User", "enabled")
    fields = [users.c[field] for field in ("name", "full_name", "language") if field in users.c]
    row = reading.row(select(*fields).where(users.c.name == name, users.c.enabled == 1))
    if row is None or name == "Guest":
        return None
    known = row._mapping
    return User(
        name=str(known["name"]),
        full_name=str(known.get("full_name") or known["name"]),
        roles=_roles(reading, str(known["name"])),
        language=known.get("language"),
    )


def check_password(reading: Reading, name: str, password: str) -> bool:
    """Whether `password` is the one of user `name`, by the hash that Frappe keeps in __Auth.

    A hash of an unknown kind does not match; the same time is spent when the user does not exist.
    """
    # The server alone signs people in; inside a bench Frappe does, and this library is not there.
    from passlib.context import CryptContext

    context = CryptContext(schemes=["pbkdf2_sha256", "argon2"])
    auth = reading.raw_table("__Auth")
    stored = reading.scalar(
        select(auth.c.password).where(
            auth.c.doctype == "User", auth.c.name == name, auth.c.fieldname == "password", auth.c.encrypted == 0
        )
    )
    if not stored:
        context.dummy_verify()
        return False
    try:
        return bool(context.verify(password, str(stored)))
    except (ValueError, TypeError):
        return False


def check_token(reading: Reading, api_key: str, api_secret: str) -> User | None:
    """The enabled user whose API key and secret these are; None when they fit nobody.

    Raises NotAvailable when the site's encryption_key is unknown, so that no secret can be compared.
    """
    users = reading.require("User", "enabled", "api_key")
    row = reading.row(select(users.c.name).where(users.c.api_key == api_key, users.c.enabled == 1).limit(1))
    if row is None:
        return None
    key = reading.site.config.encryption_key
    if not key:
        raise NotAvailable(
            f"the encryption_key of site {reading.site.name} is unknown, so API secrets cannot be checked; sign in "
            "with a password, or set encryption_key in its site_config.json (in baken.toml for a site given there)"
        )
    auth = reading.raw_table("__Auth")
    stored = reading.scalar(
        select(auth.c.password).where(
            auth.c.doctype == "User",
            auth.c.name == str(row[0]),
            auth.c.fieldname == "api_secret",
            auth.c.encrypted == 1,
        )
    )
    if not stored:
        return None
    try:
        secret = Fernet(key).decrypt(str(stored).encode())
    except InvalidToken:
        return None
    except ValueError:
        raise SiteProblem(f"encryption_key of site {reading.site.name} is no Fernet key; copy it anew") from None
    return load(reading, str(row[0])) if hmac.compare_digest(secret, api_secret.encode()) else None


def _roles(reading: Reading, user: str) -> frozenset[str]:
    has_role = reading.require("Has Role", "role", "parent")
    query = select(has_role.c.role).where(has_role.c.parent == user)
    if "parenttype" in has_role.c:
        query = query.where(has_role.c.parenttype == "User")
    roles = {str(row[0]) for row in reading.rows(query)}
    # Frappe grants its built-in administrator every role without writing rows for it.
    if user == "Administrator":
        roles.add("System Manager")
    return frozenset(roles)
