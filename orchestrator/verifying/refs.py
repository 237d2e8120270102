"""What git keeps for the kit: checkpoint refs and tags, context snapshots, rescues, the accepted line, branches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator import checkpoints
from orchestrator.adapters import reflog, snapshots
from orchestrator.core.state import Feature
from orchestrator.core.values import FeatureId, Sha
from orchestrator.documents import Effective
from orchestrator.verifying.findings import (
    ITSELF,
    REPAIR,
    BranchBack,
    Found,
    RefBack,
    RescueBack,
    TreeBack,
    error,
    note,
    warning,
)
from orchestrator.verifying.sight import Checkpoint, Sight

_HELD = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?|ref: .+")
_LINE = "refs/orchestrator/line"
_CHECKPOINTS = "refs/orchestrator/checkpoint/"
_TAGS = "refs/tags/checkpoint/"
_FETCH = "fetch it from a clone or backup that has it; what was not pushed or backed up is lost to the kit"


def checkpoint_refs(sight: Sight) -> Iterator[Found]:
    """Compare the refs that keep the checkpoints with the events that recorded them."""
    for one in sight.checkpoints:
        name = checkpoints.ref(sight.of(one.feature).slug, one.n)
        if one.commit in sight.gone:
            what = f"commit {one.commit[:12]} of checkpoint {one.n} is not in this repository any more"
            yield error("V303", name, what, _FETCH, of=one.feature)
        elif name not in sight.refs:
            yield error(
                "V301", name, "the checkpoint's ref is missing", REPAIR, _back(sight, name, one.commit), one.feature
            )
        elif sight.refs[name] != one.commit:
            what = f"it leads to {sight.refs[name][:12]}, recorded was {one.commit[:12]}"
            yield error("V302", name, what, REPAIR, _back(sight, name, one.commit), one.feature)


def _back(sight: Sight, name: str, wanted: Sha) -> RefBack:
    return RefBack(name=name, wanted=wanted, present=sight.refs.get(name))


# --- tags ------------------------------------------------------------------------------------------


def tags(sight: Sight) -> Iterator[Found]:
    """Compare the newest checkpoints' tags with the events."""
    if not isinstance(sight.line, Effective):
        return
    keep = sight.line.configuration.checkpoints.tags
    made: dict[FeatureId, list[Checkpoint]] = {}
    for one in sight.checkpoints:
        made.setdefault(one.feature, []).append(one)
    for feature in sight.features if keep else ():
        yield from _feature_tags(sight, feature, made.get(feature.id, [])[-keep:])


def _feature_tags(sight: Sight, feature: Feature, newest: list[Checkpoint]) -> Iterator[Found]:
    names = {one.n: f"refs/tags/{checkpoints.tag(feature.slug, one.n)}" for one in newest}
    oldest = min((n for n, name in names.items() if name in sight.refs), default=None)
    for one in newest:
        name = names[one.n]
        found, mend = sight.refs.get(name), _back(sight, name, one.commit)
        if one.commit in sight.gone or found == one.commit:
            continue
        if found is not None:
            what = f"it leads to {found[:12]}, recorded was {one.commit[:12]}; the kit does not follow tags"
            yield warning("V305", name, what, REPAIR, mend, feature.id)
        elif oldest is not None and one.n > oldest:
            yield warning("V304", name, "the checkpoint's tag is missing", REPAIR, mend, feature.id)
        else:  # so it is, too, after [checkpoints] tags was raised
            yield note("V304", name, "the checkpoint has no tag", REPAIR, mend, feature.id)


def strange_refs(sight: Sight) -> Iterator[Found]:
    """Name tags and refs of checkpoints that no event knows: fetched from elsewhere, or left by a crash."""
    slugs = {str(one.slug) for one in sight.world.features.values()}
    known = {(str(sight.of(one.feature).slug), one.n) for one in sight.checkpoints}
    for name in sight.refs:
        prefix = next((one for one in (_CHECKPOINTS, _TAGS) if name.startswith(one)), None)
        if prefix is None:
            continue
        slug, _, number = name.removeprefix(prefix).partition("/")
        if slug not in slugs or not number.isdigit():
            yield note(
                "V306", name, "it is no checkpoint that this log knows", "see where it came from; the kit leaves it"
            )
        elif (slug, int(number)) not in known:
            yield note("V306", name, "no event recorded it: a command died before it could", ITSELF)


# --- context snapshots -----------------------------------------------------------------------------


def contexts(sight: Sight) -> Iterator[Found]:
    """See that each feature's context ref leads to all the snapshots that the log names."""
    newest = dict(sight.snapshots)  # the last of each feature counts
    for feature, snapshot in newest.items():
        name = snapshots.ref(sight.of(feature).slug)
        if snapshot in sight.gone:
            what = f"context snapshot {snapshot[:12]} is not in this repository any more"
            yield error("V309", name, what, f"{_FETCH}; the backups hold what bears the feature's name", of=feature)
        elif name not in sight.refs:
            what = "the ref that keeps the context snapshots is missing"
            yield error("V307", name, what, REPAIR, _back(sight, name, snapshot), feature)
        elif not _leads(sight, sight.refs[name], snapshot):
            what = f"it leads to {sight.refs[name][:12]}, which does not hold snapshot {snapshot[:12]}"
            yield error("V308", name, what, REPAIR, _back(sight, name, snapshot), feature)


def _leads(sight: Sight, tip: Sha, snapshot: Sha) -> bool:
    return tip == snapshot or sight.git.leads_to(snapshot, tip)


def old_snapshots(sight: Sight) -> Iterator[Found]:
    """Name recorded snapshots, but each feature's newest, whose commits are gone."""
    newest = dict(sight.snapshots)
    for feature, snapshot in dict.fromkeys(sight.snapshots):
        if snapshot in sight.gone and newest[feature] != snapshot:
            name = snapshots.ref(sight.of(feature).slug)
            what = f"context snapshot {snapshot[:12]} is not in this repository any more"
            yield error("V309", name, what, f"{_FETCH}; the backups hold what bears the feature's name", of=feature)


# --- what else refs keep ---------------------------------------------------------------------------


def rescues(sight: Sight) -> Iterator[Found]:
    """See that what rollbacks and failed attempts kept is still kept."""
    for kept in sight.kept:
        if kept.name in sight.refs:
            continue
        if kept.operation:
            mend = RescueBack(name=kept.name, operation=kept.operation)
            what = "the rescue of a rollback is missing; without it the rollback cannot be undone"
            yield error("V310", kept.name, what, f"{REPAIR} as long as git has not pruned it", mend, kept.feature)
        else:
            what = "the tree of a failed attempt is not kept any more"
            yield warning("V311", kept.name, what, "`git fsck --lost-found` may still find it", of=kept.feature)


def accepted_line(sight: Sight) -> Iterator[Found]:
    """See that the line as last accepted is kept."""
    tree = sight.world.line
    if tree is None:
        return
    present = sight.refs.get(_LINE)
    held = sight.git.ref(f"{present}^{{tree}}") if present else None
    if held == tree:
        return
    if sight.git.ref(f"{tree}^{{tree}}") is None:
        what = f"the accepted line {tree[:12]} is not in this repository any more"
        mend = TreeBack(name=_LINE, tree=tree, present=present)
        yield error("V313", _LINE, what, f"{REPAIR} where the documents are still those", mend)
    else:
        what = "the ref that keeps the accepted line is missing" if present is None else "it holds another line"
        yield warning("V312", _LINE, what, REPAIR, TreeBack(name=_LINE, tree=tree, present=present))


# --- branches --------------------------------------------------------------------------------------


def branches(sight: Sight) -> Iterator[Found]:
    """See that each feature's branch is there and was read to its end."""
    last = {one.feature: one.commit for one in sight.checkpoints}
    common = sight.workspace.repository.common_dir
    for feature in sight.features:
        tip = sight.tips.get(feature.branch)
        where = f"refs/heads/{feature.branch}"
        commit = feature.tip or last.get(feature.id)
        if tip is None and commit and (file := _unreadable(common / where)) is not None:
            what = f"the branch of {feature.slug} is there, but git cannot read it: its file was cut short"
            mend = BranchBack(branch=feature.branch, file=file, commit=commit)
            yield error("V320", where, what, f"{REPAIR} at {commit[:12]}", mend, feature.id)
        elif tip is None:
            yield _gone(feature, where, commit)
        elif tip != feature.tip or _has_news(common, feature):
            what = f"{feature.branch} moved since it was read last (now {tip[:12]})"
            yield note("V321", where, what, "the next command records it", of=feature.id)


def _unreadable(file: Path) -> Path | None:
    """Return the file of a ref where one is there and holds no commit: git flushes no ref to the disk."""
    try:
        content = file.read_bytes().strip()
    except OSError:
        return None
    return None if _HELD.fullmatch(content) else file


def _has_news(common: Path, feature: Feature) -> bool:
    if not reflog.is_unread(common, feature.branch, feature.reflog):
        return False
    reading = reflog.read(common, feature.branch, feature.reflog)
    return reading.is_whole and bool(reading.entries)  # not whole: git expired old entries


def _gone(feature: Feature, where: str, commit: Sha | None) -> Found:
    back = f"`git branch {feature.branch} {commit}` makes it again" if commit else "make it again"
    what = f"the branch of {feature.slug} is gone"
    if feature.is_open:
        return error("V320", where, what, back, of=feature.id)
    return note("V320", where, what, f"orchestrator retire {feature.slug}", of=feature.id)
