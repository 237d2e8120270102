"""Which heading of a document answers for which words: the gates and who decides at them. Cuts nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from orchestrator.core.blocks import Block, Section
from orchestrator.core.cases import Case, Verdict
from orchestrator.core.everyday import IN_A_ROW
from orchestrator.core.headings import gate_label, is_numbered, names, phase
from orchestrator.core.judge import NOBODY_SAYS, speaks_of_gate, stop, verdict
from orchestrator.core.people import people
from orchestrator.core.values import GateType, Value
from orchestrator.core.vetoes import A_PART, FOR_SOMEBODY
from orchestrator.core.wording import fold


class Outline(Value):
    """The sections of a document, and by their place which are phases, gates by name, and the title's."""

    sections: tuple[Section, ...]
    phases: Mapping[int, tuple[str, str]]
    labels: Mapping[int, str]
    candidates: frozenset[int]  # gates whatever they say: numbered ones, and those the user names
    hinted: frozenset[int]  # those of them that are candidates by a keyword alone
    anchors: frozenset[int]  # those that answer for themselves wherever they stand
    title: int | None
    people: tuple[str, ...]  # the names of those who decide

    def level(self, at: int) -> int:
        """How deep the heading of a section is."""
        return self.sections[at].heading.level

    def is_for_somebody(self, at: int) -> bool:
        """Whether the heading of a section says for which person it is."""
        return FOR_SOMEBODY.search(fold(self.sections[at].heading.text)) is not None

    def speaks(self, at: int) -> bool:
        """Whether the heading of a section speaks of a decision or a stop."""
        return speaks_of_gate(self.sections[at].heading.text)


def outline(
    sections: tuple[Section, ...], phase_words: Sequence[str], keywords: Sequence[str], chosen: Iterable[int]
) -> Outline:
    """Return the outline of a document. The user names gates by `keywords`, and `chosen` ones by their place."""
    texts = [one.heading.text for one in sections]
    phases = {at: found for at, text in enumerate(texts) if (found := phase(text, phase_words))}
    labels = {at: label for at, text in enumerate(texts) if (label := gate_label(text))}
    titles = (at for at, one in enumerate(sections) if one.heading.level == 1 and at not in {*phases, *labels})
    title = next(titles, None)
    named = {*labels, *chosen}
    hinted = {at for at in _named(texts, keywords) if at not in named and at != title}
    return Outline(
        sections=sections,
        phases=phases,
        labels=labels,
        candidates=frozenset(named | hinted),
        hinted=frozenset(hinted),
        anchors=frozenset({*phases, *named}),
        title=title,
        people=people(block for one in sections for block in one.blocks),
    )


def _named(texts: Sequence[str], keywords: Sequence[str]) -> Iterator[int]:
    return (at for at, text in enumerate(texts) if any(names(text, one) for one in keywords))


def verdicts(plan: Outline) -> dict[int, Verdict]:
    """Return who decides, by the place of the heading that answers for it.

    Plain headings first: one that waits for a person is a gate, and ends the section of the phase above.
    """
    owners = [_owner(plan, at) for at in range(len(plan.sections))]
    plain = [at for at in dict.fromkeys(owners) if at not in plan.phases and at not in plan.candidates]
    stops = {at: found for at in plain if (found := stop(_case(plan, owners, at)))}
    settled = [_behind_stop(plan, stops, at, owner) for at, owner in enumerate(owners)]
    rest = [at for at in dict.fromkeys(settled) if at not in stops]
    judged = {at: found for at in rest if (found := _judged(plan, settled, at))}
    together = {**stops, **judged}
    return {at: one for at, one in sorted(together.items()) if not _is_around_stop(plan, together, at)}


def named_verdicts(plan: Outline, places: Iterable[int]) -> dict[int, Verdict]:
    """Return who decides at headings that a person calls gates, whatever their words are to the rules."""
    owners = [_owner(plan, at) for at in range(len(plan.sections))]
    return {at: verdict(_case(plan, owners, at)) for at in places}


def _is_around_stop(plan: Outline, found: Mapping[int, Verdict], at: int) -> bool:
    """Tell whether a phase is a gate by a word of the user's or a table's row alone, and a heading inside it stops."""
    is_by_a_word = at in plan.hinted and found[at].why.startswith(NOBODY_SAYS)
    if at not in plan.phases or not (is_by_a_word or found[at].why.startswith(IN_A_ROW.name)):
        return False
    inside = takewhile(lambda one: plan.level(one) > plan.level(at), range(at + 1, len(plan.sections)))
    return any(one in found and found[one].type is not GateType.VALIDATION for one in inside)


def _judged(plan: Outline, owners: Sequence[int], at: int) -> Verdict | None:
    case = _case(plan, owners, at)
    return verdict(case) if case.is_gate else stop(case)


def _case(plan: Outline, owners: Sequence[int], at: int) -> Case:
    own = (plan.sections[one] for one, owner in enumerate(owners) if owner == at)
    return _case_of(plan, at, tuple(block for section in own for block in section.blocks))


def _case_of(plan: Outline, at: int, blocks: tuple[Block, ...]) -> Case:
    return Case(
        heading=plan.sections[at].heading,
        blocks=blocks,
        is_gate=at in plan.candidates,
        is_hinted=at in plan.hinted,
        is_phase=at in plan.phases,
        is_preface=at < min(plan.phases, default=0),
        people=plan.people,
    )


def _owner(plan: Outline, at: int) -> int:
    """Return the heading that answers for a section's words.

    A gate answers for all that is below it, and so does a phase whose heading speaks of one. Elsewhere the
    outermost plain heading that speaks of a gate does, or else the nearest one.
    """
    if at in plan.anchors:
        return at
    above = _enclosing(plan, at)
    is_gate = above in plan.candidates and not (above in plan.hinted and above in plan.phases)
    if above is not None and (is_gate or (plan.speaks(above) and not plan.is_for_somebody(at))):
        return above if above not in plan.phases or is_gate or not _asks_alone(plan, above, at) else at
    if above is not None and above in plan.phases and A_PART.search(fold(plan.sections[at].heading.text)):
        return above
    return next((one for one in _plain_chain(plan, at, above) if plan.speaks(one)), at)


def _asks_alone(plan: Outline, above: int, at: int) -> bool:
    """Tell whether a section stops by its own words, and the phase around it does not; numbered parts are its steps."""
    text = plan.sections[at].heading.text
    if is_numbered(text) or A_PART.search(fold(text)):
        return False
    return stop(_case_of(plan, at, plan.sections[at].blocks)) is not None and not stop(
        _case_of(plan, above, plan.sections[above].blocks)
    )


def _enclosing(plan: Outline, at: int) -> int | None:
    """Return the nearest phase or gate above a section, where the section is a part of it."""
    lowest = plan.level(at)
    for one in range(at - 1, -1, -1):
        if one in plan.phases or one in plan.candidates:
            return one if plan.level(one) < lowest else None
        lowest = min(lowest, plan.level(one))
    return None


def _plain_chain(plan: Outline, at: int, above: int | None) -> list[int]:
    """Return the plain headings around a section, outermost first, itself last; the title is none."""
    chain = [at]
    floor = -1 if above is None else above
    for one in range(at - 1, floor, -1):
        if one in plan.phases or one in plan.candidates:
            break
        if plan.level(one) < plan.level(chain[0]):
            chain.insert(0, one)
    return [one for one in chain if one == at or (one != plan.title and plan.level(one))]


def _behind_stop(plan: Outline, stops: Mapping[int, Verdict], at: int, owner: int) -> int:
    """Return the owner of a section once a plain heading between it and its phase turned out to be a gate."""
    if owner not in plan.phases:
        return owner
    return at if any(owner < one < at for one in stops) else owner
