"""The sites that Baken watches now: found by the settings, found again when a configuration file changes."""

import threading
from collections.abc import Iterator, Mapping

import structlog

from baken.settings import Settings
from baken.sites.bench import find_sites
from baken.sites.site import Site

log = structlog.get_logger(__name__)


class WatchedSites(Mapping[str, Site]):
    """Watched sites by name. `troubles` says what keeps others from being watched.

    Troubles that are there from the start are for the maker to tell; later ones are logged.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._sites: dict[str, Site] = {}
        self.troubles: dict[str, str] = {name: str(problem) for name, problem in find_sites(settings)[1]}
        self.refresh()

    def __getitem__(self, name: str) -> Site:
        return self._sites[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._sites))

    def __len__(self) -> int:
        return len(self._sites)

    def refresh(self) -> bool:
        """Read the configuration anew; whether a site came, went or changed.

        A site whose configuration cannot be read any more is watched as before, and its trouble is told.
        """
        configs, found = find_sites(self._settings)
        troubles = {name: str(problem) for name, problem in found}
        with self._lock:
            for name, trouble in troubles.items():
                if self.troubles.get(name) != trouble:
                    log.error("cannot watch", what=name, reason=trouble)
            sites = {name: site for name, site in self._sites.items() if name in troubles}
            for config in configs:
                known = self._sites.get(config.name)
                if known is not None and known.config == config:
                    sites[config.name] = known
                    continue
                if known is not None:
                    log.info("the configuration of a site changed", site=config.name)
                sites[config.name] = Site(config, self._settings, known)
            changed = sites != self._sites
            self._sites, self.troubles = sites, troubles
            return changed
