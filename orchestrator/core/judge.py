"""What a section of a document asks for, by the rules of `gates`. Reads words, never runs or trusts them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise

from orchestrator.core import gates
from orchestrator.core.blocks import Block, Heading, Kind, Line
from orchestrator.core.gates import Rank, fold
from orchestrator.core.values import GateType, Value

_SENTENCE = re.compile(r"[.!?…]+[\"”')*_\]`]*(?:\s*[(\[][^()\[\]\n]{1,40}[)\]][*_.]*)?(?=\s|$)|\n\s*\n|$")
_CLAUSE = re.compile(r"(?<=[;:])[*_]*\s+|\s+[—–]\s+|(?<=[.!?…])[*_]+\s+")
_QUOTED = re.compile(r"[\"“”«»][^\"“”«»\n]*[\"“”«»]|`[^`\n]*`")
_MARKS = " \t*_>"
_BOX = re.compile(r"^\[[ xX]\]\s+")
_CHOICE = re.compile(r"\W*(?:qual|quais|o que|which|what)\b[^.;]*\?\W*", re.IGNORECASE)
_SHORT = 6  # words: a sentence of so few is not cut at its colon


class Clause(Value):
    """A piece of a block that says one thing, and the sentence and the block it stands in."""

    lines: tuple[Line, ...]
    sentence: str
    block: Block

    @property
    def text(self) -> str:
        """The words of all its lines."""
        return " ".join(line.text.strip() for line in self.lines)


class Finding(Value):
    """A cue that was found, and the words that hold it, verbatim from one line."""

    rank: Rank
    name: str
    words: str
    line: int
    block: Block


class Verdict(Value):
    """Who decides at a section, the words that say so, where they stand and where a cut goes after them."""

    type: GateType
    trigger: str
    line: int
    end: int
    why: str
    merges: bool = False


class Case(Value):
    """A section put to the rules: a heading and the blocks that are its own.

    `is_gate`: the heading makes it a gate, whoever decides. `is_phase`: it names a piece of the work, and no
    kind of text. `is_preface`: it stands before the first phase. `people`: the names of those who decide.
    """

    heading: Heading
    blocks: tuple[Block, ...]
    is_gate: bool
    is_phase: bool = False
    is_preface: bool = False
    people: tuple[str, ...] = ()

    def heard(self, text: str) -> str:
        """Return `text` folded, with a mark for each letter of a person's name."""
        return fold(_marked(text, self.people))


def people(blocks: Iterable[Block]) -> tuple[str, ...]:
    """Return the names that a document gives to persons of whom it asks a decision."""
    texts = ["\n".join(line.text for line in block.lines) for block in blocks if block.kind is not Kind.FENCE]
    named = {found["name"] for text in texts for rule in gates.NAMES for found in rule.finditer(text)}
    first = {found["name"] for text in texts for found in gates.NAME_FIRST.finditer(text)}
    inside = {found["name"] for text in texts for found in gates.NAME_INSIDE.finditer(text)}
    return tuple(sorted(one for one in named | (first & inside) if not gates.NO_NAME.search(fold(one))))


def _marked(text: str, names: Sequence[str]) -> str:
    if not any(one in text for one in names):
        return text
    return re.sub(rf"\b(?:{'|'.join(names)})\b", lambda found: gates.NAME_MARK * len(found.group()), text)


def stop(case: Case) -> Verdict | None:
    """Return the human or deploy verdict on a section, or None where nobody is asked."""
    everything = list(_findings(case))
    found = [one for one in everything if one.rank > Rank.HINT]
    best = max(found, key=lambda one: one.rank, default=None)
    if best is not None and best.rank > Rank.POLICY:
        return _stopped(case, best)
    if best is not None and _is_meant_here(case, best):
        return _stopped(case, best)
    if _asks_by_heading(case):
        return _stopped(case, _by_heading(case, "the heading asks for a person's approval"))
    hints = (one for one in everything if one.rank == Rank.HINT)
    shown = next((one for one in hints if gates.AN_OWNER.search(case.heard(one.words))), None)
    return _stopped(case, shown) if shown and _is_answered(case) else None


def verdict(case: Case) -> Verdict:
    """Return the verdict on a gate: a person's where one is asked or nothing says who decides."""
    asked = stop(case) or _signed(case)
    return asked or _validated(case, _hard_criterion(case)) or _hinted(case) or _titled(case) or _rest(case)


def speaks_of_gate(text: str) -> bool:
    """Tell whether a heading's words speak of a decision or a stop."""
    folded = fold(text)
    return gates.GATE_WORDS.search(folded) is not None and not gates.PRODUCT_APPROVAL.search(folded)


def _speaks_of_gate(case: Case) -> bool:
    return case.is_gate or speaks_of_gate(case.heading.text)


def _is_meant_here(case: Case, policy: Finding) -> bool:
    """Tell whether what is said in general is said of this section: of the gate it is, or of what it sends out."""
    if not _speaks_of_gate(case) and not _is_about_it(case, policy):
        return False
    return _names_role(case, policy) or not _decides_itself(case)


def _is_about_it(case: Case, finding: Finding) -> bool:
    """Tell whether somebody's word is needed for the very thing outside that the heading names."""
    outward = _outward_word(fold(case.heading.text))
    of_owner = gates.AN_OWNER.search(case.heard(finding.words)) is not None
    return of_owner and bool(outward) and outward == _outward_word(fold(finding.words))


def _is_answered(case: Case) -> bool:
    prose = (block for block in case.blocks if block.kind is not Kind.FENCE)
    said = (fold(clause.text) for block in prose for clause in clauses(block))
    return any(gates.ANSWERED.search(one) and not gates.ELSEWHERE.search(one) for one in said)


def _findings(case: Case) -> Iterator[Finding]:
    if gates.SAMPLES.search(fold(case.heading.text)) and not case.is_gate and not case.is_phase:
        return
    is_overview = gates.OVERVIEW.search(fold(case.heading.text)) and not case.is_gate
    filled = any(gates.FILLED_BY_AGENT.search(fold(_joined(block))) for block in case.blocks)
    for at, block in enumerate(case.blocks):
        if _is_dialogue(case.blocks, at) or _is_scenario(case, at):
            continue
        for finding in _block_findings(case, at, block, filled):
            if finding.rank > Rank.WAIT or not (is_overview or _is_rule(case, finding)):
                yield finding


def _is_rule(case: Case, finding: Finding) -> bool:
    """Tell whether a finding is a rule that a preface lays down for all that comes after it."""
    return case.is_preface and finding.name in gates.BINDING and not _speaks_of_gate(case)


def _is_dialogue(blocks: Sequence[Block], at: int) -> bool:
    """Tell whether a block belongs to a conversation that is printed with its answers."""
    near = [one for one in blocks[max(at - 1, 0) : at + 2] if one.kind is blocks[at].kind]
    said = [fold(line.text) for one in near for line in one.lines]
    has_voice = any(gates.SPEAKS.search(fold(line.text)) for line in blocks[at].lines)
    return has_voice and any(_is_answer(asked, reply) for asked, reply in pairwise(said))


def _is_answer(asked: str, reply: str) -> bool:
    if not gates.AGENT_SPEAKS.search(asked) or "?" not in asked:
        return False
    return bool(gates.SPEAKS.search(reply) and not gates.A_WAIT.search(reply))


def _is_scenario(case: Case, at: int) -> bool:
    """Tell whether a list item is a step of somebody who clicks through what is built."""
    if case.blocks[at].kind is not Kind.ITEM:
        return False
    items = [case.heard(_joined(one)) for one in _list_around(case.blocks, at)]
    clicks = sum(1 for one in items if gates.CLICK.search(one))
    steps = sum(1 for one in items if gates.UI_STEP.search(one))
    return clicks > 0 and clicks + steps > 1 and not any(gates.AN_OWNER.search(one) for one in items)


def _list_around(blocks: Sequence[Block], at: int) -> list[Block]:
    kinds = [one.kind for one in blocks]
    first = next((one + 1 for one in range(at, -1, -1) if kinds[one] is not Kind.ITEM), 0)
    last = next((one for one in range(at, len(kinds)) if kinds[one] is not Kind.ITEM), len(kinds))
    return list(blocks[first:last])


def _is_specimen(clause: Clause) -> bool:
    """Tell whether a clause stands in a line that shows how to say or not to say something, or its answer."""
    number = clause.lines[0].number
    whole = next(fold(line.text) for line in clause.block.lines if line.number == number)
    return any(rule.search(whole) for rule in (gates.SPECIMEN, gates.SCRIPTED_ANSWER))


def _block_findings(case: Case, at: int, block: Block, filled: bool) -> Iterator[Finding]:
    match block.kind:
        case Kind.FENCE:
            yield from _fence_findings(case, at, block)
        case Kind.CELL:
            yield from _cell_findings(case, block)
        case _:
            yield from _text_findings(case, block, filled)


def _text_findings(case: Case, block: Block, filled: bool) -> Iterator[Finding]:
    for clause in clauses(block):
        folded = case.heard(clause.text)
        is_asking = "?" in folded and not _is_specimen(clause)
        asked = _question(folded, block.kind, filled) if is_asking else None
        cue = asked or _cue(folded, case.heard(clause.sentence))
        if cue:
            answers = gates.WAITING_CHOICE.search(folded)
            yield _finding(case, gates.NAMES_ANSWERS if answers else cue, clause)


def _cell_findings(case: Case, block: Block) -> Iterator[Finding]:
    """A table tells what follows from what; only under a gate's own heading may it say who is waited for."""
    if not case.is_gate:
        return
    for finding in _text_findings(case, block, filled=True):
        if finding.rank == Rank.WAIT:
            yield Finding(rank=Rank.POLICY, name=finding.name, words=finding.words, line=finding.line, block=block)


def _fence_findings(case: Case, at: int, block: Block) -> Iterator[Finding]:
    if block.language in gates.SHELL_LANGUAGES:
        yield from _shell_findings(block)
    elif _is_shown(case, at, block):
        for line in block.lines:
            cue = _shown_cue(case.heard(line.text))
            if cue:
                yield _line_finding(cue, line, block)


def _shown_cue(folded: str) -> gates.Cue | None:
    if "?" in folded:
        return _question(folded, Kind.FENCE, filled=False)
    if folded.lstrip().startswith("#"):
        return None
    cue = _cue(folded, folded)
    return cue if cue and cue.rank >= Rank.STOP else None


def _shell_findings(block: Block) -> Iterator[Finding]:
    """A command that reads an answer or announces a wait; comments and what goes to a file do neither."""
    for line in block.lines:
        folded = fold(line.text).strip()
        if gates.READS_ANSWER.search(folded):
            yield _line_finding(gates.TYPED, line, block)
        elif gates.SPEAKS_UP.match(folded) and ">" not in folded:
            cue = _shown_cue(gates.SPEAKS_UP.sub("", folded).strip("\"' "))
            if cue:
                yield _line_finding(cue, line, block)


def _is_shown(case: Case, at: int, block: Block) -> bool:
    """Tell whether a fence holds words shown to a person, and not code, a sample or something to copy."""
    if block.language not in (*gates.SHOWN_LANGUAGES, *gates.DOCUMENT_LANGUAGES):
        return False
    around = fold(f"{case.heading.text}: {_around(case.blocks, at)}")
    shows = gates.SHOWS.search(around) is not None
    if gates.NOBODY.search(around) and not (_speaks_of_gate(case) and block.language in gates.SHOWN_LANGUAGES):
        return False
    if gates.MOCKED_UP.search(around) and not shows and not case.is_gate:
        return False
    is_sample = gates.TEMPLATE.search(around) is not None
    if block.language in gates.DOCUMENT_LANGUAGES:
        return shows or (_speaks_of_gate(case) and not is_sample)
    return shows or not is_sample


def _around(blocks: Sequence[Block], at: int) -> str:
    """Return the words that introduce a fence, and those below that point back at it."""
    before = _joined(blocks[at - 1]) if at and blocks[at - 1].kind is not Kind.CELL else ""
    after = _joined(blocks[at + 1]) if at + 1 < len(blocks) else ""
    points_back = gates.POINTS_BACK.search(fold(after)) or gates.SAYS_WHAT_IT_IS.search(fold(after))
    return f"{before} {after if points_back else ''}"


def _question(folded: str, kind: Kind, filled: bool) -> gates.Cue | None:
    """Return the cue of a sentence that asks. In lists a question may be the agent's own to answer."""
    asking = next((cue for cue in gates.QUESTIONS if _compiled(cue.pattern).search(folded)), None)
    is_marked = gates.PAUSE_MARK.search(folded) is not None
    names_answers = gates.CHOICES.search(folded) is not None
    if kind is Kind.BOX and not (is_marked and asking):
        return None
    if kind is Kind.ITEM and not (asking or is_marked):
        return None
    if names_answers and (asking or is_marked or not filled) and (asking or "(" in folded or is_marked):
        return gates.NAMES_ANSWERS
    return asking or (gates.MARKED if is_marked and kind is not Kind.ITEM else None)


def _cue(folded: str, sentence: str) -> gates.Cue | None:
    """Return the plainest cue of a clause, or None where it stops nobody."""
    said = _QUOTED.sub(_masked, folded)
    found = [cue for cue in gates.CUES if _compiled(cue.pattern).search(said)]
    if not found:
        return None
    best = max(found, key=lambda cue: cue.rank)
    binding = any(cue.name in gates.BINDING for cue in found)
    if gates.NOBODY.search(said) and not binding:
        return None
    if gates.TROUBLE.search(sentence) or gates.ELSEWHERE.search(said) or gates.STATE.search(said):
        return None
    if gates.IN_THE_PRODUCT.search(said):
        return None
    if _waits_for_machine(said) or (gates.DESCRIBED.search(said) and not gates.THE_WORK.search(said)):
        return None
    return gates.IN_GENERAL if best.rank > Rank.POLICY and gates.GENERAL.search(said) else best


def _masked(found: re.Match[str]) -> str:
    """Return blanks for what is quoted; a single word in quotation marks is said by the text itself."""
    said = found.group()
    return " " * len(said) if said.startswith("`") or " " in said else said


def _waits_for_machine(said: str) -> bool:
    for_machine = gates.MACHINE_WAIT.search(said) or gates.MACHINE_SAYS.search(said)
    return for_machine is not None and not gates.A_PERSON.search(said)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _finding(case: Case, cue: gates.Cue, clause: Clause) -> Finding:
    line = _line_with(case, cue, clause)
    return Finding(rank=cue.rank, name=cue.name, words=_bare(line.text), line=line.number, block=clause.block)


def _line_with(case: Case, cue: gates.Cue, clause: Clause) -> Line:
    """Return the line of a clause on which the cue begins."""
    if len(clause.lines) == 1 or not cue.pattern:
        return next((line for line in reversed(clause.lines) if "?" in line.text), clause.lines[0])
    joined = case.heard(" ".join(line.text for line in clause.lines))
    found = _compiled(cue.pattern).search(joined)
    start, length = (found.start() if found else 0), 0
    for line in clause.lines:
        length += len(line.text) + 1
        if start < length:
            return line
    return clause.lines[0]


def _bare(text: str) -> str:
    return _BOX.sub("", text.strip(_MARKS))


def _line_finding(cue: gates.Cue, line: Line, block: Block) -> Finding:
    return Finding(rank=cue.rank, name=cue.name, words=_bare(line.text), line=line.number, block=block)


def clauses(block: Block) -> Iterator[Clause]:
    """Yield the clauses of a block of text in order."""
    joined = "\n".join(line.text for line in block.lines)
    for start, end in _sentences(joined):
        spans = [(start, end)] if _is_whole(joined[start:end]) else _clause_spans(joined, start, end)
        for first, last in spans:
            lines = tuple(_cut(block.lines, first, last))
            if lines:
                yield Clause(lines=lines, sentence=joined[start:end].replace("\n", " "), block=block)


def _is_whole(sentence: str) -> bool:
    return len(sentence.split()) <= _SHORT or _CHOICE.fullmatch(sentence) is not None


def _sentences(joined: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of sentences; a short question right after a question belongs to it."""
    spans: list[tuple[int, int]] = []
    start = 0
    for found in _SENTENCE.finditer(joined):
        end = found.end()
        if not joined[start:end].strip():
            continue
        if spans and _belongs(joined[slice(*spans[-1])], joined[start:end]):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        start = end
    yield from spans


def _belongs(before: str, after: str) -> bool:
    both_ask = "?" in before and "?" in after
    return both_ask and "\n" not in after.strip() and not after.startswith("\n") and len(after.split()) <= 3


def _clause_spans(joined: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    at = start
    for found in _CLAUSE.finditer(joined, start, end):
        yield at, found.start()
        at = found.end()
    yield at, end


def _cut(lines: Sequence[Line], first: int, last: int) -> Iterator[Line]:
    """Yield the parts of `lines` between two offsets of their text joined by line ends."""
    offset = 0
    for line in lines:
        text = line.text[max(first - offset, 0) : max(last - offset, 0)]
        if text.strip(_MARKS):
            yield Line(number=line.number, text=text)
        offset += len(line.text) + 1


def _joined(block: Block) -> str:
    return " ".join(line.text for line in block.lines)


def _stopped(case: Case, best: Finding) -> Verdict:
    outward = _outward(case, best)
    return Verdict(
        type=GateType.DEPLOY if outward else GateType.HUMAN,
        trigger=best.words,
        line=best.line,
        end=best.block.end,
        why=f"{best.name}, about going outside: {outward}" if outward else best.name,
        merges=bool(outward) and _merges(case, best),
    )


def _by_heading(case: Case, name: str) -> Finding:
    heading = case.heading
    block = Block(kind=Kind.PROSE, lines=(), end=max((one.end for one in case.blocks), default=heading.line))
    return Finding(rank=Rank.POLICY, name=name, words=heading.text, line=heading.line, block=block)


def _asks_by_heading(case: Case) -> bool:
    folded = fold(case.heading.text)
    if not gates.ABOUT_APPROVING.search(folded) or gates.PRODUCT_APPROVAL.search(folded):
        return False
    return not any(gates.NOBODY.search(fold(_joined(block))) for block in case.blocks)


def _signed(case: Case) -> Verdict | None:
    """Return the verdict on a gate of approval whose checklist is ticked by what people did."""
    ticked = (block for block in case.blocks if block.kind in (Kind.BOX, Kind.ITEM))
    return _titled(case) if any(gates.SIGNED.search(fold(_joined(one))) for one in ticked) else None


def _hinted(case: Case) -> Verdict | None:
    hint = next((one for one in _findings(case) if one.rank == Rank.HINT), None)
    return _stopped(case, hint) if hint else None


def _titled(case: Case) -> Verdict | None:
    folded = fold(case.heading.text)
    if not gates.APPROVAL_TITLE.search(folded) or gates.PRODUCT_APPROVAL.search(folded):
        return None
    return _stopped(case, _by_heading(case, "the heading speaks of a decision and no command takes it"))


def _rest(case: Case) -> Verdict:
    nobody = _by_heading(case, "nothing says who decides")
    return _validated(case, _soft_criterion(case)) or _stopped(case, nobody)


def _decides_itself(case: Case) -> bool:
    return (_hard_criterion(case) or _soft_criterion(case)) is not None


def _names_role(case: Case, finding: Finding) -> bool:
    return gates.A_ROLE.search(case.heard(finding.words)) is not None


def _outward(case: Case, best: Finding) -> str:
    """Return what goes outside if somebody agrees, or nothing: by the question, its heading, or what follows."""
    for text in (best.words, case.heading.text):
        named = _outward_word(gates.LOOKED_AT_THERE.sub("", fold(text)))
        if named:
            return named
    if any(_is_outward_consequence(block) for block in _after(case, best)):
        return "what follows a yes"
    if any(_is_outward_talk(clause) for block in case.blocks if block.kind is Kind.PROSE for clause in clauses(block)):
        return "what the section is about"
    return ""


def _after(case: Case, best: Finding) -> list[Block]:
    return [block for block in case.blocks if block.lines and block.lines[-1].number > best.line]


def _outward_word(folded: str) -> str:
    return next((name for name, pattern in gates.OUTWARD.items() if pattern.search(folded)), "")


def _is_outward_consequence(block: Block) -> bool:
    folded = fold(_joined(block))
    if block.kind is Kind.FENCE:
        lines = (fold(line.text).strip() for line in block.lines)
        is_code = block.language in gates.SHELL_LANGUAGES
        return is_code and any(gates.OUTWARD_COMMAND.search(one) for one in lines if not one.startswith("#"))
    if gates.YES.search(folded):
        return bool(_outward_word(folded) or gates.OUTWARD_COMMAND.search(folded))
    return False


def _is_outward_talk(clause: Clause) -> bool:
    folded = gates.LOOKED_AT_THERE.sub("", fold(clause.text))
    return gates.OUTWARD_PROSE.search(folded) is not None and not gates.NOT_YET.search(fold(clause.sentence))


def _merges(case: Case, best: Finding) -> bool:
    if any(gates.OUTWARD["merge"].search(fold(text)) for text in (best.words, case.heading.text)):
        return True
    return any(gates.MERGE_COMMAND.search(fold(_joined(block))) for block in _after(case, best))


def _validated(case: Case, found: tuple[Line, str] | None) -> Verdict | None:
    """Return the verdict of a gate that a command, a checklist or a list decides by itself."""
    if found is None:
        return None
    line, why = found
    end = next(block.end for block in case.blocks if block.end >= line.number)
    return Verdict(type=GateType.VALIDATION, trigger=_bare(line.text), line=line.number, end=end, why=why)


def _hard_criterion(case: Case) -> tuple[Line, str] | None:
    commands = _commands(case)
    criteria = [one for one in _criteria(case) if one[0] <= gates.PLAIN]
    exits = next((line for level, line in criteria if level == gates.EXITS), None)
    if len(commands) > 1 and exits is not None:
        return exits, "exit codes decide"
    if commands:
        return commands[0], "a command decides"
    if criteria:
        return min(criteria, key=lambda one: one[0])[1], "a criterion decides"
    return _first_line(case, Kind.BOX, "a checklist decides")


def _soft_criterion(case: Case) -> tuple[Line, str] | None:
    criteria = list(_criteria(case))
    if criteria:
        return min(criteria, key=lambda one: one[0])[1], "a criterion decides"
    inline = (line for block in case.blocks for line in block.lines if "`" in line.text)
    code = next(inline, None)
    if code is not None:
        return code, "a command decides"
    for kind in (Kind.FENCE, Kind.ITEM, Kind.CELL):
        found = _first_line(case, kind, "a list of criteria decides")
        if found:
            return found
    return None


def _first_line(case: Case, kind: Kind, why: str) -> tuple[Line, str] | None:
    return next(((block.lines[0], why) for block in case.blocks if block.kind is kind and block.lines), None)


def _commands(case: Case) -> list[Line]:
    """Return the lines of a section's shell fences that check something; comments and talk are left out."""
    fences = (block for block in case.blocks if block.language in gates.SHELL_LANGUAGES)
    return [line for block in fences for line in block.lines if not gates.IDLE_COMMAND.match(line.text)]


def _criteria(case: Case) -> Iterator[tuple[int, Line]]:
    """Yield what decides by itself, with how plainly it says so: 0 is plainest."""
    for block in case.blocks:
        if block.kind is Kind.FENCE:
            continue
        for line in _sentence_lines(block):
            folded = fold(line.text)
            level = next((at for at, one in enumerate(gates.CRITERIA) if one.search(folded)), None)
            if level is not None:
                yield level, line


def _sentence_lines(block: Block) -> Iterator[Line]:
    joined = "\n".join(line.text for line in block.lines)
    for start, end in _sentences(joined):
        yield from _cut(block.lines, start, end)
