"""The door `client`: what is asked in Claude Code's own window, and the person's answers as its hook gives them.

Any process of the same user can give a hook such an answer: the log keeps these approvals under a name of their own,
they are off until `[gates] client` says otherwise, and nothing that goes outside or needs a signature passes here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from orchestrator import approval, session, showing, sitting
from orchestrator.adapters.agent import one_line
from orchestrator.approval import Held
from orchestrator.core import asking
from orchestrator.core.asking import APPROVE, MOST, Answer, Hooked, Question
from orchestrator.core.values import FeatureId
from orchestrator.errors import OrchestratorError
from orchestrator.sitting import Decided, Row
from orchestrator.workspace import Workspace, person

DOOR = "client"
_IN_A_TERMINAL = "a person decides it in a terminal"


# --- asked -----------------------------------------------------------------------------------------


def questions(workspace: Workspace, only: Collection[FeatureId]) -> dict[str, Any]:
    """Return the first gates as questions for AskUserQuestion, and what else waits with why it is not among them."""
    rows = sitting.waiting(workspace, only)
    reasons = {one.number: closed(workspace, one) for one in rows}
    open_ones = [one for one in rows if not reasons[one.number]]
    others = [(one, reasons[one.number]) for one in rows if reasons[one.number]]
    others += [(one, f"asked next: one call holds {MOST} questions") for one in open_ones[MOST:]]
    return {
        "questions": [question for one in open_ones[:MOST] if (question := _question(workspace, one))],
        "others": [_other(one, why) for one, why in others],
    }


def _other(row: Row, why: str) -> dict[str, str]:
    feature = row.feature
    if feature is None or feature.gate is None:
        return {"feature": row.name, "workflow": "", "heading": "", "type": "", "why": why}
    heading = one_line(feature.gate.gate.heading)
    place = {"feature": row.name, "workflow": feature.place.workflow, "heading": heading}
    return {**place, "type": row.type, "why": why}


def closed(workspace: Workspace, row: Row) -> str:
    """Return why a row is not decided through this door; empty where it may be."""
    if row.feature is None:
        return f"a change of the line: {_IN_A_TERMINAL}"
    if row.is_outward or row.type != "human":
        return f"a {row.type} gate: {_IN_A_TERMINAL}"
    if row.type in workspace.signed:
        return f"it takes a signature: {_IN_A_TERMINAL}"
    if row.type not in workspace.effective.configuration.gates.client:
        return f"[gates] client does not name {row.type} gates: {_IN_A_TERMINAL}"
    return ""


def _question(workspace: Workspace, row: Row) -> Question | None:
    if row.bound is None:
        return None
    return asking.question(row.name, row.bound, showing.sentences(workspace, row))


# --- answered --------------------------------------------------------------------------------------


def answered(hooked: Hooked, environment: Mapping[str, str]) -> str:
    """Record the approvals among the answers of one call of the tool; return what to tell, empty for no gate's.

    Never raises what is foreseen: the client's question was asked and answered all the same.
    """
    if (hooked.hook_event_name, hooked.tool_name) != ("PostToolUse", asking.TOOL):
        return ""
    given = asking.answers(hooked)
    if not given:
        return ""
    why = _no_person(hooked, environment)
    try:
        said = [_line(one.slug, why) for one in given] if why else _recorded(hooked, given)
    except (OrchestratorError, OSError) as error:
        said = [f"nothing was recorded: {error}"]
    return "orchestrator: " + "; ".join(said)


def _no_person(hooked: Hooked, environment: Mapping[str, str]) -> str:
    if hooked.agent_id is not None:
        return "a subagent asked"
    if environment.get("ORCHESTRATOR_RUN_ID"):
        return "it was asked inside a run"
    if environment.get("CLAUDE_CODE_SESSION_ATTENDED", "").lower() in ("0", "false"):
        return "nobody attends this session"
    return asking.nobody_answered(hooked)


def _recorded(hooked: Hooked, given: list[Answer]) -> list[str]:
    with session.writing() as workspace:
        session.refuse_below_a_run(workspace)
        workspace.take_line()
        rows = {one.name: one for one in sitting.waiting(workspace, ()) if one.feature is not None}
        reasons = {one.slug: _refused(workspace, one, rows.get(one.slug)) for one in given}
        decisions = [Decided(row=rows[slug], verdict="approved") for slug, why in reasons.items() if not why]
        said = [_line(slug, why) for slug, why in reasons.items() if why]
        if not decisions:
            return said
        held = Held(door=DOOR, who=person(workspace.git), shown=hooked.seconds)
        outcome = approval.record(workspace, decisions, held)
        approved = [f"approved by {held.who.partition(':')[2]}: {one}" for one in outcome.approved]
        return [*approved, *outcome.refused, *said]


def _refused(workspace: Workspace, answer: Answer, row: Row | None) -> str:
    """Return why an answer is not recorded; empty where it is a yes to what was shown, and still is so."""
    if answer.said != APPROVE:
        return f"the answer is not {APPROVE!r}; whether it is sent back is said by the person in a terminal"
    if answer.has_notes:
        return f"the person wrote something beside {APPROVE!r}"
    if row is None:
        return "it waits at no gate that can be decided now"
    if why := closed(workspace, row):
        return why
    wanted = _question(workspace, row)
    if wanted is None or row.bound is None or answer.code != asking.code(row.name, row.bound):
        return "its gate is not as it was when it was asked; ask again with the question as it is now"
    if not asking.is_as_written(answer.asked, wanted):
        return "it was not asked in the words of `orchestrator approve --ask`; ask again with every word unchanged"
    return ""


def _line(slug: str, why: str) -> str:
    return f"nothing was recorded for {slug}: {why}"
