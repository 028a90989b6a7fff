"""Failures whose pattern is known: invented tracebacks with labels, and how well a grouping matches them."""
