"""Metrics of the domain database."""
