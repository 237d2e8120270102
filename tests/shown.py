"""What a page shows: its command blocks, what follows each as output, and whether what came is what is shown.

A block is fenced as `sh`; a block fenced as `text` right behind it is what it prints. In that `...` stands for any
text within a line, a line of `...` alone for any lines. An HTML comment before a block says how it is taken:
`<!-- not run: REASON -->` before a command, `<!-- in any order -->` before an output. Nothing here runs anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

QUESTION = "anything else approves nothing: "
_FENCE = re.compile(
    r"(?:^<!-- (?P<said>[^\n]*?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One command block: its text, why it is not run (or nothing), the lines that it prints, None where none are shown."""

    text: str
    unrun: str = ""
    prints: tuple[str, ...] | None = None
    in_order: bool = True

    @property
    def name(self) -> str:
        """The first line, by which a test knows the block."""
        return self.text.split("\n", 1)[0]

    @property
    def answers(self) -> list[str]:
        """What the person types at each question of `approve`, as the output shows it."""
        return [line.split(QUESTION, 1)[1] for line in self.prints or () if QUESTION in line]


def blocks(page: str) -> list[Block]:
    """Return the command blocks of a page, in order."""
    found: list[Block] = []
    end = 0
    for fence in _FENCE.finditer(page):
        said, between = fence["said"] or "", page[end : fence.start()]
        if fence["language"] == "sh":
            found.append(Block(fence["text"], said.partition("not run: ")[2]))
        elif fence["language"] == "text" and found and found[-1].prints is None and not re.search("^#|```", between):
            last = found.pop()
            lines = tuple(line.rstrip() for line in fence["text"].splitlines())
            found.append(Block(last.text, last.unrun, lines, said != "in any order"))
        end = fence.end()
    return found


def differs(block: Block, came: str) -> str:
    """Return the first shown line that what came does not hold in its place, or an empty string."""
    lines = [line.rstrip() for line in came.splitlines()]
    if not block.in_order:
        return next((line for line in block.prints or () if not any(_fits(line, one) for one in lines)), "")
    return _in_order(block.prints or (), lines)


def _in_order(shown: Sequence[str], lines: Sequence[str]) -> str:
    """Follow every place in `lines` that what is shown so far can have led to."""
    places = {0}
    for line in shown:
        if line.strip() == "...":
            places = set(range(min(places), len(lines) + 1))
        else:
            places = {place + 1 for place in places if place < len(lines) and _fits(line, lines[place])}
        if not places:
            return line
    return "" if len(lines) in places else "the end: more was printed"


def _fits(shown: str, line: str) -> bool:
    return re.fullmatch(".*?".join(map(re.escape, shown.split("..."))), line) is not None
