"""The documented methods: a registry of functions with roles, one module per documented group.

Inside a Frappe site each method can be called by its name alone, as `bench execute baken.api.get_system_metrics` does.
"""

import importlib
import sys
from importlib.util import find_spec
from typing import Any


def __getattr__(name: str) -> Any:
    """The method `baken.<name>` as the Frappe host gives it; elsewhere a method has to be told its caller."""
    if name.startswith("_") or "frappe" not in sys.modules or find_spec(f"{__name__}.{name}") is not None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # By name: this room is below the host, and knows it only where it is there.
    return getattr(importlib.import_module("baken.frappe_host.methods"), name)
