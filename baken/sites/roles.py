"""Which roles of a site let somebody see its dashboard."""

DASHBOARD_ROLES = frozenset({"System Manager", "Verenigingen Administrator"})
"""Whoever has one of these roles on a site may see that site's dashboard."""
