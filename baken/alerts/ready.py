"""Whether what the settings say about alerts can be used: rules, channels, recipients, times and networks."""

import ipaddress
from collections.abc import Callable, Iterator
from functools import partial

from baken.alerts import channels, rulebook
from baken.alerts.rulebook import RuleBook
from baken.alerts.windows import BadTime, Hours, clock_time, zone_named
from baken.settings import Alerts, Recipient, Settings, SettingsError


def check(settings: Settings) -> RuleBook:
    """The rules, when all that is needed for alerts can be used.

    Raises SettingsError with a line for each mistake, which names the setting or the file and the line.
    """
    problems: list[str] = []
    book: RuleBook | None = None
    try:
        book = rulebook.load(settings)
    except SettingsError as problem:
        problems.append(str(problem))
    try:
        channels.check(settings.alerts.channels, settings.alerts.recipients)
    except SettingsError as problem:
        problems.append(str(problem))
    problems += _times(settings.alerts)
    if problems or book is None:
        raise SettingsError("\n".join(problems))
    return book


def _times(alerts: Alerts) -> Iterator[str]:
    yield from _tried("alerts.night", lambda: Hours.parse(alerts.night))
    yield from _tried("alerts.report_at", lambda: clock_time(alerts.report_at))
    for each in alerts.recipients:
        for field, problem in times_of(each):
            yield f"alerts.recipients {each.name!r}: {field}: {problem}"
    for network in alerts.allow_private:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            yield f"alerts.allow_private: {network!r} is no network; write one such as 10.0.0.0/8"
    if alerts.public_url and not alerts.public_url.startswith(("https://", "http://")):
        yield f"alerts.public_url is {alerts.public_url!r}; it begins with https:// or http://"


def times_of(recipient: Recipient) -> Iterator[tuple[str, str]]:
    """What of a recipient's times cannot be used: (field, problem)."""
    wishes: list[tuple[str, Callable[[], object]]] = [("hours", partial(Hours.parse, recipient.hours))]
    if recipient.time_zone:
        wishes.append(("time_zone", partial(zone_named, recipient.time_zone)))
    for field, read in wishes:
        try:
            read()
        except BadTime as problem:
            yield field, str(problem)


def _tried(setting: str, read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except BadTime as problem:
        yield f"{setting}: {problem}"
