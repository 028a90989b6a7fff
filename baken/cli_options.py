"""What all commands share: their options, the settings and sites they name, and how they speak."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from baken import clock
from baken.history.store import Store, open_store
from baken.settings import Settings, load
from baken.sites.watched import WatchedSites

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file; default: baken.toml in the current folder.")
]
BenchOption = Annotated[
    list[Path] | None, typer.Option("--bench", "-b", help="A bench folder (the one with sites/); may be repeated.")
]
SiteOption = Annotated[
    list[str] | None, typer.Option("--site", "-s", help="Only this site of the benches; may be repeated.")
]
DataOption = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder for the store and the key; default: ~/.local/share/baken.")
]


def fail(text: str, code: int = 1) -> NoReturn:
    """Say what is wrong and leave with `code`."""
    err.print(f"baken: {text}", markup=False, soft_wrap=True)
    raise SystemExit(code)


def settings_of(
    config: Path | None,
    bench: list[Path] | None,
    site: list[str] | None,
    data_dir: Path | None,
    **more: dict[str, Any],
) -> Settings:
    """The settings with what the command line says on top."""
    over: dict[str, Any] = {section: values for section, values in more.items() if values}
    if bench:
        over["benches"] = [{"path": str(path), "sites": list(site or [])} for path in bench]
    if data_dir:
        over["data_dir"] = str(data_dir)
    settings = load(config, over)
    if site and not bench:
        settings = _only(settings, site)
    return settings


def _only(settings: Settings, wanted: list[str]) -> Settings:
    benches = [entry.model_copy(update={"sites": list(wanted)}) for entry in settings.benches]
    sites = [entry for entry in settings.sites if entry.name in wanted]
    return settings.model_copy(update={"benches": benches, "sites": sites})


def watched(settings: Settings) -> WatchedSites:
    """The sites of the settings; leaves with a hint when none are named."""
    if not settings.benches and not settings.sites:
        fail("no sites to watch; give --bench PATH, or name benches or sites in baken.toml (see `baken demo`)", 2)
    return WatchedSites(settings)


def tell_troubles(found: WatchedSites) -> None:
    """Say on standard error what keeps sites from being watched; the texts name the site or the bench."""
    for trouble in found.troubles.values():
        err.print(f"baken: {trouble}", markup=False, soft_wrap=True)


def store_of(settings: Settings) -> Store:
    """The opened and prepared store of the settings."""
    store = open_store(settings.store_url, pool_size=settings.history.pool_size)
    store.migrate()
    return store


def choose(found: WatchedSites, site: str | None) -> str:
    """The name of the site that is meant; leaves with a hint when that is not clear."""
    if site is None and len(found) == 1:
        return next(iter(found))
    if site is None and not found:
        fail("; ".join(found.troubles.values()) or "none of the sites can be watched; `baken doctor` tells more")
    if site is None:
        fail(f"several sites are watched; choose one with --site: {', '.join(found)}", 2)
    if site not in found:
        fail(found.troubles.get(site) or f"no site {site!r} is watched; there are: {', '.join(found)}")
    return site


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print `value` as JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=indent, default=plain, ensure_ascii=False) + "\n")


def plain(value: Any) -> Any:
    """A value that JSON does not know, as text."""
    return clock.iso(value) if isinstance(value, datetime) else str(value)
