"""`workflows`: the line as it is read, what stops in it and by which words. Writes the gate map, if told to."""

from __future__ import annotations

from typing import Any

import click

from orchestrator import documents, render, session
from orchestrator.adapters.agent import plain
from orchestrator.adapters.durable import write_atomically
from orchestrator.config import FILE
from orchestrator.core import gatemap
from orchestrator.core.classified import MAP_FILE
from orchestrator.core.line import Document, GateFound
from orchestrator.core.steps import Line
from orchestrator.documents import Effective
from orchestrator.errors import BadConfiguration, Refusal
from orchestrator.workspace import Workspace

IDLE = "write the id of one of these, or take the row out"


@click.command("workflows")
@click.option(
    "--write", is_flag=True,
    help="Write the gates as they are read to orchestrator-gates.toml, or bring that file up to date.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(write: bool, as_json: bool) -> int:
    """Show the line as it is read: phases, gates, the type of each gate and why."""
    with session.reading() as workspace:
        effective = workspace.read_anew()
        if not effective.line.documents and not effective.problems:
            glob = effective.configuration.workflows.glob
            raise BadConfiguration(
                f"no workflow document matches {glob!r}", "set [workflows] glob in orchestrator.toml"
            )
        if write:
            said = _written(workspace, effective)
            if not as_json:
                click.echo("\n".join(said))
                return 0
            workspace.notices.extend(said)
            effective = workspace.read_anew()
        problems = [*effective.problems, *_broken_filter(effective)]
        workspace.notices.extend(problems)
        workspace.notices.extend(f"{FILE}: {row}; {IDLE}" for row in documents.idle_validations(effective))
        workspace.notices.extend(f"{name} is left out: it says that it is discontinued" for name in effective.left_out)
        workspace.notices.extend(f"waits for a person's yes: {row}" for row in effective.pending)
        workspace.notices.extend(plain(one.row) for one in effective.drift)
        if as_json:
            lines = [shape(one) for one in effective.line.documents]
            render.json({"workflows": lines, "drift": effective.drift})
        else:
            show(effective.line)
        return 1 if problems else 0


def _written(workspace: Workspace, effective: Effective) -> list[str]:
    """Bring the gate map up to date; return what to say of it."""
    renewed = documents.renewed_gates(effective)
    path = workspace.main / MAP_FILE
    if path.is_symlink():
        raise Refusal(f"{MAP_FILE} is a link, and would be replaced by a file", "put the file itself there")
    content = gatemap.rendered(renewed.gates)
    count = len(renewed.gates.entries)
    gates = f"{count} gate{'' if count == 1 else 's'}"
    if content == effective.source.gates:
        return [f"{MAP_FILE} is up to date: {gates}"]
    write_atomically(path, content)
    told = f"wrote {MAP_FILE}: {gates}, {renewed.new} new; correct a type where it is wrong, and commit it"
    return [told, *(plain(one) for one in renewed.said)]


def _broken_filter(effective: Effective) -> list[str]:
    try:
        documents.check_filters(effective)
    except BadConfiguration as error:
        return [f"{error}; {error.hint}"]
    return []


def shape(document: Document) -> dict[str, Any]:
    """Return a document as `workflows --json` prints it."""
    return {
        "id": document.id,
        "file": document.file,
        "title": document.title,
        "phases": [{"id": one.id, "title": one.title, "line": one.line} for one in document.phases],
        "gates": [
            {
                "heading": one.heading,
                "line": one.line,
                "type": str(one.type),
                "trigger": one.trigger,
                "why": why(one),
                "condition": one.condition,
            }
            for one in document.gates
        ],
    }


def show(line: Line) -> None:
    """Print the line, a row a document, below it what stops, each with its words."""
    stops = sum(gate.stops for one in line.documents for gate in one.gates)
    gates = sum(len(one.gates) for one in line.documents)
    phases = sum(len(one.places) for one in line.documents)
    click.echo(f"{len(line.documents)} workflows, {phases} phases, {gates} gates; {stops} stop for a person\n")
    width = max((len(one.id) for one in line.documents), default=0)
    for one in line.documents:
        validations = sum(not gate.stops for gate in one.gates)
        tail = f", {validations} validations" if validations else ""
        click.echo(f"{one.id:<{width}}  {one.title}  ({len(one.places)} phases{tail})  {one.file}")
        for gate in one.gates:
            if gate.stops:
                click.echo(f"{'':<{width}}    {str(gate.type).upper():<6} {gate.heading}")
                click.echo(f"{'':<{width}}           line {gate.line}, {why(gate)}")


def why(gate: GateFound) -> str:
    """Return the rule that made a gate what it is, and the words it found."""
    return f"{gate.why}: {plain(gate.trigger)}"
