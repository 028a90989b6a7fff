"""What Prometheus reads is the same whichever database the store is."""

from datetime import UTC, datetime

from sqlalchemy import insert

from baken.exporters import prometheus
from baken.exporters.prometheus import Part
from baken.history import samples
from baken.history.samples import Cycle, Sample
from baken.history.store import Store
from baken.history.tables import alerts
from tests.history.conftest import kind, store

__all__ = ["kind", "store"]

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
ALERT = {
    "site": "a.example", "rule": "HIGH_DISK", "status": "Active", "key": "k", "labels": "{}", "severity": "HIGH",
    "area": "performance", "began": 0, "fired": 0, "last_seen": 0, "occurrences": 1, "step": 0, "told": True,
    "flapping": False, "assigned_to": "", "acknowledged_by": "", "resolved_by": "", "feedback": "", "texts": "{}",
    "details": "{}",
}  # fmt: skip


def test_every_database_tells_the_same(store: Store) -> None:
    cycles = [
        Cycle(site, NOW, [Sample("frappe_errors", (("window", "1h"),), 3)], {"sepa_mandates": "no"}, ("frappe_errors",))
        for site in ("a.example", "b.example")
    ]
    cycles.append(Cycle("", NOW, [Sample("host_cpu_ratio", (), 0.5)], {}, ("host_cpu_ratio",)))
    with store.write() as conn:
        samples.record(conn, cycles)
        for key, suppressed in (("1", None), ("2", None), ("3", "silence:1"), ("4", "inhibited:2")):
            conn.execute(insert(alerts).values(**ALERT, open_key=key, suppressed=suppressed))
    with store.read() as conn:
        found = prometheus.families(conn, Part(("a.example", "b.example"), True), NOW, watched=2, most=9)
    lines = prometheus.written(found, open_metrics=False).decode().splitlines()
    told = [line for line in lines if not line.startswith("#") and "build_info" not in line]
    common = 'area="performance",rule="HIGH_DISK",severity="HIGH",site="a.example"'
    assert sorted(told) == sorted(
        [
            "baken_host_cpu_ratio 0.5",
            'baken_measured_age_seconds{metric="host_cpu_ratio"} 0.0',
            "baken_sites 2.0",
            f'baken_alerts{{{common},status="active"}} 2.0',
            f'baken_alerts{{{common},status="suppressed"}} 2.0',
            *(
                line.format(site=site)
                for site in ("a.example", "b.example")
                for line in (
                    'baken_frappe_errors{{site="{site}",window="1h"}} 3.0',
                    'baken_site_up{{site="{site}"}} 1.0',
                    'baken_absent{{metric="sepa_mandates",site="{site}"}} 1.0',
                    'baken_measured_age_seconds{{metric="frappe_errors",site="{site}"}} 0.0',
                )
            ),
        ]
    )
