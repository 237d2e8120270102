"""Where a feature stands in the line, what it is handed next, and where it goes on. Pure.

The line is the documents in order; a step is one piece of one of them, up to a stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from orchestrator.core.events import Gate, Place
from orchestrator.core.line import Document, GateFound, opening, piece, remainder
from orchestrator.core.state import Decision, Feature
from orchestrator.core.values import GateType, Value, natural_order
from orchestrator.errors import Refusal


class Line(Value):
    """The documents of the line in order, and the pauses of its gates in seconds by (workflow, key)."""

    documents: tuple[Document, ...] = ()
    pauses: dict[tuple[str, str], float] = {}

    def document(self, workflow: str) -> Document | None:
        """Return the document with this id, or None."""
        return next((one for one in self.documents if one.id == workflow), None)

    def beginning(self) -> Place | None:
        """Return the first place of all, or None in an empty line."""
        return start(self.documents[0]) if self.documents else None

    def following(self, workflow: str) -> Place | None:
        """Return the first place after a workflow, which itself need not be in the line any more."""
        here = natural_order(workflow)
        return next((start(one) for one in self.documents if natural_order(one.id) > here), None)

    def pause(self, workflow: str, key: str) -> float:
        """Return for how many seconds a gate is not offered after it was reached."""
        return self.pauses.get((workflow, key), 0.0)


class Step(Value):
    """What is handed out at once: the text, the phases it covers, and the stop at its end, if any."""

    workflow: str
    title: str
    covers: tuple[Place, ...]
    phase_title: str
    text: str
    opening: str
    stop: GateFound | None
    merges: bool = False

    @property
    def place(self) -> Place:
        """Where the step begins."""
        return self.covers[0]

    @property
    def last(self) -> Place:
        """The phase in which the step ends."""
        return self.covers[-1]


def start(document: Document) -> Place:
    """Return the place where a document begins: its opening where that holds a stop, else its first phase."""
    if document.has_opening:
        return Place(workflow=document.id, ordinal=0, phase="0")
    return Place(workflow=document.id, ordinal=1, phase=document.places[0].id)


def next_phase(document: Document, ordinal: int) -> Place | None:
    """Return the place of the phase after `ordinal` in the same document."""
    found = next((one for one in document.places if one.ordinal > ordinal), None)
    return Place(workflow=document.id, ordinal=found.ordinal, phase=found.id, begun=True) if found else None


def document_of(line: Line, place: Place) -> Document:
    """Return the document of a place; raise Refusal where the line has none or its phase is gone."""
    document = line.document(place.workflow)
    if document is None:
        raise Refusal(
            f"workflow {place.workflow} is not in the line",
            "put its document back, or move the feature: orchestrator set FEATURE workflow ID",
        )
    known = {one.ordinal for one in document.places} | ({0} if document.has_opening else set())
    if place.ordinal not in known:
        raise Refusal(
            f"{document.file} has no phase number {place.ordinal} any more (phase {place.phase})",
            "put the phase back, or move the feature: orchestrator set FEATURE phase ID",
        )
    return document


def next_step(line: Line, place: Place, whole_workflow: bool = False) -> Step:
    """Return the step at `place`; with `whole_workflow` it runs on through the phases up to the next stop."""
    document = document_of(line, place)
    pieces = [piece(document, place.ordinal, place.decided)]
    covers = [place]
    while whole_workflow and pieces[-1].stop is None:
        beyond = next_phase(document, covers[-1].ordinal)
        if beyond is None:
            break
        covers.append(beyond)
        pieces.append(piece(document, beyond.ordinal, ()))
    return Step(
        workflow=document.id,
        title=document.title,
        covers=tuple(covers),
        phase_title=pieces[0].phase_title,
        text="\n\n".join(one.text.strip("\n") for one in pieces),
        opening=_read_first(document, place.ordinal, pieces[0].text),
        stop=pieces[-1].stop,
        merges=any(gate.merges for gate in document.gates),
    )


def _read_first(document: Document, ordinal: int, text: str) -> str:
    """Return the text before the first phase; for a piece of that text itself, what lies before the piece."""
    whole = opening(document)
    return whole if ordinal else whole.partition(text.strip("\n"))[0]


def carried_section(line: Line, decision: Decision, place: Place) -> str:
    """Return the gate's section, to the end of its phase, for the head of a brief at `place`.

    Empty where the piece itself holds it.
    """
    if decision.gate.reported or decision.verdict == "rejected":
        return ""
    if (decision.workflow, decision.ordinal) == (place.workflow, place.ordinal):
        return ""
    document = line.document(decision.workflow)
    if document is None or all(gate.key != decision.gate.key for gate in document.gates):
        return ""
    here = [gate.key for gate in document.gates if gate.stops and gate.ordinal == decision.ordinal]
    return piece(document, decision.ordinal, here).text


def goes_on(line: Line, place: Place, gate: GateFound | Gate, verdict: str) -> Place | None:
    """Return where the feature goes on after a decision, within the same workflow.

    The same phase where more of it is to be handed out (a further stop, text behind the gate, or a deploy
    gate that no phase follows); the next phase; or None: the workflow is done.
    """
    document = document_of(line, place)
    decided = (*place.decided, gate.key)
    stay = msgspec.structs.replace(place, decided=decided)
    beyond = next_phase(document, place.ordinal)
    if piece(document, place.ordinal, decided).stop is not None:
        return stay
    if beyond is not None:
        return msgspec.structs.replace(beyond, begun=place.begun)
    alone = str(gate.type) == GateType.DEPLOY and verdict == "approved"
    return stay if alone or remainder(document, place.ordinal, decided) else None


def completes(place: Place, on: Place | None) -> bool:
    """Tell whether a decision that goes on at `on` completes the phase of `place`."""
    return on is None or on.ordinal != place.ordinal


def reached(found: GateFound) -> Gate:
    """Return a document's gate as the log keeps it."""
    return Gate(
        key=found.key, type=str(found.type), trigger=found.trigger, heading=found.heading, line=found.line,
        label=found.label, why=found.why, condition=found.condition,
    )  # fmt: skip


def stops_between(line: Line, here: Place, there: Place, completed: Sequence[str]) -> Iterator[tuple[Place, GateFound]]:
    """Yield the undecided stops from `here` up to, not with, `there`: each with the place it lies in."""
    for document in line.documents:
        order = natural_order(document.id)
        if order < natural_order(here.workflow) or order > natural_order(there.workflow):
            continue
        if document.id in completed and document.id != here.workflow:
            continue
        for gate in document.gates:
            place = Place(workflow=document.id, ordinal=gate.ordinal, phase=_phase_id(document, gate.ordinal))
            if gate.stops and _is_before(here, place, gate) and _precedes(place, there):
                decided = here.decided if _same(here, place) else ()
                yield msgspec.structs.replace(place, decided=decided), gate


def _phase_id(document: Document, ordinal: int) -> str:
    return next((one.id for one in document.places if one.ordinal == ordinal), "0")


def _same(one: Place, other: Place) -> bool:
    return (one.workflow, one.ordinal) == (other.workflow, other.ordinal)


def _is_before(here: Place, place: Place, gate: GateFound) -> bool:
    if here.workflow != place.workflow:
        return True
    if here.ordinal == place.ordinal:
        return gate.key not in here.decided
    return here.ordinal < place.ordinal


def _precedes(place: Place, there: Place) -> bool:
    if place.workflow == there.workflow:
        return place.ordinal < there.ordinal
    return natural_order(place.workflow) < natural_order(there.workflow)


def find_place(line: Line, workflow: str, phase: str = "") -> tuple[Place, GateFound | None]:
    """Return the place that `workflow` and `phase` (an id as written, or a gate's label) name.

    Raises Refusal, naming what there is. The gate is returned where `phase` names one.
    """
    document = line.document(workflow)
    if document is None:
        known = ", ".join(one.id for one in line.documents)
        raise Refusal(f"there is no workflow {workflow!r} in the line", f"the line has {known or 'no documents'}")
    if not phase:
        return start(document), None
    for one in document.places:
        if one.id.casefold() == phase.casefold():
            return Place(workflow=document.id, ordinal=one.ordinal, phase=one.id), None
    if phase == "0" and document.has_opening:
        return start(document), None
    for gate in document.gates:
        if phase.casefold() in (gate.label.casefold(), gate.heading.casefold()):
            return Place(workflow=document.id, ordinal=gate.ordinal, phase=_phase_id(document, gate.ordinal)), gate
    known = ", ".join(one.id for one in document.places)
    raise Refusal(f"{document.file} has no phase {phase!r}", f"it has {known}")


def label(feature: Feature) -> str:
    """Return the phase as the state file shows it: the gate's label, the phase's id, or done."""
    if feature.gate is not None and feature.gate.gate.label:
        return feature.gate.gate.label
    return feature.place.phase
