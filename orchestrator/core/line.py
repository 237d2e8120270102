"""Workflow documents as the kit runs them: phases, gates, the pieces that are handed out, and their order.

Pure: a document comes as text. Nothing that stands in it is ever run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from orchestrator.core.blocks import Heading, Section, frontmatter, sections, stored
from orchestrator.core.cases import Verdict
from orchestrator.core.classified import Classified, Seen, holding, is_weaker, section_digest
from orchestrator.core.headings import condition, names
from orchestrator.core.outline import Outline, named_verdicts, outline, verdicts
from orchestrator.core.values import GateType, Value, is_workflow_id, natural_order
from orchestrator.core.wording import fold, regex
from orchestrator.errors import BadConfiguration

_GONE = r"(?:descontinuad[oa]|discontinued|deprecated|obsolet[oae]|arquivad[oa]|archived|desativad[oa])"
_DISCONTINUED = regex(rf"^\W*{_GONE}\b|[(\[]{_GONE}[)\]]")
_NO_GATE = "by its words it is no gate"


class Phase(Value):
    """A phase: its ordinal from 1, its id as written, and the line of its heading."""

    ordinal: int
    id: str
    title: str
    line: int


class GateFound(Value):
    """A gate of a document. `key` names it there and outlives moved lines."""

    key: str
    heading: str
    line: int
    type: GateType
    trigger: str
    why: str
    label: str  # GATE 13, or empty
    condition: str  # what its heading says in parentheses: SE houver migration
    ordinal: int  # of the phase it lies in; 0 before the first
    merges: bool  # a merge into the main branch is approved
    end: int = 0  # the last line of the block that holds the trigger: a cut goes after it

    @property
    def stops(self) -> bool:
        """Whether a person is waited for."""
        return self.type is not GateType.VALIDATION


class Document(Value):
    """A workflow document. Lines count from 1 in `text`, whose first `skipped` are frontmatter."""

    id: str
    file: str
    title: str
    text: str
    phases: tuple[Phase, ...]
    gates: tuple[GateFound, ...]
    headings: tuple[str, ...] = ()
    title_line: int = 1
    skipped: int = 0
    description: str = ""
    seen: tuple[Seen, ...] = ()  # what is a gate by any account, in order, also where its type is none

    @property
    def places(self) -> tuple[Phase, ...]:
        """The phases as they are run: the explicit ones, or the one that a document without any is."""
        return self.phases or (Phase(ordinal=1, id="1", title=self.title, line=self.title_line),)

    @property
    def has_opening(self) -> bool:
        """Whether a stop lies before the first phase: then that text is a place of its own, ordinal 0."""
        return any(gate.stops and gate.ordinal == 0 for gate in self.gates)


class Rules(Value):
    """What the user's configuration says about one document; `types` are (part of a heading, type or none).

    `classified` is what the gate map says of it: each entry speaks for its own heading and for no other.
    """

    phase_words: tuple[str, ...] = ("Fase", "Phase")
    keywords: tuple[str, ...] = ()
    types: tuple[tuple[str, str], ...] = ()
    classified: tuple[Classified, ...] = ()


class Piece(Value):
    """What is handed out of a phase at once, the stop at its end, and the decided gate that it resumes."""

    text: str
    stop: GateFound | None
    resumes: GateFound | None
    ordinal: int
    phase_id: str
    phase_title: str


def workflow_id(matched: str) -> str | None:
    """Return the id in what the glob's `*` matched: its first part between `-` or `_`, or None."""
    first = re.split(r"[-_]", matched, maxsplit=1)[0]
    return first if is_workflow_id(first) else None


def order(documents: Iterable[Document]) -> tuple[Document, ...]:
    """Return the documents in the order of their ids. Raises BadConfiguration where two share one."""
    in_order = sorted(documents, key=lambda one: natural_order(one.id))
    for one, other in pairwise(in_order):
        if one.id == other.id:
            raise BadConfiguration(
                f"{one.file} and {other.file} are both workflow {one.id}",
                "rename one of them, or leave it out with [workflows] skip",
            )
    return tuple(in_order)


def is_step(document: Document) -> bool:
    """Tell whether a document is meant to be run: not one whose title or description says it is discontinued."""
    return not any(_DISCONTINUED.search(fold(one)) for one in (document.title, document.description))


def section_headings(document: Document) -> tuple[str, ...]:
    """Return all headings in order, as CommonMark reads them."""
    return document.headings


def read_document(text: str, file: str, workflow: str, rules: Rules) -> Document:
    """Return the document that `text` is, stored as `file`, under the workflow id `workflow`.

    Raises BadConfiguration for frontmatter that cannot be read, and for a key of `rules.types` that
    fits no heading or two.
    """
    clean = stored(text)
    values, skipped = frontmatter(clean, file)
    name = file.rsplit("/", 1)[-1].removesuffix(".md")
    found = sections(clean, skipped, name)
    keys = _keys([one.heading.text for one in found])
    chosen = dict(_chosen(found, keys, rules.types, file))
    plan = outline(found, rules.phase_words, rules.keywords, chosen)
    judged = verdicts(plan)
    mapped = {keys.index(one.key): one for one in rules.classified if one.key in keys}
    added = {at for at, one in mapped.items() if at not in {*judged, *chosen} and one.type != "none"}
    told = named_verdicts(outline(found, rules.phase_words, rules.keywords, {*chosen, *added}), added) if added else {}
    seen = _seen(clean, plan, judged, keys, chosen, mapped)
    title = Heading(level=0, text=name, line=skipped + 1) if plan.title is None else found[plan.title].heading
    phases = tuple(_phases(plan))
    return Document(
        id=workflow,
        file=file,
        title=title.text,
        text=clean,
        phases=phases,
        gates=tuple(_gates(plan, {**told, **judged}, seen, chosen, mapped, phases)),
        headings=tuple(one.heading.text for one in found if one.heading.level),
        title_line=title.line,
        skipped=skipped,
        description=values.get("description", ""),
        seen=tuple(seen.values()),
    )


def opening(document: Document) -> str:
    """Return the text before the first phase, without frontmatter; nothing where the document is one phase."""
    return _slice(document, *_span(document, 0)) if document.phases else ""


def piece(document: Document, ordinal: int, decided: Sequence[str]) -> Piece:
    """Return the next piece of a phase of which the gates with the keys `decided` were decided before.

    It ends with the block that holds the next stop's trigger, or with the phase. After a decision it
    begins again at the heading of the gate that was decided last.
    """
    first, last = _span(document, ordinal)
    stop, resumes = _between(document, ordinal, decided)
    start = resumes.line if resumes else first
    end = min(stop.end, last) if stop else last
    place = next((one for one in document.places if one.ordinal == ordinal), None)
    return Piece(
        text=_slice(document, start, max(end, start)),
        stop=stop,
        resumes=resumes,
        ordinal=ordinal,
        phase_id=place.id if place else "0",
        phase_title=place.title if place else document.title,
    )


def remainder(document: Document, ordinal: int, decided: Sequence[str]) -> str:
    """Return what of a phase lies behind the section of the gate decided last; nothing where only blanks do."""
    _, resumes = _between(document, ordinal, decided)
    first, last = _span(document, ordinal)
    start = _section_end(document, resumes) + 1 if resumes else first
    text = _slice(document, start, last)
    return text if text.strip() else ""


def gate_section(document: Document, key: str) -> str:
    """Return a gate's own section: from its heading to the next phase's or gate's. Raises KeyError."""
    for gate in document.gates:
        if gate.key == key:
            return _slice(document, gate.line, _section_end(document, gate))
    raise KeyError(key)


def weakened(accepted: Document | None, current: Document | None) -> list[str]:
    """Return a line for each accepted stop that is gone or has a weaker type now; empty where none is."""
    if accepted is None:
        return []
    stands = standing_for(accepted, current)
    lost = (_loss(accepted, gate, stands.get(gate.key)) for gate in accepted.gates if gate.stops)
    late = (
        _overtaken(accepted, gate, current, now)
        for gate in accepted.gates
        if gate.stops and current is not None and (now := stands.get(gate.key)) is not None
    )
    return [said for said in (*lost, *late) if said]


def standing_for(accepted: Document, current: Document | None) -> dict[str, GateFound]:
    """Return which present gate stands for each accepted one, by its key: itself, or a reworded one of its number.

    One that was there before stands for itself alone, and each for one only.
    """
    found = list(current.gates) if current else []
    known = {one.key for one in accepted.gates}
    stands = {one.key: one for one in found if one.key in known}
    new = [one for one in found if one.key not in known]
    for gate in accepted.gates:
        reworded = [one for one in new if gate.label and one.label == gate.label]
        if gate.key not in stands and len(reworded) == 1:
            stands[gate.key] = reworded[0]
            new.remove(reworded[0])
    return stands


def _loss(accepted: Document, gate: GateFound, now: GateFound | None) -> str:
    if now is None:
        return f"workflow {accepted.id}: the {gate.type} gate {gate.heading!r} is gone"
    if is_weaker(now.type, gate.type):
        return f"workflow {accepted.id}: the gate {gate.heading!r} was {gate.type} and is {now.type} now"
    if now.ordinal < gate.ordinal:  # a feature in between would go past it
        return (
            f"workflow {accepted.id}: the gate {gate.heading!r} moved from phase number {gate.ordinal} to {now.ordinal}"
        )
    return ""


def _overtaken(accepted: Document, gate: GateFound, current: Document, now: GateFound) -> str:
    """Return what to say where a phase that lay behind a gate lies before it now, or an empty string."""
    behind = [one for one in accepted.phases if one.ordinal > gate.ordinal]
    before = {one.title or one.id for one in current.phases if one.ordinal <= now.ordinal}
    known = {one.title or one.id for one in accepted.phases if one.ordinal <= gate.ordinal}
    for phase in behind:
        if (phase.title or phase.id) in before - known:
            return f"workflow {accepted.id}: phase {phase.id} {phase.title!r} lay behind the gate {gate.heading!r}"
    return ""


def _keys(texts: Sequence[str]) -> list[str]:
    """Return a name for each heading: its text, and which one it is where the text comes again."""
    seen: Counter[str] = Counter()
    keys: list[str] = []
    for text in texts:
        seen[text] += 1
        key = text if seen[text] == 1 else f"{text} #{seen[text]}"
        while key in keys:  # a heading that ends in such a number itself
            seen[text] += 1
            key = f"{text} #{seen[text]}"
        keys.append(key)
    return keys


def _chosen(
    found: Sequence[Section], keys: Sequence[str], types: Sequence[tuple[str, str]], file: str
) -> Iterator[tuple[int, str]]:
    for part, type_ in types:
        exact = [at for at, key in enumerate(keys) if key == part]
        fits = exact or [at for at, one in enumerate(found) if names(one.heading.text, part)]
        if len(fits) != 1:
            which = " and ".join(repr(keys[at]) for at in fits[:2]) or "no heading"
            raise BadConfiguration(
                f"[gates.types] {part!r} fits {which} in {file}", "write more of the one heading that you mean"
            )
        yield fits[0], type_


def _phases(plan: Outline) -> Iterator[Phase]:
    for ordinal, (at, (phase, title)) in enumerate(plan.phases.items(), 1):
        yield Phase(ordinal=ordinal, id=phase, title=title, line=plan.sections[at].heading.line)


def _seen(
    text: str,
    plan: Outline,
    judged: Mapping[int, Verdict],
    keys: Sequence[str],
    chosen: Mapping[int, str],
    mapped: Iterable[int],
) -> dict[int, Seen]:
    """Return what is a gate by any account, by its place. No entry of the map bears on where a section ends."""
    lines = {at: one.heading.line for at, one in enumerate(plan.sections)}
    starts = sorted(lines[at] for at in {*plan.phases, *judged})
    found = {}
    for at in sorted({*judged, *mapped}):
        end = min((start - 1 for start in starts if start > lines[at]), default=text.count("\n") + 1)
        verdict = judged.get(at)
        found[at] = Seen(
            key=keys[at],
            digest=section_digest(_cut(text, lines[at], end)),
            type=str(verdict.type) if verdict else "none",
            why=f"{verdict.why}: {verdict.trigger}" if verdict else _NO_GATE,
            is_chosen=at in chosen,
        )
    return found


def _gates(
    plan: Outline,
    judged: Mapping[int, Verdict],
    seen: Mapping[int, Seen],
    chosen: Mapping[int, str],
    mapped: Mapping[int, Classified],
    phases: Sequence[Phase],
) -> Iterator[GateFound]:
    for at, verdict in sorted(judged.items()):
        if at in chosen:
            type_, why = chosen[at], "[gates.types] says so"
        elif at in mapped:
            type_, why = holding(mapped[at], seen[at])
        else:
            type_, why = str(verdict.type), verdict.why
        if type_ == "none":
            continue
        heading = plan.sections[at].heading
        yield GateFound(
            key=seen[at].key,
            heading=heading.text,
            line=heading.line,
            type=GateType(type_),
            trigger=verdict.trigger,
            why=why,
            label=plan.labels.get(at, ""),
            condition=condition(heading.text),
            ordinal=sum(1 for one in phases if one.line <= heading.line) if phases else 1,
            merges=verdict.merges and type_ == GateType.DEPLOY,
            end=verdict.end,
        )


def _span(document: Document, ordinal: int) -> tuple[int, int]:
    """Return the first and the last line of a phase; of the text before the first one for 0."""
    lines = [one.line for one in document.phases]
    ends = [*(line - 1 for line in lines), document.text.count("\n") + 1]
    starts = [document.skipped + 1, *lines]
    if not document.phases:
        return starts[0], ends[0]
    return starts[ordinal], ends[ordinal]


def _between(document: Document, ordinal: int, decided: Sequence[str]) -> tuple[GateFound | None, GateFound | None]:
    """Return the next undecided stop of a phase, and the decided one before it."""
    stops = [gate for gate in document.gates if gate.stops and gate.ordinal == ordinal]
    stop = next((gate for gate in stops if gate.key not in decided), None)
    behind = [gate for gate in stops if gate.key in decided and (stop is None or gate.line < stop.line)]
    return stop, behind[-1] if behind else None


def _section_end(document: Document, gate: GateFound) -> int:
    lines = [*(one.line for one in document.phases), *(one.line for one in document.gates)]
    return min((line - 1 for line in lines if line > gate.line), default=document.text.count("\n") + 1)


def _slice(document: Document, first: int, last: int) -> str:
    return _cut(document.text, first, last)


def _cut(text: str, first: int, last: int) -> str:
    """Return these lines of a text, without blank ones around them."""
    part = "\n".join(text.split("\n")[first - 1 : last]).strip("\n")
    return f"{part}\n" if part.strip() else ""
