"""Whether e-mail goes out at all: switches that nothing in the desk tells of, and e-mails that hang half way."""

from datetime import timedelta

from sqlalchemy import func, select

from baken.metrics.catalogue import FIVE_MINUTES, MINUTE, Values, metric
from baken.sites import bench
from baken.sites.reading import Reading

_HANGS_AFTER = timedelta(hours=1)


@metric(
    "frappe_email_sending",
    unit="bool",
    title="E-mail sending on",
    help="1 when the site sends its e-mail: neither muted by mute_emails nor suspended in the list of the Email Queue",
    nl=(
        "E-mail versturen aan",
        "1 als de site e-mail verstuurt: niet uitgezet met mute_emails en niet stilgezet in de lijst Email Queue",
    ),
    every=MINUTE,
    good="up",
)
def email_sending(r: Reading) -> Values:
    """`mute_emails` of the site's configuration, and the default `suspend_email_queue`."""
    if _suspended(r):
        # That is certain, whether or not the configuration can be read.
        yield (0,)
        return
    yield (int(not bench.is_on(bench.flags(r.site.config), "mute_emails")),)


@metric(
    "frappe_email_stuck",
    unit="e-mails",
    title="Half-sent e-mails",
    help="E-mails that have been in Sending for more than an hour: Frappe does not try these again",
    nl=("Half verzonden e-mails", "E-mails die langer dan een uur op Sending staan: Frappe probeert die niet opnieuw"),
    needs={"Email Queue": ("status", "modified")},
    every=FIVE_MINUTES,
    good="down",
)
def email_stuck(r: Reading) -> Values:
    """Email Queue with status Sending, by modified; the index on status finds the few that are being sent."""
    table = r.table("Email Queue")
    query = select(func.count()).where(table.c.status == "Sending", table.c.modified < r.local(r.now - _HANGS_AFTER))
    yield (r.scalar(query),)


def _suspended(r: Reading) -> bool:
    if not r.has("DefaultValue", "parent", "defkey", "defvalue"):
        return False
    table = r.table("DefaultValue")
    query = select(table.c.defvalue).where(table.c.parent == "__default", table.c.defkey == "suspend_email_queue")
    return any(str(row[0] or "").strip() == "1" for row in r.rows(query.limit(5)))
