"""A section that is put to the rules, what is found in it, and how its words are heard. Decides nothing."""

from __future__ import annotations

import re

from orchestrator.core import gates, scenes, vetoes
from orchestrator.core.blocks import Block, Heading, Line
from orchestrator.core.clauses import MARKS, Clause
from orchestrator.core.gates import Cue, Rank
from orchestrator.core.people import marked
from orchestrator.core.values import GateType, Value
from orchestrator.core.wording import fold, regex

ASIDE = regex(r"\([^()]*\)")
_BLANK = " " * 8  # as wide as any quote gets: rules that look for a gap walk it several times
_WIDE = regex(r"\s{9,}")
QUOTED = regex(r"[\"“”«»][^\"“”«»\n]*[\"“”«»]|`[^`\n]*`")
_BOX = regex(r"^\[[ xX]\]\s+")


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

    `is_gate`: the heading makes it a gate, whoever decides; `is_hinted`: by a word of the user's alone.
    `is_phase`: it names a piece of the work, and no kind of text. `is_preface`: it stands before the first phase.
    `people`: the names of those who decide.
    """

    heading: Heading
    blocks: tuple[Block, ...]
    is_gate: bool
    is_hinted: bool = False
    is_phase: bool = False
    is_preface: bool = False
    people: tuple[str, ...] = ()

    def heard(self, text: str) -> str:
        """Return `text` folded, with a mark for each letter of a person's name."""
        return fold(marked(text, self.people))


def is_specimen(clause: Clause) -> bool:
    """Tell whether a clause stands in a line that shows how to say or not to say something, or its answer."""
    number = clause.lines[0].number
    whole = next(fold(line.text) for line in clause.block.lines if line.number == number)
    return any(rule.search(whole) for rule in (scenes.SPECIMEN, scenes.SCRIPTED_ANSWER))


def is_about_trouble(sentence: str) -> bool:
    """Tell whether a sentence is about what went wrong, which is none of a gate's; what is mended is over."""
    plain = ASIDE.sub("", sentence)
    return vetoes.TROUBLE.search(plain) is not None and not vetoes.MENDED.search(plain)


def spoken(folded: str) -> str:
    """Return what a clause says by itself: quotes and the names of agents are blank, and blanks are few."""
    return _WIDE.sub(_BLANK, vetoes.AGENT_ROLE.sub(_BLANK, QUOTED.sub(_masked, folded)))


def _masked(found: re.Match[str]) -> str:
    """Return blanks for what is quoted; a single word in quotation marks is said by the text itself,
    and so is what somebody is asked to tell."""
    said = found.group()
    if gates.SPOKEN_ASK.search(said):
        return said
    if not said.startswith("`") and found.string[: found.start()].endswith(("meu ", "minha ", "my ")):
        return f'"{"x" * (len(said) - 2)}"'  # the writer's own word, however many it has
    return _BLANK if said.startswith("`") or " " in said else said


def clause_finding(case: Case, cue: Cue, clause: Clause) -> Finding:
    """Return what a cue found in a clause, with the words of the line on which it begins."""
    line = _line_with(case, cue, clause)
    return Finding(rank=cue.rank, name=cue.name, words=bare(line.text), line=line.number, block=clause.block)


def _line_with(case: Case, cue: Cue, clause: Clause) -> Line:
    """Return the line of a clause on which the cue begins."""
    if len(clause.lines) == 1 or cue.pattern is None:
        return next((line for line in reversed(clause.lines) if "?" in line.text), clause.lines[0])
    found = cue.found(case.heard(" ".join(line.text for line in clause.lines)))
    start, length = (found.start() if found else 0), 0
    for line in clause.lines:
        length += len(line.text) + 1
        if start < length:
            return line
    return clause.lines[0]


def bare(text: str) -> str:
    """Return a line's words without its marks and its box."""
    return _BOX.sub("", text.strip(MARKS))


def line_finding(cue: Cue, line: Line, block: Block) -> Finding:
    """Return what a cue found in a line."""
    return Finding(rank=cue.rank, name=cue.name, words=bare(line.text), line=line.number, block=block)


def joined(block: Block) -> str:
    """Return the words of all lines of a block."""
    return " ".join(line.text for line in block.lines)
