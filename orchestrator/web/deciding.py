"""Records what a form of the page says, about what the page had shown: the rules are those of `approve` and `reject`.

Keeps what was shown in memory: a form names it by its fingerprint, and what was not shown is not decided.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from orchestrator import approval, evidence, session, sitting
from orchestrator.adapters.agent import one_line, plain
from orchestrator.approval import Held
from orchestrator.core import decide, statement
from orchestrator.core.events import Fact
from orchestrator.core.state import World
from orchestrator.core.values import Value
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.sitting import Decided, Row
from orchestrator.web.gates import closed, mark
from orchestrator.workspace import Workspace

DOOR = "page"
_BACK = "sent back"
_KEPT = 5000  # rows that were shown, and answers
_LONGEST = 4000  # characters of an answer or a reason


class Wish(Value):
    """What a form asks for: `approve` and `skip` are fingerprints, `answers` by them.

    With `is_all` it is APPROVE ALL for what `shown` lists, as `batch` had it when it was shown.
    """

    approve: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    answers: Mapping[str, str] = {}
    is_all: bool = False
    shown: tuple[str, ...] = ()
    batch: str = ""


class Said(Value):
    """What came of a form, a line each."""

    done: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Desk:
    """What the page showed since it was opened, and what came of its forms."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, tuple[Row, float]] = OrderedDict()
        self._said: OrderedDict[str, Said] = OrderedDict()
        self._decided: dict[str, str] = {}

    def put(self, rows: Sequence[Row]) -> None:
        """Remember what is shown now."""
        for one in rows:
            self._rows[mark(one)] = (one, time.monotonic())
            self._rows.move_to_end(mark(one))
        while len(self._rows) > _KEPT:
            self._rows.popitem(last=False)

    def row(self, fingerprint: str) -> Row:
        """Return what was shown under a fingerprint. Raises Refusal."""
        found = self._rows.get(fingerprint)
        if found is None:
            raise Refusal("this page was not shown by the program that runs now: nothing was decided", "look again")
        return found[0]

    def decided(self, fingerprint: str) -> str:
        """Return what this page recorded already of what was shown so; empty where nothing was."""
        return self._decided.get(fingerprint, "")

    def close(self, row: Row, verdict: str) -> None:
        """Remember that a row as it was shown is decided: a form that comes twice is told so."""
        self._decided[mark(row)] = verdict

    def seconds(self, rows: Sequence[Row]) -> float:
        """Return for how long the last of them was shown."""
        return time.monotonic() - max((self._rows[mark(one)][1] for one in rows), default=time.monotonic())

    def keep(self, said: Said) -> str:
        """Keep what came of a form; return the word under which the next page asks for it."""
        word = secrets.token_urlsafe(9)
        self._said[word] = said
        while len(self._said) > _KEPT:
            self._said.popitem(last=False)
        return word

    def said(self, word: str) -> Said | None:
        """Return what came of a form, once: a page that is loaded again does not say it a second time."""
        return self._said.pop(word, None)


def approve(desk: Desk, wish: Wish) -> Said:
    """Record the approvals that a form asks for, each of a gate that is still as it was shown."""
    try:
        with session.writing("review", anew=True) as workspace:
            workspace.take_line()
            decisions = _decisions(workspace, desk, wish)
            if not decisions:
                return Said(refused=("nothing was chosen: nothing was approved",))
            known = {one.row.name: desk.decided(mark(one.row)) for one in decisions}
            reasons = {one.row.name: closed(workspace, one.row) for one in decisions}
            refused = [f"{name} was not approved: {why}" for name, why in reasons.items() if why and not known[name]]
            left = [one for one in decisions if not reasons[one.row.name] and not known[one.row.name]]
            said = _recorded(workspace, desk, left) if left else Said()
            again = [
                f"{one.row.name} was {one.verdict} already" for one in decisions if known[one.row.name] == one.verdict
            ]
            other = [
                f"{name} was not approved: it was sent back already" for name, how in known.items() if how == _BACK
            ]
            return Said(done=(*said.done, *again), refused=(*said.refused, *refused, *other))
    except (OrchestratorError, OSError) as error:
        return Said(refused=(_told(error),))


def _recorded(workspace: Workspace, desk: Desk, decisions: Sequence[Decided]) -> Said:
    rows = [one.row for one in decisions]
    held = Held(door=DOOR, who=session.caller(workspace), shown=desk.seconds(rows))
    outcome = approval.record(workspace, decisions, held)
    names = {one.removesuffix(" (skipped)") for one in outcome.approved}
    for one in decisions:
        if one.row.name in names:
            desk.close(one.row, one.verdict)
    return Said(done=tuple(f"approved: {one}" for one in outcome.approved), refused=outcome.refused)


def _told(error: Exception) -> str:
    return one_line(str(error))


def _decisions(workspace: Workspace, desk: Desk, wish: Wish) -> list[Decided]:
    session.refuse_below_a_run(workspace)
    answers = {name: one_line(text)[:_LONGEST] for name, text in wish.answers.items()}
    if wish.is_all:
        batch = workspace.effective.configuration.gates.batch
        if wish.batch != ",".join(batch):
            raise Refusal("[gates] batch changed since this was shown (batch): nothing was approved", "look again")
        rows = [desk.row(one) for one in dict.fromkeys(wish.shown)]
        found = sitting.understand("APPROVE ALL", [one for one in rows if not closed(workspace, one)], "", batch)
        return [Decided(row=one.row, verdict=one.verdict, answer=answers.get(mark(one.row), "")) for one in found]
    both = set(wish.approve) & set(wish.skip)
    if both:
        raise Refusal("a gate was both approved and skipped: nothing was approved", "choose one")
    verdicts = {**dict.fromkeys(wish.approve, "approved"), **dict.fromkeys(wish.skip, "skipped")}
    return [Decided(row=desk.row(one), verdict=how, answer=answers.get(one, "")) for one, how in verdicts.items()]


def reject(desk: Desk, fingerprint: str, why: str) -> Said:
    """Send the feature back whose gate was shown so, as long as it is as it was shown."""
    try:
        with session.writing("review", anew=True) as workspace:
            session.refuse_below_a_run(workspace)
            row = desk.row(fingerprint)
            if reason := closed(workspace, row):
                raise Refusal(f"{row.name} was not sent back: {reason}")
            if known := desk.decided(fingerprint):
                raise Refusal(f"{row.name} was {known} already; nothing more was recorded")
            _send_back(workspace, row, plain(why).strip()[:_LONGEST])
            desk.close(row, _BACK)
            return Said(done=(f"sent back: {row.name}; its next brief carries your reason",))
    except (OrchestratorError, OSError) as error:
        return Said(refused=(_told(error),))


def _send_back(workspace: Workspace, row: Row, why: str) -> None:
    shown = row.bound
    if shown is None:
        raise Refusal("a change of the line is not sent back: undo it in its files")
    if not why:
        raise Refusal(f"{row.name} was not sent back: a rejection needs its reason")
    line = workspace.settle_line()
    feature = workspace.world.features[shown.feature]
    if feature.gate is None:
        raise Refusal(f"{row.name} was not sent back: it waits at no gate any more (reached)")
    if changed := statement.difference(shown, evidence.bound(workspace, feature)[0]):
        raise Refusal(f"{row.name} was not sent back: {changed}")
    who = session.caller(workspace)

    def rule(world: World) -> list[Fact]:
        now = world.features[shown.feature]
        if now.last_hash != shown.head:
            raise Refusal(f"{row.name} was not sent back: something was recorded of it since it was shown (head)")
        return decide.reject(now, line, why, "", who)

    workspace.record(rule)
