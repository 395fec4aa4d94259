"""The command that tells where a run stands: by the journal, and by Azure where that can be asked."""

from __future__ import annotations

import click

from mi_tui.cli.common import driver, echo_json, json_option, open_workflow, say_notices
from mi_tui.cli.sign_in import How, sign_in_options


@click.command(short_help="Where a run stands, and why it failed.")
@click.argument("run")
@sign_in_options
@json_option
def status(run: str, as_json: bool, how: How) -> None:
    """Where a run stands: its steps, what it made, and the endpoint's state now."""
    import msgspec

    from mi_tui.cli.telling import diagnosis_lines
    from mi_tui.model.text import visible
    from mi_tui.workflow import SandboxError, ServiceError

    workflow = open_workflow()
    record = workflow.journal.run(run)
    say_notices(workflow)
    steps, ledger = workflow.journal.steps(record.id), workflow.journal.ledger(record.id)
    operations, found = workflow.journal.operations(record.id), workflow.advice.kept(record)
    told: dict[int, str] = {}
    try:
        with how.target_of(workflow, record) as target:
            now = workflow.endpoint_state(target, record)
            told = workflow.operations(target, record)
    except (ServiceError, SandboxError) as error:
        # What the journal knows is worth saying also where Azure cannot be asked.
        now = {"unknown": str(error)}
    if as_json:
        echo_json(
            {
                "run": record.id, "state": record.state.value, "target": record.target, "now": now,
                "owner": driver(record), "adopted": record.adopted, "diagnosis": found and msgspec.to_builtins(found),
                "steps": {name: {"state": state, "detail": detail} for name, (state, detail) in steps.items()},
                "resources": [
                    {
                        "id": e.id, "kind": e.kind.value, "name": e.name, "verdict": e.verdict.value, "evidence": workflow.evidence(e),
                        "made": e.made, "request_id": e.request_id,
                    } for e in ledger
                ],
                "operations": [
                    {**{name: getattr(o, name) for name in o.__struct_fields__}, "now": told.get(o.number, "")}
                    for o in operations
                ],
            }
        )  # fmt: skip
        return
    click.echo(f"Run {record.id}: {record.state.value} ({record.target})")
    if record.driver is not None:
        click.echo(visible(f"  driven by {record.driver.words}"))
    if record.adopted:
        click.echo("  begun on another machine; known by its tag")
    for name, value in now.items():
        click.echo(f"  {name.replace('_', ' ')}: {visible(value)}")
    if found is not None:
        for line in diagnosis_lines(found, run=record.id):
            click.echo(f"  {line}")
    click.echo("Steps")
    for step in record.plan.steps:
        state, detail = steps.get(step.id, ("waiting", ""))
        click.echo(visible(f"  {state:9}  {step.title}{f'  ({detail})' if detail else ''}"))
    click.echo("Resources")
    for entry in ledger:
        click.echo(visible(f"  {entry.verdict.value:9}  {entry.kind.value:22}  {entry.name}"))
        click.echo(visible(f"  {'':9}  {workflow.evidence(entry)}"))
    if operations:
        click.echo("Long operations")
    for operation in operations:
        ended = f"{operation.ended - operation.began:.0f} s" if operation.ended else "no end was seen"
        if operation.number in told:
            ended += f"; Azure says now: {told[operation.number]}"
        name = operation.resource.rstrip("/").rsplit("/", 1)[-1]
        click.echo(
            visible(f"  {operation.outcome or 'under way':9}  {operation.kind} {name}  ({operation.step}; {ended})")
        )
        click.echo(visible(f"  {'':9}  request {operation.request_id}, correlation {operation.correlation_id}"))
        click.echo(visible(f"  {'':9}  {operation.address}"))
