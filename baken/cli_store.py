"""`baken backup` and `baken restore`: the store and what lies beside it, in one file."""

import os
from pathlib import Path
from typing import Annotated

import typer

from baken import clock, logs
from baken.alerts import push_keys
from baken.cli_options import ConfigOption, DataOption, err, fail, out, settings_of
from baken.history import backup as backups
from baken.history.backup import ArchiveProblem, Beside, Manifest
from baken.history.store import Store, open_store
from baken.privacy import KEY_FILE
from baken.settings import Settings

SETTINGS = "baken.toml"


def backup(
    file: Annotated[
        Path, typer.Argument(help="The backup to write, such as baken.tar.gz; in a folder it is named by the moment.")
    ],
    keep: Annotated[
        int | None, typer.Option(min=1, help="Of a folder: keep only the newest so many backups, this one among them.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Write the store, its keys, rules and settings into one file, while Baken goes on.

    The file appears when it is whole, readable for its owner alone: it holds keys, and the passwords of baken.toml.
    It can be restored into a store of any kind: `baken restore`.
    """
    settings = settings_of(config, None, None, data_dir)
    logs.configure(settings.log)
    now = clock.now()
    folder = file if file.is_dir() else None
    if keep is not None and folder is None:
        why = "is none" if file.exists() else "does not exist; make it first"
        fail(f"--keep is for a folder of backups, and {file} {why}", 2)
    target = file / backups.name_for(now) if folder else file
    store = _store(settings)
    try:
        manifest = backups.back_up(store, target, _beside(settings, config), now)
    except OSError as problem:
        fail(
            f"{target} cannot be written: {problem.strerror or problem}; is there room, and may this user write there?"
        )
    finally:
        store.close()
    rows = sum(manifest.rows.values())
    size = target.stat().st_size
    out.print(f"{target}: {rows} rows, {size / 1e6:.1f} MB, as of {manifest.made}", markup=False, soft_wrap=True)
    for old in backups.old_ones(folder, keep) if folder is not None and keep is not None else []:
        old.unlink()
        out.print(f"{old} removed", markup=False, soft_wrap=True)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup that `baken backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Only see whether it is whole and fits this Baken.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Throw away what is in the store; keys that differ are kept as *.before.")
    ] = False,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Put a backup into the store that the settings name: an empty one, of whatever kind.

    Stop Baken first. Keys, rules and the old settings go into the data folder; settings are not put into force.
    """
    try:
        if check:
            _tell(file, backups.check(file))
            return
        settings = settings_of(config, None, None, data_dir)
        logs.configure(settings.log)
        store = _store(settings)
        try:
            manifest = backups.restore(store, file, settings.data_dir, clock.now(), replace=replace)
        finally:
            store.close()
    except ArchiveProblem as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"the backup cannot be put back: {problem.strerror or problem}")
    _tell(file, manifest)
    out.print(f"restored into {store.name}; keys and rules are in {settings.data_dir}", markup=False, soft_wrap=True)
    if (settings.data_dir / SETTINGS).is_file():
        err.print(
            f"The settings of then are in {settings.data_dir / SETTINGS}; Baken reads them only where it is told to.",
            markup=False,
            soft_wrap=True,
        )
    if os.geteuid() != settings.data_dir.stat().st_uid:
        # A service that runs as the folder's owner could read none of it.
        err.print(
            "What was written belongs to you, and the folder to somebody else, who cannot read it: "
            f"chown -R --reference={settings.data_dir} {settings.data_dir}",
            markup=False,
            soft_wrap=True,
        )


def _tell(file: Path, manifest: Manifest) -> None:
    rows = sum(manifest.rows.values())
    out.print(
        f"{file}: whole; Baken {manifest.baken}, tables {manifest.schema}, {rows} rows out of {manifest.source}, "
        f"as of {manifest.made}",
        markup=False,
        soft_wrap=True,
    )


def _store(settings: Settings) -> Store:
    """The store of the settings as it is: a backup changes nothing in it, and a restore makes its tables itself."""
    return open_store(settings.store_url, pool_size=1, seconds=3600)


def _beside(settings: Settings, config: Path | None) -> list[Beside]:
    rules = settings.alerts.rules or settings.data_dir / "rules.toml"
    return [
        Beside(KEY_FILE, settings.data_dir / KEY_FILE),
        Beside(push_keys.KEY_FILE, settings.data_dir / push_keys.KEY_FILE),
        Beside("rules.toml", rules),
        Beside(SETTINGS, config or Path(SETTINGS)),
    ]
