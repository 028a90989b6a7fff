"""The command `baken`."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from baken import __version__, cli_alerts, cli_errors, cli_export, cli_store, clock, logs
from baken.cli_options import (
    BenchOption,
    ConfigOption,
    DataOption,
    SiteOption,
    choose,
    err,
    fail,
    out,
    plain,
    print_json,
    settings_of,
    store_of,
    tell_troubles,
    watched,
)
from baken.history.store import StoreError
from baken.privacy import KeyProblem
from baken.settings import SettingsError
from baken.sites.problems import SiteProblem

app = typer.Typer(
    name="baken",
    help="Watches over membership associations that run on Frappe and ERPNext.\n\n"
    "Start with `baken demo` to look around, then `baken doctor --bench PATH` and `baken serve --bench PATH`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(cli_errors.app, name="errors")
app.add_typer(cli_alerts.rules, name="rules")
app.add_typer(cli_alerts.alert, name="alert")
app.add_typer(cli_export.app, name="export")


def main() -> None:
    """Run the command line; errors for people on standard error, exit status 1 for them and 2 for wrong usage."""
    try:
        app()
    except (SettingsError, SiteProblem, StoreError, KeyProblem) as problem:
        fail(str(problem))


@app.callback(invoke_without_command=True)
def common(version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False) -> None:
    """Options of all commands."""
    if version:
        out.print(__version__)
        raise typer.Exit


@app.command()
def serve(
    bench: BenchOption = None,
    site: SiteOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; default 8800; 0 takes a free one.")
    ] = None,
) -> None:
    """Watch sites and serve the dashboard.

    Runs the web server and the collector side by side and starts either again when it dies. Ctrl-C stops both.
    """
    from baken.server.run import CannotServe, listen, prepare
    from baken.server.run import serve as run

    given = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    settings = settings_of(config, bench, site, data_dir, server=given)
    logs.configure(settings.log)
    sites = watched(settings)
    tell_troubles(sites)
    if not sites:
        fail("none of the sites can be watched; `baken doctor` tells more")
    try:
        listening = listen(settings.server.host, settings.server.port)
    except CannotServe as problem:
        fail(str(problem))
    prepare(settings)
    where, number = listening.getsockname()[:2]
    err.print(f"Baken watches {', '.join(sites)}", soft_wrap=True)
    err.print(f"Dashboard: http://{where}:{number}   Ctrl-C stops")
    run(settings, listening)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo lives.")] = Path(".baken/demo"),
    host: Annotated[str, typer.Option(help="Loopback only: the passwords of the demo are known to everybody.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the dashboard; 0 takes a free one.")] = 8800,
    members: Annotated[int, typer.Option(min=50, max=200_000, help="Members of the association.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same association.")] = 2026,
    speed: Annotated[float, typer.Option(min=0.0, max=1000, help="How fast life goes on; 0 stops it.")] = 1.0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, even when the demo is there already.")] = False,
    sites: Annotated[int, typer.Option(min=0, max=50, help="Small sites beside it, as a host has them.")] = 0,
) -> None:
    """Look around: an association that never existed, with three years behind it and a life that goes on.

    Needs no database server and no Redis.
    """
    from baken.server.demo import run_demo
    from baken.server.run import CannotServe

    try:
        run_demo(
            folder,
            host=host,
            port=port,
            members=members,
            seed=seed,
            speed=speed,
            fresh=fresh,
            console=err,
            sites=sites,
        )
    except CannotServe as problem:
        fail(str(problem), 2)


@app.command()
def collect(
    once: Annotated[bool, typer.Option("--once", help="Measure everything once and leave.")] = False,
    bench: BenchOption = None,
    site: SiteOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Collect without a web server: once, from cron, or as the collector of a store that others serve.

    One process collects into a store; another one stands by and takes over when the first stops.

    With --once the exit status is 1 when a site could not be measured.
    """
    import signal
    import threading

    from baken.collector.run import Collector

    settings = settings_of(config, bench, site, data_dir)
    logs.configure(settings.log)
    found = watched(settings)
    tell_troubles(found)
    if not found:
        fail("none of the sites can be watched; `baken doctor` tells more")
    collector = Collector(settings, store_of(settings), found)
    if not once:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _signal, _frame: stop.set())
        collector.run(stop)
        return
    runs = collector.run_once()
    for name, run in runs.items():
        state = run.unreachable or f"{len(run.samples)} samples, {len(run.absences)} metrics absent"
        out.print(f"{name}: {state} ({run.seconds:.2f} s, {run.queries} queries)", markup=False, soft_wrap=True)
    if found.troubles or any(run.unreachable for run in runs.values()):
        raise typer.Exit(1)


@app.command()
def sites(
    bench: BenchOption = None,
    site: SiteOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
) -> None:
    """List the sites that would be watched, and those that cannot be."""
    found = watched(settings_of(config, bench, site, data_dir))
    rows = [
        {
            "site": name,
            "database": entry.dialect,
            "server": entry.config.server,
            "bench": str(entry.config.bench or ""),
            "url": entry.config.url or "",
            "problem": found.troubles.get(name),
        }
        for name, entry in found.items()
    ]
    rows += [{"site": name, "problem": text} for name, text in found.troubles.items() if name not in found]
    if as_json:
        print_json(rows)
    else:
        if found:
            table = Table("site", "database", "bench", "url")
            for column in table.columns:
                column.overflow = "fold"
            for row in rows[: len(found)]:
                table.add_row(*(str(row[key]) for key in ("site", "database", "bench", "url")))
            out.print(table)
        for name, text in found.troubles.items():
            out.print(f"{name} cannot be watched: {text}", markup=False, soft_wrap=True)
    if any(row.get("problem") for row in rows):
        raise typer.Exit(1)


@app.command()
def doctor(
    bench: BenchOption = None,
    site: SiteOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Tell per site what can be read, what cannot, why, and what to do. Exit status 1 when a site cannot be watched."""
    from baken.collector.doctor import examine

    settings = settings_of(config, bench, site, data_dir)
    found = watched(settings)
    examined = [examine(entry) for entry in found.values()]
    if as_json:
        print_json(
            {
                "sites": {
                    each.site: {
                        "watchable": each.watchable,
                        "findings": [
                            {"part": f.part.strip(), "state": f.state, "detail": f.detail} for f in each.findings
                        ],
                    }
                    for each in examined
                },
                "problems": found.troubles,
            }
        )
    else:
        marks = {"ok": "[green]ok    [/]", "partly": "[yellow]partly[/]", "no": "[red]no    [/]"}
        for each in examined:
            verdict = "can be watched" if each.watchable else "[red]cannot be watched[/]"
            out.print(f"\n[bold]{each.site}[/] {verdict}")
            for finding in each.findings:
                nested = finding.part.startswith(" ")
                out.print(
                    f"  {marks[finding.state]} {finding.part:<20}{': ' if nested else ' '}", end="", soft_wrap=True
                )
                out.print(finding.detail, markup=False, soft_wrap=True)
        for name, text in found.troubles.items():
            out.print(f"\n[bold]{name}[/] [red]cannot be watched[/]")
            out.print(f"  {text}", markup=False, soft_wrap=True)
    if found.troubles or not all(each.watchable for each in examined):
        raise typer.Exit(1)


@app.command()
def call(
    name: Annotated[str, typer.Argument(help="A documented method, or its short name; without it: a list.")] = "",
    site: Annotated[str | None, typer.Option("--site", "-s", help="The site it is about.")] = None,
    args: Annotated[str, typer.Option("--args", help="Arguments as a JSON object, e.g. '{\"hours\": 24}'.")] = "{}",
    as_json: Annotated[bool, typer.Option("--json", help="The bare answer on one line.")] = False,
    bench: BenchOption = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
) -> None:
    """Call a documented method, as `bench execute` would, with the rights of the machine's administrator.

    The answer comes from the store that `baken serve` fills.
    """
    from baken.api import registry
    from baken.api.context import DASHBOARD_ROLES, Call, Caller, Refusal

    if not name:
        for method in registry.methods():
            out.print(f"[bold]{method.short}[/]  {escape(method.help.splitlines()[0])}", soft_wrap=True)
            if method.name != method.short:
                out.print(f"  {method.name}", style="dim", soft_wrap=True)
        return
    settings = settings_of(config, bench, None, data_dir)
    logs.configure(settings.log)
    found = watched(settings)
    chosen = choose(found, site)
    try:
        given = json.loads(args)
    except json.JSONDecodeError as problem:
        fail(f"--args is not valid JSON: {problem.msg}; write for example '{{\"hours\": 24}}'", 2)
    if not isinstance(given, dict):
        fail("--args must be a JSON object, for example '{\"hours\": 24}'", 2)
    user = Caller(f"{os.environ.get('USER') or 'root'} (command line)", "Command line", DASHBOARD_ROLES)
    # Who may run this on the machine may see all of its sites.
    context = Call(settings, store_of(settings), found, found[chosen], user, clock.now(), tuple(found))
    try:
        answer = registry.invoke(context, name, given)
    except Refusal as problem:
        fail(str(problem), 2)
    if as_json:
        print_json(answer, indent=None)
    else:
        out.print_json(json.dumps(answer, default=plain))


# At the end of the list of commands, for they are needed least.
app.command()(cli_store.backup)
app.command()(cli_store.restore)


if __name__ == "__main__":
    main()
