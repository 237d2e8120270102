"""What an attempt came to: the agent's word, the validation, the commit of what is left, and the record of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import msgspec

from orchestrator import attempts, calling, checkpoints, confining, evidence, mending, rollback, worktrees
from orchestrator.adapters.agent import Misread, Ran, Said, last_result, one_line, plain, run_validation
from orchestrator.adapters.git import Git
from orchestrator.attempts import Prepared, Result
from orchestrator.calling import Told
from orchestrator.core import decide
from orchestrator.core.decide import Outcome
from orchestrator.core.events import AttemptFailed, Checked, Gate
from orchestrator.core.state import Feature
from orchestrator.core.steps import reached
from orchestrator.core.values import Sha, Value
from orchestrator.errors import AgentFault, GitFailed, Refusal
from orchestrator.log.records import Head
from orchestrator.workspace import Workspace, now

NOT_ITS_FAULT = 75
NO_PROGRAM = (126, 127)
TOO_QUICK = 20.0  # seconds: a failure faster than this that changed no byte is a fault
_MOVES = ("feature_created", "phase_started", "rollback_ordered", "rollback_executed", "rollback_undone")
_TAIL = 60  # lines of a failure that the log keeps
_TAIL_BYTES = 8000
_REASON = 500  # characters


class Failed(Value):
    """Why an attempt failed, and the command that showed it."""

    reason: str
    command: str = ""
    exit: int = 0
    tail: str = ""


class Used(Value):
    """What a client's call used: US dollars and turns."""

    cost: float = 0.0
    turns: int = 0


def judge(
    workspace: Workspace,
    prepared: Prepared,
    ran: Ran,
    told: Told | None,
    stop: threading.Event,
    seconds: Callable[[], float],
) -> Result:
    """Return what the attempt came to, recorded; `told` is what a preset's client said of its call."""
    name_strangers(workspace, prepared)
    if ran.stopped:
        return interrupt(workspace, prepared, "it was stopped from the keyboard")
    if told is not None:
        reason, until = calling.in_the_way(workspace, told)
        if reason:
            return park(workspace, prepared.feature, reason, prepared, until=until)
    elif ran.code == NOT_ITS_FAULT:
        reason = f"the agent says it is not its fault: {_last_line(ran)}"
        return park(workspace, prepared.feature, reason, prepared, until=calling.again_at(workspace, None))
    if ran.code in NO_PROGRAM:
        return park(
            workspace, prepared.feature, f"the agent could not run (exit {ran.code}): {_last_line(ran)}", prepared
        )
    strayed = _strayed(workspace, prepared)
    if strayed:
        return park(workspace, prepared.feature, strayed, prepared)
    said = _said(ran) if told is None else _told(ran, told)
    if isinstance(said, Failed):
        return fail(workspace, prepared, said, seconds())
    if told is not None and told.said.denied and said is None:
        reason = f"{told.title} was refused {told.ended.denied[0]}; allow it in its settings or by [agent] arguments"
        return park(workspace, prepared.feature, reason, prepared)
    if told is not None and said is None:
        said = Said(outcome="ok", note=_reason(told.said.text))
    used = Used() if told is None else Used(cost=told.ended.cost, turns=told.ended.turns)
    if said is not None and said.outcome == "gate":
        return ask(workspace, prepared, said, seconds(), used)
    return conclude(workspace, prepared, said, stop, seconds, used)


def _strayed(workspace: Workspace, prepared: Prepared) -> str:
    """Return what to say where the worktree is gone, or has another branch checked out than the feature's."""
    if not worktrees.is_there(prepared.worktree):
        return _gone(workspace, prepared)
    found = Git(prepared.worktree).branch()
    if found == prepared.feature.branch:
        return ""
    return worktrees.strayed(prepared.worktree, prepared.feature.branch, found)


def _gone(workspace: Workspace, prepared: Prepared) -> str:
    try:
        worktrees.refuse_missing(workspace, prepared.feature)
    except Refusal as error:
        return f"{error}; {error.hint}"
    return f"the worktree {prepared.worktree} of {prepared.feature.slug} is not there; the next step makes it again"


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


def _told(ran: Ran, told: Told) -> Said | Failed | None:
    """Return what a client's own result says: the agreed line in its last words counts, else their text."""
    if ran.timed_out:
        return Failed(reason=f"{told.title} ran into its time limit ({ran.seconds:.0f} s)", tail=_tail(ran))
    if not told.said.is_over:
        return Failed(reason=f"{told.title} failed: {one_line(told.said.error)}", exit=ran.code or 0, tail=_tail(ran))
    said = last_result(told.said.text)
    if isinstance(said, Misread):
        return Failed(reason=said.why, tail=told.said.text)
    if said is not None and said.outcome == "fail":
        return Failed(reason=f"the agent says it failed: {said.note or 'no reason given'}", tail=told.said.text)
    return said


def conclude(
    workspace: Workspace,
    prepared: Prepared,
    said: Said | None,
    stop: threading.Event,
    seconds: Callable[[], float],
    used: Used | None = None,
) -> Result:
    """The agent says it is done: validate, commit what it left, and record the pass or the failure."""
    strayed = _strayed(workspace, prepared)
    if strayed:
        return park(workspace, prepared.feature, strayed, prepared)
    try:
        verdict = validate(workspace, prepared, stop)
        if verdict is None:
            return interrupt(workspace, prepared, "it was stopped from the keyboard")
        if isinstance(verdict, Failed):
            return fail(workspace, prepared, verdict, seconds())
        refused = _commit(workspace, prepared, stop)
    except (AgentFault, GitFailed) as error:
        found = worktrees.locks(workspace, prepared.worktree, prepared.feature.branch)
        reason = f"{attempts.stays(found)}: {error}" if found else str(error)
        return park(workspace, prepared.feature, reason, prepared)
    if refused is not None:
        return fail(workspace, prepared, refused, seconds())
    checkpoints.drain(workspace, only=prepared.feature.id)
    return _pass(workspace, prepared, said, verdict, seconds(), used or Used())


def validate(workspace: Workspace, prepared: Prepared, stop: threading.Event) -> Checked | Failed | None:
    """Run the configured validation; None where it was stopped. Raises AgentFault where it cannot be run."""
    command = workspace.configuration.validation(prepared.step.workflow)
    if not command:
        return Checked(command="", exit=0)
    tree = attempts.tree(workspace, prepared.feature, prepared.worktree)
    ran = _shell(workspace, prepared, command, "validation", stop)
    if ran.stopped:
        return None
    if ran.code in NO_PROGRAM:
        raise AgentFault(f"the validation `{command}` could not run (exit {ran.code}): {_last_line(ran)}")
    failure = _verdict(workspace.configuration.validate.pass_when, command, ran)
    if failure is not None:
        return failure
    return Checked(
        command=command,
        exit=ran.code or 0,
        seconds=round(ran.seconds, 3),
        tail=_tail(ran, 10),
        where=str(prepared.worktree),
        tree=tree,
    )


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


def _shell(workspace: Workspace, prepared: Prepared, command: str, name: str, stop: threading.Event) -> Ran:
    """Run a command on what the agent wrote, where the agent ran; raises AgentFault where it cannot be run."""
    environment = attempts.environment(workspace, prepared.feature, prepared.step, prepared.run)
    with confining.room(workspace, prepared.feature, prepared.worktree, prepared.run, environment) as room:
        return run_validation(
            command,
            directory=prepared.worktree,
            environment=room.environment,
            limit=workspace.configuration.timeout,
            output=attempts.output_file(workspace, prepared.feature, name),
            stop=stop,
            writable=room.writable,
        )


def _commit(workspace: Workspace, prepared: Prepared, stop: threading.Event) -> Failed | None:
    """Commit what the agent left uncommitted; the user's hooks may refuse. Raises GitFailed for a fault.

    In a sandbox git runs in it, too: hooks may be files of the worktree, or call some.
    """
    git = workspace.git.at(prepared.worktree)
    if not git.dirt():
        return None
    feature, step = prepared.feature, prepared.step
    subject = f"feat({feature.slug}): {step.workflow} {step.place.phase} {step.phase_title}".rstrip()
    message = f"{subject}\n\nFeature: {feature.slug}\nWorkflow: {step.workflow}\n"
    sign = workspace.configuration.run.sign
    if workspace.sandbox:
        ran = _shell(workspace, prepared, git.commit_all_words(message, sign=sign), "commit", stop)
        code, said = -1 if ran.code is None else ran.code, ran.text
    else:
        code, said = git.commit_all(message, sign=sign)
    if code == 0:
        return None
    if not git.has_staged():
        return None  # what was left was nothing that git keeps, an empty folder's submodule or a time stamp
    if code != 1:
        raise GitFailed(f"git commit in {prepared.worktree}: {_reason(said) or f'exit status {code}'}", code=code)
    return Failed(reason="the repository's own hooks refused the commit", command="git commit", exit=code, tail=said)


def _pass(
    workspace: Workspace, prepared: Prepared, said: Said | None, checked: Checked, seconds: float, used: Used
) -> Result:
    feature, step = prepared.feature, prepared.step
    outcome = Outcome(
        run=prepared.run,
        seconds=round(seconds, 3),
        checked=checked if checked.command else None,
        commit=workspace.git.ref(f"refs/heads/{feature.branch}"),
        note=said.note if said else "",
        evidence=said.evidence if said else (),
        cost=used.cost,
        turns=used.turns,
    )
    opens = ""
    if step.stop is not None:
        gate = msgspec.structs.replace(reached(step.stop), evidence=outcome.evidence)
        at = msgspec.structs.replace(workspace.world.features[feature.id], place=step.last)
        found = evidence.gather(workspace, at, gate, outcome.commit, outcome.cost, outcome.turns)
        outcome = msgspec.structs.replace(outcome, found=found)
        pause = workspace.line.pause(step.workflow, step.stop.key)
        opens = (now() + timedelta(seconds=pause)).isoformat(timespec="seconds") if pause else ""
    workspace.record(lambda world: decide.passed(world.features[feature.id], workspace.line, step, outcome, opens))
    after = workspace.world.features[feature.id]
    if after.gate is not None:
        return result_of(prepared, "gate", after.gate.gate.heading)
    if step.workflow in after.workflows_completed:
        worktrees.append_line(workspace, after, f"WORKFLOW: {step.workflow} ({step.title}) - DONE")
    return result_of(prepared, "passed")


def ask(workspace: Workspace, prepared: Prepared, said: Said, seconds: float, used: Used | None = None) -> Result:
    """The agent needs a person's decision to go on."""
    trigger = _reason(said.trigger or said.note) or "the agent asks for a decision"
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
    feature = workspace.world.features[prepared.feature.id]
    commit = workspace.git.ref(f"refs/heads/{feature.branch}")
    outcome = Outcome(
        run=prepared.run,
        seconds=round(seconds, 3),
        commit=commit,
        left=attempts.left(workspace, prepared.feature, prepared.worktree),
        found=evidence.gather(workspace, feature, gate, commit, *(used.cost, used.turns) if used else ()),
    )
    workspace.record(lambda world: decide.asked(world.features[prepared.feature.id], prepared.step, gate, outcome))
    return result_of(prepared, "gate", trigger)


def fail(workspace: Workspace, prepared: Prepared, failure: Failed, seconds: float) -> Result:
    """A counted failure, its tree kept; the last one orders the rollback.

    One within 20 s that changed no byte is a fault, and not counted.
    """
    feature, reason = prepared.feature, _reason(failure.reason)
    if prepared.before and seconds < TOO_QUICK and not attempts.has_changed(workspace, prepared, prepared.before):
        return park(workspace, feature, f"it failed at once and changed nothing: {reason}", prepared)
    kept, commit = attempts.keep(workspace, prepared)
    failed = AttemptFailed(
        ordinal=prepared.step.place.ordinal,
        attempt=prepared.number,
        run=prepared.run,
        reason=reason,
        command=failure.command,
        exit=failure.exit,
        tail=plain(failure.tail)[-_TAIL_BYTES:],
        kept=kept,
        commit=commit,
        **attempts.tried(workspace, prepared, commit),
        left=attempts.left(workspace, feature, prepared.worktree),
        seconds=round(seconds, 3),
    )
    workspace.record(lambda world: decide.failed(world.features[feature.id], failed))
    said = f"ATTEMPT {prepared.number} FAILED: {reason}"
    line = f"WORKFLOW: {prepared.step.workflow} ({prepared.step.title}) - {said}"
    worktrees.append_line(workspace, feature, line)
    if prepared.number < workspace.configuration.validate.attempts:
        return result_of(prepared, "failed", reason)
    return roll_back(workspace, workspace.world.features[feature.id])


def roll_back(workspace: Workspace, feature: Feature) -> Result:
    """Take a feature that is out of attempts back to before its workflow's first one."""
    reason = feature.failure.reason if feature.failure else ""
    refused = rollback.automatic(workspace, feature.id, reason)
    place = feature.place
    return Result(
        feature=feature.slug,
        workflow=place.workflow,
        phase=place.phase,
        attempt=feature.failed,
        outcome="parked" if refused else "rolled_back",
        why=refused or reason,
    )


def name_strangers(workspace: Workspace, prepared: Prepared) -> None:
    """Name branches that moved while the agent ran and are no open feature's; they never count as its own."""
    if prepared.step.merges or prepared.before is None:
        return
    after = workspace.git.refs("refs/heads/")
    worked = prepared.before.working | _worked_since(workspace, prepared.before.log)
    for name in sorted(after.keys() | prepared.before.branches.keys()):
        old, new = prepared.before.branches.get(name), after.get(name)
        if old != new and name not in worked:
            short = name.removeprefix("refs/heads/")
            went = f"{short} went from {_short(old)} to {_short(new)}"
            text = f"while {prepared.feature.slug} ran, {went}; not counted as its work"
            workspace.notices.append(text)
            mending.note(workspace, prepared.feature.id, text)


def _worked_since(workspace: Workspace, log: Head) -> set[str]:
    """Return the refs of the features that the kit itself ran or rolled back since a place in the log."""
    records, _, _ = workspace.journal.read(log)
    ours = {one.feature for one in records if one.event_type in _MOVES}
    return {f"refs/heads/{one.branch}" for one in workspace.world.features.values() if one.id in ours}


def _short(sha: Sha | None) -> str:
    return sha[:10] if sha else "nothing"


def interrupt(workspace: Workspace, prepared: Prepared, reason: str) -> Result:
    left = attempts.left(workspace, prepared.feature, prepared.worktree)
    workspace.record(lambda world: decide.interrupted(world.features[prepared.feature.id], reason, left))
    return result_of(prepared, "interrupted", reason)


def park(
    workspace: Workspace, feature: Feature, reason: str, prepared: Prepared | None = None, until: str = ""
) -> Result:
    """Stop a feature that only a person, or the time `until`, can help; nothing is counted."""
    reason = _reason(reason)
    left = attempts.left(workspace, feature, prepared.worktree) if prepared else None
    workspace.record(lambda world: decide.park(world.features[feature.id], reason, until, left))
    return result_of(prepared or workspace.world.features[feature.id], "parked", reason)


def result_of(of: Prepared | Feature, outcome: str, why: str = "") -> Result:
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


def _reason(text: str) -> str:
    return one_line(text)[:_REASON]
