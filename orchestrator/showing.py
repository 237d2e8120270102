"""Shows the gates that wait: short, so that five fit on a screen, or one of them whole. Decides nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence

import click

from orchestrator import evidence, render
from orchestrator.adapters.agent import one_line as _line
from orchestrator.adapters.agent import plain
from orchestrator.attempts import shown
from orchestrator.core.columns import cut
from orchestrator.core.events import Checked, Exhibit
from orchestrator.core.state import Feature, Waiting
from orchestrator.core.values import Sha, Value
from orchestrator.sitting import Row
from orchestrator.workspace import Workspace

Sizes = Mapping[str, tuple[str, str]]  # a changed file: lines added and removed, `-` for one that is binary

_INDENT = " " * 7
_SAYS = f"{_INDENT}the agent says: "
_QUESTION = 3  # lines
_FIRST = ("Waiting for a decision", "Going outside, or irreversible")
_CHECK = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+\[([ xX])\]\s+(.*)")
_ROWS = 200  # of a list, shown whole
_SENTENCE, _DOUBTS = 240, 3  # characters and number, in a client's question


def short(workspace: Workspace, rows: Sequence[Row]) -> None:
    """Print the rows, deploy gates in a block of their own; three to five lines each."""
    size = shutil.get_terminal_size()
    inside = [one for one in rows if not one.is_outward]
    outside = [one for one in rows if one.is_outward]
    blocks = [(title, block) for title, block in zip(_FIRST, (inside, outside), strict=True) if block]
    lines = [line for title, block in blocks for line in (title, *_block(workspace, block))]
    if len(lines) + _QUESTION > size.lines:  # the agent's own words go first; --show has them
        lines = [line for line in lines if not line.startswith(_SAYS)]
    for line in lines:
        click.echo(cut(line, max(60, size.columns)))


def _block(workspace: Workspace, rows: Sequence[Row]) -> Iterator[str]:
    return (line for one in rows for line in _short(workspace, one))


def _short(workspace: Workspace, row: Row) -> Iterator[str]:
    if row.feature is None or row.feature.gate is None:
        yield f"  {row.number}  line  a change removes or weakens a stop, or changes a validation:"
        yield from (f"{_INDENT}- {_line(change)}" for change in row.change)
        return
    feature, waits = row.feature, row.feature.gate
    gate, base = waits.gate, row.bound.base if row.bound is not None else None
    since = render.ago(waits.reached_at)
    yield f"  {row.number}  {feature.slug}  {feature.place.workflow}  {_line(gate.heading)}  ({gate.type}, {since})"
    asked = _line(gate.trigger)
    if asked and asked != _line(gate.heading):
        yield f"{_INDENT}asks: {asked}"
    if gate.condition:
        yield f"{_INDENT}only {_line(gate.condition)}: `skip {row.number}` when that does not hold"
    yield _INDENT + "; ".join(facts(workspace, row, feature, base))
    if other := list(doubts(workspace, row, feature, base)):
        yield f"{_INDENT}but: {'; '.join(other)}"
    if gate.note:
        yield f"{_SAYS}“{_line(gate.note)}”"


def sentences(workspace: Workspace, row: Row) -> list[str]:
    """Return what a client's question says of a gate, cut to what a window holds; not the agent's summary."""
    feature = row.feature
    if feature is None or feature.gate is None:
        return []
    gate, base = feature.gate.gate, row.bound.base if row.bound is not None else None
    other = list(doubts(workspace, row, feature, base))
    more = [f"and {len(other) - _DOUBTS} more things that are not as they were"] if len(other) > _DOUBTS else []
    said = [f"{feature.slug}, workflow {feature.place.workflow}: {_line(gate.heading)} ({gate.type} gate)"]
    if _line(gate.trigger) not in ("", _line(gate.heading)):
        said.append(f"Asks: {_line(gate.trigger)}")
    if gate.condition:
        said.append(f"Only {_line(gate.condition)}")
    said += [*facts(workspace, row, feature, base), *other[:_DOUBTS], *more]
    return [cut(one, _SENTENCE) for one in said]


def facts(workspace: Workspace, row: Row, feature: Feature, base: Sha | None) -> Iterator[str]:
    """Give what speaks for a decision, a few words each."""
    yield changes(workspace, feature, base, evidence.sizes(workspace, feature, base))
    waits, exhibits = feature.gate, row.exhibits
    if waits is None:
        return
    yield validation(waits)
    if exhibits:
        yield "1 file" if len(exhibits) == 1 else f"{len(exhibits)} files"
    checks = checklist(evidence.section(workspace, feature))
    if checks:
        yield f"checklist of {len(checks)}"
    if waits.evidence is not None and waits.evidence.cost:
        yield f"cost {waits.evidence.cost:.2f}"


def doubts(workspace: Workspace, row: Row, feature: Feature, base: Sha | None) -> Iterator[str]:
    """Give what is not as it was when the gate was reached, one line each."""
    waits, present = feature.gate, row.bound
    if more := evidence.uncounted(workspace, feature, base):
        names = ", ".join([*(_line(shown(one)) for one in list(more)[:_DOUBTS]), *["..."] * (len(more) > _DOUBTS)])
        yield f"not counted, came with the main branch where HEAD is: {_size(more)} ({names})"
    then = waits.evidence if waits is not None else None
    if waits is None or then is None or present is None:
        return
    before = {one.path: one for one in then.files}
    other = [one for one in row.exhibits if one != before.get(one.path)]
    for one in other:
        how = _line(one.why) if one.why else "it changed since the gate was reached"
        yield f"file {_line(one.path)}: {how}"
    if then.tree and then.tree != present.tree:
        yield "the branch holds another tree than when the gate was reached"
    if waits.checked is not None and waits.checked.tree and waits.checked.tree != then.tree:
        yield "what was validated is not wholly what was committed: files changed in between"
    if then.base and then.base != base:
        yield "its changes count from another commit than when the gate was reached"
    yield from _reworded(workspace, feature, waits)
    if then.document and then.document != present.document:
        yield "its workflow document changed since the gate was reached"
    if then.context and then.context != present.context:
        yield "its context files changed since the gate was reached"
    yield from (f"file {_line(one.path)}: {_line(one.why)}" for one in row.exhibits if one.why and one not in other)


def _reworded(workspace: Workspace, feature: Feature, waits: Waiting) -> Iterator[str]:
    """Give what the document says of a gate where that is not what was reached."""
    document = workspace.line.document(feature.place.workflow)
    if waits.gate.reported:
        return
    now = next((one for one in document.gates if one.key == waits.gate.key), None) if document is not None else None
    if now is None:
        yield "its document has no such gate any more"
    elif (now.heading, str(now.type), now.trigger) != (waits.gate.heading, waits.gate.type, waits.gate.trigger):
        yield f"its document says: {_line(now.heading)} ({now.type}), {_line(now.trigger)}"


def changes(workspace: Workspace, feature: Feature, base: Sha | None, sizes: Sizes) -> str:
    """Return the number of commits and the size of the change since the last decided gate."""
    if base is None or feature.tip is None:
        return "commits: from where they count is not known any more"
    if base == feature.tip:
        return "commits: none since the last gate"
    count = int(workspace.git.unaltered().text("rev-list", "--count", f"{base}..{feature.tip}"))
    return f"commits: {count} ({_size(sizes)})"


def _size(sizes: Sizes) -> str:
    if not sizes:
        return "no file changed"
    added, removed = (sum(int(one[at]) for one in sizes.values() if one[at].isdigit()) for at in (0, 1))
    return f"{len(sizes)} file{'' if len(sizes) == 1 else 's'} +{added} -{removed}"


def validation(waits: Waiting) -> str:
    """Return what the kit's own validation said when the gate was reached."""
    checked = waits.checked
    if checked is not None:
        return f"validation: `{_line(checked.command)}` exit {checked.exit}, {checked.seconds:.1f} s"
    if waits.gate.reported:
        return "validation: not run, the agent asks as it works"
    return "validation: none, the agent's word counts"


class Check(Value):
    """A row of a section's checklist; `is_ticked` in the document, which says nothing of the feature."""

    text: str
    is_ticked: bool


def checklist(section: str) -> list[Check]:
    """Return the checkboxes of a gate's section."""
    found = (_CHECK.fullmatch(row) for row in section.splitlines())
    return [Check(text=one[2], is_ticked=one[1] != " ") for one in found if one]


# --- whole -----------------------------------------------------------------------------------------


def whole(workspace: Workspace, row: Row) -> None:
    """Print all that a gate keeps: its own text, commits, changes, validation, files, the agent's words."""
    if row.feature is None or row.feature.gate is None:
        for line in _short(workspace, row):
            click.echo(line)
        return
    feature, waits = row.feature, row.feature.gate
    gate, base = waits.gate, row.bound.base if row.bound is not None else None
    sizes = evidence.sizes(workspace, feature, base)
    click.echo(f"{feature.slug}  {feature.place.workflow}  {_line(gate.heading)}")
    click.echo(f"{gate.type} gate, reached {render.ago(waits.reached_at)}, event #{waits.event}; {_line(gate.why)}")
    click.echo(f"asks: {_line(gate.trigger)}")
    for title, lines in (
        ("What the document says", plain(evidence.section(workspace, feature)).splitlines()),
        ("Not as it was", list(doubts(workspace, row, feature, base))),
        ("Commits", [changes(workspace, feature, base, sizes), *commits(workspace, feature, base)]),
        ("Files changed", _stat(sizes)),
        ("Not counted, came with the main branch where HEAD is", _stat(evidence.uncounted(workspace, feature, base))),
        ("Validation", _ran(waits.checked) or [validation(waits)]),
        ("Files to look at", [_exhibit(workspace, feature, one) for one in row.exhibits]),
        ("The agent says", [f"> {line}" for line in plain(gate.note).splitlines()]),
        ("Cost", cost(waits)),
        ("A decision is bound to", bound(row)),
    ):
        if lines:
            click.echo(f"\n{title}")
            for line in lines:
                click.echo(f"  {line}".rstrip())


def commits(workspace: Workspace, feature: Feature, base: Sha | None) -> list[str]:
    """Return the commits that count for a gate, newest first, a line each."""
    if base is None or feature.tip is None:
        return []
    span = f"{base}..{feature.tip}"
    words = ("--no-show-signature", "--no-decorate", "--no-color", f"--max-count={_ROWS}")
    return [_line(one) for one in workspace.git.unaltered().lines("log", *words, "--format=%h %an  %s", span)]


def _stat(sizes: Sizes) -> list[str]:
    more = [f"... and {len(sizes) - _ROWS} more"] if len(sizes) > _ROWS else []
    return [_numbers(name, *sizes[name]) for name in list(sizes)[:_ROWS]] + more


def _numbers(name: str, added: str, removed: str) -> str:
    size = "binary" if added == "-" else f"+{added} -{removed}"
    return f"{size:<12} {_line(shown(name))}"


def _ran(checked: Checked | None) -> list[str]:
    if checked is None:
        return []
    lines = [f"`{_line(checked.command)}` exit {checked.exit}, {checked.seconds:.1f} s"]
    if checked.where:
        lines.append(f"in {_line(checked.where)}, tree {(checked.tree or 'unknown')[:12]}")
    return [*lines, *(f"| {row}" for row in plain(checked.tail).splitlines())]


def _exhibit(workspace: Workspace, feature: Feature, one: Exhibit) -> str:
    if one.why:
        return f"{_line(one.path)}  ({_line(one.why)})"
    path = evidence.place_of(workspace, feature) / one.path
    return f"{_line(str(path))}  ({one.bytes} bytes, sha256 {one.sha256[:16]})"


def cost(waits: Waiting) -> list[str]:
    """Return what the agents used on the way to a gate, in one line or none."""
    found = waits.evidence
    return [f"{found.cost:.4f}, {found.turns} turns"] if found is not None and (found.cost or found.turns) else []


def bound(row: Row) -> list[str]:
    """Return what a decision about a row is bound to, a line each."""
    bound = row.bound
    if bound is None:
        return []
    return [
        f"commit {bound.commit or 'none'}, tree {bound.tree or 'none'}",
        f"context {bound.context[:16]}, document {bound.document[:16] or 'none'}, evidence {bound.evidence[:16]}",
        f"event #{bound.reached}, head {bound.head[:16]}",
    ]
