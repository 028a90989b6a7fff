"""What a channel is given to send: everything in words already, in the recipient's language, without personal data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["alert", "digest", "report", "test"]
Event = Literal["fired", "reopened", "resolved", "acknowledged", "escalated", "reminder", "flapping"]


@dataclass(frozen=True, slots=True)
class Chart:
    """The course of the alert's figure: `at` in ms and `value`, rising in time; `limit` as a line. `caption` names it.

    `unit` is the metric's unit; `fired` the moment (ms) at which the alert fired, inside the course or not.
    """

    at: tuple[int, ...]
    value: tuple[float, ...]
    limit: float | None
    unit: str
    caption: str
    fired: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that happened to one alert.

    Attributes:
        number: the alert's number.
        rule: its rule's name, HIGH_ERROR_RATE.
        event: what happened.
        title, message, advice: the rule's texts, filled in.
        change: what changed, as a sentence: "Fired: 12 errors, the limit is 10." or "Over after 34 minutes."
        severity: LOW, MEDIUM, HIGH or CRITICAL.
        status: Active, Acknowledged or Resolved, at this moment.
        site: the site's name; empty for the host and for Baken itself.
        where: the alert's labels in words, "queue long"; may be empty.
        value, limit: the figure and its limit in words: "12", "10"; empty where there is none.
        at: when it happened, aware UTC.
        began: since when the condition has held, aware UTC.
        occurrences: how often it has fired.
        url: the alert's page; empty without a public address.
        acknowledge_url: a one-time link that acknowledges it; empty when it makes no sense or there is no address.
        runbook: address of the manual's page; may be empty.
        chart: the course of its figure, where there is one.
        labels: the alert's labels.
    """

    number: int
    rule: str
    event: Event
    title: str
    message: str
    advice: str
    change: str
    severity: str
    status: str
    site: str
    where: str
    value: str
    limit: str
    at: datetime
    began: datetime
    occurrences: int
    url: str = ""
    acknowledge_url: str = ""
    runbook: str = ""
    chart: Chart | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell somebody.

    Attributes:
        id: the same for the same content; a channel that can, tells the other side so that it drops a repetition.
        kind: alert: news of one or several alerts; digest: what was held back; report; test: a trial.
        language: "en" or "nl".
        zone: IANA name of the time zone in which times are written.
        site: which site it is about; empty for all.
        subject: one line.
        lead: a sentence that stands first; may be empty.
        severity: the worst of the items that are not over; LOW where there are none.
        items: what happened, the worst and newest first.
        at: when it was put together, aware UTC.
        url: the page to begin at; may be empty.
        report: for kind report: what `reports.build` gives; the template `report.html` shows it.
        reply: how the recipient can be told less: a sentence about the settings.
    """

    id: str
    kind: Kind
    language: str
    zone: str
    site: str
    subject: str
    lead: str
    severity: str
    items: tuple[Item, ...]
    at: datetime
    url: str = ""
    report: Mapping[str, Any] | None = None
    reply: str = ""


class Undelivered(Exception):
    """A channel could not deliver a message.

    Attributes:
        permanent: trying again will not help until somebody changes something.
        whom: whether the channel as a whole does not work ("channel"), or only this recipient ("recipient").
    """

    def __init__(
        self, text: str, *, permanent: bool = False, whom: Literal["channel", "recipient"] = "channel"
    ) -> None:
        super().__init__(text)
        self.permanent = permanent
        self.whom = whom


class Gone(Undelivered):
    """Whom a message was for is there no more, and will not be again: nothing is broken, and nothing need be mended."""

    def __init__(self, text: str) -> None:
        super().__init__(text, permanent=True, whom="recipient")
