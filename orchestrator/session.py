"""What every command does around its own work: find the repository, take in what happened, tell what to tell."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from orchestrator.adapters.durable import refuse_unwritable
from orchestrator.errors import BadConfiguration, BrokenLog, Busy, GitFailed, NotRecorded, Refusal
from orchestrator.log.projections import LOG
from orchestrator.workspace import Workspace, person


def marker() -> str | None:
    """Return which agent runs this command, None for a person."""
    from orchestrator.adapters.agent import agent_marker

    return agent_marker(os.environ)


def caller(workspace: Workspace) -> str:
    """Return who calls, as an actor of the log."""
    run = os.environ.get("ORCHESTRATOR_RUN_ID")
    if run:
        attempts = (one.attempt for one in workspace.world.features.values() if one.attempt is not None)
        return f"agent:{next((one.agent for one in attempts if one.run == run), 'unknown')}"
    found = marker()
    return f"agent:{found.partition(' (')[0]}" if found else person(workspace.git)


def refuse_inside_a_run(what: str) -> None:
    """Raise Refusal where a run's own agent calls a command that would meddle with the run."""
    if os.environ.get("ORCHESTRATOR_RUN_ID"):
        raise Refusal(f"{what} is not called from inside a run", "do the brief and end your turn; the kit goes on")


@contextlib.contextmanager
def writing(what: str = "", *, anew: bool = False) -> Iterator[Workspace]:
    """Open the workspace for a command that changes something: everything that happened is taken in first.

    With `anew` nothing is believed but log and documents.
    """
    from orchestrator.reconcile import reconcile

    if what:
        refuse_inside_a_run(what)
    workspace = _found(anew)
    try:
        who = caller(workspace)
        _refuse_broken(workspace)
        reconcile(workspace, "kit", who)
        yield workspace
    except GitFailed:
        refuse_unwritable(workspace.repository.common_dir)  # the reason, where git names only what it could not do
        raise
    finally:
        _finish(workspace)


@contextlib.contextmanager
def looking(*, anew: bool = False) -> Iterator[Workspace]:
    """Open the workspace for a command that shows: it records what had already happened, where it can."""
    from orchestrator.reconcile import reconcile

    workspace = _found(anew)
    try:
        if not workspace.is_set_up:
            _refuse_broken(workspace)
        workspace.load()
        if workspace.problem is None or workspace.problem.is_tail:  # a torn end is set aside by what is recorded next
            try:
                reconcile(workspace, "kit", caller(workspace))
                workspace.project_all()
            except (NotRecorded, Busy, OSError, GitFailed, BadConfiguration) as error:
                workspace.notices.append(f"shown is the last recorded state; {error}")
            except BrokenLog:  # a state knows more than the log, which was cut: the notice below says so
                if workspace.problem is None:
                    raise
        if workspace.problem is not None:
            workspace.notices.append(
                f"the log does not hold at line {workspace.problem.line} ({workspace.problem.why}); "
                "shown is the state up to it: orchestrator verify"
            )
        yield workspace
    finally:
        _finish(workspace)


@contextlib.contextmanager
def reading(*, anew: bool = False) -> Iterator[Workspace]:
    """Open the workspace for a command that neither writes nor drains."""
    workspace = _found(anew)
    try:
        yield workspace
    finally:
        tell(workspace)


def _found(anew: bool) -> Workspace:
    workspace = Workspace.find(Path.cwd(), _typed())
    if anew:
        workspace.believe_nothing()
    return workspace


def _refuse_broken(workspace: Workspace) -> None:
    """Raise BrokenLog where the log does not hold, or is gone although its second name or its refs are there."""
    if not workspace.is_set_up and (workspace.context / LOG).exists():
        raise BrokenLog(f"the log {workspace.log} is gone; its second name is there", "orchestrator verify --repair")
    workspace.load()
    if workspace.problem is not None and not workspace.problem.is_tail:
        raise BrokenLog(
            f"the log {workspace.log} does not hold at line {workspace.problem.line}: {workspace.problem.why}",
            "orchestrator verify",
        )


def _finish(workspace: Workspace) -> None:
    if workspace.is_set_up and workspace.problem is None:
        workspace.close()
    tell(workspace)


def tell(workspace: Workspace) -> None:
    """Print what the person is to be told, on stderr, each line once."""
    for line in dict.fromkeys(workspace.notices):
        sys.stderr.write(f"orchestrator: {line}\n")
    workspace.notices.clear()


def _typed() -> str:
    return " ".join(["orchestrator", *sys.argv[1:3]])


def refuse_without_a_terminal() -> None:
    """Raise Refusal where no person sits at a terminal: there is no other door for what only a person decides."""
    refuse_an_agent("a gate is decided by a person")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refusal("this is no terminal; a gate is decided by a person at one", "end your turn; the person is told")


def refuse_below_a_run(workspace: Workspace) -> None:
    """Raise Refusal where a process above this one belongs to an attempt that is open here.

    What a child took out of its own environment its parents still have.
    """
    from orchestrator.adapters.agent import runs_above

    runs = {one.attempt.run for one in workspace.world.features.values() if one.attempt is not None}
    if runs and runs & runs_above():
        raise Refusal("this was started by a run's agent; a gate is decided by a person", "end your turn")


def refuse_an_agent(rule: str) -> None:
    """Raise Refusal where an agent calls what only a person may."""
    found = marker()
    if found:
        raise Refusal(f"an agent runs this ({found}); {rule}", "end your turn; the person is told")
