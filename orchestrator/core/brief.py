"""The text handed to the agent for a step. Pure. It never shows a command that approves or destroys."""

from __future__ import annotations

from orchestrator.core.state import Decision, Failure, Feature
from orchestrator.core.steps import Line, Step, carried_section
from orchestrator.core.values import GateType, Value

_TAIL_LINES = 60
_CONFINED = (
    "\n\nA sandbox holds you: you can read everything, and write to this worktree, its branch and the folders for\n"
    "temporary files. A write that is refused elsewhere is meant so: say what you would have needed; seek no way round."
)


class Setting(Value):
    """What a brief says besides the document. `validation` is the command that the kit will run, or empty."""

    attempts: int
    number: int
    validation: str = ""
    commits: bool = True  # False: the agent cannot commit, and the kit does it afterwards
    confined: bool = False  # in the kit's sandbox


def compose(feature: Feature, line: Line, step: Step, setting: Setting) -> str:
    """Return the brief of a step."""
    parts = [
        _head(feature, step, setting),
        *(_decision(one, carried_section(line, one, step.place)) for one in feature.carried),
        _failure(feature.failure, feature.failure.attempt == feature.failed) if feature.failure else "",
        _block("What the document says first", step.opening),
        _block(f"Your piece: {step.title}", step.text),
        _stop(step),
        _merge() if step.merges else "",
        _contract(setting),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def _head(feature: Feature, step: Step, setting: Setting) -> str:
    attempt = f"attempt {setting.number} of {setting.attempts}"
    title = f" ({step.phase_title})" if step.phase_title else ""
    how = "Commit as you go" if setting.commits else "Do not commit: what you leave is committed when you are done"
    return (
        f"# {feature.slug}: workflow {step.workflow}, phase {step.place.phase}{title}, {attempt}\n\n"
        f"You work alone on feature `{feature.slug}` in the worktree of its branch `{feature.branch}`. Nobody answers\n"
        f"questions while you work. Do this piece of the document and nothing beyond it. {how}; keep notes\n"
        f"in the files `.context/feat-{feature.slug}_*`." + (_CONFINED if setting.confined else "")
    )


def _decision(decision: Decision, section: str) -> str:
    words = {
        "approved": f"A person approved: {decision.gate.heading}",
        "skipped": f"A person said that the condition does not hold, skip: {decision.gate.heading}",
        "rejected": f"A person rejected: {decision.gate.heading}",
    }
    answer = f"\n\nTheir words:\n\n{_quoted(decision.answer)}" if decision.answer else ""
    asked = f"\n\nIt had been asked: {decision.gate.trigger}" if decision.gate.trigger else ""
    follows = (
        f"\n\nThe section of the gate, which is decided now and not to be asked again:\n\n{section}" if section else ""
    )
    return f"## {words[decision.verdict]} ({decision.at})" + asked + answer + follows


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _failure(failure: Failure, is_in_place: bool) -> str:
    lines = [f"## Attempt {failure.attempt} failed: {failure.reason}"]
    if failure.command:
        lines.append(f"The command that failed (exit {failure.exit}): `{failure.command}`")
    lines += [f"Before it, {one}" for one in failure.earlier]
    if failure.kept:
        here = " and is still in place here" if is_in_place else "; here it was taken back"
        lines.append(f"The tree as that attempt left it is kept at `{failure.kept}`{here}.")
    if failure.tried:
        lines.append("What it committed:\n\n" + "\n".join(f"- {one}" for one in failure.tried))
    if failure.changed:
        lines.append("What it changed (lines added, removed):\n\n" + "\n".join(f"- {one}" for one in failure.changed))
    if failure.tail:
        tail = "\n".join(failure.tail.splitlines()[-_TAIL_LINES:])
        lines.append(f"Its last lines:\n\n{_fenced(tail)}")
    return "\n\n".join(lines)


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _block(title: str, text: str) -> str:
    return f"## {title}\n\n{text.strip(chr(10))}" if text.strip() else ""


def _stop(step: Step) -> str:
    if step.stop is None:
        return ""
    kind = "something outward or irreversible" if step.stop.type is GateType.DEPLOY else "a decision"
    return (
        f"## Stop at the gate: {step.stop.heading}\n\n"
        f"This is {kind} that a person decides. Prepare what is asked for there, so that it can be judged; do nothing\n"
        "of what is asked about; then stop and end your turn. The gate's section comes back to you with the decision."
    )


def _merge() -> str:
    return (
        "## Where the default branch is\n\n"
        "It is checked out in the main worktree, at `$ORCHESTRATOR_MAIN`, not here. Merge there with\n"
        '`git -C "$ORCHESTRATOR_MAIN" merge --no-ff BRANCH`, or by a pull request; do not check it out in this\n'
        "worktree."
    )


def _contract(setting: Setting) -> str:
    lines = ["## How to end", ""]
    if setting.validation:
        lines += [
            f"When you are done the kit runs `{setting.validation}` here; the attempt passes only if that succeeds.",
            "",
        ]
    lines += [
        "Exit with 0 when the piece is done. You may end your output with one line of JSON:",
        '`{"orchestrator": {"outcome": "ok", "evidence": ["path"], "note": "one sentence"}}`. Use `"outcome": "fail"`',
        'when you could not do it, and `"outcome": "gate"` with `"trigger": "the question"` when you need a person\'s',
        "decision to go on. Exit with 75 when something that is not yours stands in the way (quota, network, login).",
    ]
    return "\n".join(lines)
