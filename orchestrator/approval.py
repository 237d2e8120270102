"""The sitting: what waits, shown with its evidence; one line from the person; exactly that is recorded."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

import click

from orchestrator import checkpoints, documents, render
from orchestrator.adapters.agent import plain
from orchestrator.checkpoints import instant
from orchestrator.core import decide
from orchestrator.core.decide import Item, Sitting
from orchestrator.core.events import GateReached
from orchestrator.core.state import Feature
from orchestrator.core.values import FeatureId, Value, slug
from orchestrator.errors import Refusal
from orchestrator.workspace import Workspace, now


class Shown(Value):
    """One numbered row: a feature at its gate, or (feature None) a change of the line that waits for a yes."""

    number: int
    feature: Feature | None
    change: tuple[str, ...] = ()

    @property
    def is_outward(self) -> bool:
        """Tell whether a yes goes outside."""
        return self.feature is not None and self.feature.gate is not None and self.feature.gate.gate.type == "deploy"

    @property
    def name(self) -> str:
        """The word that names the row beside its number."""
        return self.feature.slug if self.feature else "line"


class Decided(Value):
    """What the person said of one row."""

    shown: Shown
    verdict: str
    answer: str = ""


def waiting(workspace: Workspace, only: Collection[FeatureId]) -> list[Shown]:
    """Return what waits and may be decided now: human gates first, deploy gates after, oldest first."""
    found = [
        one
        for one in workspace.world.features.values()
        if one.gate is not None and one.ordered is None and (not only or one.id in only) and _is_offered(one)
    ]
    found.sort(
        key=lambda one: (
            one.gate is not None and one.gate.gate.type == "deploy",
            one.gate.event if one.gate else 0,
        )
    )
    rows = [Shown(number=n, feature=one) for n, one in enumerate(found, 1)]
    if not only and workspace.effective.pending:
        rows.append(Shown(number=len(rows) + 1, feature=None, change=workspace.effective.pending))
    return rows


def _is_offered(feature: Feature) -> bool:
    """Tell whether a gate's pause is over; the clock alone opens nothing, it only lets the question come."""
    opens = feature.gate.opens if feature.gate else ""
    return not opens or instant(opens) <= now().timestamp()


def nothing_waits(workspace: Workspace, only: Collection[FeatureId]) -> str:
    """Return the sentence for an empty list; a running pause is named."""
    later = [
        f"{one.slug} not before {one.gate.opens}"
        for one in workspace.world.features.values()
        if one.gate is not None and one.gate.opens and (not only or one.id in only)
    ]
    return "no gate waits for a decision" + (f" ({', '.join(later)})" if later else "")


# --- shown -----------------------------------------------------------------------------------------


def show(workspace: Workspace, rows: Sequence[Shown]) -> None:
    """Print the rows, deploy gates in a block of their own."""
    inside = [one for one in rows if not one.is_outward]
    outside = [one for one in rows if one.is_outward]
    for title, block in (("Waiting for a decision", inside), ("Going outside, or irreversible", outside)):
        if block:
            click.echo(title)
            for one in block:
                _show(workspace, one)
            click.echo()


def _show(workspace: Workspace, row: Shown) -> None:
    if row.feature is None or row.feature.gate is None:
        click.echo(f"  {row.number}  line  a change removes or weakens a stop, or changes a validation:")
        for change in row.change:
            click.echo(f"       - {plain(change)}")
        return
    feature, waits = row.feature, row.feature.gate
    gate = waits.gate
    since = render.ago(waits.reached_at)
    click.echo(
        f"  {row.number}  {feature.slug}  {feature.place.workflow}  {plain(gate.heading)}  ({gate.type}, {since})"
    )
    asked = plain(gate.trigger)
    if asked and asked != plain(gate.heading):
        click.echo(f"       asks: {asked}")
    if gate.condition:
        click.echo(f"       only {plain(gate.condition)}: `skip {row.number}` when that does not hold")
    for line in evidence(workspace, feature):
        click.echo(f"       {line}")


def evidence(workspace: Workspace, feature: Feature) -> list[str]:
    """Return what speaks for a decision: commits and files since the workflow began, validation, files, words."""
    lines = _since(workspace, feature)
    waits = feature.gate
    if waits is None:
        return lines
    checked = checked_at(workspace, waits.event)
    if checked:
        lines.append(checked)
    place = Path(feature.worktree) if feature.worktree else workspace.main
    for name in waits.gate.evidence:
        there = (place / name).exists()
        lines.append(f"file: {place / plain(name)}" + ("" if there else " (not there)"))
    if waits.gate.note:
        lines.append(f"the agent says: “{plain(waits.gate.note)}”")
    return lines


def _since(workspace: Workspace, feature: Feature) -> list[str]:
    """Return the commits and the size of the change since the workflow's rollback point, hardened plumbing only."""
    begun = [one for one in feature.points if one.workflow == feature.place.workflow and one.n in feature.ancestors]
    if not begun or feature.tip is None or begun[-1].commit == feature.tip:
        return ["commits: none in this workflow"]
    git = workspace.git
    span = f"{begun[-1].commit}..{feature.tip}"
    subjects = git.lines("log", "--no-show-signature", "--format=%h %s", "--max-count=5", span)
    count = int(git.text("rev-list", "--count", span))
    stat = git.text(
        "diff-tree", "--no-ext-diff", "--no-textconv", "--shortstat", "-r", begun[-1].commit, feature.tip
    ).strip()
    more = [f"        ... and {count - len(subjects)} more"] if count > len(subjects) else []
    return [
        f"commits: {count} ({stat or 'no file changed'})",
        *(f"        {plain(one)}" for one in subjects),
        *more,
    ]


def checked_at(workspace: Workspace, event: int) -> str:
    """Return what the kit's own validation said when the gate was reached."""
    found = next((one for one in workspace.events() if one.id == event), None)
    payload = found.payload if found else None
    checked = payload.checked if isinstance(payload, GateReached) else None
    if checked is None and isinstance(payload, GateReached) and payload.gate.reported:
        return "validation: not run, the agent asks as it works"
    if checked is None:
        return "validation: none configured, the agent's word counts"
    return f"validation: `{checked.command}` exit {checked.exit}, {checked.seconds:.1f} s"


# --- asked -----------------------------------------------------------------------------------------


def question(rows: Sequence[Shown]) -> str:
    """Return the one question; it counts what goes outside."""
    outside = sum(one.is_outward for one in rows)
    counted = f" ({outside} of them go{'es' if outside == 1 else ''} outside)" if outside else ""
    return (
        f"APPROVE ALL approves the {len(rows)} shown{counted}; or numbers or names, `2 = an answer`, `skip 3`; "
        "anything else approves nothing: "
    )


_PART = re.compile(r"(?P<skip>skip\s+)?(?P<name>[^\s=]+)(?:\s*=\s*(?P<answer>.*))?", re.IGNORECASE)


def understand(line: str, rows: Sequence[Shown], message: str) -> list[Decided]:
    """Return what one line decides; an empty list where it is not wholly understood.

    Raises Refusal, naming the word, for a line that names what was not shown: then nothing is approved.
    """
    text = line.strip()
    if text == "APPROVE ALL":
        return [Decided(shown=one, verdict="approved", answer=message) for one in rows]
    if not text:
        return []
    decided = [_decided(part, rows, message) for part in _parts(text)]
    names = [one.shown.number for one in decided]
    if len(set(names)) != len(names):
        raise Refusal(f"{text!r} names a gate twice; nothing was approved", "call it again")
    return decided


def _parts(text: str) -> list[str]:
    """Split `1 3`, `2 = option B, skip 4` and `payment landing` into one part a gate.

    An answer goes on to the next comma or semicolon behind which another answer or a `skip` begins, or to the
    line's end: a bare number behind it may well belong to the answer, and approves nothing.
    """
    parts: list[str] = []
    separator = ""
    for piece in re.split(r"([,;])", text):
        if piece in (",", ";"):
            separator = piece
        elif parts and "=" in parts[-1] and not _BEGINS.match(piece):
            parts[-1] = f"{parts[-1]}{separator}{piece}"
        else:
            parts.extend(_words(piece))
    return parts


_BEGINS = re.compile(r"\s*(skip\s+\S+\s*$|[^\s=]+\s*=)", re.IGNORECASE)


def _words(piece: str) -> list[str]:
    words, equals, answer = piece.partition("=")
    names = re.findall(r"skip\s+\S+|\S+", words, re.IGNORECASE)
    if equals and names:
        names[-1] = f"{names[-1]} = {answer.strip()}"
    return list(names)


def _decided(part: str, rows: Sequence[Shown], message: str) -> Decided:
    found = _PART.fullmatch(part)
    row = _row(found["name"], rows) if found else None
    if found is None or row is None:
        raise Refusal(f"{part!r} is none of what was shown; nothing was approved", "call it again")
    verdict = "skipped" if found["skip"] else "approved"
    return Decided(shown=row, verdict=verdict, answer=(found["answer"] or message).strip())


def _row(name: str, rows: Sequence[Shown]) -> Shown | None:
    """Return the row of a number or a name. Raises Refusal for a word that names two."""
    try:
        wanted = str(slug(name))
    except Refusal:
        wanted = name
    found = [one for one in rows if str(one.number) == name or one.name in (name, wanted)]
    if len(found) > 1:
        raise Refusal(f"{name!r} names two of what was shown; nothing was approved", "use the other number or name")
    return found[0] if found else None


# --- recorded --------------------------------------------------------------------------------------


def record(workspace: Workspace, rows: Sequence[Shown], decisions: Sequence[Decided], who: str, shown: float) -> str:
    """Record exactly these decisions, the gates all or none, then the line; return the sentence that says so.

    Raises Refusal where a gate is not the one that was shown any more.
    """
    gates = [one for one in decisions if one.shown.feature is not None]
    items = [_item(one) for one in gates]
    waited = {
        one.shown.feature.id: round(now().timestamp() - instant(one.shown.feature.gate.reached_at), 3)
        for one in gates
        if one.shown.feature is not None and one.shown.feature.gate is not None
    }
    sitting = Sitting(door="terminal", actor=who, batch=uuid.uuid4().hex, shown=round(shown, 3), waited=waited)
    line = workspace.line
    changes = next((one.shown.change for one in decisions if one.shown.feature is None), None)
    if changes is not None and documents.source(workspace.main) != workspace.effective.source:
        raise Refusal("the line changed again since it was shown; nothing was approved", "call it again")
    if items:
        checkpoints.drain(workspace)  # a commit since the question is taken in, and refuses the batch
        workspace.record(lambda world: decide.approve(world, line, items, sitting))
    if changes is not None:
        workspace.accept_line(changes, "terminal", who)
    names = ", ".join(f"{one.shown.name}{' (skipped)' if one.verdict == 'skipped' else ''}" for one in decisions)
    return f"approved: {names}" + (f"; not: {left}" if (left := _left(rows, decisions)) else "")


def _left(rows: Sequence[Shown], decisions: Sequence[Decided]) -> str:
    taken = {one.shown.number for one in decisions}
    return ", ".join(one.name for one in rows if one.number not in taken)


def _item(decision: Decided) -> Item:
    feature = decision.shown.feature
    if feature is None or feature.gate is None:
        raise Refusal("only a gate is decided here")
    return Item(
        feature=feature.id,
        event=feature.gate.event,
        commit=feature.tip,
        verdict=decision.verdict,
        answer=decision.answer,
    )
