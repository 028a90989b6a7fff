"""What this process knows of the site that a request or a job is about: its settings, its store, and the caller."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import frappe

from baken import clock
from baken.api import registry
from baken.api.context import Call, Caller
from baken.frappe_host import config, own_log
from baken.history.store import Store, open_store
from baken.privacy import installation_key
from baken.settings import Settings
from baken.sites.bench import read_site
from baken.sites.site import Site


@dataclass(frozen=True)
class Host:
    """A site with Baken in it."""

    settings: Settings
    store: Store
    site: Site

    @property
    def key(self) -> bytes:
        """The installation's secret key. Raises KeyProblem."""
        return installation_key(self.settings.data_dir)

    def call(self) -> Call:
        """The present call, by the user of Frappe's session."""
        return Call(
            self.settings,
            self.store,
            {self.site.name: self.site},
            self.site,
            caller(),
            clock.now(),
            visible=(self.site.name,),
            nudge=_nudge,
        )

    def invoke(self, name: str, args: Mapping[str, Any] | None = None) -> Any:
        """Carry out a method for the user of Frappe's session; roles and arguments are checked.

        Raises what `baken.api.registry.invoke` raises.
        """
        return registry.invoke(self.call(), name, args or {})


def caller() -> Caller | None:
    """Who acts: the user of Frappe's session with the roles that Frappe gives; None for a guest."""
    user = str(frappe.session.user or "Guest")
    if user == "Guest":
        return None
    full_name = str(frappe.db.get_value("User", user, "full_name", cache=True) or user)
    return Caller(user, full_name, frozenset(frappe.get_roles(user)))


_SECONDS_OF_REQUEST = 10
_SECONDS_OF_JOB = 120

_hosts: dict[str, tuple[int, tuple[object, ...], Host]] = {}
_lock = threading.Lock()


def present() -> Host:
    """The site of this request or job, ready to be asked; kept by this process as long as its settings stay.

    Raises:
        SettingsError: the settings cannot be used.
        BenchProblem: the site's configuration cannot be read.
        StoreError: the store cannot be used.
        KeyProblem: the installation's key cannot be read or made.
    """
    own_log.prepare()
    name, stamp, process = frappe.local.site, config.stamp(), os.getpid()
    with _lock:
        known = _hosts.get(name)
        # What a process inherits from the one that it was forked off holds that one's connections.
        if known is not None and known[:2] == (process, stamp):
            return known[2]
    settings = config.load()
    store = open_store(settings.store_url, pool_size=0, seconds=_patience())
    store.migrate()
    host = Host(settings, store, Site(read_site(config.bench_folder(), name), settings))
    with _lock:
        _hosts[name] = (process, stamp, host)
    return host


def _patience() -> int:
    """Seconds that a server of the store may be silent: whoever waits for a page holds a worker of the site."""
    return _SECONDS_OF_JOB if getattr(frappe.local, "request", None) is None else _SECONDS_OF_REQUEST


def forget() -> None:
    """Let the next `present` make everything anew."""
    with _lock:
        _hosts.pop(frappe.local.site, None)


def _nudge() -> None:
    from baken.frappe_host import asking

    asking.ask_for_round()
