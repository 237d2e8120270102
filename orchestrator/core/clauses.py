"""How a block of text is cut into what it says: sentences, and clauses within them. Judges nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from orchestrator.core.blocks import Block, Line
from orchestrator.core.values import Value
from orchestrator.core.wording import regex

_SENTENCE = regex(r"[.!?…]+[\"”')*_\]`]*(?:\s*[(\[][^()\[\]\n]{1,40}[)\]][\"”'*_.]*)?(?=\s|$)|\n\s*\n|$")
_CLAUSE = regex(r"(?<=[;:])[*_]*\s+|\n(?=\*\*\S)|\s+[—–]\s+|(?<=[.!?…])[*_]+\s+")
MARKS = " \t*_>"
_CHOICE = regex(r"(?i:\W*(?:qual|quais|o que|which|what)\b[^.;]*\?\W*)")
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


def clauses(block: Block) -> Iterator[Clause]:
    """Yield the clauses of a block of text in order."""
    joined, offsets = "\n".join(line.text for line in block.lines), _offsets(block.lines)
    for start, end in _sentences(joined):
        spans = [(start, end)] if _is_whole(joined[start:end]) else _clause_spans(joined, start, end)
        for first, last in spans:
            lines = tuple(_cut(block.lines, offsets, first, last))
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
        if _is_quoted(joined[at : found.start()]):
            continue
        yield at, found.start()
        at = found.end()
    yield at, end


def _is_quoted(before: str) -> bool:
    """Tell whether what comes after a text stands in the quotation marks that were opened in it."""
    return before.count('"') % 2 == 1 or before.count("“") > before.count("”")


def _offsets(lines: Sequence[Line]) -> list[int]:
    """Return where each line begins in their text joined by line ends."""
    return list(accumulate((len(line.text) + 1 for line in lines[:-1]), initial=0))


def _cut(lines: Sequence[Line], offsets: Sequence[int], first: int, last: int) -> Iterator[Line]:
    """Yield the parts of `lines`, which begin at `offsets`, between two offsets of their text joined by line ends."""
    for at in range(max(bisect_right(offsets, first) - 1, 0), bisect_left(offsets, last)):
        text = lines[at].text[max(first - offsets[at], 0) : max(last - offsets[at], 0)]
        if text.strip(MARKS):
            yield Line(number=lines[at].number, text=text)


def sentence_lines(block: Block) -> Iterator[Line]:
    joined, offsets = "\n".join(line.text for line in block.lines), _offsets(block.lines)
    for start, end in _sentences(joined):
        yield from _cut(block.lines, offsets, start, end)
