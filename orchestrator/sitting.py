"""One sitting: what waits, as it is shown, and what one line of the person decides of it. Records nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from orchestrator import evidence
from orchestrator.checkpoints import instant
from orchestrator.config import STOPPING
from orchestrator.core.events import Exhibit, Gate
from orchestrator.core.line import GateFound
from orchestrator.core.state import Feature
from orchestrator.core.statement import Bound
from orchestrator.core.steps import reached
from orchestrator.core.values import FeatureId, Value, slug
from orchestrator.documents import Source
from orchestrator.errors import Refusal
from orchestrator.workspace import Workspace, now


class Row(Value):
    """One numbered row: a feature at its gate, or (feature None) a change of the line that waits for a yes.

    `bound` and `exhibits` are what was shown of the gate: a decision is about that, and nothing else.
    """

    number: int
    feature: Feature | None
    change: tuple[str, ...] = ()
    source: Source | None = None  # the line that `change` was read from
    bound: Bound | None = None
    exhibits: tuple[Exhibit, ...] = ()

    @property
    def type(self) -> str:
        """The gate's type; empty for the line."""
        return self.feature.gate.gate.type if self.feature is not None and self.feature.gate is not None else ""

    @property
    def is_outward(self) -> bool:
        """Tell whether a yes goes outside."""
        return self.type == "deploy"

    @property
    def name(self) -> str:
        """The word that names the row beside its number."""
        return self.feature.slug if self.feature else "line"


class Decided(Value):
    """What the person said of one row."""

    row: Row
    verdict: str
    answer: str = ""


def waiting(workspace: Workspace, only: Collection[FeatureId]) -> list[Row]:
    """Return what waits and may be decided now: human gates first, deploy gates after, oldest first."""
    found = [
        one
        for one in workspace.world.features.values()
        if one.gate is not None and one.ordered is None and (not only or one.id in only) and _is_offered(one)
    ]
    for one in [one for one in found if is_strange(workspace, one)]:
        found.remove(one)
        workspace.notices.append(f"{one.slug} waits at a gate that the kit did not reach so; it is not offered")
    for one in [one for one in found if evidence.is_false(workspace, one, evidence.base(workspace, one))]:
        found.remove(one)
        workspace.notices.append(f"git holds something else of {one.slug} than its names say; it is not offered")
    found.sort(
        key=lambda one: (
            one.gate is not None and one.gate.gate.type == "deploy",
            one.gate.event if one.gate else 0,
        )
    )
    rows = [_row_of(workspace, one, number) for number, one in enumerate(found, 1)]
    found_line = workspace.effective
    if not only and found_line.pending:
        rows.append(Row(number=len(rows) + 1, feature=None, change=found_line.pending, source=found_line.source))
    return rows


def is_strange(workspace: Workspace, feature: Feature) -> bool:
    """Tell whether a gate is none that the kit reaches: of no line, or an agent's under the name of one."""
    waits = feature.gate
    if waits is None:
        return False
    if waits.event == feature.started and waits.gate.reported and not waits.gate.key:  # as a state file had it
        return False
    documents = (evidence.document(workspace, feature), evidence.document_then(workspace, feature))
    gates = [gate for one in documents if one is not None for gate in one.gates]
    if waits.gate.reported:
        return not waits.gate.key.startswith("reported ") or waits.gate.key in {one.key for one in gates}
    return not any(_is_of(waits.gate, gate) for gate in gates)


_OF_THE_DOCUMENT = ("key", "type", "trigger", "heading", "label", "condition")


def _is_of(waits: Gate, found: GateFound) -> bool:
    made = reached(found)
    return all(getattr(waits, name) == getattr(made, name) for name in _OF_THE_DOCUMENT)


def _row_of(workspace: Workspace, feature: Feature, number: int) -> Row:
    bound, exhibits = evidence.bound(workspace, feature)
    return Row(number=number, feature=feature, bound=bound, exhibits=exhibits)


def named(rows: Sequence[Row], word: str) -> Row:
    """Return the row of a number or a name. Raises Refusal."""
    found = _row(word, rows)
    if found is None:
        known = ", ".join(f"{one.number} {one.name}" for one in rows)
        raise Refusal(f"{word!r} is none of what waits", f"there is {known}" if known else "nothing waits")
    return found


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


# --- asked -----------------------------------------------------------------------------------------


def question(rows: Sequence[Row], batch: Collection[str]) -> str:
    """Return the one question; it counts what goes outside. `batch` are the types that APPROVE ALL approves."""
    all_of_them = _all(rows, batch)
    outside = sum(one.is_outward for one in all_of_them)
    counted = f" ({outside} of them go{'es' if outside == 1 else ''} outside)" if outside else ""
    left = ", ".join(str(one.number) for one in rows if one not in all_of_them)
    by_name = f", {left} by number or name only" if left else ""
    return (
        f"APPROVE ALL approves the {len(all_of_them)} shown{counted}{by_name}; or numbers or names, "
        "`2 = an answer`, `skip 3`; anything else approves nothing: "
        if all_of_them
        else f"{left} by number or name, `2 = an answer`, `skip 3`; anything else approves nothing: "
    )


def _all(rows: Sequence[Row], batch: Collection[str]) -> list[Row]:
    return [one for one in rows if not one.type or one.type in batch]


_PART = re.compile(r"(?P<skip>skip\s+)?(?P<name>[^\s=]+)(?:\s*=\s*(?P<answer>.*))?", re.IGNORECASE)


def understand(line: str, rows: Sequence[Row], message: str, batch: Collection[str] = STOPPING) -> list[Decided]:
    """Return what one line decides; an empty list where it is not wholly understood.

    Raises Refusal, naming the word, for a line that names what was not shown: then nothing is approved.
    """
    text = line.strip()
    if text == "APPROVE ALL":
        return [Decided(row=one, verdict="approved", answer=message) for one in _all(rows, batch)]
    if not text:
        return []
    decided = [_decided(part, rows, message) for part in _parts(text)]
    names = [one.row.number for one in decided]
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


def _decided(part: str, rows: Sequence[Row], message: str) -> Decided:
    found = _PART.fullmatch(part)
    row = _row(found["name"], rows) if found else None
    if found is None or row is None:
        raise Refusal(f"{part!r} is none of what was shown; nothing was approved", "call it again")
    verdict = "skipped" if found["skip"] else "approved"
    return Decided(row=row, verdict=verdict, answer=(found["answer"] or message).strip())


def _row(name: str, rows: Sequence[Row]) -> Row | None:
    """Return the row of a number or a name. Raises Refusal for a word that names two."""
    try:
        wanted = str(slug(name))
    except Refusal:
        wanted = name
    found = [one for one in rows if str(one.number) == name or one.name in (name, wanted)]
    if len(found) > 1:
        raise Refusal(f"{name!r} names two of what was shown; nothing was approved", "use the other number or name")
    return found[0] if found else None
