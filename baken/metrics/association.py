"""Metrics of the domain association."""
