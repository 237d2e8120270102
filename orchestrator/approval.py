"""Records what a person decided: bound to what was shown, each item by itself, signed where that is asked for."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from orchestrator import checkpoints, documents, evidence
from orchestrator.adapters.trees import write_tree
from orchestrator.checkpoints import instant
from orchestrator.core import decide, statement
from orchestrator.core.events import Fact, LineAccepted, SittingHeld
from orchestrator.core.state import Feature, World
from orchestrator.core.statement import Item, LineItem, SignerItem
from orchestrator.core.values import FeatureId, Value
from orchestrator.errors import BadStatement, Refusal
from orchestrator.sitting import Decided, Row
from orchestrator.workspace import Workspace, now


class Held(Value):
    """How a sitting was held: through which door, by whom, for how many seconds it was shown, with which key."""

    door: str
    who: str
    shown: float
    key: str = ""  # a key's file; empty: the one that `signers add` named


class Outcome(Value):
    """What was recorded, and what was refused, a line each."""

    approved: tuple[str, ...]
    refused: tuple[str, ...]


class Stated(Value):
    """A statement's text with the signature over it, if any."""

    text: str
    signature: str = ""
    signer: str = ""

    @property
    def digest(self) -> str:
        """The sha256 by which events name it."""
        return statement.digest(self.text)


def record(workspace: Workspace, decisions: Sequence[Decided], held: Held) -> Outcome:
    """Record exactly these decisions, each that is still as it was shown.

    Raises Refusal where a signature is missing, or the line changed again since it was shown.
    """
    checkpoints.drain(workspace)  # a commit since the question is taken in, and refuses its gate
    line = next((one for one in decisions if one.row.feature is None), None)
    items, refused = _current(workspace, [_item(one) for one in decisions if one.row.feature is not None])
    if line is not None:  # behind the last reading: what is signed is what was shown
        _refuse_other_line(workspace, line.row)
    if not items and line is None:
        return Outcome(approved=(), refused=tuple(str(one) for one in refused.values()))
    accepted = _line_item(workspace, line.row.change) if line is not None else None
    stated = state(workspace, held, items=tuple(items), line=accepted)
    if stated.signature:  # a person took their time over the key
        checkpoints.drain(workspace)
        _, late = _current(workspace, items)
        if line is not None:
            _refuse_other_line(workspace, line.row)
        if late:  # what is signed and not recorded could be used by somebody else
            said = "; ".join(str(one) for one in late.values())
            raise Refusal(f"nothing was recorded: while it was signed, {said}", "call it again")
    if accepted is not None:
        workspace.keep_line(accepted.tree)
    refused |= _append(workspace, items, decisions, held, stated, _line_fact(accepted, held, stated))
    workspace.forget_line()
    left = {workspace.world.features[one].slug for one in refused}
    return Outcome(
        approved=tuple(_shown(one) for one in decisions if one.row.name not in left),
        refused=tuple(str(one) for one in refused.values()),
    )


def _shown(decided: Decided) -> str:
    return f"{decided.row.name}{' (skipped)' if decided.verdict == 'skipped' else ''}"


def _refuse_other_line(workspace: Workspace, shown: Row) -> None:
    """Raise Refusal where the line, or what waits in it, is another one than was shown."""
    found = workspace.effective
    is_same = (found.source, found.pending) == (shown.source, shown.change)
    if not is_same or documents.source(workspace.main) != shown.source:
        raise Refusal("the line changed again since it was shown; nothing was approved", "call it again")


def _item(decided: Decided) -> Item:
    if decided.row.bound is None:
        raise Refusal("only what was shown is decided", "call it again")
    return Item(bound=decided.row.bound, verdict=decided.verdict, answer=decided.answer)


def _current(workspace: Workspace, decided: Iterable[Item]) -> tuple[list[Item], dict[FeatureId, Refusal]]:
    """Return the decisions about what is still as it was shown, and why the others are refused."""
    workspace.refresh_line()
    items: list[Item] = []
    refused: dict[FeatureId, Refusal] = {}
    for item in decided:
        try:
            decide.stale(workspace.world, item)
            _refuse_changed(workspace, item)
        except Refusal as refusal:
            refused[item.bound.feature] = refusal
        else:
            items.append(item)
    return items, refused


def _refuse_changed(workspace: Workspace, item: Item) -> None:
    """Raise Refusal, naming the field, where files or git do not hold what was shown any more."""
    feature = workspace.world.features[item.bound.feature]
    present, _ = evidence.bound(workspace, feature)
    if evidence.is_false(workspace, feature, present.base):
        hint = "`git fsck` names what is false"
        raise Refusal(f"{feature.slug} was not approved: git holds something else of it than its names say", hint)
    if changed := statement.difference(item.bound, present):
        raise Refusal(f"{feature.slug} was not approved: {changed}", f"orchestrator status {feature.slug}")


def _append(
    workspace: Workspace,
    items: Sequence[Item],
    decisions: Sequence[Decided],
    held: Held,
    stated: Stated,
    more: Sequence[Fact],
) -> dict[FeatureId, Refusal]:
    line = workspace.line
    refused: dict[FeatureId, Refusal] = {}
    sitting = decide.Sitting(
        door=held.door,
        actor=held.who,
        batch=uuid.uuid4().hex,
        shown=round(held.shown, 3),
        waited={one.row.feature.id: _waited(one.row.feature) for one in decisions if one.row.feature is not None},
        signed=workspace.signed,
        signer=stated.signer,
        statement=stated.digest,
    )

    def rule(world: World) -> list[Fact]:
        facts, late = decide.approve(world, line, items, sitting)
        if late and stated.signature:
            raise Refusal("; ".join(str(one) for one in late.values()), "nothing was recorded; call it again")
        refused.update(late)
        kept = [*facts, *more]
        return [sitting_fact(held, stated), *kept] if kept else []

    workspace.record(rule)
    return refused


def _waited(feature: Feature) -> float:
    return round(now().timestamp() - instant(feature.gate.reached_at), 3) if feature.gate else 0.0


def sitting_fact(held: Held, stated: Stated) -> Fact:
    """Return the fact that a person stated this: it stands before what follows from it."""
    payload = SittingHeld(statement=stated.text, door=held.door, signature=stated.signature, signer=stated.signer)
    return Fact(payload=payload, actor=held.who)


def _line_item(workspace: Workspace, changes: tuple[str, ...]) -> LineItem:
    tree = write_tree(workspace.git, documents.as_files(workspace.effective.source))
    return LineItem(tree=tree, changes=changes, before=workspace.world.line)


def _line_fact(accepted: LineItem | None, held: Held, stated: Stated) -> list[Fact]:
    if accepted is None:
        return []
    payload = LineAccepted(tree=accepted.tree, changes=accepted.changes, door=held.door, statement=stated.digest)
    return [Fact(payload=payload, actor=held.who)]


# --- statements ------------------------------------------------------------------------------------


def state(
    workspace: Workspace,
    held: Held,
    *,
    items: tuple[Item, ...] = (),
    line: LineItem | None = None,
    signer: SignerItem | None = None,
) -> Stated:
    """Return a statement of a person's, signed where one of its parts needs that. Raises Refusal."""
    text = text_of(workspace, held, items=items, line=line, signer=signer)
    needed = (
        any(one.bound.type in workspace.signed for one in items)
        or (line is not None and bool(workspace.signed))
        or signer is not None
    )
    return signed(workspace, text, held.key) if needed else Stated(text=text)


def text_of(
    workspace: Workspace,
    held: Held,
    *,
    items: tuple[Item, ...] = (),
    line: LineItem | None = None,
    signer: SignerItem | None = None,
) -> str:
    """Return the text of a person's statement in this repository, made now."""
    nonce = uuid.uuid4().hex
    return statement.state(workspace.identity, held.who, nonce, now(), items=items, line=line, signer=signer)


def signed(workspace: Workspace, text: str, key: str = "") -> Stated:
    """Return a text with its signature, checked against who may sign.

    Raises Refusal where nobody may sign yet, no key is there, or the key is nobody's.
    """
    from orchestrator.adapters import signing  # late: only where something is signed

    signers = workspace.world.signers
    if not signers:
        raise Refusal("nobody may sign yet, and a signature is needed", "orchestrator signers add KEY")
    path = signing_key(workspace, key)
    if signing.is_unprotected(path):
        raise Refusal(f"{path} has no passphrase: every process of yours could sign with it", "use a key that asks")
    if any(signing.is_loaded(one.key) for one in signers):
        workspace.notices.append(
            "a key whose signature counts is loaded in ssh-agent: unless it was added with `ssh-add -c`, "
            "every process of yours can sign with it"
        )
    signature = signing.sign(text, path)
    try:
        name = signing.check(text, signature, signers)
    except BadStatement as error:
        raise Refusal(
            f"nothing was recorded: {error}", "orchestrator signers list shows whose signature counts"
        ) from error
    return Stated(text=text, signature=signature, signer=name)


def signing_key(workspace: Workspace, key: str) -> Path:
    """Return the file of the key to sign with. Raises Refusal where none is named."""
    from orchestrator.adapters.signing import key_file

    if key:
        return key_file(key)
    named = workspace.home / "signing-key"
    try:
        return key_file(named.read_text(encoding="utf-8").strip())
    except (FileNotFoundError, UnicodeDecodeError):
        raise Refusal("which key signs is not known here", "name it: --key FILE") from None


# --- taken back ------------------------------------------------------------------------------------


def take_back(workspace: Workspace, only: Sequence[FeatureId], who: str) -> list[str]:
    """Take back the approvals of the last sitting, or of these features; return their names.

    Raises Refusal where there is none, or a feature has gone on since.
    """
    chosen = list(only) or _last_batch(workspace.world)
    if not chosen:
        raise Refusal("there is no approval to take back: each feature has gone on since", "orchestrator log")

    def rule(world: World) -> list[Fact]:
        return [fact for one in chosen for fact in decide.take_back(world.features[one], who)]

    workspace.record(rule)
    return [workspace.world.features[one].slug for one in chosen]


def _last_batch(world: World) -> list[FeatureId]:
    """Return the features of the newest sitting that can be taken back still."""
    open_ones = [one for one in world.features.values() if one.granted is not None and one.ordered is None]
    newest = max(open_ones, key=lambda one: one.granted.event if one.granted else 0, default=None)
    if newest is None or newest.granted is None:
        return []
    return [one.id for one in open_ones if one.granted and one.granted.batch == newest.granted.batch]
