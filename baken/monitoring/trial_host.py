"""A Baken for tests on a site: with a store of its own in a temporary folder, so that the site's stays as it is."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import select

from baken import clock
from baken.alerts import lifecycle, rulebook
from baken.alerts.lifecycle import Act, Opening
from baken.frappe_host import host
from baken.frappe_host.host import Host
from baken.history.store import open_store
from baken.history.tables import alerts


@contextmanager
def trial_host() -> Iterator[Host]:
    """Everything that asks for the present host gets this one, while the block lasts."""
    real = host.present()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'trial.db'}"
        history = real.settings.history.model_copy(update={"url": url})
        settings = real.settings.model_copy(update={"history": history, "data_dir": Path(folder)})
        store = open_store(url)
        store.migrate()
        made = replace(real, settings=settings, store=store)
        with patch.object(host, "present", return_value=made):
            yield made
        store.engine.dispose()


def fire(made: Host, rule: str = "HIGH_ERROR_RATE", value: float = 14, title: str = "14 errors within an hour") -> int:
    """Open an alert of a rule that Baken brings; returns its number."""
    found = rulebook.load(made.settings).rules[rule]
    site, now = made.site.name, clock.now()
    texts = {name: {"en": text, "nl": text} for name, text in (("title", title), ("message", f"{title} on {site}"))}
    opening = Opening(
        rule=found,
        site=site,
        labels={},
        key=lifecycle.key_of(f"{rule}{title}", site, {}),
        began=now,
        value=value,
        texts={**texts, "advice": {"en": "", "nl": ""}},
        details={"limit": 10, "unit": "errors"},
    )
    with made.store.write() as conn:
        return lifecycle.open_alert(Act(conn, made.settings.alerts, now), opening)


def alert(made: Host, number: int) -> Any:
    """An alert's row in the store."""
    with made.store.read() as conn:
        return conn.execute(select(alerts).where(alerts.c.number == number)).one()


def act(made: Host, kind: str, number: int, user: str = "", note: str = "") -> None:
    """Somebody does something about an alert past the Desk: kind is acknowledge, resolve or reopen."""
    with made.store.write() as conn:
        getattr(lifecycle, kind)(Act(conn, made.settings.alerts, clock.now(), user, made.site.name), number, note)
