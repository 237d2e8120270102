"""Lets signed approvals travel: each as a commit of its statement and signature under refs/orchestrator/approvals/.

Made from the log alone, so that the same approval is the same commit however often it is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from orchestrator.adapters.git import KIT_IDENTITY, Git
from orchestrator.adapters.trees import read_tree, write_tree
from orchestrator.core import statement
from orchestrator.core.events import ApprovalGranted, ApprovalUndone, SittingHeld
from orchestrator.core.values import FeatureId, Sha, Value, slug_of
from orchestrator.errors import BadStatement, GitFailed, Refusal
from orchestrator.workspace import Workspace

REFS = "refs/orchestrator/approvals/"
STATEMENT, SIGNATURE = "statement.json", "statement.sig"
_MOST = 1 << 20  # bytes of a statement or signature


class Published(Value):
    """A signed approval of a feature, and the ref that carries it."""

    feature: FeatureId
    name: str
    commit: Sha


def publish(workspace: Workspace, only: FeatureId | None) -> tuple[list[Published], list[str]]:
    """Make the refs of every signed approval that stands; return them, and the names of those that were taken back."""
    made = list(_made(workspace, only))
    wanted = {one.name: one.commit for one in made}
    prefix = REFS + (f"{slug_of(only)}/" if only else "")
    there = workspace.git.refs(prefix)
    commands = [f"update {name} {commit}" for name, commit in wanted.items() if there.get(name) != commit]
    gone = [name for name in there if name not in wanted]
    commands += [f"delete {name} {there[name]}" for name in gone]
    workspace.git.update_refs(commands)
    return made, gone


def push(workspace: Workspace, remote: str, made: Sequence[Published], gone: Sequence[str]) -> None:
    """Push the refs of approvals, and take those away that were taken back. Raises Refusal with what git said."""
    refs = [*(f"+{one.name}:{one.name}" for one in made), *(f":{name}" for name in gone)]
    if not refs:
        return
    try:
        workspace.git.run("push", "--quiet", "--end-of-options", remote, *refs)
    except GitFailed as error:
        raise Refusal(f"the approvals were not pushed: {error}", "mend that, and call it again") from error


def _made(workspace: Workspace, only: FeatureId | None) -> Iterator[Published]:
    held: dict[str, SittingHeld] = {}
    granted: dict[int, tuple[FeatureId, str]] = {}
    for event in workspace.events():
        match event.payload:
            case SittingHeld() as sitting:
                held[statement.digest(sitting.statement)] = sitting
            case ApprovalGranted(statement=named) if event.feature is not None and named in held:
                granted[event.id] = (event.feature, named)
            case ApprovalUndone(granted=undone):
                granted.pop(undone, None)
            case _:
                pass
    for feature, named in dict.fromkeys(granted.values()):
        if held[named].signature and only in (None, feature):
            commit = _commit(workspace.git, held[named])
            yield Published(feature=feature, name=f"{REFS}{slug_of(feature)}/{named[:32]}", commit=commit)


def _commit(git: Git, sitting: SittingHeld) -> Sha:
    """Write a statement and its signature as a commit, the same one each time."""
    tree = write_tree(git, {STATEMENT: sitting.statement.encode(), SIGNATURE: sitting.signature.encode()})
    at = datetime.fromisoformat(statement.read(sitting.statement).issued)
    moment = f"{int(at.timestamp())} {at:%z}"
    environment = {**KIT_IDENTITY, "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
    message = b"orchestrator: an approval, with its signature\n"
    return Sha(git.text("commit-tree", tree, environment=environment, stdin=message))


def read(git: Git, commit: Sha) -> tuple[str, str]:
    """Return a published statement and its signature. Raises BadStatement."""
    try:
        if any(int(git.text("cat-file", "-s", f"{commit}:{name}")) > _MOST for name in (STATEMENT, SIGNATURE)):
            raise BadStatement("it is larger than any statement")
        files = read_tree(git, Sha(f"{commit}^{{tree}}"))
        return files[STATEMENT].decode(), files[SIGNATURE].decode()
    except (GitFailed, KeyError, UnicodeDecodeError) as error:
        raise BadStatement(f"{commit[:12]} carries no statement") from error
