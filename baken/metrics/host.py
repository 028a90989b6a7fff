"""Metrics of the domain host."""
