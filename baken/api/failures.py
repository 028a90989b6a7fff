"""An error nobody foresaw, for the log: where it happened, without the values that were at hand."""

import traceback

from baken.privacy import mask


def trace(error: BaseException) -> str:
    """The traceback of `error` with its text masked.

    Made here and not by the logger: what stands in the local variables (tokens, passwords, people) stays out.
    """
    return mask("".join(traceback.format_exception(error)))
