"""The commands `baken rules …` and `baken alert …`: what the rules say, and what people do about alerts."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from baken import clock, logs
from baken.cli_options import (
    BenchOption,
    ConfigOption,
    DataOption,
    choose,
    err,
    fail,
    out,
    print_json,
    settings_of,
    store_of,
    watched,
)
from baken.history.store import Store
from baken.settings import Settings, SettingsError

rules = typer.Typer(
    help="Alert rules: check them, try them out, and see why one fires or does not.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
alert = typer.Typer(
    help="Alerts: list them, take them up, end them, hold them back, and try the chain out.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

OneSite = Annotated[str | None, typer.Option("--site", "-s", help="The site it is about.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]
Note = Annotated[str, typer.Option("--note", "-n", help="Why; kept in the alert's trail.")]
Numbers = Annotated[list[str], typer.Argument(help="Alerts by number or name: 12, BA-000012.")]

_COLOURS = {"CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "cyan"}
_STATES = {"firing": "red", "pending": "yellow", "recovering": "yellow", "unknown": "magenta", "ok": "green"}


@rules.command("check")
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="A file of rules; without it: that of the settings, with what comes with Baken."),
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Read the rules, channels and recipients and tell every mistake with its file and line. Exit status 1 for any."""
    from baken.alerts import ready, rulebook

    settings = settings_of(config, None, None, data_dir)
    if file is not None and not file.is_file():
        fail(f"there is no file of rules {file}", 2)
    problems: list[str] = []
    book = None
    try:
        if file is None:
            book = ready.check(settings)
        else:
            book = rulebook.read(file, [each.name for each in settings.alerts.recipients])
    except SettingsError as found:
        problems = str(found).splitlines()
    for problem in problems:
        err.print(f"baken: {problem}", markup=False, soft_wrap=True)
    if problems or book is None:
        raise typer.Exit(1)
    off = sum(1 for rule in book.rules.values() if not rule.enabled)
    brought = rulebook.read(None).rules
    own = sum(1 for name, rule in book.rules.items() if brought.get(name) != rule)
    out.print(
        f"{len(book.rules)} rules are in order ({own} of your own or changed, {off} switched off); "
        f"{len(settings.alerts.channels)} channels, {len(settings.alerts.recipients)} recipients",
        soft_wrap=True,
    )


@rules.command("list")
def list_rules(config: ConfigOption = None, data_dir: DataOption = None, as_json: AsJson = False) -> None:
    """List the rules with their conditions and the reason for each limit."""
    from baken.alerts import rulebook, spans

    settings = settings_of(config, None, None, data_dir)
    book = rulebook.load(settings)
    changes = _changed_on_page(settings)
    shown = {name: changes.pop(name, []) for name in book.rules}
    found = [
        {
            "rule": rule.name,
            "severity": rule.severity,
            "area": rule.area,
            "condition": rule.condition.words,
            "for": spans.short(rule.hold),
            "enabled": rule.enabled,
            "reason": dict(rule.reason),
            "source": rule.source,
            "changed": shown[rule.name],
        }
        for rule in book.rules.values()
    ]
    if as_json:
        own = [{"rule": name, "own": True, "changed": some} for name, some in changes.items()]
        print_json([*found, *own])
        return
    for each, rule in zip(found, book.rules.values(), strict=True):
        off = "" if each["enabled"] else " [dim](off)[/]"
        severity = str(each["severity"])
        out.print(f"[bold]{each['rule']}[/] [{_COLOURS[severity]}]{severity}[/]{off}", soft_wrap=True)
        held = f" for {each['for']}" if each["for"] != "0s" else ""
        out.print(f"  {each['condition']}{held}", markup=False, soft_wrap=True)
        out.print(f"  {escape(rule.reason[settings.language])}", style="dim", soft_wrap=True)
        _print_changes(shown[rule.name])
    for name, some in changes.items():
        out.print(f"[bold]{name}[/] [dim](made on the page)[/]", soft_wrap=True)
        _print_changes(some)


def _changed_on_page(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """What was changed on the page, by rule: site, condition as it is there, enabled, by, at, problem. None: {}."""
    from baken.alerts import kept_recipients, kept_rules, rulebook
    from baken.history import kept
    from baken.history.store import StoreError

    if settings.history.url is None and not (settings.data_dir / "baken.db").is_file():
        return {}
    store = store_of(settings)
    try:
        with store.read() as conn:
            rows = kept.load(conn, "rule")
            people = kept_recipients.chosen(conn, settings, None).settings
            books = kept_rules.books(conn, rulebook.load(settings), people.alerts)
    except StoreError as problem:
        err.print(f"baken: what was changed on the page is not known: {problem}", markup=False, soft_wrap=True)
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        rule = books.of(row.site).rules.get(row.name)
        wrong = [each.text for each in books.problems.get(row.site, ()) if each.rule == row.name]
        found.setdefault(row.name, []).append(
            {
                "site": row.site,
                "condition": rule.condition.words if rule is not None else "",
                "severity": rule.severity if rule is not None else "",
                "enabled": rule is not None and rule.enabled,
                "by": row.by,
                "at": clock.iso(row.at),
                "problem": "; ".join(wrong),
            }
        )
    return found


def _print_changes(changes: list[dict[str, Any]]) -> None:
    for each in changes:
        place = each["site"] or "all sites"
        said = each["problem"] or (f"{each['condition']}, {each['severity']}" if each["enabled"] else "switched off")
        out.print(f"  on {place}: {said} (set on the page by {each['by']})", markup=False, soft_wrap=True)


@rules.command("test")
def test(
    files: Annotated[list[Path], typer.Argument(help="Files with samples and the alerts that are expected of them.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Try rules out on given samples: which alerts fire, and when. Exit status 1 when one differs from what should be.

    The format is in the manual: *Alerts*, *Trying rules out*.
    """
    from baken.alerts import rulebook, trial
    from baken.alerts.trial_file import TrialProblems

    settings = settings_of(config, None, None, data_dir)
    book = rulebook.load(settings)
    wrong = 0
    for file in files:
        if not file.is_file():
            fail(f"there is no file {file}", 2)
        try:
            results = trial.run(file, book, settings.alerts)
        except TrialProblems as found:
            for problem in found.problems:
                err.print(f"baken: {problem}", markup=False, soft_wrap=True)
            raise typer.Exit(2) from None
        for result in results:
            mark = "[green]ok    [/]" if result.passed else "[red]failed[/]"
            out.print(f"{mark} {escape(str(file))}: {escape(result.name)}", soft_wrap=True)
            for line in result.problems:
                out.print(f"       {line}", markup=False, soft_wrap=True)
            wrong += not result.passed
    if wrong:
        raise typer.Exit(1)


@rules.command("explain")
def explain(
    name: Annotated[str, typer.Argument(help="The rule's name; without it: all rules.")] = "",
    site: OneSite = None,
    bench: BenchOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: AsJson = False,
) -> None:
    """Say why a rule fires or does not, on a site, at this moment, from the store that `baken serve` fills."""
    from baken.api.alerts import book, stands

    call, settings = _call(bench, config, data_dir, site)
    found = stands(call, book(call))
    if name:
        known = [each["name"] for each in found]
        found = [each for each in found if each["name"] == name.upper()]
        if not found:
            import difflib

            close = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "; `baken rules list` names them"
            fail(f"there is no rule {name}{hint}", 2)
    if as_json:
        print_json(found if not name else found[0])
        return
    for each in found:
        colour = _STATES.get(each["state"], "dim")
        out.print(f"[bold]{each['name']}[/] [{colour}]{each['state']}[/]", soft_wrap=True)
        out.print(
            f"  {each['words']}" + (f" for {each['for']}" if each["for"] != "0s" else ""), markup=False, soft_wrap=True
        )
        out.print(f"  {each['why'][settings.language]}", markup=False, soft_wrap=True)
        if name:
            out.print(f"  Why this limit: {each['reason'][settings.language]}", markup=False, soft_wrap=True)
            out.print(f"  From {each['source']}", markup=False, style="dim", soft_wrap=True)
            _print_changes(
                [one for one in _changed_on_page(settings).get(each["name"], []) if one["site"] in ("", call.site_name)]
            )
            for one in each["instances"]:
                if one["alert"]:
                    out.print(f"  Its alert is {one['alert']}: `baken alert show {one['alert']}`", soft_wrap=True)


def _call(
    bench: list[Path] | None, config: Path | None, data_dir: Path | None, site: str | None
) -> tuple[Any, Settings]:
    from baken.api.context import DASHBOARD_ROLES, Call, Caller

    settings = settings_of(config, bench, None, data_dir)
    logs.configure(settings.log)
    found = watched(settings)
    chosen = choose(found, site)
    user = Caller(_me(), "Command line", DASHBOARD_ROLES)
    return Call(settings, store_of(settings), found, found[chosen], user, clock.now()), settings


def _me() -> str:
    return f"{os.environ.get('USER') or 'root'} (command line)"


def _store(config: Path | None, data_dir: Path | None) -> tuple[Settings, Store]:
    from baken.alerts import kept_recipients

    settings = settings_of(config, None, None, data_dir)
    logs.configure(settings.log)
    store = store_of(settings)
    with store.read() as conn:
        # Whoever was told of an alert is told that it is over, also who was set on the page.
        return kept_recipients.chosen(conn, settings, None).settings, store


@alert.command("list")
def list_alerts(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    site: OneSite = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: AsJson = False,
) -> None:
    """List the open alerts of all sites and of the host, the worst first."""
    from sqlalchemy import select

    from baken.alerts import answers
    from baken.alerts.routing import TEST
    from baken.alerts.rule import RANK
    from baken.history.tables import alerts

    settings, store = _store(config, data_dir)
    query = select(alerts).where(alerts.c.rule != TEST).order_by(alerts.c.number.desc()).limit(1000)
    if not all_:
        query = query.where(alerts.c.open_key.is_not(None))
    if site is not None:
        query = query.where(alerts.c.site.in_([site, ""]))
    with store.read() as conn:
        found = answers.listed(conn, conn.execute(query).all(), acts_on_host=True)
    found.sort(key=lambda each: (each["status"] == "Resolved", -RANK[each["severity"]], -each["number"]))
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("No alerts are open." if not all_ else "There have been no alerts.")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("alert", "severity", "status", "since"):
        table.add_column(name, no_wrap=True)
    table.add_column("title", ratio=1, overflow="fold")
    for each in found:
        title = _plain(each["title"].get(settings.language) or each["rule"])
        held = f" [dim](held back: {each['suppressed']['kind']})[/]" if each["suppressed"] else ""
        site_name = each["site"] or "host"
        place = "" if site_name in title else f" [dim]· {escape(_plain(site_name))}[/]"
        severity = f"[{_COLOURS[each['severity']]}]{each['severity']}[/]"
        table.add_row(each["name"], severity, each["status"], _local(each["fired"]), escape(title) + place + held)
    out.print(table)


def _local(moment: str) -> str:
    """A moment of an answer on this machine's clock: 27 Nov 13:28, with the year when it is not the present one."""
    local = datetime.fromisoformat(moment).astimezone()
    year = "" if local.year == clock.now().astimezone().year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {local:%H:%M}"


def _plain(text: str) -> str:
    """A text of a site or of a person without what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() or letter == " " else "\N{REPLACEMENT CHARACTER}" for letter in text)


@alert.command()
def show(number: str, config: ConfigOption = None, data_dir: DataOption = None, as_json: AsJson = False) -> None:
    """Show an alert with everything that happened to it."""
    from baken.alerts import answers, lifecycle

    settings, store = _store(config, data_dir)
    wanted = lifecycle.number_of(number)
    with store.read() as conn:
        row = lifecycle.find(conn, wanted) if wanted is not None else None
        if row is None:
            fail(f"there is no alert {number}", 2)
        found = answers.listed(conn, [row], acts_on_host=True)[0]
        trail, told = answers.trail(conn, row.number), answers.notifications(conn, row.number)
    if as_json:
        print_json({"alert": found, "trail": trail, "notifications": told})
        return
    language = settings.language
    out.print(f"[bold]{found['name']}[/] [{_COLOURS[found['severity']]}]{found['severity']}[/] {found['status']}")
    about = [found["rule"], found["site"] or "host", f"since {_local(found['fired'])}"]
    if found["assigned_to"]:
        about.append(f"looked after by {found['assigned_to']}")
    if found["suppressed"]:
        about.append(f"held back: {found['suppressed']['kind']} {found['suppressed']['id']}")
    out.print(f"  {_plain(' · '.join(about))}", markup=False, style="dim", soft_wrap=True)
    for text in (found["title"], found["message"], found["advice"]):
        if text.get(language):
            out.print(f"  {_plain(text[language])}", markup=False, soft_wrap=True)
    out.print()
    for event in trail:
        who = f" by {event['user']}" if event["user"] else ""
        text = f": {' / '.join(event['text'].splitlines())}" if event["text"] else ""
        line = f"  {_local(event['at']):<12}  {event['kind'].replace('_', ' ')}{who}{text}"
        out.print(_plain(line), markup=False, soft_wrap=True)
    for each in told:
        if each["state"] != "sent":
            why = f" ({each['problem']})" if each["problem"] else ""
            due = f", due {_local(each['due'])}" if each["state"] == "waiting" else ""
            line = f"  {each['channel']} to {each['recipient']}: {each['state']}{due}{why}"
            out.print(_plain(line), markup=False, soft_wrap=True)


@alert.command()
def ack(numbers: Numbers, note: Note = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Take up alerts: they climb no further."""
    from baken.alerts import lifecycle

    _change(
        numbers, "acknowledged", note, config, data_dir, lambda act, number: lifecycle.acknowledge(act, number, note)
    )


@alert.command()
def resolve(numbers: Numbers, note: Note = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """End alerts by hand. What still holds comes back after the time of a reminder."""
    from baken.alerts import lifecycle

    _change(numbers, "resolved", note, config, data_dir, lambda act, number: lifecycle.resolve(act, number, note))


@alert.command()
def reopen(numbers: Numbers, note: Note = "", config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """Open resolved alerts again."""
    from baken.alerts import lifecycle

    _change(numbers, "open again", note, config, data_dir, lambda act, number: lifecycle.reopen(act, number, note))


def _change(numbers: list[str], what: str, note: str, config: Path | None, data_dir: Path | None, change: Any) -> None:
    from baken.alerts import lifecycle
    from baken.alerts.lifecycle import Act, Refused

    if len(note) > lifecycle.MOST_TEXT:
        fail(f"the note has {len(note)} characters; at most {lifecycle.MOST_TEXT} are kept", 2)
    settings, store = _store(config, data_dir)
    refused = False
    for name in numbers:
        number = lifecycle.number_of(name)
        try:
            if number is None:
                raise Refused(f"{name} is no alert; give a number, or a name such as BA-000012")
            with store.write() as conn:
                change(Act(conn, settings.alerts, clock.now(), _me()), number)
        except Refused as reason:
            err.print(f"baken: {_plain(str(reason))}", markup=False, soft_wrap=True)
            refused = True
        else:
            out.print(f"{lifecycle.name_of(number)} is {what}")
    if refused:
        raise typer.Exit(1)


@alert.command()
def silence(
    matcher: Annotated[
        list[str] | None,
        typer.Argument(help="What to hold back: rule=HIGH_DISK, severity=LOW, mount=/data; ! and ~ as in rules."),
    ] = None,
    length: Annotated[str, typer.Option("--for", help="For how long: 90m, 2h, 7d.")] = "2h",
    site: Annotated[str, typer.Option("--site", "-s", help="Only alerts of this site; without it: of all sites.")] = "",
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why; needed when there is no matcher.")] = "",
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Hold alerts back: they are recorded, but nobody is told until the silence ends."""
    from baken.alerts import matchers, rulebook, silences, spans, suppression
    from baken.alerts.lifecycle import Act

    given = {}
    for text in matcher or []:
        label, equals, value = text.partition("=")
        if not equals or not label:
            fail(f"{text!r} is no matcher; write rule=HIGH_DISK", 2)
        given[label] = value
    settings, store = _store(config, data_dir)
    now = clock.now()
    try:
        matchers.check(given)
        until = now + spans.parse(length)
        with store.write() as conn:
            number = silences.add(
                conn,
                site=site,
                kind="silence",
                matchers=given,
                starts=now,
                ends=until,
                recurrence=None,
                comment=comment,
                by=_me(),
                now=now,
            )
            suppression.refresh(Act(conn, settings.alerts, now), rulebook.load(settings).rules)
    except (ValueError, silences.Refused) as problem:
        fail(str(problem), 2)
    ends = _local(until.isoformat())
    out.print(f"silence {number} until {ends}; `baken alert unsilence {number}` ends it", soft_wrap=True)


@alert.command()
def unsilence(number: int, config: ConfigOption = None, data_dir: DataOption = None) -> None:
    """End a silence or a maintenance window now; what it held back and still holds is told."""
    from sqlalchemy import select

    from baken.alerts import rulebook, silences, suppression
    from baken.alerts.lifecycle import Act
    from baken.history.tables import silences as table

    settings, store = _store(config, data_dir)
    now = clock.now()
    try:
        with store.write() as conn:
            site = conn.execute(select(table.c.site).where(table.c.id == number)).scalar() or ""
            silences.end(conn, number, site=site, by=_me(), now=now)
            suppression.refresh(Act(conn, settings.alerts, now), rulebook.load(settings).rules)
    except silences.Refused as problem:
        fail(str(problem), 2)
    out.print(f"silence {number} is over")


@alert.command()
def enable(
    channel: Annotated[str, typer.Argument(help="The channel's name.")],
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Use a channel again that was stopped because it did not work."""
    from baken.alerts import outbox

    settings, store = _store(config, data_dir)
    names = [each.name for each in settings.alerts.channels]
    if channel not in names:
        fail(f"there is no channel {channel}; there are: {', '.join(names) or 'none'}", 2)
    with store.write() as conn:
        changed = outbox.enable(conn, channel, clock.now())
    out.print(f"{channel} is used again" if changed else f"{channel} was not stopped; what waits is tried now")


@alert.command()
def trial(
    site: OneSite = None, bench: BenchOption = None, config: ConfigOption = None, data_dir: DataOption = None
) -> None:
    """Send a test alert through the whole chain of a running `baken serve`. Exit status 1 when a part does not work."""
    from baken.api.alert_actions import chain

    call, _ = _call(bench, config, data_dir, site)
    hops = chain(call)
    marks = {True: "[green]ok    [/]", False: "[red]failed[/]", None: "[yellow]-     [/]"}
    for hop in hops:
        took = f" ({hop['ms']:.0f} ms)" if hop["ms"] is not None else ""
        out.print(f"{marks[hop['ok']]} {escape(hop['hop'])}{took}: {escape(hop['detail'])}", soft_wrap=True)
    if any(hop["ok"] is False for hop in hops):
        raise typer.Exit(1)
