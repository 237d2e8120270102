"""`start NAME`: branch, state and context files of a new feature. Commits nothing."""

from __future__ import annotations

import click

from orchestrator import session, worktrees
from orchestrator.adapters import reflog
from orchestrator.core import decide
from orchestrator.core.events import FeatureCreated
from orchestrator.core.values import Sha, Slug, feature_id, slug
from orchestrator.errors import Refusal
from orchestrator.workspace import Workspace


@click.command("start")
@click.argument("name")
@click.option("--after", metavar="OTHER", help="Block it until OTHER is completed; then it goes on by itself.")
@click.option(
    "--checkout", is_flag=True,
    help="Check its branch out in the main worktree; its steps then run there, on a clean tree only.",
)  # fmt: skip
@click.option(
    "--from", "base", metavar="REF",
    help="Branch from REF instead of the main worktree's HEAD; refused where the branch is there already.",
)  # fmt: skip
def command(name: str, after: str | None, checkout: bool, base: str | None) -> None:
    """Start feature NAME: branch feat/NAME (an existing one is adopted), state, context files."""
    slugged = slug(name)
    with session.writing("start") as workspace:
        workspace.usable_line()
        other = workspace.feature(after).id if after else None
        branch = f"feat/{slugged}"
        _refuse_taken(workspace, slugged)
        commit, adopted = _commit(workspace, branch, base)
        place = workspace.settle_line().beginning()
        if place is None:
            raise Refusal("the line holds no document", "orchestrator workflows")
        if not adopted:
            workspace.git.make_branch(branch, commit, "branch: started by orchestrator")
        created = FeatureCreated(
            branch=branch,
            commit=commit,
            place=place,
            base=base or "HEAD",
            adopted=adopted,
            after=other,
            reflog=reflog.end(workspace.repository.common_dir, branch),
        )
        if checkout:
            _check_out(workspace, branch, None if adopted else commit)
        made = worktrees.create_context(workspace.context, slugged, slugged)
        who = session.caller(workspace)
        workspace.record(lambda world: decide.start(world, slugged, created, who))
    how = "adopted" if adopted else "made"
    click.echo(f"{slugged}: branch {branch} {how}, workflow {place.workflow}, {len(made)} context files")


def _refuse_taken(workspace: Workspace, name: Slug) -> None:
    if feature_id(name) in workspace.world.features:
        raise Refusal(f"feature {name!r} was already started", f"orchestrator status {name}")


def _commit(workspace: Workspace, branch: str, base: str | None) -> tuple[Sha, bool]:
    """Return the commit of the branch, there or to be made, and whether it is there. Changes nothing."""
    there = workspace.git.commit(f"refs/heads/{branch}")
    if there is not None:
        if base:
            raise Refusal(f"branch {branch} is there already; --from is for a new one", f"git log {branch}")
        return there, True
    if base is None and workspace.git.commit("HEAD") is None:
        raise Refusal("the repository has no commit yet", "commit something first, a README will do")
    commit = workspace.git.commit(base or "HEAD")
    if commit is None:
        raise Refusal(f"there is no commit {base!r}", "git branch --all")
    if not workspace.git.holds("check-ref-format", f"refs/heads/{branch}"):
        raise Refusal(f"{branch} is no branch name for git", "choose another name")
    return commit, False


def _check_out(workspace: Workspace, branch: str, made: Sha | None) -> None:
    """Check the branch out in the main worktree. Raises Refusal; a branch just `made` goes again then."""
    done = workspace.git.run("switch", "--quiet", branch, accept=(0, 1, 128))
    if done.returncode == 0:
        return
    if made is not None:
        workspace.git.update_refs([f"delete refs/heads/{branch} {made}"])
    said = " ".join(done.stderr.decode(errors="replace").split())
    raise Refusal(f"{branch} cannot be checked out: {said}", "commit or set your changes aside first")
