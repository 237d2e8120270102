"""Ids: two documents with one, files that are never run, phases that cannot be told apart. Judges names alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.core.judge import NOBODY_SAYS
from orchestrator.core.line import Document
from orchestrator.core.linting.findings import Finding, Rule, finding

TWICE = Rule(
    id="L401",
    severity="error",
    why="two documents have one id: neither is run, and no feature can be started",
    next="rename one of them, or leave one out with [workflows] skip",
)
NO_ID = Rule(
    id="L402",
    severity="note",
    why="its name holds no id (`4.5a` in `add-feature-4.5a-review.md`): it is never run",
    next="nothing, where it is meant so; else give it an id",
)
DISCONTINUED = Rule(
    id="L403",
    severity="note",
    why="its title or description says that it is discontinued: it is never run",
    next="nothing, where it is meant so; else reword that",
)
SKIPPED = Rule(
    id="L404",
    severity="note",
    why="[workflows] skip names its id: it is never run",
    next="nothing, where it is meant so; else take the id out of skip",
)
OLD_SCHEMA = Rule(
    id="L405",
    severity="note",
    why="the published schema of state files takes ids like 5 and 5a only (^[0-9]+[a-z]?$), and refuses others",
    next="nothing, where nothing checks state files; else widen that schema",
)
PHASE_TWICE = Rule(
    id="L406",
    severity="warning",
    why="an earlier phase of this document has the same id: status, briefs and `reject --to` cannot tell them apart",
    next="give each phase an id of its own",
)
UNREADABLE = Rule(
    id="L407",
    severity="error",
    why="the line cannot be read as it stands, and nothing is run until it can",
    next="mend it there; `orchestrator workflows` shows the line as it is read",
)
KEYWORD_ONLY = Rule(
    id="L501",
    severity="warning",
    why="only the heading makes this a stop: nothing in the section says who decides what",
    next="let the section ask its question or name its check, or set its type in [gates.types]",
)

_OLD = re.compile(r"[0-9]+[a-z]?")


def duplicates(ids: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the documents that share an id; `ids` holds the id of each file that is to be run."""
    files = defaultdict(list)
    for file, workflow in sorted(ids.items()):
        files[workflow].append(file)
    for workflow, same in files.items():
        for file in same[1:]:
            yield finding(TWICE, file, 1, workflow, f"{same[0]} has the id {workflow}, too: neither is run")


def never_run(nameless: Sequence[str], discontinued: Sequence[str], skipped: Sequence[str]) -> Iterator[Finding]:
    """Yield the files that the glob names and nobody runs."""
    for rule, files in ((NO_ID, nameless), (DISCONTINUED, discontinued), (SKIPPED, skipped)):
        for file in files:
            yield finding(rule, file, 1, file.rsplit("/", 1)[-1])


def old_schema(documents: Sequence[Document]) -> Iterator[Finding]:
    """Yield one finding for all ids that the published schema does not know, at the first of them."""
    found = [one for one in documents if not _OLD.fullmatch(one.id)]
    if found:
        ids = ", ".join(one.id for one in found)
        yield finding(OLD_SCHEMA, found[0].file, 1, found[0].id, f"{OLD_SCHEMA.why}: {ids}")


def phases(document: Document) -> Iterator[Finding]:
    """Yield the phases whose id an earlier one of the document has."""
    seen: set[str] = set()
    for one in document.phases:
        if one.id.lower() in seen:
            yield finding(PHASE_TWICE, document.file, one.line, f"{one.id}: {one.title}")
        seen.add(one.id.lower())


def gates(document: Document) -> Iterator[Finding]:
    """Yield the stops that rest on their heading alone."""
    for one in document.gates:
        if one.stops and one.why.startswith(NOBODY_SAYS):
            yield finding(KEYWORD_ONLY, document.file, one.line, one.heading)
