"""What a person's map says of a heading beside what its words say, and which of the two holds. Reads no file."""

from __future__ import annotations

from hashlib import sha256

from orchestrator.core.values import Value

MAP_FILE = "orchestrator-gates.toml"
TYPES = ("none", "validation", "human", "deploy")  # from the weakest to the strictest
SAYS_SO = f"{MAP_FILE} says so"


class Classified(Value):
    """The type a person gave a heading, and the digest of the section's text at that time, if any was seen."""

    key: str
    type: str
    digest: str


class Seen(Value):
    """A heading that is a gate by its words, by [gates.types] or by the map: its section and how its words read."""

    key: str
    digest: str
    type: str  # by its words alone
    why: str
    is_chosen: bool = False  # [gates.types] has the last word on it


def section_digest(text: str) -> str:
    """Return the digest of a section's text, blanks at the ends of its lines left out."""
    rows = "\n".join(row.rstrip() for row in text.split("\n")).strip("\n")
    return sha256(rows.encode()).hexdigest()[:32]  # half of it: whoever writes the text could find a pair for a quarter


def is_weaker(type: str, other: str) -> bool:
    """Tell whether one type asks less than another: deploy > human > validation > none."""
    return TYPES.index(type) < TYPES.index(other)


def holding(classified: Classified, seen: Seen) -> tuple[str, str]:
    """Return the type that holds, and why: a person's word, or the stricter one where the text is another by now."""
    if classified.digest == seen.digest:
        return classified.type, SAYS_SO
    if is_weaker(classified.type, seen.type):
        return seen.type, f"{MAP_FILE} says {classified.type}, but its section changed since"
    return classified.type, f"{SAYS_SO}, its section changed since"
