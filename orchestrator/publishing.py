"""Lets signed approvals travel: each as a commit of its statement and signature under refs/orchestrator/approvals/.

Made from the log alone, so that the same approval is the same commit however often it is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from orchestrator.adapters.git import KIT_IDENTITY, Git
from orchestrator.adapters.trees import write_tree
from orchestrator.core import statement
from orchestrator.core.events import (
    ApprovalGranted,
    ApprovalRejected,
    ApprovalUndone,
    Event,
    Moment,
    RollbackOrdered,
    SittingHeld,
)
from orchestrator.core.values import FeatureId, Sha, Value, natural_order, slug_of
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
    """Make the refs of every signed approval that stands; return them, and the names of those that stand no longer.

    Those of another clone's approvals, fetched from a remote, stay as they are.
    """
    made = list(_made(workspace, only))
    wanted = {one.name: one.commit for one in made}
    prefix = REFS + (f"{slug_of(only)}/" if only else "")
    there = workspace.git.refs(prefix)
    commands = [f"update {name} {commit}" for name, commit in wanted.items() if there.get(name) != commit]
    gone = [name for name, commit in there.items() if name not in wanted and _is_ours(workspace, commit)]
    commands += [f"delete {name} {there[name]}" for name in gone]
    workspace.git.update_refs(commands)
    return made, gone


def _is_ours(workspace: Workspace, carrier: Sha) -> bool:
    try:
        return statement.read(read(workspace.git, carrier)[0]).repository == workspace.identity
    except BadStatement:
        return False


def push(workspace: Workspace, remote: str, made: Sequence[Published], gone: Sequence[str]) -> None:
    """Push the refs of approvals, and take those away that were taken back. Raises Refusal with what git said."""
    refs = [*(f"+{one.name}:{one.name}" for one in made), *(f":{name}" for name in gone)]
    if not refs:
        return
    try:
        workspace.git.run("push", "--quiet", "--end-of-options", remote, *refs)
    except GitFailed as error:
        raise Refusal(f"the approvals were not pushed: {error}", "mend that, and call it again") from error


class _Standing(Value):
    """An approval that nothing took back yet: its event, where its gate lies, and its statement's sha256."""

    event: int
    workflow: str
    ordinal: int
    named: str


def _made(workspace: Workspace, only: FeatureId | None) -> Iterator[Published]:
    held: dict[str, SittingHeld] = {}
    standing: dict[FeatureId, list[_Standing]] = {}
    for event in workspace.events():
        if isinstance(event.payload, SittingHeld):
            held.setdefault(statement.digest(event.payload.statement), event.payload)
        elif event.feature is not None:
            standing[event.feature] = list(_after(standing.get(event.feature, []), event))
    for feature, rows in standing.items():
        for named in dict.fromkeys(one.named for one in rows):
            if named in held and held[named].signature and only in (None, feature):
                commit = _commit(workspace.git, held[named])
                yield Published(feature=feature, name=f"{REFS}{slug_of(feature)}/{named[:32]}", commit=commit)


def _after(standing: list[_Standing], event: Event) -> list[_Standing]:
    """Return the approvals of a feature that stand after an event; what was sent or rolled back stands no longer.

    Neither does what a rollback took away and its undo brought back: that is approved again where it is needed.
    """
    match event.payload:
        case ApprovalGranted(statement=named, ordinal=ordinal) if named:
            new = _Standing(event=event.id, workflow=event.workflow or "", ordinal=ordinal, named=named)
            return [*standing, new]
        case ApprovalUndone(granted=undone):
            return [one for one in standing if one.event != undone]
        case ApprovalRejected(place=place) | RollbackOrdered(moment=Moment(place=place), undoes=""):
            here = (natural_order(place.workflow), place.ordinal)
            return [one for one in standing if (natural_order(one.workflow), one.ordinal) < here]
        case _:
            return standing


def _commit(git: Git, sitting: SittingHeld) -> Sha:
    """Write a statement and its signature as a commit on the approved ones, the same one each time.

    So a server has what was approved, also where the branch itself is never pushed.
    """
    says = statement.read(sitting.statement)
    tree = write_tree(git, {STATEMENT: sitting.statement.encode(), SIGNATURE: sitting.signature.encode()})
    approved = sorted({one.bound.commit for one in says.items if one.bound.commit is not None})
    parents = [word for one in approved if git.commit(one) == one for word in ("-p", one)]
    at = datetime.fromisoformat(says.issued)
    moment = f"{int(at.timestamp())} {at:%z}"
    environment = {**KIT_IDENTITY, "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
    message = b"orchestrator: an approval, with its signature\n"
    return Sha(git.text("commit-tree", tree, *parents, environment=environment, stdin=message))


def read(git: Git, carrier: Sha) -> tuple[str, str]:
    """Return a published statement and its signature: two plain files of no great size. Raises BadStatement."""
    try:
        rows = git.names("ls-tree", "-z", "-l", f"{carrier}^{{tree}}", "--", STATEMENT, SIGNATURE)
        files: dict[str, str] = {}
        for row in rows:
            about, _, name = row.partition("\t")
            mode, _, sha, size = about.split()
            if mode == "100644" and int(size) <= _MOST:
                files[name] = git.blob(sha).decode()
        return files[STATEMENT], files[SIGNATURE]
    except (GitFailed, KeyError, ValueError) as error:
        raise BadStatement(f"{carrier[:12]} carries no statement") from error
