"""What the page shows of each gate, gathered from log, documents and git. Decides nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

import msgspec

from orchestrator import evidence, render, showing
from orchestrator.adapters import objects
from orchestrator.adapters.agent import one_line, plain
from orchestrator.attempts import shown
from orchestrator.checkpoints import instant
from orchestrator.core.events import Place
from orchestrator.core.spans import Span, spans
from orchestrator.core.state import Feature, Waiting
from orchestrator.core.statement import fingerprint
from orchestrator.core.steps import goes_on
from orchestrator.core.telling import duration
from orchestrator.core.values import Sha, Status, Value
from orchestrator.errors import OrchestratorError
from orchestrator.showing import Check
from orchestrator.sitting import Row
from orchestrator.web import patches, pictures
from orchestrator.web.patches import Patched
from orchestrator.workspace import Workspace, now

_WRONG = ("failed", "interrupted", "rolled back")
_PICTURES = 24  # of one gate


class Exhibited(Value):
    """A file of evidence: `index` among the gate's, `why` is empty where it is as it was named."""

    index: int
    path: str
    size: str
    digest: str
    why: str
    is_picture: bool
    had_before: bool


class Shown(Value):
    """One gate, or the change of the line, as the page shows it: text only, nothing of it is HTML."""

    number: int
    name: str
    fingerprint: str
    kind: str  # human, deploy, ...; empty for the line
    is_outward: bool
    closed: str  # why it is not decided on this page
    heading: str
    why: str  # it stops
    yes: str  # what happens then
    in_all: bool  # whether APPROVE ALL approves it
    place: str = ""
    asks: str = ""
    condition: str = ""
    reached: str = ""
    waited: str = ""
    facts: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    section: str = ""
    checks: tuple[Check, ...] = ()
    wrong: tuple[str, ...] = ()
    note: str = ""
    commits: tuple[str, ...] = ()
    changes: str = ""
    patch: tuple[Patched, ...] = ()
    validation: str = ""
    output: str = ""
    exhibits: tuple[Exhibited, ...] = ()
    cost: str = ""
    bound: tuple[str, ...] = ()
    change: tuple[str, ...] = ()


class Other(Value):
    """A feature that waits for nobody here: what it does, or why it does not."""

    name: str
    place: str
    why: str
    is_wrong: bool


def gather(workspace: Workspace, rows: Sequence[Row]) -> list[Shown]:
    """Return what is shown of these rows."""
    batch = workspace.effective.configuration.gates.batch
    stretches = spans(workspace.events())
    return [
        _line(workspace, one) if one.feature is None else _gate(workspace, one, one.feature, batch, stretches)
        for one in rows
    ]


def mark(row: Row) -> str:
    """Return what ties an answer to a row as it was shown: the door `client` has the same for its questions."""
    if row.bound is not None:
        return fingerprint(row.bound)
    return sha256(msgspec.msgpack.encode((row.change, row.source), order="sorted")).hexdigest()


def closed(workspace: Workspace, row: Row) -> str:
    """Return why a row is not decided on a page; empty where it may be."""
    is_signed = bool(workspace.signed) if row.feature is None else row.type in workspace.signed
    return "it takes a signature, which a page cannot give: decide it in the terminal" if is_signed else ""


def others(workspace: Workspace, rows: Sequence[Row]) -> list[Other]:
    """Return the features that are not among the rows and not done, in the order in which they were started."""
    there = {one.feature.id for one in rows if one.feature is not None}
    left = [one for one in workspace.world.features.values() if one.id not in there and not one.retired]
    return [
        Other(
            name=one.slug,
            place=one.place.workflow,
            why=one_line(render.why(workspace, one)),
            is_wrong=one.status in (Status.FAILED, Status.BLOCKED) or one.ordered is not None,
        )
        for one in left
        if one.status is not Status.COMPLETED
    ]


def _line(workspace: Workspace, row: Row) -> Shown:
    return Shown(
        number=row.number,
        name=row.name,
        fingerprint=mark(row),
        kind="",
        is_outward=False,
        closed=closed(workspace, row),
        heading="A change of the line",
        why="it removes or weakens a stop, or changes a validation",
        yes="what is listed here holds from now on",
        in_all=True,
        change=tuple(one_line(one) for one in row.change),
    )


def _gate(workspace: Workspace, row: Row, feature: Feature, batch: Sequence[str], stretches: Sequence[Span]) -> Shown:
    waits, base = feature.gate, row.bound.base if row.bound is not None else None
    if waits is None:
        raise ValueError(f"{feature.slug} waits at no gate")
    gate, text = waits.gate, plain(evidence.section(workspace, feature))
    sizes = evidence.sizes(workspace, feature, base)
    return Shown(
        number=row.number,
        name=row.name,
        fingerprint=mark(row),
        kind=row.type,
        is_outward=row.is_outward,
        closed=closed(workspace, row),
        heading=one_line(gate.heading),
        place=feature.place.workflow,
        asks=one_line(gate.trigger),
        why=one_line(gate.why),
        condition=one_line(gate.condition),
        reached=render.ago(waits.reached_at),
        waited=duration(max(0.0, now().timestamp() - instant(waits.reached_at))),
        in_all=row.type in batch,
        facts=tuple(showing.facts(workspace, row, feature, base)),
        doubts=tuple(showing.doubts(workspace, row, feature, base)),
        section=text,
        checks=tuple(Check(text=plain(one.text), is_ticked=one.is_ticked) for one in showing.checklist(text)),
        yes=_yes(workspace, feature, waits),
        wrong=tuple(_wrong(feature, stretches)),
        note=plain(gate.note),
        commits=tuple(showing.commits(workspace, feature, base)),
        changes=showing.changes(workspace, feature, base, sizes),
        patch=tuple(_patch(workspace, feature, base, sizes)),
        validation=showing.validation(waits),
        output=plain(waits.checked.tail) if waits.checked is not None else "",
        exhibits=tuple(_exhibits(workspace, row)),
        cost="; ".join(showing.cost(waits)),
        bound=tuple(showing.bound(row)),
    )


def _patch(workspace: Workspace, feature: Feature, base: Sha | None, sizes: showing.Sizes) -> Iterator[Patched]:
    if base is None or feature.tip is None:
        return
    reasons = patches.chosen(sizes)
    names = [name for name, why in reasons.items() if not why]
    found = objects.patches(workspace.git.unaltered(), base, feature.tip, names)
    for name, (added, removed) in sizes.items():
        lines = patches.read(found.get(name, b""))
        yield Patched(patches.visible(shown(name)), added, removed, lines, reasons[name])


def _exhibits(workspace: Workspace, row: Row) -> Iterator[Exhibited]:
    seen = 0
    for index, one in enumerate(row.exhibits):
        is_picture = seen < _PICTURES and pictures.after(workspace, row, one) is not None
        seen += is_picture
        yield Exhibited(
            index=index,
            path=one_line(one.path),
            size=f"{one.bytes} bytes",
            digest=one.sha256[:16],
            why=one_line(one.why),
            is_picture=is_picture,
            had_before=is_picture and pictures.before(workspace, row, one) is not None,
        )


def _yes(workspace: Workspace, feature: Feature, waits: Waiting) -> str:
    """Return what happens after a yes, in a sentence."""
    gate = waits.gate
    if gate.reported:
        return "the agent goes on with the phase in which it asked, and is told the answer"
    try:
        on = goes_on(workspace.line, feature.place, gate, "approved")
    except OrchestratorError as error:
        return f"not known: {error}"
    document = workspace.line.document(feature.place.workflow)
    if on is None or document is None:
        after = workspace.line.following(feature.place.workflow)
        return f"{_named(workspace, feature.place)} is done, and " + (
            f"{_named(workspace, after)} begins" if after is not None else "with it the feature"
        )
    titles = {one.ordinal: one_line(one.title) for one in document.places}
    phase = f"phase {on.phase} ({titles.get(on.ordinal, 'its opening')}) of {_named(workspace, on)}"
    if on.ordinal != feature.place.ordinal:
        return f"{phase} begins"
    if gate.type == "deploy":
        return f"it goes outside: the agent is told to do what stands behind the gate, in {phase}"
    return f"the agent is told to do what stands behind the gate, in {phase}"


def _named(workspace: Workspace, place: Place) -> str:
    document = workspace.line.document(place.workflow)
    return f"workflow {place.workflow}" + (f" ({one_line(document.title)})" if document is not None else "")


def _wrong(feature: Feature, stretches: Sequence[Span]) -> Iterator[str]:
    """Give what did not go well on the way from the last decision to this gate, oldest first."""
    own = [one for one in stretches if one.feature == feature.id]
    last = max((at for at, one in enumerate(own[:-1]) if one.kind == "gate"), default=-1)
    for one in own[last + 1 :]:
        if one.outcome in _WRONG:
            what = f"attempt {one.number}" if one.kind == "attempt" else one.kind
            yield f"{what} in {one.workflow}/{one.phase}: {one.outcome}, {render.ago(one.ended or one.began)}"
        elif one.kind in ("parked", "rollback"):
            yield f"{one.kind}, {duration(one.seconds)}: {one_line(one.what)}"
