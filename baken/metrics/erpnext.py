"""Metrics of the domain erpnext."""
