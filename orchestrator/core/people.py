"""The names that a document gives to the persons of whom it asks a decision. Learns them, and judges nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from orchestrator.core.blocks import Block, Kind
from orchestrator.core.wording import MACHINE, NAME_MARK, ROLES, TOOLS, any_of, fold, regex

# How a document says that a name is a person's: of what is asked and decided, none of it a machine's.
_NAME = r"(?:[Dd]on[ao]\s+)?(?P<name>[A-ZÀ-Þ][a-zà-ÿ]{2,})\b"
_MODALS = r"(?:(?:ainda|não|vai|precisa|deve|tem (?:de|que)|quem|has to|must|needs to|will)\s+)*"
_CHOOSES = (
    r"(?:respond|aprov|decid|confirm|escolh|autoriz|liber|diss?er|dizer|diga|concord|assin|approv|choos|pick|say|sign"
    r"|repl|answer|agree|authori)\w*"
)
_WORD_OF = (
    r"(?:[Oo][Kk]|aprovação|palavra|aval|aceite|visto|autorização|escolha|parecer|joinha"
    r"|approval|word|go-ahead|sign-off|yes)"
)
_GO = r"(?:[Pp]ode|[Oo][Kk]|[Ss]im|[Mm]anda|[Vv]ai|[Aa]prov|[Ll]ibera|[Ff]echou|[Bb]ora|[Gg]o|[Yy]es|[Ss]hip)"
_OWNS = r"(?:don[oa]|owner|mantenedora?|maintainer|PO)"
_NAMES = (
    rf"\b(?:[oaOA]|until|once|after|when|if|whether|[Ll]et)\s+{_NAME}\s+{_MODALS}{_CHOOSES}",
    rf"\b(?:[Pp]ergunt|[Pp]e[çc]|[Ss]olicit|[Cc]onsult)\w+\s+(?:para\s+)?(?:ao?|à|o)\s+{_NAME}",
    rf"\b(?:[Aa]sk|[Cc]onsult)\s+{_NAME}",
    rf"\b{_WORD_OF}\s+(?:d[oa]|of|from|by)\s+{_NAME}",
    rf"[\"“](?:[^\"”]*\s)?{_GO}[^\"”]*[\"”]\s+(?:d[oa]|of|from|by)\s+{_NAME}",
    rf"\b{_NAME}['’]s\s+(?:{_WORD_OF}|call|decision|choice)\b",
    rf"\b{_OWNS}\s*(?:,|\(|é [oa]|is)\s*(?:[oa]\s+)?{_NAME}",
    rf"\b{_NAME}\s*(?:\(|,\s|\sé\s|\sis\s)\s*(?:[oa]\s+|the\s+)?{_OWNS}\b",
)
# With a decision in the same line, an article or a preposition before a name is enough.
_BESIDE = (
    rf"\b(?:[oaà]|[dn][oa]|pr[oa]|[aA]o|[cC]om [oa]|pel[oa]|from|to|with|by|until|[Pp]ing)\s+(?:Dra?\.\s+)?{_NAME}"
)
_IS_DECIDED = regex(
    rf"{_CHOOSES}|{_WORD_OF}|martelo|topa|decis|sinal verde|pergunt|peç|devolv|concord|fecha|visto|thumbs"
    r"|[Pp]ing|[Hh]and over|okay|\bok\b"
)
_NAME_FIRST = rf"(?m)^\W*{_NAME}\s+{_MODALS}{_CHOOSES}"
_NAME_INSIDE = r"[a-zà-ÿ,]\s+(?P<name>[A-ZÀ-Þ][a-zà-ÿ]{2,})\b"
_NO_NAME = any_of(f"^ (?: {MACHINE} | {TOOLS} | {ROLES} | <agente? agent fase gate phase workflow> ) $")


def people(blocks: Iterable[Block]) -> tuple[str, ...]:
    """Return the names that a document gives to persons of whom it asks a decision."""
    texts = ["\n".join(line.text for line in block.lines) for block in blocks if block.kind is not Kind.FENCE]
    named = {one for rule in _NAMES for one in _named(rule, texts)}
    lines = [line for text in texts for line in text.splitlines() if _IS_DECIDED.search(line)]
    named |= {*_named(_BESIDE, lines)}
    both = {*_named(_NAME_FIRST, texts)} & {*_named(_NAME_INSIDE, texts)}
    return tuple(sorted(one for one in named | both if not _NO_NAME.search(fold(one))))


def _named(rule: str, texts: Sequence[str]) -> Iterator[str]:
    return (found["name"] for text in texts for found in re.finditer(rule, text))


def marked(text: str, names: Sequence[str]) -> str:
    """Return `text` with a mark for each letter of one of these names."""
    if not any(one in text for one in names):
        return text
    return re.sub(rf"\b(?:{'|'.join(names)})\b", lambda found: NAME_MARK * len(found.group()), text)
