"""What a section of a document asks for, by the rules of `gates`. Reads words, never runs or trusts them.

In order of strength: a question that names its answers; a question; a wait for somebody's word; a negation, which
silences what is weaker and, in its own clause, the wait that it negates; then all weaker cues.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise

from orchestrator.core import everyday, gates, outward, scenes, secondlook, vetoes
from orchestrator.core.blocks import Block, Kind, Line
from orchestrator.core.cases import (
    ASIDE,
    Case,
    Finding,
    Verdict,
    bare,
    clause_finding,
    is_about_trouble,
    is_specimen,
    joined,
    line_finding,
    spoken,
)
from orchestrator.core.clauses import MARKS, Clause, clauses, sentence_lines
from orchestrator.core.gates import Rank
from orchestrator.core.values import GateType
from orchestrator.core.wording import A_MACHINE, A_PERSON, A_ROLE, A_WAIT, A_WRITER, AN_OWNER, fold, regex

NOBODY_SAYS = "nothing says who decides"
_WORD = regex(r"\w")


def stop(case: Case) -> Verdict | None:
    """Return the human or deploy verdict on a section, or None where nobody is asked."""
    return _plainly(case) or _in_passing(case)


def _plainly(case: Case) -> Verdict | None:
    everything = list(_findings(case))
    found = [one for one in everything if one.rank > Rank.HINT]
    best = max(found, key=lambda one: one.rank, default=None)
    if best is not None and best.rank > Rank.POLICY:
        return _stopped(case, best)
    if best is not None and _is_meant_here(case, best):
        return _stopped(case, best)
    if _asks_by_heading(case):
        return _stopped(case, _by_heading(case, "the heading asks for a person's approval"))
    if _is_branched(case):
        return _stopped(case, _shown_first(case))
    hints = (one for one in everything if one.rank == Rank.HINT)
    shown = next((one for one in hints if AN_OWNER.search(case.heard(one.words))), None)
    return _stopped(case, shown) if shown and _is_answered(case) else None


def _in_passing(case: Case) -> Verdict | None:
    """Return the verdict that everyday speech gives, where the plain rules gave none."""
    is_gate = _speaks_of_gate(case)
    if vetoes.SAMPLES.search(fold(case.heading.text)) and not case.is_gate and not case.is_phase:
        return None
    if not is_gate and (case.is_preface or vetoes.OVERVIEW.search(fold(case.heading.text))):
        return None
    if not case.is_gate and everyday.OF_OTHERS.search(fold(case.heading.text)):
        return None
    scenarios = _scenarios(case)
    found = [
        one
        for at, block in enumerate(case.blocks)
        if not (at in scenarios or _is_dialogue(case.blocks, at))
        for one in secondlook.findings(case, block, is_gate)
        if not _is_purpose(case, one)
    ]
    best = max(found, key=lambda one: one.rank, default=None)
    return _stopped(case, best) if best and (best.rank > Rank.POLICY or _is_meant_here(case, best)) else None


def verdict(case: Case) -> Verdict:
    """Return the verdict on a gate: a person's where one is asked or nothing says who decides."""
    asked = _plainly(case) or _signed(case) or _in_passing(case)
    return asked or _validated(case, _hard_criterion(case)) or _hinted(case) or _titled(case) or _rest(case)


def speaks_of_gate(text: str) -> bool:
    """Tell whether a heading's words speak of a decision or a stop."""
    folded = fold(text)
    return vetoes.GATE_WORDS.search(folded) is not None and not vetoes.PRODUCT_APPROVAL.search(folded)


def _speaks_of_gate(case: Case) -> bool:
    return case.is_gate or speaks_of_gate(case.heading.text)


def _is_meant_here(case: Case, policy: Finding) -> bool:
    """Tell whether what is said in general is said of this section: of the gate it is, or of what it sends out."""
    if not _speaks_of_gate(case) and not _is_about_it(case, policy):
        return False
    return _names_role(case, policy) or not _decides_itself(case)


def _is_about_it(case: Case, finding: Finding) -> bool:
    """Tell whether somebody's word is needed for the very thing outside that the heading names."""
    outside = _outward_word(fold(case.heading.text))
    of_owner = AN_OWNER.search(case.heard(finding.words)) is not None
    return of_owner and bool(outside) and outside == _outward_word(fold(finding.words))


def _is_answered(case: Case) -> bool:
    said = (fold(clause.text) for block in _prose(case) for clause in clauses(block))
    return any(scenes.ANSWERED.search(one) and not vetoes.ELSEWHERE.search(one) for one in said)


def _is_branched(case: Case) -> bool:
    """Tell whether a section shows something and says what follows when it is approved, and what when it is not."""
    said = [case.heard(clause.text) for block in _prose(case) for clause in clauses(block)]
    has_both = all(any(rule.search(one) for one in said) for rule in (scenes.IF_APPROVED, scenes.IF_REJECTED))
    return has_both and not _commands(case) and any(_is_showing(one) for one in said)


def _is_showing(said: str) -> bool:
    return scenes.SHOWN_FIRST.search(said) is not None and not vetoes.ELSEWHERE.search(said)


def _shown_first(case: Case) -> Finding:
    shown = (clause for block in _prose(case) for clause in clauses(block) if _is_showing(case.heard(clause.text)))
    return clause_finding(case, gates.BRANCHED, next(shown))


def _prose(case: Case) -> Iterator[Block]:
    return (block for block in case.blocks if block.kind is not Kind.FENCE)


def _findings(case: Case) -> Iterator[Finding]:
    if vetoes.SAMPLES.search(fold(case.heading.text)) and not case.is_gate and not case.is_phase:
        return
    is_overview = vetoes.OVERVIEW.search(fold(case.heading.text)) and not case.is_gate
    filled = [vetoes.FILLED_BY_AGENT.search(fold(joined(block))) is not None for block in case.blocks]
    scenarios = _scenarios(case)
    for at, block in enumerate(case.blocks):
        if at in scenarios or _is_dialogue(case.blocks, at):
            continue
        for one in _block_findings(case, at, block, any(filled[max(at - 1, 0) : at + 2])):
            if _is_headed_away(case, one):
                continue
            if one.rank > Rank.WAIT or not (is_overview or _is_rule(case, one) or _is_purpose(case, one)):
                yield one


def _is_headed_away(case: Case, finding: Finding) -> bool:
    """Tell whether a bare stop stands under a heading that names a machine to wait for, or what went wrong."""
    if finding.name != gates.BARE_STOP or A_PERSON.search(case.heard(finding.words)) or _speaks_of_gate(case):
        return False
    heading = fold(case.heading.text)
    waits = A_WAIT.search(fold(finding.words)) is not None
    return vetoes.TROUBLE.search(heading) is not None or (waits and A_MACHINE.search(heading) is not None)


def _is_rule(case: Case, finding: Finding) -> bool:
    """Tell whether a finding is a rule that a preface lays down for all that comes after it."""
    return case.is_preface and finding.name in gates.BINDING and not _speaks_of_gate(case)


def _is_purpose(case: Case, finding: Finding) -> bool:
    """Tell whether a finding stands in the line that says what a document is for."""
    whole = next(fold(line.text) for line in finding.block.lines if line.number == finding.line)
    return not case.is_phase and not case.is_gate and vetoes.PURPOSE.search(whole) is not None


def _is_dialogue(blocks: Sequence[Block], at: int) -> bool:
    """Tell whether a block belongs to a conversation that is printed with its answers."""
    near = [one for one in blocks[max(at - 1, 0) : at + 2] if one.kind is blocks[at].kind]
    said = [fold(line.text) for one in near for line in one.lines]
    has_voice = any(scenes.SPEAKS.search(fold(line.text)) for line in blocks[at].lines)
    return has_voice and any(_is_answer(asked, reply) for asked, reply in pairwise(said))


def _is_answer(asked: str, reply: str) -> bool:
    if not scenes.AGENT_SPEAKS.search(asked) or "?" not in asked:
        return False
    return bool(scenes.SPEAKS.search(reply) and not A_WAIT.search(reply))


def _scenarios(case: Case) -> frozenset[int]:
    """Return the list items that are steps of somebody who clicks through what is built: their places."""
    found: set[int] = set()
    for kind, run in groupby(range(len(case.blocks)), key=lambda at: case.blocks[at].kind):
        items = list(run)
        if kind is Kind.ITEM and _is_scenario([case.heard(joined(case.blocks[at])) for at in items]):
            found.update(items)
    return frozenset(found)


def _is_scenario(items: Sequence[str]) -> bool:
    clicks = sum(1 for one in items if scenes.CLICK.search(one))
    steps = sum(1 for one in items if scenes.UI_STEP.search(one))
    return clicks > 0 and clicks + steps > 1 and not any(AN_OWNER.search(one) for one in items)


def _block_findings(case: Case, at: int, block: Block, filled: bool) -> Iterator[Finding]:
    match block.kind:
        case Kind.FENCE:
            yield from _fence_findings(case, at, block)
        case Kind.CELL:
            yield from _cell_findings(case, block)
        case _:
            yield from _text_findings(case, block, filled)


def _text_findings(case: Case, block: Block, filled: bool) -> Iterator[Finding]:
    said = list(clauses(block))
    around = case.heard(joined(block))
    for clause, after in zip(said, [*said[1:], None], strict=False):
        folded = case.heard(clause.text)
        is_asking = "?" in folded and not is_specimen(clause) and not _is_answered_itself(case, clause, after)
        asked = _question(folded, block.kind, filled) if is_asking else None
        cue = asked or _cue(folded, case.heard(clause.sentence), around)
        if cue and not (cue.name == gates.BARE_STOP and after and vetoes.REDO.search(case.heard(after.text))):
            answers = gates.WAITING_CHOICE.search(folded)
            yield clause_finding(case, gates.NAMES_ANSWERS if answers else cue, clause)


def _is_answered_itself(case: Case, clause: Clause, after: Clause | None) -> bool:
    """Tell whether the writer of a question answers it in the next sentence, or asks it in somebody's place."""
    if scenes.ROLE_PLAY.search(case.heard(clause.sentence)):
        return True
    if A_ROLE.search(case.heard(clause.text)):
        return False
    next_ = case.heard(after.text) if after else ""
    return scenes.OWN_ANSWER.search(next_) is not None and not A_PERSON.search(next_) and not A_WAIT.search(next_)


def _cell_findings(case: Case, block: Block) -> Iterator[Finding]:
    """A table tells what follows from what; only under a gate's own heading may it say who is waited for."""
    if not case.is_gate:
        return
    for one in _text_findings(case, block, filled=True):
        if one.rank == Rank.WAIT:
            yield Finding(rank=Rank.POLICY, name=one.name, words=one.words, line=one.line, block=block)


def _fence_findings(case: Case, at: int, block: Block) -> Iterator[Finding]:
    if block.language in scenes.SHELL_LANGUAGES:
        yield from _shell_findings(block)
    elif _is_shown(case, at, block):
        is_form = vetoes.FORM.search(fold(_introduction(case.blocks, at))) is not None
        last = max((line.number for line in block.lines if _WORD.search(line.text)), default=0)
        for line in block.lines:
            cue = _shown_cue(case.heard(line.text), is_form or (line.number != last and "(" not in line.text))
            if cue:
                yield line_finding(cue, line, block)


def _shown_cue(folded: str, is_field: bool = False) -> gates.Cue | None:
    asked = _question(folded, Kind.FENCE, filled=is_field) if "?" in folded else None
    if asked or (is_field and "?" in folded):
        return asked
    if folded.lstrip().startswith("#"):
        return None
    cue = _cue(folded, folded)
    return cue if cue and cue.rank >= Rank.STOP else None


def _shell_findings(block: Block) -> Iterator[Finding]:
    """A command that reads an answer or announces a wait; comments and what goes to a file do neither."""
    for line in block.lines:
        folded = fold(line.text).strip()
        if gates.READS_ANSWER.search(folded):
            yield line_finding(gates.TYPED, line, block)
        elif gates.SPEAKS_UP.search(folded) and ">" not in folded:
            cue = _shown_cue(gates.SPEAKS_UP.sub("", folded).strip("\"' "))
            if cue:
                yield line_finding(cue, line, block)


def _is_shown(case: Case, at: int, block: Block) -> bool:
    """Tell whether a fence holds words shown to a person, and not code, a sample or something to copy."""
    if block.language not in (*scenes.SHOWN_LANGUAGES, *scenes.DOCUMENT_LANGUAGES):
        return False
    around = ASIDE.sub("", fold(f"{case.heading.text}: {_around(case.blocks, at)}"))
    shows = scenes.SHOWS.search(around) is not None
    is_plain = block.language in scenes.SHOWN_LANGUAGES
    if vetoes.NOBODY.search(fold(_introduction(case.blocks, at))) and not (_speaks_of_gate(case) and is_plain):
        return False
    if scenes.MOCKED_UP.search(around) and not shows and not case.is_gate:
        return False
    is_sample = scenes.TEMPLATE.search(around) is not None
    if block.language in scenes.DOCUMENT_LANGUAGES:
        return shows or (_speaks_of_gate(case) and not is_sample)
    return shows or not is_sample


def _introduction(blocks: Sequence[Block], at: int) -> str:
    """Return the sentence that leads into a fence; into one of plain text it does so with a colon."""
    before = list(clauses(blocks[at - 1])) if at and blocks[at - 1].kind is not Kind.CELL else []
    last = before[-1].sentence if before else ""
    is_plain = blocks[at].language in scenes.SHOWN_LANGUAGES
    return "" if is_plain and not last.rstrip(MARKS).endswith(":") else last


def _around(blocks: Sequence[Block], at: int) -> str:
    """Return the words that introduce a fence, and those below that point back at it."""
    before = joined(blocks[at - 1]) if at and blocks[at - 1].kind is not Kind.CELL else ""
    after = joined(blocks[at + 1]) if at + 1 < len(blocks) else ""
    points_back = scenes.POINTS_BACK.search(fold(after)) or scenes.SAYS_WHAT_IT_IS.search(fold(after))
    return f"{before} {after if points_back else ''}"


def _question(folded: str, kind: Kind, filled: bool) -> gates.Cue | None:
    """Return the cue of a sentence that asks. In lists a question may be the agent's own to answer."""
    asking = next((cue for cue in gates.QUESTIONS if cue.found(folded)), None)
    is_marked = gates.PAUSE_MARK.search(folded) is not None
    names_answers = gates.CHOICES.search(folded) is not None
    if kind is Kind.BOX and not (is_marked and asking):
        return None
    if kind is Kind.ITEM and not (asking or is_marked):
        return None
    if names_answers and (asking or is_marked or not filled):
        return gates.NAMES_ANSWERS
    return asking or (gates.MARKED if is_marked and kind is not Kind.ITEM else None)


def _cue(folded: str, sentence: str, around: str = "") -> gates.Cue | None:
    """Return the plainest cue of a clause, or None where it stops nobody. `around` is its whole block."""
    said = spoken(folded)
    found = {cue: place for cue in _cues(around) if (place := cue.found(said))}
    held = {cue: place for cue, place in found.items() if not _is_denied(said, cue, place, found)}
    if not held or is_about_trouble(sentence) or vetoes.STATE.search(said) or vetoes.IN_THE_PRODUCT.search(said):
        return None
    best = max(held, key=lambda cue: cue.rank)
    if best.name == gates.TYPED_WORD and scenes.MOCKED_UP.search(sentence):
        return None
    if vetoes.BUSINESS_RULE.search(around):
        return None
    is_built = vetoes.BUILDING.search(around) is not None
    if is_built and (best.rank < Rank.WAIT or vetoes.DESCRIBED.search(said)):
        return None
    if _is_decided_elsewhere(said, held[best]) or (best.name == gates.BARE_STOP and _is_on_condition(sentence, around)):
        return None
    if _waits_for_machine(said) or _answers_itself(folded):
        return None
    if vetoes.DESCRIBED.search(said) and not vetoes.THE_WORK.search(said):
        return None
    return gates.IN_GENERAL if best.rank > Rank.POLICY and vetoes.GENERAL.search(said) else best


@lru_cache(maxsize=8)  # asked for each clause of a block
def _cues(around: str) -> tuple[gates.Cue, ...]:
    return (*gates.CUES, *gates.BESIDE_A_PERSON) if AN_OWNER.search(around) or A_WRITER.search(around) else gates.CUES


def _is_denied(said: str, cue: gates.Cue, place: re.Match[str], found: Iterable[gates.Cue]) -> bool:
    """Tell whether a clause takes a cue back. Where it binds, its negation is the stop; a wait outlives `do not
    interrupt` behind it.
    """
    denial = vetoes.NOBODY.search(said)
    if denial is None or any(one.name in gates.BINDING for one in found):
        return False
    is_behind = place.end() <= denial.start() and vetoes.DISTURB.search(denial.group())
    return cue.rank < Rank.WAIT or not is_behind


def _is_decided_elsewhere(said: str, place: re.Match[str]) -> bool:
    """Tell whether the person is asked in another place; what was made there is only brought here."""
    named = [one for one in vetoes.ELSEWHERE.finditer(said) if not _is_source(said, one, place)]
    return bool(named)


def _is_source(said: str, named: re.Match[str], place: re.Match[str]) -> bool:
    is_first = not re.search(r"\w", said[: named.start()])
    return named.end() <= place.start() and not is_first and vetoes.DO_ASK.match(said[place.start() :]) is not None


def _is_on_condition(sentence: str, around: str) -> bool:
    """Tell whether a bare stop hangs on something that no person says."""
    rules = (vetoes.STOP_AFTER_QUESTION, vetoes.STOP_ON_TROUBLE)
    hangs = vetoes.CONDITION.search(sentence) is not None or any(one.search(around) for one in rules)
    return hangs and not A_PERSON.search(sentence)


def _waits_for_machine(said: str) -> bool:
    wait = A_WAIT.search(said)
    purpose = vetoes.BEFOREHAND.search(said, wait.end()) if wait else None
    awaited = said[: purpose.start()] if purpose else said
    for_machine = vetoes.MACHINE_WAIT.search(awaited) or vetoes.MACHINE_SAYS.search(said)
    return for_machine is not None and not A_PERSON.search(said) and not vetoes.THEIR_WORD.search(said)


def _answers_itself(folded: str) -> bool:
    """Tell whether the answer that is waited for is one that the agent finds by itself."""
    return vetoes.OWN_QUESTION.search(folded) is not None and not A_PERSON.search(folded)


def _stopped(case: Case, best: Finding) -> Verdict:
    outside = _outward(case, best)
    return Verdict(
        type=GateType.DEPLOY if outside else GateType.HUMAN,
        trigger=best.words,
        line=best.line,
        end=best.block.end,
        why=f"{best.name}, about going outside: {outside}" if outside else best.name,
        merges=bool(outside) and _merges(case, best),
    )


def _by_heading(case: Case, name: str) -> Finding:
    heading = case.heading
    block = Block(kind=Kind.PROSE, lines=(), end=max((one.end for one in case.blocks), default=heading.line))
    return Finding(rank=Rank.POLICY, name=name, words=heading.text, line=heading.line, block=block)


def _asks_by_heading(case: Case) -> bool:
    folded = fold(case.heading.text)
    asks = vetoes.ABOUT_APPROVING.search(folded) or _is_asking_title(case)
    is_title = case.is_preface and case.heading.level == 1
    if not asks or is_title or vetoes.PRODUCT_APPROVAL.search(folded):
        return False
    said = (fold(clause.text) for block in _prose(case) for clause in clauses(block))
    return not any(_takes_back(one) for one in said)


def _is_asking_title(case: Case) -> bool:
    heard = case.heard(case.heading.text)
    return vetoes.ASKING_TITLE.search(heard) is not None and not vetoes.ELSEWHERE.search(heard)


def _takes_back(said: str) -> bool:
    """Tell whether a clause says that the approval its heading speaks of is not needed, or was given."""
    denial = vetoes.NOBODY.search(said)
    if denial is None or vetoes.DISTURB.search(denial.group()):
        return False
    return not vetoes.LATER.search(said[: denial.start()] + said[denial.end() :])


def _signed(case: Case) -> Verdict | None:
    """Return the verdict on a gate of approval whose checklist is ticked by what people did."""
    ticked = (block for block in case.blocks if block.kind in (Kind.BOX, Kind.ITEM))
    return _titled(case) if any(vetoes.SIGNED.search(fold(joined(one))) for one in ticked) else None


def _hinted(case: Case) -> Verdict | None:
    hint = next((one for one in _findings(case) if one.rank == Rank.HINT), None)
    return _stopped(case, hint) if hint else None


def _titled(case: Case) -> Verdict | None:
    folded = fold(case.heading.text)
    if not vetoes.APPROVAL_TITLE.search(folded) or vetoes.PRODUCT_APPROVAL.search(folded):
        return None
    return _stopped(case, _by_heading(case, "the heading speaks of a decision and no command takes it"))


def _rest(case: Case) -> Verdict:
    nobody = _by_heading(case, NOBODY_SAYS)
    decided = _soft_criterion(case) or _named_criterion(case) or _work(case)
    return _validated(case, decided) or _stopped(case, nobody)


def _named_criterion(case: Case) -> tuple[Line, str] | None:
    """Return the line under a heading that is itself the criterion: `Tests green`."""
    if not outward.STATE_TITLE.search(fold(case.heading.text)):
        return None
    return next(((block.lines[0], "the heading is a criterion") for block in case.blocks if block.lines), None)


def _work(case: Case) -> tuple[Line, str] | None:
    """Return the work that a section gives the agent, where only a word of the user's makes it a gate."""
    lines = [line for block in case.blocks for line in sentence_lines(block)] if case.is_hinted else []
    alone = next((line for line in lines if vetoes.NOBODY.search(fold(line.text))), None)
    if alone is not None:
        return alone, "says that nobody is asked"
    tasks = [line for line in lines if outward.TASK.search(fold(line.text))]
    has_place = any(outward.PLACE.search(line.text) for line in lines)
    return (tasks[0], "gives the work to the agent") if len(tasks) > 1 or (tasks and has_place) else None


def _decides_itself(case: Case) -> bool:
    return (_hard_criterion(case) or _soft_criterion(case)) is not None


def _names_role(case: Case, finding: Finding) -> bool:
    return A_ROLE.search(case.heard(finding.words)) is not None


def _outward(case: Case, best: Finding) -> str:
    """Return what goes outside if somebody agrees, or nothing: by the question, its heading, or what follows."""
    for text in (best.words, case.heading.text):
        named = _outward_word(outward.LOOKED_AT_THERE.sub("", fold(text)))
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
    return next((name for name, pattern in outward.OUTWARD.items() if pattern.search(folded)), "")


def _is_outward_consequence(block: Block) -> bool:
    folded = fold(joined(block))
    if block.kind is Kind.FENCE:
        lines = (fold(line.text).strip() for line in block.lines)
        is_code = block.language in scenes.SHELL_LANGUAGES
        return is_code and any(outward.OUTWARD_COMMAND.search(one) for one in lines if not one.startswith("#"))
    if outward.YES.search(folded):
        return bool(_outward_word(folded) or outward.OUTWARD_COMMAND.search(folded))
    return False


def _is_outward_talk(clause: Clause) -> bool:
    folded = outward.LOOKED_AT_THERE.sub("", fold(clause.text))
    return outward.OUTWARD_PROSE.search(folded) is not None and not outward.NOT_YET.search(fold(clause.sentence))


def _merges(case: Case, best: Finding) -> bool:
    if any(outward.OUTWARD["merge"].search(fold(text)) for text in (best.words, case.heading.text)):
        return True
    return any(outward.MERGE_COMMAND.search(fold(joined(block))) for block in _after(case, best))


def _validated(case: Case, found: tuple[Line, str] | None) -> Verdict | None:
    """Return the verdict of a gate that a command, a checklist or a list decides by itself."""
    if found is None:
        return None
    line, why = found
    end = next(block.end for block in case.blocks if block.end >= line.number)
    return Verdict(type=GateType.VALIDATION, trigger=bare(line.text), line=line.number, end=end, why=why)


def _hard_criterion(case: Case) -> tuple[Line, str] | None:
    commands = _commands(case)
    criteria = [one for one in _criteria(case) if one[0] <= outward.PLAIN]
    exits = next((line for level, line in criteria if level == outward.EXITS), None)
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
    fences = (block for block in case.blocks if block.language in scenes.SHELL_LANGUAGES)
    return [line for block in fences for line in block.lines if not outward.IDLE_COMMAND.search(line.text)]


def _criteria(case: Case) -> Iterator[tuple[int, Line]]:
    """Yield what decides by itself, with how plainly it says so: 0 is plainest."""
    for block in case.blocks:
        if block.kind is Kind.FENCE:
            continue
        for line in sentence_lines(block):
            folded = fold(line.text)
            level = next((at for at, one in enumerate(outward.CRITERIA) if one.search(folded)), None)
            if level is not None:
                yield level, line
