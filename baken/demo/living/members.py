"""Members leave, and members become volunteers."""

from datetime import datetime

from baken.demo.layout import insert
from baken.demo.living.stage import Stage
from baken.demo.rhythm import local, stamp
from baken.demo.world import STAFF


def leave(stage: Stage, now: datetime) -> None:
    """Somebody's membership is terminated."""
    found = stage.pick("SELECT name, full_name FROM tabMember WHERE status = 'Active' ORDER BY modified DESC LIMIT 400")
    if found is None:
        return
    name, full = str(found[0]), found[1]
    here = local(now)
    when = stamp(here)
    stage.number += 1
    insert(
        stage.conn,
        "tabMembership Termination Request",
        "name creation modified member member_name request_date termination_date execution_date",
        [
            (
                f"TERM-REQ-{here:%y-%m}-{stage.number}",
                when,
                when,
                name,
                full,
                here.date().isoformat(),
                here.date().isoformat(),
                when,
            )
        ],
        owner=STAFF[1],
        modified_by=STAFF[1],
        requested_by=STAFF[1],
        termination_type="Voluntary",
        status="Executed",
        executed_by=STAFF[1],
        cancel_sepa_mandates=1,
    )
    stage.conn.execute("UPDATE tabMember SET status = 'Terminated', modified = ? WHERE name = ?", (when, name))
    stage.conn.execute(
        "UPDATE tabMembership SET status = 'Cancelled', docstatus = 2, modified = ?, cancellation_date = ? "
        "WHERE member = ? AND status = 'Active'",
        (when, here.date().isoformat(), name),
    )
    stage.conn.execute(
        "UPDATE \"tabMembership Dues Schedule\" SET status = 'Cancelled', next_invoice_date = NULL, "
        "modified = ? WHERE member = ? AND is_template = 0",
        (when, name),
    )
    for (mandate,) in stage.conn.execute(
        "SELECT name FROM \"tabSEPA Mandate\" WHERE member = ? AND status = 'Active'", (name,)
    ).fetchall():
        stage.conn.execute(
            "UPDATE \"tabSEPA Mandate\" SET status = 'Cancelled', is_active = 0, modified = ?, "
            "cancelled_date = ? WHERE name = ?",
            (when, here.date().isoformat(), mandate),
        )
        stage.audit(now, "Mandate Creation", "mandate_cancelled", "SEPA Mandate", str(mandate))


def volunteer(stage: Stage, now: datetime) -> None:
    """A member becomes a volunteer, or a new one becomes an active one."""
    when = stamp(local(now))
    fresh = stage.pick("SELECT name FROM tabVolunteer WHERE status IN ('New', 'Onboarding') LIMIT 20")
    if fresh is not None and stage.rng.random() < 0.5:
        stage.conn.execute("UPDATE tabVolunteer SET status = 'Active', modified = ? WHERE name = ?", (when, fresh[0]))
        return
    found = stage.pick(
        "SELECT name, full_name, email FROM tabMember WHERE status = 'Active' ORDER BY modified DESC LIMIT 200"
    )
    if found is None or stage.one("SELECT 1 FROM tabVolunteer WHERE member = ?", found[0]):
        return
    stage.number += 1
    insert(
        stage.conn,
        "tabVolunteer",
        "name creation modified volunteer_name member personal_email email start_date",
        [
            (
                f"VOL-{found[0]}-0001",
                when,
                when,
                found[1],
                found[0],
                found[2],
                f"vrijwilliger.{stage.number}@example.test",
                when[:10],
            )
        ],
        owner=STAFF[1],
        modified_by=STAFF[1],
        status="New",
        commitment_level="Occasional",
    )
