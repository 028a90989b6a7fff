"""Counts what sites have sent by themselves, in one transaction with what keeps it from being counted twice.

Nothing of it is kept in between: when `count` has returned, the errors are in the store without their texts, or they
were refused. It may go on beside the collector's step over the same site, which reads the other sources.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from baken.clock import to_ms
from baken.errors import counts, groupings, sentry_echoes, watermarks
from baken.errors.event import SENTRY
from baken.errors.people import Person
from baken.errors.sentry import Sent
from baken.errors.sources import SourceState
from baken.history.store import Store
from baken.sites.site import Site


def count(
    store: Store, site: Site, sent: Sequence[Sent], people: Mapping[str, Person], now: datetime
) -> counts.Applied:
    """Store what a site has sent, as far as no other source has shown it and it was not sent before.

    Args:
        store: the store.
        site: the site.
        sent: its errors, in the order in which they came.
        people: the users that they name.
        now: the present moment.

    Raises StoreError; nothing was stored then.
    """
    with store.read() as conn:
        grouping = groupings.load(conn, site.name, now)
    found = counts.digest([each.event for each in sent], people, grouping)
    clocks = [to_ms(each.clock) for each in sent]
    with store.write() as conn:
        before = watermarks.load_source(conn, site.name, SENTRY, lock=True)
        kept = sentry_echoes.arrive(conn, site.name, list(zip(found, clocks, strict=True)), to_ms(now))
        most = site.settings.errors.max_patterns
        applied = counts.apply(conn, site.name, kept, most_patterns=most, now=to_ms(now))
        body = {"release": sent[-1].release, "sdk": sent[-1].sdk} if sent else {}
        serial = (before.serial if before else 0) + 1
        state = SourceState(SENTRY, now, complete_at=now, body=body, serial=serial)
        watermarks.save(conn, site.name, sources=[state])
    return applied
