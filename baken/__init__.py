"""Baken watches over membership associations that run on Frappe and ERPNext."""

__version__ = "0.1.0"
