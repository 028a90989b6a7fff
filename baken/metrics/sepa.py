"""Metrics of the domain sepa."""
