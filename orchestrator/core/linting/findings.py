"""What a rule says: the finding, the short key under which it can be accepted for good. Judges nothing.

A rule's id is a promise: it keeps its meaning, and that of one that went is not given to another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Literal

from msgspec.structs import replace

from orchestrator.core.values import Value

Severity = Literal["error", "warning", "note"]
_SHORT = 100  # characters of a line that are quoted


class Finding(Value):
    """One thing to look at: the words and where they stand, why it matters, what to do."""

    id: str
    key: str
    severity: Severity
    file: str
    line: int
    text: str
    why: str
    next: str
    accepted: bool = False


class Rule(Value):
    """What a rule says each time: why it matters, and what to do."""

    id: str
    severity: Severity
    why: str
    next: str


def finding(rule: Rule, file: str, line: int, text: str, why: str = "", next: str = "") -> Finding:
    """Return a finding of a rule, still without its key; `text` is the whole line."""
    return Finding(
        id=rule.id,
        key="",
        severity=rule.severity,
        file=file,
        line=line,
        text=text.strip(),
        why=why or rule.why,
        next=next or rule.next,
    )


def also(more: int) -> str:
    """Return how many more lines a finding that is told once is about, as the end of its reason."""
    return "" if not more else "; 1 more line needs it" if more == 1 else f"; {more} more lines need it"


def keyed(findings: Iterable[Finding], accepted: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return findings in the order of file and line, each with its key, and those accepted marked so.

    A key outlives moved lines: it is made of the rule, the file's name, the line's words and which one of
    several such lines it is.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    rows = []
    for one in sorted(findings, key=lambda one: (one.file, one.line, one.id)):
        which = (one.id, one.file, one.text)
        seen[which] += 1
        key = f"{one.id}-{_digest(one.file, one.text, str(seen[which]))}"
        rows.append(replace(one, key=key, text=_shortened(one.text), accepted=key in accepted))
    return tuple(rows)


def stale(accepted: Iterable[str], findings: Iterable[Finding]) -> list[str]:
    """Return the accepted keys that fit no finding any more."""
    known = {one.key for one in findings}
    return [key for key in dict.fromkeys(accepted) if key not in known]


def counted(findings: Iterable[Finding]) -> Mapping[str, int]:
    """Return how many findings have each severity, the worst first."""
    found = Counter(one.severity for one in findings)
    order: tuple[Severity, ...] = ("error", "warning", "note")
    return {severity: found[severity] for severity in order if found[severity]}


def tally(findings: Iterable[Finding]) -> str:
    """Return how many findings of each severity there are, as people say it: `1 error, 2 warnings`."""
    return ", ".join(_plural(count, severity) for severity, count in counted(findings).items())


def open_ones(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give the errors and warnings that nobody accepted, the errors first."""
    found = [one for one in findings if not one.accepted and one.severity != "note"]
    return iter(sorted(found, key=lambda one: one.severity != "error"))


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:8]


def _shortened(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= _SHORT else f"{said[: _SHORT - 3]}..."
