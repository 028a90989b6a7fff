"""Metrics of the domain frappe."""
