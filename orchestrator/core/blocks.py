"""What a Markdown text consists of: headings, and below each the blocks somebody reads. Judges nothing.

Structure comes from a CommonMark parser alone; a line number counts from 1 in the text as it is stored.
Headings inside lists count, quoted ones are text of the section that quotes them; indented code and
HTML comments are nobody's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from orchestrator.core.values import Value
from orchestrator.core.wording import regex
from orchestrator.errors import BadConfiguration

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_COMMENT = regex(r"(?s:<!--.*?(?:-->|\Z))")
_TAG = regex(r"</?[a-zA-Z][^<>\n]*>")
_BOX = regex(r"\[[ xX]\]\s")
_PLAIN_SLIP = regex(r"\s*#.*|\s*|[\w-]+:(?:\s+[^\s\[{\"'|>&*!%@`].*|\s*)")


class Kind(StrEnum):
    """How a block is written; what its words are worth depends on it."""

    PROSE = "prose"
    ITEM = "item"
    BOX = "checkbox"
    CELL = "table cell"
    FENCE = "fence"


class Line(Value):
    """One line of a block without its list or quote marks: a part of the line in the file, verbatim."""

    number: int
    text: str


class Block(Value):
    """A paragraph, list item, table row or fence, and the last line of what a cut may not divide."""

    kind: Kind
    lines: tuple[Line, ...]
    end: int
    language: str = ""


class Heading(Value):
    """A heading as CommonMark reads it; level 0 is the text before the first one."""

    level: int
    text: str
    line: int


class Section(Value):
    """A heading and the blocks between it and the next one."""

    heading: Heading
    blocks: tuple[Block, ...]


def stored(text: str) -> str:
    """Return the text without byte-order mark and carriage returns; its lines end in LF alone."""
    return text.removeprefix("\ufeff").replace("\r", "")


def frontmatter(text: str, file: str) -> tuple[dict[str, str], int]:
    """Return the frontmatter's plain values and the number of lines it takes, 0 where there is none.

    An unquoted colon in a description is a slip that editors live with, and so do we.
    Raises BadConfiguration, with file and line, for what is no YAML mapping otherwise.
    """
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return {}, 0
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)
    if not end:
        return {}, 0
    return _mapping(lines[1:end], file), end + 1


def _mapping(lines: Sequence[str], file: str) -> dict[str, str]:
    import yaml  # heavy, and most documents of a hook's life are never read

    try:
        loaded = yaml.safe_load("\n".join(lines))
    except yaml.YAMLError as error:
        if all(_PLAIN_SLIP.fullmatch(line) for line in lines):
            return _plain_values(lines)
        mark = getattr(error, "problem_mark", None)
        number = mark.line + 2 if mark else 2
        what = str(getattr(error, "problem", None) or "it is no YAML")
        raise _broken(file, min(number, len(lines) + 1), what) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise _broken(file, 2, "it is no list of `key: value` lines")
    return {str(key): str(value) for key, value in loaded.items()}


def _plain_values(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line[0].isspace())
    return {key.strip(): value.strip() for key, value in pairs}


def _broken(file: str, line: int, what: str) -> BadConfiguration:
    return BadConfiguration(
        f"{file}:{line}: the frontmatter cannot be read: {what}", "mend that line, or quote its value"
    )


def sections(text: str, skipped: int, preface: str) -> tuple[Section, ...]:
    """Return the sections of a stored text whose first `skipped` lines are frontmatter.

    What stands before the first heading is a section headed by `preface`, of level 0, at the first line left.
    """
    body = "\n" * skipped + "\n".join(text.split("\n")[skipped:])
    before = heading = Heading(level=0, text=preface, line=skipped + 1)
    blocks: list[Block] = []
    found: list[Section] = []
    for part in _parts(_parser().parse(body)):
        if isinstance(part, Block):
            blocks.append(part)
            continue
        if blocks or heading is not before:
            found.append(Section(heading=heading, blocks=tuple(blocks)))
        heading, blocks = part, []
    return (*found, Section(heading=heading, blocks=tuple(blocks)))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # heavy, and needed only where a document is read

    return MarkdownIt("commonmark").enable("table").disable("inline")


@cache
def _inline_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # heavy, and needed only where a document is read

    return MarkdownIt("commonmark")


def _parts(tokens: Sequence[Token]) -> Iterator[Heading | Block]:
    """Yield headings and blocks in order. `open_` holds the kinds of the containers around a token."""
    open_: list[str] = []
    end = 0
    for at, token in enumerate(tokens):
        if token.map and (token.level == 0 or _is_outermost_item(token, open_)):
            end = token.map[1]
        if token.nesting == 1:
            open_.append(token.type.removesuffix("_open"))
        elif token.nesting == -1:
            open_.pop()
        yield from _part(token, tokens[at - 1], open_, end)


def _is_outermost_item(token: Token, open_: Sequence[str]) -> bool:
    return token.type == "list_item_open" and token.level == 1 and len(open_) == 1


def _part(token: Token, opener: Token, open_: Sequence[str], end: int) -> Iterator[Heading | Block]:
    start = token.map[0] + 1 if token.map else 0
    match token.type:
        case "inline" if opener.type == "heading_open" and "blockquote" not in open_:
            yield Heading(level=int(opener.tag[1]), text=_plain(token.content), line=start)
        case "inline":
            lines = _numbered(_COMMENT.sub(_blanks, token.content), start)
            yield Block(kind=_kind(token.content, open_), lines=lines, end=end)
        case "fence":
            lines = _numbered(token.content.removesuffix("\n"), start + 1)
            yield Block(kind=Kind.FENCE, lines=lines, end=end, language=_language(token.info))
        case "html_block":
            visible = _TAG.sub(_blanks, _COMMENT.sub(_blanks, token.content))
            yield Block(kind=Kind.PROSE, lines=_numbered(visible, start), end=end)


def _kind(content: str, open_: Sequence[str]) -> Kind:
    if "th" in open_ or "td" in open_:
        return Kind.CELL
    if "list_item" in open_:
        return Kind.BOX if _BOX.match(content) else Kind.ITEM
    return Kind.PROSE


def _numbered(content: str, start: int) -> tuple[Line, ...]:
    return tuple(Line(number=start + at, text=text) for at, text in enumerate(content.split("\n")) if text.strip())


def _blanks(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found.group())


def _language(info: str) -> str:
    words = info.split()
    return words[0].strip("{}.").lower() if words else ""


def _plain(content: str) -> str:
    """Return a heading's words: marks of emphasis, code and links are dropped, emoji stay."""
    children = _inline_parser().parseInline(content)[0].children or []
    spoken = (" " if child.type.endswith("break") else child.content for child in children if _is_text(child))
    return " ".join("".join(spoken).split())


def _is_text(token: Token) -> bool:
    return token.type in ("text", "code_inline", "softbreak", "hardbreak", "image")
