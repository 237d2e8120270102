"""An attempt: its worktree, rollback point and brief before it begins, and what it found and left. Runs no agent."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

from orchestrator import checkpoints, documents, worktrees
from orchestrator.adapters import slots
from orchestrator.adapters.agent import agent_environment, one_line
from orchestrator.adapters.snapshots import owned
from orchestrator.core import brief, decide
from orchestrator.core.clients import CLIENTS, Client
from orchestrator.core.events import PhaseStarted, WorkflowStarted
from orchestrator.core.line import Document
from orchestrator.core.state import Attempt, Feature
from orchestrator.core.steps import Step, next_step
from orchestrator.core.values import Sha, Value
from orchestrator.errors import BadConfiguration, GitFailed, Refusal
from orchestrator.log.records import Head
from orchestrator.workspace import Workspace, about

_TRIED = 20  # commits, and files, of a failed attempt that the next brief names
_LOCK_PATIENCE = 2.0  # seconds: a git command of somebody's own is over by then


class Result(Value):
    """What a step came to, in the words of `next --json`."""

    feature: str
    workflow: str
    phase: str
    attempt: int
    outcome: str  # passed, failed, gate, parked, rolled_back, interrupted
    why: str = ""


class Before(Value):
    """What an attempt found: the tree and the context, to tell whether it changed a byte, and the branches."""

    head: Sha | None
    tree: Sha
    context: str
    branches: dict[str, Sha]
    working: frozenset[str]  # the refs of the features that were at work then
    log: Head


class Prepared(Value):
    """A step ready to be worked on."""

    feature: Feature
    step: Step
    worktree: Path
    run: str
    number: int
    text: str
    before: Before | None  # unknown for an attempt that was opened by another command


def step_of(workspace: Workspace, feature: Feature) -> Step:
    """Return what the feature is handed next. Raises Refusal, BadConfiguration."""
    return next_step(
        workspace.line, feature.place, whole_workflow=workspace.configuration.agent.granularity == "workflow"
    )


def written(workspace: Workspace, feature: Feature, step: Step) -> str:
    """Return the brief of a feature's next attempt at a step."""
    found = workspace.configuration
    setting = brief.Setting(
        attempts=found.validate.attempts,
        number=decide.number(feature),
        validation=found.validation(step.workflow),
        commits=can_commit(workspace),
        confined=bool(workspace.sandbox),
    )
    return brief.compose(feature, workspace.line, step, setting)


def prepare(workspace: Workspace, feature: Feature, step: Step, deadline: str = "") -> Prepared:
    """Make the worktree and the rollback point where they are missing, compose the brief and open the attempt."""
    worktree = worktrees.ensure(workspace, feature)
    feature = workspace.world.features[feature.id]
    _refuse_dirt(workspace, feature, worktree)
    _refuse_locks(workspace, feature, worktree)
    missing = _missing_context(workspace, feature)
    if missing and not owned(checkpoints.owner(workspace, feature)):
        worktrees.bring_back(workspace, feature, worktree)
    checkpoints.drain(workspace, only=feature.id)
    if not feature.place.begun:
        _tell_of_findings(workspace, feature)
        _begin_workflow(workspace, feature, step)
        worktrees.append_line(workspace, feature, f"WORKFLOW: {step.workflow} ({step.title}) - START")
    feature = workspace.world.features[feature.id]
    run = uuid.uuid4().hex
    number = decide.number(feature)
    agent = client(workspace)
    text = written(workspace, feature, step)
    before = _before(workspace, feature, worktree)
    started = PhaseStarted(
        ordinal=step.place.ordinal,
        attempt=number,
        run=run,
        title=step.phase_title,
        worktree=str(worktree),
        agent=agent.name if agent else agent_name(workspace.configuration.agent.command),
        deadline=deadline,
        decided=step.place.decided,
        brief=sha256(text.encode(errors="surrogateescape")).hexdigest(),
        missing=tuple(shown(name) for name in missing),
        carried=len(feature.carried),
    )
    workspace.record(lambda world: decide.start_phase(world.features[feature.id], started))
    return Prepared(
        feature=workspace.world.features[feature.id],
        step=step,
        worktree=worktree,
        run=run,
        number=number,
        text=text,
        before=before,
    )


def reopened(workspace: Workspace, feature: Feature, attempt: Attempt) -> Prepared:
    """Return the step of an attempt that an earlier command opened."""
    return Prepared(
        feature=feature,
        step=step_of(workspace, feature),
        worktree=Path(attempt.worktree),
        run=attempt.run,
        number=attempt.number,
        text="",
        before=None,
    )


def check_agent(workspace: Workspace) -> None:
    """Raise BadConfiguration where no agent is configured, before anything is begun."""
    found = workspace.configuration
    if not found.agent.command and not found.agent.preset:
        hint = "set [agent] preset or command in orchestrator.toml"
        raise BadConfiguration("no agent is configured", hint)
    documents.check_filter(found.validate.pass_when)


def client(workspace: Workspace) -> Client | None:
    """Return the client of the preset; None where a command of the user's own wins, or nothing is configured."""
    found = workspace.configuration.agent
    return None if found.command else CLIENTS.get(found.preset)


def can_commit(workspace: Workspace) -> bool:
    """Tell whether the agent may write to `.git`; where not, the kit commits what it leaves."""
    found = client(workspace)
    return found is None or found.commits or (bool(workspace.sandbox) and bool(found.confined))


def agent_name(command: Sequence[str]) -> str:
    """Return how the log names the agent: the program's name, or that of the script it runs."""
    words = [Path(word).name for word in command if not word.startswith("-")]
    if not words:
        return "self-driven"
    interpreters = ("sh", "bash", "python", "python3", "node", "env", "uv", "npx")
    return words[1] if len(words) > 1 and words[0] in interpreters else words[0]


def _refuse_dirt(workspace: Workspace, feature: Feature, worktree: Path) -> None:
    if worktrees.is_main(workspace, worktree):
        dirt = main_dirt(workspace)
        if dirt and not is_as_left(workspace, feature):
            raise Refusal(
                f"the main worktree has uncommitted changes ({dirt[0]}); {feature.slug} runs there",
                "commit or set them aside first",
            )


def _refuse_locks(workspace: Workspace, feature: Feature, worktree: Path) -> None:
    """Raise Refusal where a lock of git's stays: every commit of the attempt would run into it."""
    patience = time.monotonic() + _LOCK_PATIENCE
    while found := worktrees.locks(workspace, worktree, feature.branch):
        if time.monotonic() > patience:
            raise Refusal(stays(found), "end what holds it; where nothing does, move it away")
        time.sleep(0.05)


def stays(locks: Sequence[Path]) -> str:
    """Return the sentence that names locks of git's that nobody takes away."""
    named = " and ".join(str(lock) for lock in locks)
    return f"git's lock {named} stays" if len(locks) == 1 else f"git's locks {named} stay"


def left(workspace: Workspace, feature: Feature, worktree: Path) -> Sha | None:
    """Return the tree as an attempt left the main worktree; None in a linked one, which is the feature's alone."""
    if not worktrees.is_main(workspace, worktree):
        return None
    try:
        return tree(workspace, feature, worktree)
    except GitFailed:
        return None  # something in it cannot be read; a person has to look before the next step


def tree(workspace: Workspace, feature: Feature, worktree: Path) -> Sha:
    """Return all of a worktree that is not ignored, as a tree. Raises GitFailed."""
    return workspace.git.at(worktree).tree_of_worktree(private_index(workspace, feature))


def is_as_left(workspace: Workspace, feature: Feature) -> bool:
    """Tell whether the main worktree is as the feature's own last attempt left it."""
    return feature.left is not None and feature.left == left(workspace, feature, workspace.main)


def main_dirt(workspace: Workspace) -> list[str]:
    """Return the uncommitted paths of the main worktree, those in `.context/` left out."""
    return [name for name in workspace.git.dirt() if not name.startswith(".context/")]


def _tell_of_findings(workspace: Workspace, feature: Feature) -> None:
    """Say before a feature's first workflow how much the preflight finds; it holds nobody back."""
    if feature.workflows_completed or any(point.cause == "workflow" for point in feature.points):
        return
    from orchestrator import preflight  # the rules are heavy, and a feature begins once

    said = preflight.notice(workspace)
    if said:
        workspace.notices.append(about(feature.slug, said))


def _begin_workflow(workspace: Workspace, feature: Feature, step: Step) -> None:
    """Make the rollback point that a workflow's failure returns to, then record its start."""
    document = workspace.line.document(step.workflow)
    configuration = workspace.configuration_file
    started = WorkflowStarted(
        title=step.title,
        file=document.file if document else "",
        digest=_digest(document),
        configuration=documents.digest(configuration.read_bytes()) if configuration.is_file() else "",
        n=0,
    )
    checkpoints.take_point(workspace, feature, "workflow", started)


def _digest(document: Document | None) -> str:
    return sha256(document.text.encode()).hexdigest() if document else ""


def _missing_context(workspace: Workspace, feature: Feature) -> list[str]:
    """Return the context files of the newest snapshot that are gone from the feature's `.context/`."""
    newest = f"refs/orchestrator/context/{feature.slug}"
    if workspace.git.ref(newest) is None:
        return []
    present = set(owned(checkpoints.owner(workspace, feature)))
    return [name for name in workspace.git.names("ls-tree", "-r", "-z", "--name-only", newest) if name not in present]


def shown(name: str) -> str:
    """Return a file's name as text that every encoding takes; bytes that are no UTF-8 read `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _before(workspace: Workspace, feature: Feature, worktree: Path) -> Before:
    git = workspace.git.at(worktree)
    tree = git.tree_of_worktree(private_index(workspace, feature))
    branches = git.refs("refs/heads/")
    head = branches.get(f"refs/heads/{feature.branch}")
    working = frozenset(f"refs/heads/{one.branch}" for one in workspace.world.features.values() if one.attempt)
    context = _context_digest(workspace, feature)
    return Before(head=head, tree=tree, context=context, branches=branches, working=working, log=workspace.head)


def private_index(workspace: Workspace, feature: Feature) -> Path:
    """Return the index of the kit's own, into which a feature's worktree is taken as it is."""
    path = workspace.home / "index" / f"{feature.slug}.tree"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _context_digest(workspace: Workspace, feature: Feature) -> str:
    """Return a digest of names, sizes and times of the feature's context files."""
    owner = checkpoints.owner(workspace, feature)
    rows = [f"{name} {(found := (owner.directory / name).stat()).st_size} {found.st_mtime_ns}" for name in owned(owner)]
    return sha256(os.fsencode("\n".join(rows))).hexdigest()


def environment(workspace: Workspace, feature: Feature, step: Step, run: str) -> dict[str, str]:
    """Return the environment of an agent, a validation and a setup, for whoever holds the feature's `slot`."""
    own = {
        "ORCHESTRATOR_FEATURE": feature.slug,
        "ORCHESTRATOR_WORKFLOW": step.workflow,
        "ORCHESTRATOR_PHASE": step.place.phase,
        "ORCHESTRATOR_RUN_ID": run,
        "ORCHESTRATOR_CONTEXT": str(workspace.own_context(feature)),
        "ORCHESTRATOR_MAIN": str(workspace.main),
    }
    number = slots.last(_slots(workspace), feature.slug)
    if number is not None:
        own["ORCHESTRATOR_SLOT"] = str(number)
    return agent_environment(os.environ, own, workspace.configuration.run.sign)


def slot(workspace: Workspace, feature: Feature) -> AbstractContextManager[int]:
    """Return the hold of a number that no other attempt at work has, with `with`; `environment` hands it on."""
    return slots.held(_slots(workspace), feature.slug)


def _slots(workspace: Workspace) -> Path:
    return workspace.home / "slots"


def output_file(workspace: Workspace, feature: Feature, what: str) -> Path:
    """Return where the last output of a feature's agent or validation is kept."""
    path = output_path(workspace, feature, what)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def output_path(workspace: Workspace, feature: Feature, what: str) -> Path:
    """Return the same, and make nothing."""
    return workspace.home / "output" / f"{feature.slug}.{what}.log"


def has_changed(workspace: Workspace, prepared: Prepared, before: Before) -> bool:
    after = _before(workspace, prepared.feature, prepared.worktree)
    return (before.head, before.tree, before.context) != (after.head, after.tree, after.context)


def tried(workspace: Workspace, prepared: Prepared, kept: Sha) -> dict[str, tuple[str, ...]]:
    """Return what a failed attempt committed and changed, as the event has it; nothing where its start is unknown."""
    if prepared.before is None or prepared.before.head is None:
        return {}
    git = workspace.git.unaltered()
    head = prepared.before.head
    most = f"--max-count={_TRIED}"
    commits = git.lines(
        "log", "--no-show-signature", "--no-decorate", "--no-color", most, "--format=%s", f"{head}..{kept}^"
    )
    words = (
        "diff-tree",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        "--ignore-submodules=none",
        "--numstat",
        "-r",
    )
    rows = git.lines(*words, head, kept)
    more = (f"... and {len(rows) - _TRIED} more",) if len(rows) > _TRIED else ()
    return {
        "tried": tuple(shown(one_line(one))[:200] for one in reversed(commits)),
        "changed": (*(shown(one_line(one))[:200] for one in rows[:_TRIED]), *more),
    }


def keep(workspace: Workspace, prepared: Prepared) -> tuple[str, Sha]:
    """Keep the failed attempt's tree, commits and uncommitted work, under a ref; return its name and commit."""
    git = workspace.git.at(prepared.worktree)
    tree = git.tree_of_worktree(private_index(workspace, prepared.feature))
    head = git.commit("HEAD")
    step = prepared.step
    message = f"orchestrator: attempt {prepared.number} of {step.workflow} {step.place.phase}, as it failed\n"
    commit = git.commit_tree(tree, [head] if head else [], message)
    name = f"refs/orchestrator/attempt/{prepared.feature.slug}/{prepared.run}"
    git.update_refs([f"update {name} {commit}"])
    return name, commit
