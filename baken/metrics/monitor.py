"""Metrics of the domain monitor."""
