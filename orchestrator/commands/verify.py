"""`verify`: log, copies, refs, backups, hooks and the outside. Writes nothing; `--repair` mends what can be mended."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import click

from orchestrator import mending, render, session
from orchestrator.adapters.agent import plain
from orchestrator.errors import OrchestratorError
from orchestrator.verifying import repair
from orchestrator.verifying.examine import examine
from orchestrator.verifying.findings import REPAIR, Finding
from orchestrator.verifying.repair import Hold, Repaired, Row


@click.command("verify")
@click.option(
    "--repair", "mends", is_flag=True,
    help="End what was interrupted; make refs, tags, tars and copies again, and lost context files. Never over a file.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(mends: bool, as_json: bool) -> int:
    """Check that the log holds and that everything else is as it says."""
    found, repaired, trouble = _repaired() if mends else (_looked(), [], None)
    if as_json:
        render.json({"findings": found, "repaired": repaired})
    else:
        _show(found, repaired)
    errors = [one for one in found if one.severity == "error"]
    if errors:
        first = errors[0]
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors, the first"
        raise OrchestratorError(plain(f"{count}: {first.id} {first.where}: {first.what}"), plain(first.next))
    if trouble is not None:
        raise OrchestratorError(plain(f"not everything could be mended and recorded: {trouble}"), trouble.hint)
    return 0


def _looked() -> list[Finding]:
    with session.reading() as workspace:
        return [one.finding for one in examine(workspace)]


def _repaired() -> tuple[list[Finding], list[Repaired], OrchestratorError | None]:
    """Mend, look again, and return what is left, what was done, and what stood in the way."""
    session.refuse_inside_a_run("verify --repair")
    with session.reading() as workspace, contextlib.ExitStack() as stack:
        hold = mending.once(workspace, stack)
        before = examine(workspace)
        rows = repair.before(workspace, hold)
        trouble = None
        if repair.is_possible(before):
            more, trouble = _mended_and_recorded(rows, hold)
            rows += more
    after = _looked()
    trouble = trouble or _left(after)
    return after, repair.ended([one.finding for one in before], after, [one for _, one in rows]), trouble


def _left(found: Sequence[Finding]) -> OrchestratorError | None:
    """Return what could be mended and was not, as an error."""
    one = next((one for one in found if one.next.startswith(REPAIR)), None)
    return OrchestratorError(f"{one.id} {one.where}: {one.what}", "what is in the way is said above") if one else None


def _mended_and_recorded(earlier: Sequence[Row], hold: Hold) -> tuple[list[Row], OrchestratorError | None]:
    """Mend what is mended under the log's own rules; return what was done, and what stood in the way."""
    try:
        with session.writing("verify --repair") as workspace:
            return repair.mend(workspace, earlier, hold), None
    except OrchestratorError as error:
        return [], error


def _show(found: Sequence[Finding], repaired: Sequence[Repaired]) -> None:
    for row in repaired:
        click.echo(plain(f"repaired {row.id}  {row.where}: {row.what}"))
    for one in found:
        click.echo(plain(f"{one.severity:<8} {one.id}  {one.where}: {one.what}"))
        click.echo(plain(f"{'':<14} next: {one.next}"))
    if any(one.id == "V100" for one in found):
        return
    counts = {word: sum(one.severity == word for one in found) for word in ("error", "warning", "note")}
    if not counts["error"] and not counts["warning"]:
        click.echo("the log holds, and everything else is as it says")
    else:
        click.echo(", ".join(f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items() if count))
