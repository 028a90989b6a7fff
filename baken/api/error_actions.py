"""What people decide about errors: states, notes, mutes, merges, splits, and the rules by which they are grouped."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from baken.api import snapshots
from baken.api.arguments import Range
from baken.api.context import DASHBOARD_ROLES, BadArgument, Call
from baken.api.errors import unknown_version
from baken.api.registry import method
from baken.errors import groupings, patterns, states
from baken.errors.fingerprint import VERSIONS
from baken.errors.states import Act, Refused

MOST = 500
"""So many patterns can be changed at once."""

MOST_NOTE = 1000


@method("baken.set_error_state", roles=DASHBOARD_ROLES, writes=True)
def set_error_state(
    call: Call,
    patterns: str,
    state: Literal["open", "known", "muted", "resolved"],
    note: str = "",
    hours: Annotated[int, Range(0, 8760)] = 0,
    above: Annotated[int, Range(0, 1_000_000)] = 0,
) -> dict[str, Any]:
    """Put one or several patterns (ids with commas between them) into a state, with a note that says why.

    A resolved pattern that happens again regresses. A mute lasts for `hours`, or with 0 until the pattern escalates:
    until more than `above` errors come within an hour (0: the larger of 10 and twice its busiest hour of the last 7
    days). Give both for a mute that ends with whichever comes first.

    Returns changed (ids) and patterns (all that were named, as `baken.get_error_patterns` gives them for 24 hours).
    """
    names = _ids(patterns)
    if len(note) > MOST_NOTE:
        raise BadArgument(f"argument note has {len(note)} characters; at most {MOST_NOTE} are kept")
    return _done(
        call, names, lambda act: states.set_state(act, names, state, note=note.strip(), hours=hours, above=above)
    )


@method("baken.merge_error_patterns", roles=DASHBOARD_ROLES, writes=True)
def merge_error_patterns(call: Call, patterns: str, into: str) -> dict[str, Any]:
    """Count one or several patterns (ids with commas between them) as part of the pattern `into`, past and future.

    `baken.separate_error_pattern` undoes it.

    Returns changed (ids) and patterns (as they are afterwards).
    """
    names = _ids(patterns)
    target = into.strip()
    return _done(call, [*names, target], lambda act: states.merge(act, names, target))


@method("baken.separate_error_pattern", roles=DASHBOARD_ROLES, writes=True)
def separate_error_pattern(call: Call, pattern: str) -> dict[str, Any]:
    """Take a pattern out of the one it was merged into.

    Returns changed (ids; empty when it is not merged) and patterns (as they are afterwards).
    """
    name = pattern.strip()
    return _done(call, [name], lambda act: states.separate(act, name))


@method("baken.split_error_pattern", roles=DASHBOARD_ROLES, writes=True)
def split_error_pattern(call: Call, pattern: str, by: Literal["message", "title", "caller", "none"]) -> dict[str, Any]:
    """Count the errors of a pattern apart from now on, by their message, their title or what called; none undoes it.

    Returns changed (ids) and patterns (as they are afterwards).
    """
    name = pattern.strip()
    return _done(call, [name], lambda act: states.split(act, name, by))


@method("baken.adopt_error_grouping", roles=DASHBOARD_ROLES, writes=True)
def adopt_error_grouping(call: Call, version: str) -> dict[str, Any]:
    """Group the site's errors by other rules from now on; see `baken.preview_error_grouping`.

    For errors.transition_days days what is known of patterns (state, note, first seen) is handed on
    to those that take their place. Adopting the rules before undoes it.

    Returns changed (whether other rules applied until now) and what `baken.get_error_grouping` answers.
    """
    if version not in VERSIONS:
        raise unknown_version(version)
    days = call.settings.errors.transition_days
    with call.store.write() as conn:
        changed = groupings.adopt(conn, call.site_name, version, by=_by(call), now=call.now, transition_days=days)
    snapshots.forget(call.store)
    with call.store.read() as conn:
        return {"changed": changed, **groupings.describe(conn, call.site_name, call.now)}


def _done(call: Call, names: list[str], decide: Callable[[Act], list[str]]) -> dict[str, Any]:
    try:
        with call.store.write() as conn:
            changed = decide(Act(conn, call.site_name, _by(call), call.now))
    except Refused as reason:
        raise BadArgument(str(reason)) from None
    snapshots.forget(call.store)
    with call.store.read() as conn:
        shown = patterns.named(
            conn,
            call.site_name,
            [*names, *changed],
            now=call.now,
            settings=call.settings.analytics.error_analysis,
        )
    return {"changed": changed, "patterns": shown}


def _by(call: Call) -> str:
    return call.user.name if call.user else ""


def _ids(given: str) -> list[str]:
    found = [name.strip() for name in given.split(",") if name.strip()]
    if not found:
        raise BadArgument("argument patterns names none; expected one or several ids with commas between them")
    if len(found) > MOST:
        raise BadArgument(f"argument patterns names {len(found)} patterns; at most {MOST} are changed at once")
    return found
