"""Who is told: the recipients of the settings whose wishes fit an alert."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from baken.alerts.rule import RANK
from baken.settings import Alerts, Recipient

CHANNEL_FAILING = "CHANNEL_FAILING"
"""The rule about a channel that does not work: it is told over the others."""

TEST = "TEST_ALERT"
"""The rule of the trial alert: it goes to everybody, over every channel."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What of an alert decides who is told."""

    rule: str
    site: str
    severity: str
    area: str
    labels: Mapping[str, str]
    tell: tuple[str, ...] = ()


def fitting(settings: Alerts, facts: Facts) -> list[Recipient]:
    """The recipients who are told about such an alert, at whatever step."""
    return [each for each in settings.recipients if _fits(each, facts)]


def _fits(recipient: Recipient, facts: Facts) -> bool:
    if facts.rule == CHANNEL_FAILING and facts.labels.get("channel") == recipient.channel:
        return False
    # What concerns the host or all sites concerns whoever has to do with one of them.
    if recipient.sites and facts.site and facts.site not in recipient.sites:
        return False
    if facts.tell:
        return recipient.name in facts.tell
    if facts.rule == TEST:
        return True
    if recipient.rules and facts.rule not in recipient.rules:
        return False
    if recipient.areas and facts.area not in recipient.areas:
        return False
    return RANK[facts.severity] >= RANK[recipient.at_least]


def at_steps(recipients: Iterable[Recipient], least: int, most: int) -> list[Recipient]:
    """Those whose step lies between `least` and `most`."""
    return [each for each in recipients if least <= each.step <= most]


def named(settings: Alerts, channel: str, name: str) -> Recipient | None:
    """The recipient `name` of `channel` as the settings have it now; None when it is gone."""
    return next((each for each in settings.recipients if (each.channel, each.name) == (channel, name)), None)
