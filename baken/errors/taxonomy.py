"""Puts a pattern into a category, weighs it, and says which part of the system it belongs to: rules with reasons."""

import re
from dataclasses import dataclass

from baken.errors.fingerprint import Fingerprint, named_doctypes

CATEGORIES = (
    "database", "network", "permission", "validation", "payment", "email", "template", "code", "timeout",
    "background_job", "other",
)  # fmt: skip
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Area:
    """The functional area a pattern belongs to; "" for each part that neither its place nor its message tells.

    Attributes:
        app: the app as it is installed, "erpnext".
        module: the app's part, "Accounts".
        doctype: the kind of document, "Sales Invoice".
        method: the function, "erpnext.accounts.utils.get_fiscal_years", or the job.
    """

    app: str = ""
    module: str = ""
    doctype: str = ""
    method: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of error a pattern is.

    Attributes:
        category: one of CATEGORIES.
        severity: one of SEVERITIES.
        area: the functional area in one short text.
        reasons: which rules spoke for category and severity.
        where: the functional area in its parts.
    """

    category: str
    severity: str
    area: str
    reasons: tuple[str, str]
    where: Area = Area()


@dataclass(frozen=True, slots=True)
class _Rule:
    """A category or severity with the exception's class and the text that speak for it; either is enough."""

    result: str
    reason: str
    exception: re.Pattern[str] | None = None
    text: re.Pattern[str] | None = None

    def holds(self, exception: str, text: str) -> bool:
        by_exception = self.exception is not None and bool(self.exception.search(exception))
        return by_exception or (self.text is not None and bool(self.text.search(text)))


def _rule(result: str, reason: str, exception: str = "", text: str = "") -> _Rule:
    return _Rule(
        result,
        reason,
        re.compile(exception) if exception else None,
        re.compile(text, re.IGNORECASE) if text else None,
    )


# The first rule that holds decides.
_CATEGORIES = (
    _rule("timeout", "a time limit was reached", r"JobTimeout|Timeout(Error|Exception|Expired)?$|\bTimeout$",
          r"lock wait timeout|max_statement_time|timed? ?out\b|exceeded maximum timeout"),
    _rule("email", "sending or receiving mail failed", r"^smtplib\.|^imaplib\.|Email|OutgoingEmail|InvalidEmail",
          r"\be-?mail account\b|\bsmtp\b|send(ing)? (new )?(e-?mail|password) |notification: .*emails/"
          r"|sepa notification"),
    _rule("template", "a template could not be rendered", r"^jinja2\.|Template(Syntax|NotFound|Error)|UndefinedError"),
    _rule("permission", "somebody was not allowed to", r"Permission|Authentication|Forbidden|Unauthorized|CSRF"
          r"|SessionExpired",
          r"\baccess denied\b|insufficient permission|not permitted|not allowed|csrf|don't have permission"
          r"|geen toegang"),
    _rule("payment", "payments, mandates or direct debit are concerned", r"FiscalYear|Stripe|Mollie|Payment",
          r"\bsepa\b|\bmandate|direct debit|\bmollie\b|\bstripe\b|\biban\b|\bpayment\b|\bincasso|reconcil|\bebics\b"),
    _rule("network", "another system was not reached",
          r"^(requests|urllib3|httpx|http|socket|ssl|redis)\..*Error$|^Connection\w*Error$|ConnectionRefused"
          r"|MaxRetryError|SSLError",
          r"max retries exceeded|connection refused|name or service not known|failed to establish a new connection"),
    _rule("database", "the database refused a statement",
          r"^pymysql\.|^psycopg2\.|^MySQLdb\.|^sqlite3\.|OperationalError|ProgrammingError|IntegrityError"
          r"|Deadlock|InternalError|"
          r"InterfaceError|TableMissing|DataError", r"unknown column|deadlock found|doesn't exist\"|sql syntax"
          r"|duplicate entry"),
    _rule("validation", "a document or an argument was not acceptable",
          r"Validation|Mandatory|DuplicateEntry|LinkExists|DoesNotExist|UpdateAfterSubmit|TimestampMismatch"
          r"|CharacterLength|"
          r"NegativeStock|InvalidStatus|DuplicateDocument|UniqueValidation|LinkValidation|CannotChangeConstant"),
    _rule("code", "the program itself is wrong there",
          r"^(Type|Attribute|Key|Name|UnboundLocal|Index|Value|ZeroDivision|Import|ModuleNotFound|Assertion"
          r"|NotImplemented|Recursion|"
          r"Syntax|Indentation|FileNotFound|Unicode\w*|Runtime|Lookup|OS|Stop\w*|Arithmetic|Overflow)Error$"
          r"|JSONDecodeError"),
    _rule("background_job", "a background job failed", r"^rq\.", r"background job|\bqueue\b|\bworker\b|scheduler"),
)  # fmt: skip

_SEVERITIES = (
    _rule("CRITICAL", "the database or the disk gives up",
          r"DiskFull|MemoryError|CorruptTable", r"no space left|disk full|too many connections"
          r"|marked as crashed|server has gone away|"
          r"can't connect to (local )?(mysql|server)|read-only file system|out of memory"),
    _rule("CRITICAL", "money may be collected or paid wrongly", "",
          r"(duplicate|twice|double|wrong).{0,40}(payment|collection|debit|incasso)|sepa file (is )?(invalid"
          r"|rejected)"),
    _rule("HIGH", "a table or column that the program needs is not there", "TableMissing", r"unknown column"
          r"|table .*doesn't exist"),
    _rule("HIGH", "no mail leaves the site", "OutgoingEmailError|SMTPAuthentication", r"default email account"),
    _rule("HIGH", "statements or jobs wait until they are given up", "Deadlock|JobTimeout", r"deadlock found"
          r"|lock wait timeout|timeout value"),
    _rule("LOW", "somebody entered or asked for what is not there, or may not", r"DoesNotExist|PageDoesNotExist"
          r"|InvalidAuthenticationToken|"
          r"TimestampMismatch|SessionExpired|RateLimit|TooManyRequests"),
)  # fmt: skip
_BY_CATEGORY = {
    "payment": ("HIGH", "payments and mandates are what an association lives by"),
    "database": ("HIGH", "errors of the database touch everybody"),
    "code": ("MEDIUM", "a fault in the program fails for everybody who comes there"),
    "email": ("MEDIUM", "somebody does not get a message"),
    "network": ("MEDIUM", "another system was not reached"),
    "timeout": ("MEDIUM", "something takes too long"),
    "template": ("MEDIUM", "a page or message cannot be made"),
    "background_job": ("MEDIUM", "work that nobody watches failed"),
    "permission": ("LOW", "somebody was not allowed to do something"),
    "validation": ("LOW", "somebody was told what is wrong with his entry"),
    "other": ("LOW", "nothing speaks for more"),
}
_DOCTYPE = re.compile(r"(?:^|\.)doctype\.(\w+)\.")
_FOLDERS = frozenset(
    {"api", "commands", "config", "controllers", "database", "model", "patches", "public", "query_builder", "scripts",
     "startup", "templates", "tests", "utils", "www"}
)  # fmt: skip
_UPPER = {"sepa": "SEPA", "api": "API", "iban": "IBAN", "mt940": "MT940", "gl": "GL", "bom": "BOM", "url": "URL"}


def classify(found: Fingerprint) -> Kind:
    """Category, severity and area of a pattern."""
    text = f"{found.template} {found.title}"
    place = " ".join(found.frames)
    category, why = _first(_CATEGORIES, found.exception, text)
    if category is None and _CATEGORY_PLACES.search(place):
        category, why = "payment", "it happens in the payments' part of the program"
    category = category or "other"
    severity, reason = _first(_SEVERITIES, found.exception, text)
    if severity is None:
        severity, reason = _BY_CATEGORY[category]
    reasons = (why or "no rule speaks for another category", reason)
    return Kind(category, severity, area(found), reasons, place_of(found))


_CATEGORY_PLACES = re.compile(r"sepa|payment|mandate|mollie|direct_debit")


def area(found: Fingerprint) -> str:
    """The DocType, module or method that a pattern belongs to; the row's label when it has no place in the code.

    A label that is no more than the message itself names no place: then the area is unknown.
    """
    if found.frames:
        # The outermost of the telling frames says what was being done; the innermost may be a tool.
        name = found.frames[0].partition(":")[0]
        app = name.partition(".")[0]
        doctype = _DOCTYPE.search(f"{name}.")
        return f"{app}: {_titled(doctype[1])}"[:140] if doctype else name[:140]
    if re.fullmatch(r"[a-z_]\w*(?:\.\w+){1,12}", found.title):
        return found.title[:140]
    label = found.title.partition(": ")[0]
    return label[:140] if label and not found.template.startswith(label) else "unknown"


def place_of(found: Fingerprint) -> Area:
    """The functional area of a pattern in its parts."""
    named = named_doctypes(found.template)
    told = named[0] if named else ""
    if not found.frames:
        method = found.title if re.fullmatch(r"[a-z_]\w*(?:\.\w+){1,12}", found.title) else ""
        parts = method.split(".")
        return Area(parts[0], _module(parts), _of_path(method) or told, method[:140])
    name, _, function = found.frames[0].rpartition(":")
    if name.startswith("<") or "/" in name:
        return Area("" if name.startswith("<") else name.partition("/")[0], "", told, found.frames[0][:140])
    parts = name.split(".")
    return Area(parts[0], _module(parts), _of_path(f"{name}.") or told, f"{name}.{function}"[:140])


def _module(parts: list[str]) -> str:
    """The app's module in a dotted path; folders that every app has are none."""
    return _titled(parts[1]) if len(parts) > 2 and parts[1] not in _FOLDERS else ""


def _of_path(name: str) -> str:
    found = _DOCTYPE.search(name)
    return _titled(found[1]) if found else ""


def _titled(name: str) -> str:
    return " ".join(_UPPER.get(word, word.capitalize()) for word in name.split("_"))


def _first(rules: tuple[_Rule, ...], exception: str, text: str) -> tuple[str | None, str]:
    for rule in rules:
        if rule.holds(exception, text):
            return rule.result, rule.reason
    return None, ""
