"""The sandbox's own commands: start, stop, status, reset, env, run, tree, log."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import click

from mi_tui.cli import exits
from mi_tui.cli.options import PROFILES
from mi_tui.cli.scenario import option as scenario_option


def _home() -> Path:
    from mi_tui.workflow import home_folder

    return home_folder() / "sandbox"


@click.group("sandbox")
def group() -> None:
    """The local Azure that ships with mi-tui."""


@group.command()
@click.option("--profile", type=click.Choice(PROFILES), help="How fast time goes (default: demo).")
@scenario_option("A world with something set up to go wrong.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The proxy's port on 127.0.0.1 (default: the last one, or any free one).",
)
def start(profile: str | None, scenario: str | None, port: int | None) -> None:
    """Start it and leave it running until 'sandbox stop'."""
    from mi_tui.sandbox import client

    with client.connect(_home(), profile=profile, scenario=scenario, port=port, persistent=True) as lease:
        connection = lease.connection
        click.echo(
            f"The sandbox runs at {connection.proxy} (profile {connection.profile}, process {connection.pid}).",
            err=True,
        )
    click.echo(
        "eval \"$(mi-tui sandbox env)\" points this shell's Azure clients at it; 'mi-tui sandbox stop' ends it.",
        err=True,
    )


@group.command()
def stop() -> None:
    """Stop it. Its world stays."""
    from mi_tui.sandbox import client

    click.echo("Stopped." if client.stop(_home()) else "It was not running.", err=True)


@group.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> int:
    """Whether it runs, and where. Exit code 1 when it does not."""
    from mi_tui.sandbox import client

    connection = client.running(_home())
    if connection is None:
        click.echo(json.dumps({"running": False}) if as_json else "It is not running.")
        return exits.FAILED
    found = {"running": True, **client.status(connection)}
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found.items():
            click.echo(f"{name.replace('_', ' ')}: {value}")
    return exits.DONE


@group.command(short_help="Throw its world away; the next start furnishes a new one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> int:
    """Stop it and throw its world away: the next start furnishes a new one."""
    from mi_tui.sandbox import client

    if not yes and not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to confirm on: add --yes.")
    if not yes and not click.confirm(
        "Every resource of the sandbox's world will be gone. Go on?", default=False, err=True
    ):
        return exits.DONE
    client.reset(_home())
    click.echo("The next start begins a new world. Runs in the old one can no longer be resumed.", err=True)
    return exits.DONE


@group.command(short_help="The variables that point any Azure client at it.")
def env() -> int:
    """Print the variables that point any Azure client at it, as export lines."""
    from mi_tui.sandbox import client

    connection = client.running(_home())
    if connection is None:
        click.echo("The sandbox is not running: start it with 'mi-tui sandbox start'.", err=True)
        return exits.FAILED
    for name, value in client.environment(connection).items():
        click.echo(f"export {name}={shlex.quote(value)}")
    return exits.DONE


@group.command(
    "run",
    short_help="Run COMMAND with its Azure clients pointed at it.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--profile", type=click.Choice(PROFILES), help="How fast time goes.")
@scenario_option("A world with something set up to go wrong.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_command(profile: str | None, scenario: str | None, command: tuple[str, ...]) -> int:
    """Run COMMAND with its Azure clients pointed at the sandbox; its exit code is ours."""
    from mi_tui.sandbox import client

    with client.connect(_home(), profile=profile, scenario=scenario) as lease:
        try:
            return subprocess.run(
                command, env={**os.environ, **client.environment(lease.connection)}, check=False
            ).returncode
        except FileNotFoundError as error:
            raise click.UsageError(f"There is no command {command[0]!r}.") from error
        except PermissionError as error:
            raise click.UsageError(f"{command[0]!r} cannot be run: {error.strerror}.") from error


@group.command(short_help="What can be set up to go wrong, and what helps.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: each scenario whole, as its YAML would be.")
@click.argument("names", nargs=-1)
def scenarios(as_json: bool, names: tuple[str, ...]) -> None:
    """What can be set up to go wrong (all, or NAMES): what is seen, what helps, and how sure it is that Azure does it too."""
    from mi_tui.sandbox import client

    every = client.explained_scenarios()
    unknown = [name for name in names if name not in every]
    if unknown:
        raise click.UsageError(f"There is no scenario {unknown[0]!r}. Choose one of: {', '.join(every)}.")
    shown = {name: facts for name, facts in every.items() if not names or name in names}
    if as_json:
        click.echo(json.dumps(shown))
        return
    for name, facts in shown.items():
        click.echo(f"{name}: {facts['about']}")
        for part in ("seen", "remedy"):
            if facts[part]:
                click.echo(f"    {part}: {facts[part]}")
        for entry in facts["evidence"]:
            click.echo(f"    source: {entry['source']} ({entry['date']}){'' if entry['sure'] else ', a best guess'}")


@group.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def tree(as_json: bool) -> None:
    """Every resource, role assignment and blob of its world."""
    from mi_tui.model.text import visible
    from mi_tui.sandbox import client

    with client.connect(_home()) as lease:
        world = client.tree(lease.connection)
    if as_json:
        click.echo(json.dumps(world))
        return
    click.echo(f"Resources ({len(world['resources'])})")
    for resource in world["resources"]:
        click.echo(visible(f"  {resource['type']}  {resource['id'].rsplit('/', 1)[-1]}"))
    click.echo(f"Role assignments ({len(world['role_assignments'])})")
    for assignment in world["role_assignments"]:
        click.echo(
            visible(
                f"  {assignment['role_name'] or assignment['role']}  {assignment['principal_name'] or assignment['principal']}  on {assignment['scope']}"
            )
        )
    click.echo(f"Blobs ({len(world['blobs'])})")
    for blob in world["blobs"]:
        click.echo(visible(f"  {blob['account']}/{blob['container']}/{blob['name']}  {blob['size']} B"))


@group.command(short_help="Every request it answered, and what allowed or denied it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def log(as_json: bool) -> None:
    """Every request it answered: who, what, status, and what allowed or denied it."""
    from mi_tui.model.text import visible
    from mi_tui.sandbox import client

    with client.connect(_home()) as lease:
        requests = client.log(lease.connection)
    for entry in requests:
        if as_json:
            click.echo(json.dumps(entry))
            continue
        began = time.strftime("%H:%M:%S", time.localtime(float(entry["time"])))
        code = f" {entry['code']}" if entry.get("code") else ""
        line = f"{began} {entry['status']}{code} {entry['method']} {entry['host']}{entry['path']} - {entry['caller'] or 'nobody'} - {entry['decision']}"
        click.echo(visible(line))
