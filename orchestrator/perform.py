"""Acts: one step of one feature, from the rollback point to the recorded outcome.

The caller holds the feature's run lock. What is decided comes from the core; this room only does it and
tells the core what happened.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from orchestrator import checkpoints, documents, rollback, worktrees
from orchestrator.adapters.agent import (
    Misread,
    Ran,
    Said,
    agent_environment,
    end_leftovers,
    last_result,
    plain,
    run_agent,
    run_validation,
)
from orchestrator.adapters.durable import sync_filesystem
from orchestrator.adapters.git import Git
from orchestrator.adapters.lock import RunLock
from orchestrator.adapters.snapshots import owned
from orchestrator.core import brief, decide
from orchestrator.core.decide import Outcome
from orchestrator.core.events import AttemptFailed, Checked, Gate, PhaseStarted, WorkflowStarted
from orchestrator.core.line import Document
from orchestrator.core.state import Attempt, Feature
from orchestrator.core.steps import Step, next_step
from orchestrator.core.values import FeatureId, Sha, Status, Value
from orchestrator.errors import AgentFault, GitFailed, Refusal
from orchestrator.workspace import Workspace, now

NOT_ITS_FAULT = 75
NO_PROGRAM = (126, 127)
TOO_QUICK = 20.0  # seconds: a failure faster than this that changed no byte is a fault
_TAIL = 60  # lines of a failure that the log keeps
_TAIL_BYTES = 8000


class Result(Value):
    """What a step came to, in the words of `next --json`."""

    feature: str
    workflow: str
    phase: str
    attempt: int
    outcome: str  # passed, failed, gate, parked, rolled_back, interrupted
    why: str = ""


class Prepared(Value):
    """A step ready to be worked on."""

    feature: Feature
    step: Step
    worktree: Path
    run: str
    number: int
    text: str
    before: Before | None  # unknown for an attempt that was opened by another command


class Before(Value):
    """What an attempt found: the tree and the context, to tell whether it changed a byte, and the branches."""

    head: Sha | None
    tree: Sha
    context: str
    branches: dict[str, Sha]


def take_step(workspace: Workspace, feature: FeatureId, stop: threading.Event) -> Result:
    """Do one step of a feature. Raises Busy where somebody works on it, Refusal where it cannot begin."""
    with locked(workspace, feature):
        workspace.load()
        recover(workspace, feature)
        current = workspace.world.features[feature]
        if current.status is not Status.ACTIVE:
            return _result(current, "parked", current.waits.reason if current.waits else str(current.status))
        step = step_of(workspace, current)
        with _merging(workspace, step):
            return _attempt(workspace, current, step, stop)


def locked(workspace: Workspace, feature: FeatureId) -> AbstractContextManager[None]:
    """Return the hold of a feature's run lock, to be used with `with`; others are told who has it."""
    name = workspace.world.features[feature].slug
    workspace.make_home()
    return RunLock(workspace.lock_file(name), f"feature {name}", workspace.command, now).acquire()


def step_of(workspace: Workspace, feature: Feature) -> Step:
    """Return what the feature is handed next. Raises Refusal, BadConfiguration."""
    return next_step(
        workspace.line, feature.place, whole_workflow=workspace.configuration.agent.granularity == "workflow"
    )


def _merging(workspace: Workspace, step: Step) -> AbstractContextManager[None]:
    """Hold the main worktree during a step of a workflow that merges."""
    if not step.merges:
        return nullcontext()
    return RunLock(workspace.lock_file("main"), "the main worktree", workspace.command, now).acquire()


def recover(workspace: Workspace, feature: FeatureId) -> None:
    """End what a killed command left of a feature: its agent's processes, a stale lock, an ordered rollback."""
    current = workspace.world.features[feature]
    if current.ordered is not None:
        rollback.finish(workspace, feature)
        return
    attempt = current.attempt
    if attempt is None or (attempt.deadline and attempt.deadline > now().isoformat()):
        return
    reason = "its deadline passed without a report" if attempt.deadline else "the kit did not survive it"
    end_leftovers(attempt.run)
    moved = _unlock_index(workspace, current) if attempt.worktree else ""
    workspace.notices.append(f"{current.slug}: attempt {attempt.number} was interrupted ({reason}){moved}; not counted")
    workspace.record(lambda world: decide.interrupted(world.features[feature], reason + moved))


def _unlock_index(workspace: Workspace, feature: Feature) -> str:
    """Set aside an index.lock that the dead attempt left; name it. Raises Refusal for one that stays."""
    attempt = feature.attempt
    if attempt is None or not Path(attempt.worktree).is_dir():
        return ""
    lock = Path(Git(Path(attempt.worktree)).text("rev-parse", "--absolute-git-dir")) / "index.lock"
    try:
        born = lock.stat().st_mtime
    except FileNotFoundError:
        return ""
    if born < checkpoints.instant(attempt.started_at) or _is_held(lock):
        return ""
    aside = lock.with_name(f"index.lock.aside-{attempt.run[:8]}")
    lock.rename(aside)
    return f", its index.lock set aside as {aside}"


def _is_held(path: Path) -> bool:
    import psutil  # only after a crash

    for process in psutil.process_iter():
        try:
            if any(Path(one.path) == path for one in process.open_files()):
                return True
        except (psutil.Error, OSError):
            continue  # a process of somebody else's, or one that ended meanwhile
    return False


# --- one attempt -----------------------------------------------------------------------------------


def _attempt(workspace: Workspace, feature: Feature, step: Step, stop: threading.Event) -> Result:
    try:
        prepared = prepare(workspace, feature, step)
    except (GitFailed, Refusal) as error:
        return _park(workspace, feature, f"it cannot begin: {error}")
    began = time.monotonic()
    try:
        ran = _run_agent(workspace, prepared, stop)
    except AgentFault as error:
        return _park(workspace, feature, str(error), prepared)
    finally:
        checkpoints.drain(workspace, only=feature.id)
    return _judge(workspace, prepared, ran, stop, lambda: time.monotonic() - began)


def prepare(workspace: Workspace, feature: Feature, step: Step, deadline: str = "") -> Prepared:
    """Make the worktree and the rollback point where they are missing, compose the brief and open the attempt."""
    worktree = worktrees.ensure(workspace, feature)
    _refuse_dirt(workspace, feature, worktree)
    checkpoints.drain(workspace, only=feature.id)
    if not feature.place.begun:
        _begin_workflow(workspace, feature, step)
        worktrees.append_line(
            workspace.own_context(feature), feature.slug, f"WORKFLOW: {step.workflow} ({step.title}) - START"
        )
    missing = _missing_context(workspace, feature)
    feature = workspace.world.features[feature.id]
    run = uuid.uuid4().hex
    number = decide.number(feature)
    found = workspace.configuration
    setting = brief.Setting(
        attempts=found.validate.attempts,
        number=number,
        validation=found.validation(step.workflow),
        worktree=str(worktree),
    )
    text = brief.compose(feature, workspace.line, step, setting)
    before = _before(workspace, feature, worktree)
    started = PhaseStarted(
        ordinal=step.place.ordinal,
        attempt=number,
        run=run,
        title=step.phase_title,
        worktree=str(worktree),
        agent=agent_name(found.agent.command),
        deadline=deadline,
        decided=step.place.decided,
        brief=sha256(text.encode()).hexdigest(),
        missing=tuple(missing),
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
        if dirt:
            raise Refusal(
                f"the main worktree has uncommitted changes ({dirt[0]}); {feature.slug} runs there",
                "commit or set them aside first",
            )


def main_dirt(workspace: Workspace) -> list[str]:
    """Return the uncommitted paths of the main worktree, those in `.context/` left out."""
    return [name for name in workspace.git.dirt() if not name.startswith(".context/")]


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


def _before(workspace: Workspace, feature: Feature, worktree: Path) -> Before:
    git = workspace.git.at(worktree)
    tree = git.tree_of_worktree(_private_index(workspace, feature))
    branches = git.refs("refs/heads/")
    head = branches.get(f"refs/heads/{feature.branch}")
    return Before(head=head, tree=tree, context=_context_digest(workspace, feature), branches=branches)


def _private_index(workspace: Workspace, feature: Feature) -> Path:
    path = workspace.home / "index" / f"{feature.slug}.tree"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _context_digest(workspace: Workspace, feature: Feature) -> str:
    """Return a digest of names, sizes and times of the feature's context files."""
    owner = checkpoints.owner(workspace, feature)
    rows = [f"{name} {(found := (owner.directory / name).stat()).st_size} {found.st_mtime_ns}" for name in owned(owner)]
    return sha256("\n".join(rows).encode()).hexdigest()


def _run_agent(workspace: Workspace, prepared: Prepared, stop: threading.Event) -> Ran:
    command = workspace.configuration.agent.command
    if not command:
        raise AgentFault("no agent is configured", "set [agent] command in orchestrator.toml")
    return run_agent(
        list(command),
        directory=prepared.worktree,
        brief=prepared.text,
        environment=environment(workspace, prepared.feature, prepared.step, prepared.run),
        limit=workspace.configuration.timeout,
        output=output_file(workspace, prepared.feature, "agent"),
        stop=stop,
    )


def environment(workspace: Workspace, feature: Feature, step: Step, run: str) -> dict[str, str]:
    """Return the environment of an agent and of a validation."""
    own = {
        "ORCHESTRATOR_FEATURE": feature.slug,
        "ORCHESTRATOR_WORKFLOW": step.workflow,
        "ORCHESTRATOR_PHASE": step.place.phase,
        "ORCHESTRATOR_RUN_ID": run,
        "ORCHESTRATOR_CONTEXT": str(workspace.own_context(feature)),
        "ORCHESTRATOR_MAIN": str(workspace.main),
    }
    return agent_environment(os.environ, own, workspace.configuration.run.sign)


def output_file(workspace: Workspace, feature: Feature, what: str) -> Path:
    """Return where the last output of a feature's agent or validation is kept."""
    folder = workspace.home / "output"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{feature.slug}.{what}.log"


# --- the judgement ---------------------------------------------------------------------------------


class Failed(Value):
    """Why an attempt failed, and the command that showed it."""

    reason: str
    command: str = ""
    exit: int = 0
    tail: str = ""


def _judge(
    workspace: Workspace, prepared: Prepared, ran: Ran, stop: threading.Event, seconds: Callable[[], float]
) -> Result:
    """Return what the attempt came to, recorded."""
    if ran.stopped:
        return _interrupt(workspace, prepared, "it was stopped from the keyboard")
    if ran.code == NOT_ITS_FAULT:
        return _park(workspace, prepared.feature, f"the agent says it is not its fault: {_last_line(ran)}", prepared)
    if ran.code in NO_PROGRAM:
        return _park(
            workspace, prepared.feature, f"the agent could not run (exit {ran.code}): {_last_line(ran)}", prepared
        )
    said = _said(ran)
    if isinstance(said, Failed):
        return fail(workspace, prepared, said, seconds())
    name_strangers(workspace, prepared)
    if said is not None and said.outcome == "gate":
        return ask(workspace, prepared, said, seconds())
    return conclude(workspace, prepared, said, stop, seconds)


def _said(ran: Ran) -> Said | Failed | None:
    if ran.timed_out:
        return Failed(reason=f"the agent ran into its time limit ({ran.seconds:.0f} s)", tail=_tail(ran))
    if ran.code != 0:
        return Failed(reason=f"the agent ended with exit status {ran.code}", exit=ran.code or 0, tail=_tail(ran))
    said = last_result(ran.text)
    if isinstance(said, Misread):
        return Failed(reason=said.why, tail=_tail(ran))
    if said is not None and said.outcome == "fail":
        return Failed(reason=f"the agent says it failed: {said.note or 'no reason given'}", tail=_tail(ran))
    return said


def conclude(
    workspace: Workspace,
    prepared: Prepared,
    said: Said | None,
    stop: threading.Event,
    seconds: Callable[[], float],
) -> Result:
    """The agent says it is done: validate, commit what it left, and record the pass or the failure."""
    try:
        verdict = validate(workspace, prepared, stop)
        if verdict is None:
            return _interrupt(workspace, prepared, "it was stopped from the keyboard")
        if isinstance(verdict, Failed):
            return fail(workspace, prepared, verdict, seconds())
        refused = _commit(workspace, prepared)
    except (AgentFault, GitFailed) as error:
        return _park(workspace, prepared.feature, str(error), prepared)
    if refused is not None:
        return fail(workspace, prepared, refused, seconds())
    checkpoints.drain(workspace, only=prepared.feature.id)
    return _pass(workspace, prepared, said, verdict, seconds())


def validate(workspace: Workspace, prepared: Prepared, stop: threading.Event) -> Checked | Failed | None:
    """Run the configured validation; None where it was stopped. Raises AgentFault where it cannot be run."""
    command = workspace.configuration.validation(prepared.step.workflow)
    if not command:
        return Checked(command="", exit=0)
    ran = run_validation(
        command,
        directory=prepared.worktree,
        environment=environment(workspace, prepared.feature, prepared.step, prepared.run),
        limit=workspace.configuration.timeout,
        output=output_file(workspace, prepared.feature, "validation"),
        stop=stop,
    )
    if ran.stopped:
        return None
    if ran.code in NO_PROGRAM:
        raise AgentFault(f"the validation `{command}` could not run (exit {ran.code}): {_last_line(ran)}")
    failure = _verdict(workspace.configuration.validate.pass_when, command, ran)
    if failure is not None:
        return failure
    return Checked(command=command, exit=ran.code or 0, seconds=round(ran.seconds, 3), tail=_tail(ran, 10))


def _verdict(pass_when: str, command: str, ran: Ran) -> Failed | None:
    code = -1 if ran.code is None else ran.code
    if ran.timed_out:
        return Failed(reason="the validation ran into the time limit", command=command, exit=code, tail=_tail(ran))
    if not pass_when:
        if code == 0:
            return None
        return Failed(reason=f"the validation failed (exit {code})", command=command, exit=code, tail=_tail(ran))
    from orchestrator.log.query import NoAnswer, truth  # jq: only where a filter decides

    try:
        if truth(pass_when, ran.text):
            return None
        reason = f"the validation's JSON does not satisfy {pass_when}"
    except NoAnswer as error:
        reason = f"the validation's output gives no answer to {pass_when}: {error}"
    return Failed(reason=reason, command=command, exit=code, tail=_tail(ran))


def _commit(workspace: Workspace, prepared: Prepared) -> Failed | None:
    """Commit what the agent left uncommitted; the user's hooks may refuse. Raises GitFailed for a fault."""
    git = workspace.git.at(prepared.worktree)
    if not git.dirt():
        return None
    feature, step = prepared.feature, prepared.step
    subject = f"feat({feature.slug}): {step.workflow} {step.place.phase} {step.phase_title}".rstrip()
    message = f"{subject}\n\nFeature: {feature.slug}\nWorkflow: {step.workflow}\n"
    code, said = git.commit_all(message, sign=workspace.configuration.run.sign)
    if code == 0:
        return None
    if not git.has_staged():
        return None  # what was left was nothing that git keeps, an empty folder's submodule or a time stamp
    if code != 1:
        raise GitFailed(f"git commit in {prepared.worktree}: {_one_line(said)}", code=code)
    return Failed(reason="the repository's own hooks refused the commit", command="git commit", exit=code, tail=said)


def _pass(workspace: Workspace, prepared: Prepared, said: Said | None, checked: Checked, seconds: float) -> Result:
    feature, step = prepared.feature, prepared.step
    outcome = Outcome(
        run=prepared.run,
        seconds=round(seconds, 3),
        checked=checked if checked.command else None,
        commit=workspace.git.ref(f"refs/heads/{feature.branch}"),
        note=said.note if said else "",
        evidence=said.evidence if said else (),
    )
    opens = ""
    if step.stop is not None:
        pause = workspace.line.pause(step.workflow, step.stop.key)
        opens = (now() + timedelta(seconds=pause)).isoformat(timespec="seconds") if pause else ""
    workspace.record(lambda world: decide.passed(world.features[feature.id], workspace.line, step, outcome, opens))
    after = workspace.world.features[feature.id]
    if after.gate is not None:
        return _result(prepared, "gate", after.gate.gate.heading)
    if step.workflow in after.workflows_completed:
        worktrees.append_line(
            workspace.own_context(after), after.slug, f"WORKFLOW: {step.workflow} ({step.title}) - DONE"
        )
    return _result(prepared, "passed")


def ask(workspace: Workspace, prepared: Prepared, said: Said, seconds: float) -> Result:
    """The agent needs a person's decision to go on."""
    trigger = _one_line(said.trigger or said.note) or "the agent asks for a decision"
    gate = Gate(
        key=f"reported {prepared.run}",
        type="human",
        trigger=trigger,
        heading=trigger,
        why="reported by the agent",
        reported=True,
        evidence=said.evidence,
        note=said.note,
    )
    outcome = Outcome(
        run=prepared.run,
        seconds=round(seconds, 3),
        commit=workspace.git.ref(f"refs/heads/{prepared.feature.branch}"),
    )
    workspace.record(lambda world: decide.asked(world.features[prepared.feature.id], prepared.step, gate, outcome))
    return _result(prepared, "gate", trigger)


def fail(workspace: Workspace, prepared: Prepared, failure: Failed, seconds: float) -> Result:
    """A counted failure, its tree kept; the last one orders the rollback.

    One within 20 s that changed no byte is a fault, and not counted.
    """
    feature = prepared.feature
    if prepared.before and seconds < TOO_QUICK and not _has_changed(workspace, prepared, prepared.before):
        return _park(workspace, feature, f"it failed at once and changed nothing: {failure.reason}", prepared)
    kept = _keep_attempt(workspace, prepared)
    failed = AttemptFailed(
        ordinal=prepared.step.place.ordinal,
        attempt=prepared.number,
        run=prepared.run,
        reason=failure.reason,
        command=failure.command,
        exit=failure.exit,
        tail=plain(failure.tail)[-_TAIL_BYTES:],
        kept=kept,
        seconds=round(seconds, 3),
    )
    workspace.record(lambda world: decide.failed(world.features[feature.id], failed))
    context = workspace.own_context(feature)
    said = f"ATTEMPT {prepared.number} FAILED: {failure.reason}"
    line = f"WORKFLOW: {prepared.step.workflow} ({prepared.step.title}) - {said}"
    worktrees.append_line(context, feature.slug, line)
    if prepared.number < workspace.configuration.validate.attempts:
        return _result(prepared, "failed", failure.reason)
    return _roll_back(workspace, prepared, failure.reason)


def _roll_back(workspace: Workspace, prepared: Prepared, reason: str) -> Result:
    feature = prepared.feature.id
    refused = rollback.automatic(workspace, feature, reason)
    if refused:
        return _result(prepared, "parked", refused)
    return _result(prepared, "rolled_back", reason)


def _has_changed(workspace: Workspace, prepared: Prepared, before: Before) -> bool:
    after = _before(workspace, prepared.feature, prepared.worktree)
    return (before.head, before.tree, before.context) != (after.head, after.tree, after.context)


def _keep_attempt(workspace: Workspace, prepared: Prepared) -> str:
    """Keep the failed attempt's tree, commits and uncommitted work, under a ref; return its name."""
    git = workspace.git.at(prepared.worktree)
    tree = git.tree_of_worktree(_private_index(workspace, prepared.feature))
    head = git.commit("HEAD")
    step = prepared.step
    message = f"orchestrator: attempt {prepared.number} of {step.workflow} {step.place.phase}, as it failed\n"
    commit = git.commit_tree(tree, [head] if head else [], message)
    name = f"refs/orchestrator/attempt/{prepared.feature.slug}/{prepared.run}"
    git.update_refs([f"update {name} {commit}"])
    sync_filesystem(workspace.repository.common_dir)
    return name


def name_strangers(workspace: Workspace, prepared: Prepared) -> None:
    """Name branches that moved while the agent ran and are no open feature's; they never count as its own."""
    if prepared.step.merges or prepared.before is None:
        return
    after = workspace.git.refs("refs/heads/")
    busy = {f"refs/heads/{one.branch}" for one in workspace.world.features.values() if one.attempt or one.is_open}
    for name in sorted(after.keys() | prepared.before.branches.keys()):
        old, new = prepared.before.branches.get(name), after.get(name)
        if old != new and name not in busy:
            short = name.removeprefix("refs/heads/")
            went = f"{short} went from {_short(old)} to {_short(new)}"
            text = f"while {prepared.feature.slug} ran, {went}; not counted as its work"
            workspace.notices.append(text)
            note_it(workspace, prepared.feature.id, text)


def note_it(workspace: Workspace, feature: FeatureId, text: str) -> None:
    """Add a note of the kit's own to a feature."""
    workspace.record(lambda world: decide.noted(world.features[feature], text, "kit"))


def _short(sha: Sha | None) -> str:
    return sha[:10] if sha else "nothing"


# --- the ends that do not count --------------------------------------------------------------------


def _interrupt(workspace: Workspace, prepared: Prepared, reason: str) -> Result:
    workspace.record(lambda world: decide.interrupted(world.features[prepared.feature.id], reason))
    return _result(prepared, "interrupted", reason)


def _park(workspace: Workspace, feature: Feature, reason: str, prepared: Prepared | None = None) -> Result:
    reason = _one_line(reason)
    workspace.record(lambda world: decide.park(world.features[feature.id], reason))
    return _result(prepared or workspace.world.features[feature.id], "parked", reason)


def _result(of: Prepared | Feature, outcome: str, why: str = "") -> Result:
    if isinstance(of, Prepared):
        place = of.step.last if outcome == "gate" else of.step.place
        return Result(
            feature=of.feature.slug,
            workflow=place.workflow,
            phase=place.phase,
            attempt=of.number,
            outcome=outcome,
            why=why,
        )
    return Result(
        feature=of.slug,
        workflow=of.place.workflow,
        phase=of.place.phase,
        attempt=decide.number(of),
        outcome=outcome,
        why=why,
    )


def _tail(ran: Ran, lines: int = _TAIL) -> str:
    text = plain(ran.text)
    return "\n".join(text.rstrip().splitlines()[-lines:])[-_TAIL_BYTES:]


def _last_line(ran: Ran) -> str:
    return _tail(ran, 1) or "it printed nothing"


def _one_line(text: str) -> str:
    return " ".join(plain(text).split())[:500]
