"""`retire FEATURE`: let go of a finished feature: a last snapshot, its tags and its worktree go, its branch stays."""

from __future__ import annotations

import click

from orchestrator import perform, session
from orchestrator.core import decide
from orchestrator.core.events import FeatureRetired
from orchestrator.core.state import Feature
from orchestrator.core.values import Sha
from orchestrator.errors import Refusal
from orchestrator.verifying import leaving
from orchestrator.workspace import Workspace


@click.command("retire")
@click.argument("feature")
def command(feature: str) -> None:
    """Let go of FEATURE, which is completed or failed: its worktree and its tags; its branch stays."""
    with session.writing("retire") as workspace:
        found = workspace.feature(feature)
        if found.retired:
            raise Refusal(f"{found.slug} is retired already", f"orchestrator log {found.slug}")
        with perform.locked(workspace, found.id):
            workspace.load()
            perform.recover(workspace, found.id)
            for row in _retire(workspace, workspace.world.features[found.id]):
                click.echo(f"{found.slug}: {row}")


def _retire(workspace: Workspace, feature: Feature) -> list[str]:
    """Retire a feature whose lock is held; return what went and what stays. Refused: nothing was changed."""
    who = session.caller(workspace)
    commit = _last_commit(workspace, feature)
    decide.retire(feature, FeatureRetired(commit=commit), who)
    earlier = leaving.make_whole(workspace, feature)
    worktree = leaving.worktree(workspace, feature)
    if worktree is not None:
        leaving.refuse_loss(workspace, feature, worktree)
    snapshot = leaving.last_snapshot(workspace, feature, commit)
    said = leaving.remove_worktree(workspace, feature, worktree, snapshot) if worktree is not None else []
    tags = leaving.delete_tags(workspace, feature)
    retired = FeatureRetired(commit=commit, snapshot=snapshot)
    workspace.record(lambda world: decide.retire(world.features[feature.id], retired, who))
    leaving.forget(workspace, feature)
    return [*earlier, *said, *tags, f"retired; branch {feature.branch} and its checkpoints' refs stay"]


def _last_commit(workspace: Workspace, feature: Feature) -> Sha:
    """Return where the branch is, or was when it was deleted."""
    commit = workspace.git.ref(f"refs/heads/{feature.branch}") or feature.tip
    commit = commit or workspace.git.ref(f"refs/orchestrator/checkpoint/{feature.slug}/{feature.last_checkpoint}")
    if commit is None:
        raise Refusal(f"branch {feature.branch} is gone and nothing says what it held", "orchestrator verify")
    return commit
