"""Who may change what concerns the whole installation: where several sites share it, no one site's people may."""

from baken.api.context import Call, NotPermitted

WHY_NOT = "it concerns every site on this machine: only an operator (server.operators in baken.toml) may change it"
"""Why somebody may not."""


def is_operator(call: Call) -> bool:
    """Whether the caller is one of `server.operators`, on the own site or on another one."""
    user, site = call.user, call.site
    if user is None or site is None:
        return False
    # On another site only the session knows: what somebody is called there, a user of that site could be called too.
    return user.operator or any(
        (user.name, site.name) == (each.user, each.site) for each in call.settings.server.operators
    )


def alone(call: Call) -> bool:
    """Whether the call's site is the only one that is watched."""
    return len(call.sites) <= 1


def for_all(call: Call) -> bool:
    """Whether the caller may change what concerns the whole installation."""
    return alone(call) or is_operator(call)


def require_for_all(call: Call) -> None:
    """Raise NotPermitted when the caller may not change what concerns the whole installation."""
    if not for_all(call):
        raise NotPermitted(WHY_NOT)


def by(call: Call) -> str:
    """Who acts, for the trail."""
    return call.user.name if call.user else ""
