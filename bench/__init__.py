"""Measures what `make bench` prints; docs/performance.md keeps the figures."""
