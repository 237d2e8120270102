"""A real process that holds one of the kit's locks until its input ends: `holding.py KIND ROOT`."""

from __future__ import annotations

import contextlib
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from orchestrator import checkpoints, perform
from orchestrator.adapters import snapshots
from orchestrator.adapters.lock import RunLock
from orchestrator.core.values import FeatureId
from orchestrator.workspace import Workspace, now

PAYMENT = FeatureId("feat-payment")
KINDS = {
    "the log": "events.jsonl.lock",
    "numbering": "checkpoints.lock",
    "a snapshot": "index/payment.guard",
    "a feature": "locks/payment.lock",
    "the main worktree": "locks/_main.lock",
    "the list of worktrees": "locks/_worktrees.lock",
}


def held(kind: str, workspace: Workspace, patience: float) -> AbstractContextManager[Any]:
    """Return the hold of a lock, as the kit takes it, with another patience."""
    workspace.load()
    match kind:
        case "the log":
            workspace.journal._patience = patience
            return workspace.journal.transaction(workspace.head)
        case "numbering":
            return checkpoints.numbering(workspace, patience)
        case "a snapshot":
            return snapshots._alone(workspace.home / "index/payment", workspace.feature("payment").slug, patience)
        case "a feature":
            return perform.locked(workspace, PAYMENT)
        case _:
            path = workspace.home / KINDS[kind]
            return RunLock(path, kind, workspace.command, now).acquire(patience)


def main(kind: str, root: str) -> None:
    with held(kind, Workspace.find(Path(root), "orchestrator holds"), 30.0):
        sys.stdout.write("held\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
