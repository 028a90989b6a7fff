"""Figures to a Zabbix server or proxy, as trapper items.

With every delivery goes what was measured since the one before, each figure with the moment of its measurement. What
there is to discover (sites, queues, disks, rules…) goes along whenever it changed, and now and then without a change,
so that Zabbix does not take it for lost.

A host or an item that was just discovered is known to Zabbix only a minute or two later. What is refused until then
waits: its figures are offered again and again, as they are by then. After PATIENCE it counts as refused, and an alert
tells of it; a host that is not known is then asked after with a single value.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from baken import clock
from baken.alerts import kept_rules, rulebook
from baken.alerts.kept_rules import Books
from baken.alerts.rulebook import RuleBook, RuleProblems
from baken.exporters import zabbix_figures as figures
from baken.exporters import zabbix_items as items
from baken.exporters.pushing import Exporter, NotTaken, Pushed, Sites
from baken.exporters.zabbix_figures import Present, Value
from baken.exporters.zabbix_sending import Delivery, deliver, sender
from baken.history.samples import Cycle
from baken.history.store import Store
from baken.insights.figures import OWN
from baken.settings import Settings, ZabbixTarget

PATIENCE = timedelta(minutes=10)
"""For so long after it was first refused, a value waits for Zabbix to have discovered its item."""

AGAIN = timedelta(hours=1)
"""So often what there is to discover is sent without a change."""

RETRY = timedelta(minutes=10)
"""So often a value is tried again that is refused for good."""

FRESH = timedelta(days=1)
"""What was measured longer ago is not sent when Baken begins: Zabbix has had it, or has no use for it."""


@dataclass(slots=True)
class _Refused:
    """Since when a value has been refused, and when it was last tried."""

    since: datetime
    tried: datetime


@dataclass(slots=True)
class _Host:
    """What is remembered of a Zabbix host between two deliveries.

    Attributes:
        sent: the moment of the last figure of each item that Zabbix took.
        rows: what was last sent to be discovered, by group, and when.
        refused: items that Zabbix does not know, by key.
        unknown: since when Zabbix has taken nothing at all for the host; None: it takes something.
    """

    sent: dict[str, datetime] = field(default_factory=dict)
    rows: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    refused: dict[str, _Refused] = field(default_factory=dict)
    unknown: datetime | None = None


class ZabbixExporter:
    """One Zabbix server or proxy that gets the figures of all sites."""

    def __init__(self, settings: Settings, target: ZabbixTarget, store: Store, sites: Sites) -> None:
        """Prepare to send. Raises SettingsError for a pre-shared key that cannot be used."""
        self.target = name_of(target)
        self.every = target.every
        self._settings = settings
        self._of = target
        self._store = store
        self._sites = sites
        self._send = sender(target)
        self._hosts: dict[str, _Host] = {}
        # Since when there have been refused values of which it is not known which ones they are.
        self._unsure_since: datetime | None = None

    def stored(self, cycles: Sequence[Cycle]) -> None:
        """Nothing: it looks into the store when it sends."""

    def close(self) -> None:
        """Nothing is held."""

    def push(self) -> Pushed:
        """Send what is new. Raises NotTaken and StoreError."""
        now = clock.now()
        sites = sorted(self._sites())
        present = self._read(sites)
        names = {site: self._host_of(site) for site in present}
        for gone in self._hosts.keys() - set(names.values()):
            del self._hosts[gone]
        # First what there is, then the figures of it.
        told = self._deliver(self._discoveries(present, names, sites, now), now)
        given = self._deliver(self._values(present, names, now), now)
        return self._outcome([told, given], names.values(), now)

    def _host_of(self, site: str) -> str:
        return self._of.host if site == OWN else items.host_name(self._of.host_prefix, site)

    def _read(self, sites: Sequence[str]) -> dict[str, Present]:
        with self._store.read() as conn:
            books = self._books(conn, sites)
        found = {}
        for site in (OWN, *sites):
            # One after the other: nobody holds the store for as long as hundreds of sites take.
            with self._store.read() as conn:
                found[site] = figures.read(conn, site, books.of(site).enabled)
        return found

    def _books(self, conn: Connection, sites: Collection[str]) -> Books:
        try:
            book = rulebook.load(self._settings)
        except RuleProblems:
            # Whoever judges the rules says what is wrong with them; figures go on.
            book = RuleBook({})
        return kept_rules.books(conn, book, self._settings.alerts, sites)

    # What goes

    def _discoveries(
        self, present: dict[str, Present], names: dict[str, str], sites: Sequence[str], now: datetime
    ) -> list[Value]:
        found: list[Value] = []
        for site, its in present.items():
            name = names[site]
            host = self._hosts.setdefault(name, _Host())
            if self._only_asked_after(host, now):
                continue
            rows = dict(its.rows)
            if site == OWN:
                rows["sites"] = items.site_rows(self._of.host_prefix, sites)
            # A group of which nothing is left is told to be empty, once.
            for gone in host.rows.keys() - rows.keys():
                rows[gone] = []
            for of, some in rows.items():
                value = figures.discovery(name, of, some, now)
                last, at = host.rows.get(of, ("", now - AGAIN))
                if (value.text != last or now - at >= AGAIN) and self._due(host, value.key, now):
                    found.append(value)
        return found

    def _values(self, present: dict[str, Present], names: dict[str, str], now: datetime) -> list[Value]:
        found: list[Value] = []
        for site, its in present.items():
            name = names[site]
            host = self._hosts[name]
            known = Value(name, items.KNOWN, str(len(its.figures)), now)
            if self._only_asked_after(host, now):
                found.append(known)
                continue
            new = [
                value
                for value in figures.values(name, its.figures)
                if value.at > host.sent.get(value.key, now - FRESH) and self._due(host, value.key, now)
            ]
            open_ones = figures.open_values(name, its.open, now)
            found += [known, *new, *(value for value in open_ones if self._due(host, value.key, now))]
        return found

    @staticmethod
    def _only_asked_after(host: _Host, now: datetime) -> bool:
        return host.unknown is not None and now - host.unknown > PATIENCE

    @staticmethod
    def _due(host: _Host, key: str, now: datetime) -> bool:
        """Whether an item is to be tried: one that is refused for good only now and then."""
        refused = host.refused.get(key)
        return refused is None or now - refused.since <= PATIENCE or now - refused.tried >= RETRY

    # What became of it

    def _deliver(self, values: list[Value], now: datetime) -> Delivery:
        # To find out which values of a batch were refused they are sent again, so what was taken before goes apart.
        familiar = [value for value in values if self._was_taken(value)]
        others = [value for value in values if not self._was_taken(value)]
        delivery = deliver(self._send, familiar) + deliver(self._send, others)
        for value in delivery.taken:
            host = self._hosts[value.host]
            host.refused.pop(value.key, None)
            if host.unknown is not None:
                # It is there again, perhaps made anew: it is told everything, and nothing is held against its items.
                host.refused.clear()
                host.rows.clear()
                host.unknown = None
            if value.key.startswith(items.DISCOVERY):
                host.rows[_group(value.key)] = (value.text, now)
            else:
                host.sent[value.key] = value.at
        for value in delivery.refused:
            known = self._hosts[value.host].refused.setdefault(value.key, _Refused(now, now))
            known.tried = now
        for name in delivery.unknown_hosts:
            host = self._hosts[name]
            if not host.sent:
                host.unknown = host.unknown or now
            elif host.unknown is None:
                # It was there before: switched off, or deleted.
                host.unknown = now
        return delivery

    def _was_taken(self, value: Value) -> bool:
        host = self._hosts[value.host]
        if value.key in host.refused:
            return False
        return value.key in host.sent or _group(value.key) in host.rows

    def _outcome(self, deliveries: Sequence[Delivery], names: Iterable[str], now: datetime) -> Pushed:
        sent = sum(len(each.taken) for each in deliveries)
        waiting, rejected = 0, 0
        lost = Delivery(sent=sum(each.sent for each in deliveries))
        for name in names:
            host = self._hosts[name]
            patient = {key for key, each in host.refused.items() if now - each.since <= PATIENCE}
            waiting += len(patient)
            for key in sorted(host.refused.keys() - patient):
                rejected += 1
                lost.refused.append(Value(name, key, "", now))
            if host.unknown is None:
                # Something arrives there: what is refused is a matter of single items.
                lost.taken.append(Value(name, items.KNOWN, "", now))
        unsure = sum(each.failed - len(each.refused) for each in deliveries)
        if not unsure:
            self._unsure_since = None
        elif now - (self._unsure_since or now) <= PATIENCE:
            # More than could be looked for at once: a server that is only now discovering what there is.
            self._unsure_since = self._unsure_since or now
            waiting, unsure = waiting + unsure, 0
        lost.failed = rejected + unsure
        lost.sent = max(lost.sent, sent + lost.failed)
        return Pushed(sent, lost.failed, waiting, lost.problem())


def _group(key: str) -> str:
    """The group of a discovery rule's key; empty for another key."""
    return key[len(items.DISCOVERY) + 1 : -1] if key.startswith(items.DISCOVERY) else ""


def name_of(target: ZabbixTarget) -> str:
    """What a target is called: "Zabbix zbx.example.org"."""
    return f"Zabbix {target.server}" + ("" if target.port == 10051 else f":{target.port}")


def exporters(settings: Settings, store: Store, sites: Callable[[], Collection[str]]) -> list[Exporter]:
    """The Zabbix servers of the settings. Raises SettingsError."""
    return [ZabbixExporter(settings, target, store, sites) for target in settings.exporters.zabbix]


def export(
    settings: Settings, present: Sequence[tuple[str, Present]], domains: Sequence[str], now: datetime
) -> list[tuple[str, Delivery | str]]:
    """Send the figures of some modules of the catalogue now, to every target, whether they are new or not.

    Args:
        settings: the settings.
        present: sites with what is known of them; "" for the machine and Baken.
        domains: modules, as `zabbix_figures.of_domains` takes them.
        now: the moment.

    Returns for each target its name and what became of it, or why it took nothing. Raises SettingsError.
    """
    found: list[tuple[str, Delivery | str]] = []
    for target in settings.exporters.zabbix:
        values: list[Value] = []
        for site, its in present:
            host = target.host if site == OWN else items.host_name(target.host_prefix, site)
            chosen = [each for each in its.figures if figures.of_domains(each, domains) and now - each.at <= FRESH]
            values += figures.values(host, chosen)
        try:
            found.append((name_of(target), deliver(sender(target), values)))
        except NotTaken as problem:
            found.append((name_of(target), str(problem)))
    return found
