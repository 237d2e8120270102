"""`report FEATURE`: closes the attempt that `brief` opened; the kit runs the validation itself."""

from __future__ import annotations

import threading

import click

from orchestrator import announcing, attempts, judging, perform, render, runner, session
from orchestrator.adapters.agent import Said
from orchestrator.attempts import Prepared, Result
from orchestrator.checkpoints import instant
from orchestrator.core.state import Feature
from orchestrator.errors import Refusal
from orchestrator.workspace import Workspace, now


@click.command("report")
@click.argument("feature")
@click.option("--ok", is_flag=True, help="The piece is done.")
@click.option("--fail", is_flag=True, help="It could not be done; counts as a failed attempt.")
@click.option("--gate", "trigger", metavar="TRIGGER", help="A person's decision is needed to go on: the question.")
@click.option("-m", "--message", default="", metavar="TEXT", help="One sentence about it.")
@click.option("--evidence", multiple=True, metavar="PATH", help="A file for the person who decides.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, as next does.")
def command(
    feature: str, ok: bool, fail: bool, trigger: str | None, message: str, evidence: tuple[str, ...], as_json: bool
) -> None:
    """Close FEATURE's self-driven attempt."""
    if [ok, fail, trigger is not None].count(True) != 1:
        raise click.UsageError("One of --ok, --fail and --gate is needed.")
    said = Said(
        outcome="ok" if ok else "fail" if fail else "gate", trigger=trigger or "", evidence=evidence, note=message
    )
    with session.writing("report") as workspace:
        found = workspace.living(feature)
        workspace.settle_line()
        with perform.locked(workspace, found.id):
            prepared = _opened(workspace, workspace.load().features[found.id])
            with attempts.slot(workspace, prepared.feature):
                result = _close(workspace, prepared, said)
        render.step(result, as_json)
        announcing.announce(workspace, [result])


def _opened(workspace: Workspace, feature: Feature) -> Prepared:
    attempt = feature.attempt
    if attempt is None or not attempt.deadline:
        raise Refusal(f"no attempt of {feature.slug} was opened by brief", f"orchestrator brief {feature.slug}")
    return attempts.reopened(workspace, feature, attempt)


def _close(workspace: Workspace, prepared: Prepared, said: Said) -> Result:
    stop = threading.Event()
    attempt = prepared.feature.attempt
    began = instant(attempt.started_at) if attempt else now().timestamp()

    def seconds() -> float:
        return now().timestamp() - began

    with runner.stopping(stop):
        if said.outcome == "fail":
            return judging.fail(
                workspace,
                prepared,
                judging.Failed(reason=f"the agent says it failed: {said.note or 'no reason given'}"),
                seconds(),
            )
        if said.outcome == "gate":
            return judging.ask(workspace, prepared, said, seconds())
        return judging.conclude(workspace, prepared, said, stop, seconds)
