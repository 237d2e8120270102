"""What a section asks for in everyday speech, by the rules of `everyday`: where the plain rules found nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.core import everyday, scenes, vetoes
from orchestrator.core.blocks import Block, Kind
from orchestrator.core.cases import (
    Case,
    Finding,
    clause_finding,
    is_about_trouble,
    is_specimen,
    joined,
    line_finding,
    spoken,
)
from orchestrator.core.clauses import Clause, clauses
from orchestrator.core.gates import Cue, Rank

_NONE_OF_OURS = (vetoes.STATE, vetoes.IN_THE_PRODUCT, everyday.TOLD, everyday.OF_THE_PRODUCT)


def findings(case: Case, block: Block, speaks_of_gate: bool) -> Iterator[Finding]:
    """Yield what a block asks for; `speaks_of_gate`: the heading speaks of a decision or a stop."""
    match block.kind:
        case Kind.FENCE:
            yield from _typed(case, block)
        case Kind.CELL:
            yield from _rows(case, block, speaks_of_gate)
        case _:
            yield from _said(case, block)
            yield from _together(case, block)


def _said(case: Case, block: Block) -> Iterator[Finding]:
    around = case.heard(joined(block))
    for clause in clauses(block):
        folded = case.heard(clause.text)
        cue = _spoken(case, clause) or _cue(folded, case.heard(clause.sentence), around) or _ticked(folded, block.kind)
        if cue:
            yield clause_finding(case, cue, clause)


def _together(case: Case, block: Block) -> Iterator[Finding]:
    """Yield the clause in which somebody answers, where another one of its block holds the work."""
    said = [(clause, spoken(case.heard(clause.text))) for clause in clauses(block)]
    plain = [(clause, text) for clause, text in said if not _is_vetoed(text, case.heard(clause.sentence))]
    answers = (clause for clause, text in plain if everyday.ANSWERS.search(text) and not everyday.WHEN.match(text))
    answering = next(answers, None)
    if answering is None or not any(everyday.HOLDS.search(text) for _, text in plain):
        return
    if not any(rule.search(case.heard(joined(block))) for rule in (vetoes.BUSINESS_RULE, vetoes.BUILDING)):
        yield clause_finding(case, everyday.TOGETHER, answering)


def _is_vetoed(said: str, sentence: str) -> bool:
    if any(rule.search(said) for rule in (*_NONE_OF_OURS, vetoes.NOBODY, vetoes.ELSEWHERE)):
        return True
    return is_about_trouble(sentence) or (
        vetoes.DESCRIBED.search(said) is not None and not vetoes.THE_WORK.search(said)
    )


def _cue(folded: str, sentence: str, around: str) -> Cue | None:
    """Return the plainest cue of a clause, or None where it stops nobody. `around` is its whole block."""
    said = spoken(folded)
    found = {cue: place for cue in everyday.CUES if (place := cue.found(said))}
    held = [cue for cue, place in found.items() if _is_meant(cue, said[: place.start()])]
    if not held or any(rule.search(said) for rule in _NONE_OF_OURS) or vetoes.BUSINESS_RULE.search(around):
        return None
    if vetoes.NOBODY.search(said) and not any(one.name in everyday.BINDING for one in held):
        return None
    if is_about_trouble(sentence) or vetoes.ELSEWHERE.search(said):
        return None
    best = max(held, key=lambda cue: cue.rank)
    if vetoes.BUILDING.search(around) and (best.rank < Rank.WAIT or vetoes.DESCRIBED.search(said)):
        return None
    return best


def _is_meant(cue: Cue, before: str) -> bool:
    """Tell whether no negation stands before a cue, or only one that the cue is part of: `not ... without her`."""
    return cue.name in everyday.BINDING or not everyday.NOT_SAID.search(before)


def _spoken(case: Case, clause: Clause) -> Cue | None:
    """Return the cue of a message that is quoted, and that the agent is told to send or that stands alone."""
    said = case.heard(clause.text)
    found = everyday.SPOKEN.found(said)
    if found is None or is_specimen(clause) or vetoes.NOBODY.search(said) or everyday.TOLD.search(said):
        return None
    if everyday.NOT_SAID.search(said[: found.start()]) or scenes.ROLE_PLAY.search(said):
        return None
    is_alone = not re.search(r"\w", said[: found.start()]) and everyday.ALONE.search(said)
    is_told = everyday.LEADS_IN.search(said[: found.end()]) or everyday.LEADS_IN.search(case.heard(clause.sentence))
    return everyday.SPOKEN if is_alone or is_told else None


def _ticked(folded: str, kind: Kind) -> Cue | None:
    said = spoken(folded)
    if kind not in (Kind.BOX, Kind.ITEM) or "?" in said or vetoes.NOBODY.search(said) or _is_of_others(said):
        return None
    return everyday.TICKED if everyday.TICKED.found(said) else None


def _typed(case: Case, block: Block) -> Iterator[Finding]:
    if block.language in scenes.SHOWN_LANGUAGES:
        for line in block.lines:
            if everyday.TYPED.found(case.heard(line.text)):
                yield line_finding(everyday.TYPED, line, block)


def _rows(case: Case, block: Block, speaks_of_gate: bool) -> Iterator[Finding]:
    if everyday.OF_OTHERS.search(case.heard(case.heading.text)):
        return
    for line in block.lines:
        row = case.heard(" ".join(_row(case, line.number)))
        is_said = speaks_of_gate or everyday.HOLDS.search(row)
        if is_said and everyday.IN_A_ROW.found(row) and not vetoes.NOBODY.search(row) and not _is_of_others(row):
            yield line_finding(everyday.IN_A_ROW, line, block)


def _row(case: Case, number: int) -> Iterator[str]:
    cells = (block for block in case.blocks if block.kind is Kind.CELL)
    return (line.text for block in cells for line in block.lines if line.number == number)


def _is_of_others(said: str) -> bool:
    return everyday.TOLD.search(said) is not None or everyday.OF_OTHERS.search(said) is not None
