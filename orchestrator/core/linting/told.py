"""Which commands a document tells its reader, in shell blocks and in passing, and which it tells him to leave. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from orchestrator.core.blocks import Block, Kind, Line, Section
from orchestrator.core.clauses import clauses
from orchestrator.core.linting.shell import Command, commands
from orchestrator.core.scenes import SHELL_LANGUAGES
from orchestrator.core.wording import fold

_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)")
_CONDITION = re.compile(r"\b(?:if|when|unless|until|while|se|quando|caso|ate|enquanto)\b[^,;:→]*[,;:→]")
_TURN = re.compile(r".*(?:;|—|→|\b(?:mas|but|porem|then|entao|so then)\b|,\s*(?:use|usa|rode|roda|run|faca)\b)")
_NO_BEFORE = re.compile(
    r"\b(?:never|nunca|jamais|nao|not|don'?t|doesn'?t|isn'?t|cannot|can'?t|won'?t|avoid|evit\w+|proib\w+|forb[ia]d\w*"
    r"|prohibit\w*|refus\w+|recus\w+|block\w*|bloque\w+|instead of|rather than|em vez de|ao inves de|no lugar de|nem"
    r"|nor|neither|nada de|nenhum\w*|no one|nobody|ninguem|banned|vetad\w+|worse|pior)\b"
    r"|\b(?:sem|without|no)\s+(?:\w+\s+){0,2}\W*$|[❌🚫⛔✗✘]"
)
_NO_AFTER = re.compile(
    r"^[^.!?;]{0,60}?(?:\b(?:proibid\w*|forbidden|not allowed|never|nunca|jamais|nao vale|nao pode\w*|nao e"
    r"|nao (?:use|rode|faca)|nao resolve|vetad\w+|banned|off limits|prohibited|not ok|is not|are not|don'?t|do not"
    r"|does not|so com|only with)\b|[❌🚫⛔])"
)
_NO_HEADING = re.compile(
    r"\b(?:proib\w+|forbidden|never|nunca|jamais|don'?ts?|do not|must not|nao fa\w+|nao pode\w*|nao use|what not"
    r"|o que nao|anti-?pattern\w*|anti-?padr\w+|avoid|evit\w+|not allowed|erros comuns|common mistakes)\b|[❌🚫⛔]"
)
_NO_COMMENT = re.compile(rf"#[^\n]*?(?:{_NO_HEADING.pattern}|\bnao\b|\bnot\b|\berrad\w+|\bwrong\b)")


def told(sections: Iterable[Section]) -> list[Command]:
    """Return the commands of a document in order, those that it forbids marked so."""
    return [one for section in sections for at in range(len(section.blocks)) for one in _of_block(section, at)]


def _of_block(section: Section, at: int) -> Iterator[Command]:
    block = section.blocks[at]
    around = fold(section.heading.text)
    is_out = _NO_HEADING.search(around) is not None or _leads_in_with_no(section.blocks, at)
    if block.kind is Kind.FENCE:
        found = _of_fence(block)
    elif block.kind is Kind.CELL:
        found = _of_cell(section.blocks, at)
    else:
        found = _of_text(block)
    return (replace(one, is_forbidden=is_out or one.is_forbidden) for one in found)


def _leads_in_with_no(blocks: Sequence[Block], at: int) -> bool:
    """Tell whether the paragraph that a block or its list belongs to ends in a colon and says no."""
    kinds = (Kind.ITEM, Kind.BOX)
    above = at - 1
    while above >= 0 and blocks[at].kind in kinds and blocks[above].kind in kinds:
        above -= 1
    if above < 0 or blocks[above].kind is Kind.FENCE:
        return False
    last = fold(" ".join(line.text for line in blocks[above].lines)).rstrip(" *_`")
    sentence = re.split(r"(?<=[.!?])\s", last)[-1]
    return sentence.endswith(":") and _NO_BEFORE.search(_CONDITION.sub("", sentence[:-1])) is not None


def _of_fence(block: Block) -> Iterator[Command]:
    if block.language not in (*SHELL_LANGUAGES, ""):
        return
    forbidden = {line.number for line in block.lines if _NO_COMMENT.search(fold(line.text))}
    alone = {line.number + 1 for line in block.lines if line.number in forbidden and line.text.lstrip().startswith("#")}
    for one in commands(block.lines):
        yield replace(one, is_labelled=bool(block.language), is_forbidden=one.line in forbidden | alone)


def _of_text(block: Block) -> Iterator[Command]:
    for clause in clauses(block):
        for line in clause.lines:
            before = " ".join(one.text.strip() for one in clause.lines if one.number < line.number)
            after = " ".join(one.text.strip() for one in clause.lines if one.number > line.number)
            yield from _spans(line, _sentence_before(clause.sentence, clause.text) + before, after, _whole(block, line))


def _sentence_before(sentence: str, clause: str) -> str:
    """Return what of a sentence stands before one of its clauses."""
    at = sentence.find(clause.strip()[:40])
    return f"{sentence[:at]} " if at > 0 else ""


def _whole(block: Block, line: Line) -> str:
    return next(one.text for one in block.lines if one.number == line.number)


def _of_cell(blocks: Sequence[Block], at: int) -> Iterator[Command]:
    """Yield the commands of a table's cell; a cell before it in the row, or the head of its column, may say no."""
    if not any("`" in line.text for line in blocks[at].lines):
        return  # to look around takes as long as the table
    for line in blocks[at].lines:
        table = _table_around(blocks, at)
        row = [one for one in table if one.lines and one.lines[0].number == line.number]
        heads = [one for one in table if one.lines and one.lines[0].number == table[0].lines[0].number]
        column = next((place for place, one in enumerate(row) if one is blocks[at]), 0)
        head = heads[column].lines[0].text if column < len(heads) and heads[column] is not blocks[at] else ""
        said = " ".join(one.lines[0].text for one in row)
        is_out = any(_NO_HEADING.search(fold(one)) for one in (head, *(cell.lines[0].text for cell in row[:column])))
        for found in _spans(line, "", "", said):
            yield replace(found, is_forbidden=is_out or found.is_forbidden)


def _table_around(blocks: Sequence[Block], at: int) -> list[Block]:
    first = last = at
    while first > 0 and blocks[first - 1].kind is Kind.CELL:
        first -= 1
    while last + 1 < len(blocks) and blocks[last + 1].kind is Kind.CELL:
        last += 1
    return [one for one in blocks[first : last + 1] if one.lines]


def _spans(line: Line, before: str, after: str, said: str) -> Iterator[Command]:
    for span in _CODE.finditer(line.text):
        is_out = _says_no(before + line.text[: span.start()], line.text[span.end() :] + " " + after)
        for one in commands([Line(number=line.number, text=span[2].strip())]):
            yield replace(one, said=said.strip(), is_inline=True, is_forbidden=is_out)


def _says_no(before: str, after: str) -> bool:
    said = _TURN.sub("", _CONDITION.sub(" ", fold(before)))
    return _NO_BEFORE.search(said) is not None or _NO_AFTER.search(fold(after)) is not None
