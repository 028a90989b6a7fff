"""People at their screens: they sign in, do something, sign out."""

from datetime import datetime, timedelta

from baken.demo import rhythm
from baken.demo.layout import insert
from baken.demo.living.stage import Stage
from baken.demo.rhythm import document_name, local, stamp

# Share of all users who are there within an hour of average activity: as the written past has it.
_WITHIN_AN_HOUR = 0.034


def sign_in(stage: Stage, now: datetime) -> None:
    """A user signs in."""
    found = stage.pick("SELECT name, user_type FROM tabUser WHERE enabled = 1 AND name <> 'Guest' LIMIT 300")
    if found is None:
        return
    user, when = str(found[0]), stamp(local(now))
    failed = stage.rng.random() < 0.05
    insert(
        stage.conn,
        "tabActivity Log",
        "name creation modified owner modified_by subject communication_date status user full_name ip_address",
        [
            (
                document_name(stage.rng),
                when,
                when,
                user,
                user,
                f"{user} logged in",
                when,
                "Failed" if failed else "Success",
                user,
                user,
                f"203.0.113.{stage.rng.randrange(1, 255)}",
            )
        ],
        operation="Login",
    )
    if failed:
        return
    data = f"{{'user': '{user}', 'session_expiry': '170:00:00', 'user_type': '{found[1]}'}}"
    insert(
        stage.conn,
        "tabSessions",
        "user sid sessiondata lastupdate",
        [(user, f"{stage.rng.getrandbits(224):056x}", data, when)],
        status="Active",
    )
    stage.conn.execute("UPDATE tabUser SET last_active = ? WHERE name = ?", (when, user))


def sign_out(stage: Stage, now: datetime) -> None:
    """A session ends."""
    found = stage.pick("SELECT sid FROM tabSessions ORDER BY lastupdate LIMIT 40")
    if found is not None and int(stage.one("SELECT COUNT(*) FROM tabSessions")) > 30:
        stage.conn.execute("DELETE FROM tabSessions WHERE sid = ?", (found[0],))


def stay(stage: Stage, now: datetime) -> None:
    """Somebody comes back, when fewer are there than usual at this hour; else one who is there does something."""
    here = local(now)
    when = stamp(here)
    hour_ago = stamp(here - timedelta(hours=1))
    there = stage.conn.execute(
        "SELECT s.sid, s.user FROM tabSessions s JOIN tabUser u ON u.name = s.user WHERE u.last_active > ?", (hour_ago,)
    ).fetchall()
    users = int(stage.one("SELECT COUNT(*) FROM tabUser WHERE enabled = 1"))
    if len(there) < max(2.0, _WITHIN_AN_HOUR * users * rhythm.activity(now)) * stage.rng.uniform(0.8, 1.2):
        found = stage.pick(
            "SELECT s.sid, s.user FROM tabSessions s JOIN tabUser u ON u.name = s.user "
            "WHERE u.enabled = 1 AND u.last_active <= ?",
            hour_ago,
        )
    else:
        found = stage.rng.choice(there) if stage.rng.random() < 0.3 else None
    if found is not None:
        stage.conn.execute("UPDATE tabSessions SET lastupdate = ? WHERE sid = ?", (when, found[0]))
        stage.conn.execute("UPDATE tabUser SET last_active = ? WHERE name = ?", (when, found[1]))
