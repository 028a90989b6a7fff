"""Baken watches over membership associations that run on Frappe and ERPNext."""

import sys

__version__ = "0.1.0"

# structlog and httpx take rich in wherever it is installed: one for coloured tracebacks that Baken never writes, the
# other for a command line of its own. That is 5 MiB in each process that serves; the command line imports rich itself.
if "httpx" not in sys.modules:
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog as _structlog  # noqa: F401
    except ImportError:
        # Frappe reads baken.hooks in every process of a site: what is missing is told where it is needed.
        pass
    finally:
        del sys.modules["rich"]
