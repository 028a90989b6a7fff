"""The sites to read are those of the metrics' tests."""

from tests.metrics.conftest import (
    any_site,
    frappe_subject,
    own_database,
    own_site,
    postgres_database,
    postgres_site,
    reading,
    site,
    sqlite_database,
    sqlite_site,
)

__all__ = [
    "any_site",
    "frappe_subject",
    "own_database",
    "own_site",
    "postgres_database",
    "postgres_site",
    "reading",
    "site",
    "sqlite_database",
    "sqlite_site",
]
