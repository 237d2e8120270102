"""The rules: each takes the world and what somebody wants, and returns the facts of it or refuses. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from orchestrator.core import events as fact
from orchestrator.core.events import Checked, Fact, Gate, Place
from orchestrator.core.state import Feature, World
from orchestrator.core.statement import Item, difference
from orchestrator.core.steps import Line, Step, completes, find_place, goes_on, next_phase, reached
from orchestrator.core.values import FeatureId, Sha, Slug, Status, Value, feature_id, natural_order, slug_of
from orchestrator.errors import Refusal


def known(world: World, slug: Slug) -> Feature:
    """Return the feature's state; raise Refusal for one that nobody started."""
    feature = world.feature(feature_id(slug))
    if feature is None:
        names = ", ".join(one.slug for one in world.features.values() if not one.retired)
        raise Refusal(f"there is no feature {slug!r}", f"known: {names}" if names else f"orchestrator start {slug}")
    return feature


def of(feature: Feature, payload: fact.AnyPayload, actor: str = "kit", place: Place | None = None) -> Fact:
    """Return a fact about a feature, at its place unless another is given."""
    where = place or feature.place
    return Fact(payload=payload, feature=feature.id, workflow=where.workflow, phase=where.phase, actor=actor)


# --- features ------------------------------------------------------------------------------------


def start(world: World, slug: Slug, created: fact.FeatureCreated, actor: str) -> list[Fact]:
    """A new feature; refused where one of that name or on that branch exists."""
    feature = feature_id(slug)
    if feature in world.features:
        raise Refusal(f"feature {slug!r} was already started", f"orchestrator status {slug}")
    owner = next((one for one in world.features.values() if one.branch == created.branch and not one.retired), None)
    if owner is not None:
        raise Refusal(f"branch {created.branch} belongs to feature {owner.slug!r}", f"orchestrator status {owner.slug}")
    if created.after is not None and created.after not in world.features:
        raise Refusal(f"there is no feature {slug_of(created.after)!r} to wait for", "orchestrator status")
    payloads: list[fact.AnyPayload] = [created]
    if created.after is not None:
        reason = f"waits for {slug_of(created.after)}"
        payloads.append(fact.FeaturePaused(reason=reason, kind="after", after=created.after))
    place = created.place
    return [
        Fact(payload=one, feature=feature, workflow=place.workflow, phase=place.phase, actor=actor) for one in payloads
    ]


def pause(feature: Feature, reason: str, actor: str, until: str = "") -> list[Fact]:
    """A person stops a feature; refused where nothing runs on by itself."""
    _open(feature)
    _settled(feature)
    if feature.gate is not None:
        raise Refusal(f"{feature.slug} waits at a gate and does not run", f"orchestrator status {feature.slug}")
    return [of(feature, fact.FeaturePaused(reason=reason, until=until), actor)]


def resume(feature: Feature, actor: str) -> list[Fact]:
    """End what `pause` or parking began, or start a failed feature again; never a gate."""
    _settled(feature)
    if feature.gate is not None:
        raise Refusal(
            f"{feature.slug} waits at a gate ({feature.gate.gate.heading}); resume does not pass it",
            f"a person decides it; orchestrator status {feature.slug} --why shows it",
        )
    if feature.retired or feature.status is Status.COMPLETED:
        how = "retired" if feature.retired else "completed"
        raise Refusal(f"{feature.slug} is {how}", f"orchestrator status {feature.slug}")
    if feature.status is Status.ACTIVE:
        raise Refusal(f"{feature.slug} is active already", "orchestrator next")
    return [of(feature, fact.FeatureResumed(), actor)]


def wake(world: World, is_past: Callable[[str], bool]) -> list[Fact]:
    """Features whose time has come, or whose forerunner is completed, go on by themselves.

    `is_past(moment)` tells whether an ISO 8601 time lies behind `now`.
    """
    facts: list[Fact] = []
    for feature in world.features.values():
        if feature.retired or feature.gate is not None or feature.waits is None:
            continue
        if feature.waits.after is not None:
            other = world.feature(feature.waits.after)
            if other is not None and other.status is Status.COMPLETED:
                facts.append(of(feature, fact.FeatureResumed(reason=f"{other.slug} is completed")))
        elif feature.paused_until and is_past(feature.paused_until):
            facts.append(of(feature, fact.FeatureResumed(reason=f"the pause until {feature.paused_until} is over")))
    return facts


def retire(feature: Feature, retired: fact.FeatureRetired, actor: str) -> list[Fact]:
    """The last fact of a feature that is completed or failed."""
    if feature.is_open:
        raise Refusal(
            f"{feature.slug} is {feature.status}; only a completed or failed feature retires",
            f"orchestrator status {feature.slug}",
        )
    if feature.retired:
        raise Refusal(f"{feature.slug} is retired already", f"orchestrator status {feature.slug}")
    return [of(feature, retired, actor)]


def _settled(feature: Feature) -> None:
    """Raise Refusal while a rollback is under way: what is decided now would go with it."""
    if feature.ordered is not None:
        raise Refusal(
            f"a rollback of {feature.slug} is under way; nothing was decided", f"orchestrator status {feature.slug}"
        )


def _open(feature: Feature) -> None:
    if not feature.is_open:
        raise Refusal(f"{feature.slug} is {feature.status}", f"orchestrator status {feature.slug}")


def noted(feature: Feature, note: str, actor: str) -> list[Fact]:
    """A note; anybody may add one."""
    if not note.strip():
        raise Refusal("a note needs words", "orchestrator note FEATURE -m TEXT")
    return [of(feature, fact.NoteAdded(note=note), actor)]


# --- attempts ------------------------------------------------------------------------------------


class Outcome(Value):
    """How an attempt passed: what the agent said and what the kit measured."""

    run: str
    seconds: float = 0.0
    checked: Checked | None = None
    commit: Sha | None = None
    note: str = ""
    evidence: tuple[str, ...] = ()
    cost: float = 0.0
    turns: int = 0
    left: Sha | None = None
    found: fact.Evidence | None = None  # at a gate


def start_phase(feature: Feature, started: fact.PhaseStarted) -> list[Fact]:
    """An attempt begins; refused where one is open or the feature does not run."""
    if feature.attempt is not None:
        raise Refusal(
            f"an attempt of {feature.slug} is open since {feature.attempt.started_at}",
            f"orchestrator status {feature.slug} --why",
        )
    if feature.status is not Status.ACTIVE:
        raise Refusal(f"{feature.slug} is {feature.status}", f"orchestrator status {feature.slug} --why")
    return [of(feature, started, f"agent:{started.agent}" if started.agent else "kit")]


def number(feature: Feature) -> int:
    """Return the number that the next attempt has."""
    return feature.failed + 1


def passed(feature: Feature, line: Line, step: Step, outcome: Outcome, opens: str) -> list[Fact]:
    """An attempt passed: the gate at its end is reached, or the phase is done and what follows from it."""
    _same_run(feature, outcome.run)
    facts = [
        _completed(feature, place, after, outcome) for place, after in zip(step.covers, step.covers[1:], strict=False)
    ]
    last = step.last
    if step.stop is not None:
        gate = msgspec.structs.replace(reached(step.stop), evidence=outcome.evidence, note=outcome.note)
        payload = fact.GateReached(
            ordinal=last.ordinal,
            gate=gate,
            run=outcome.run,
            seconds=outcome.seconds,
            opens=opens,
            checked=outcome.checked,
            commit=outcome.commit,
            evidence=outcome.found,
        )
        return [*facts, of(feature, payload, place=last)]
    document = line.document(last.workflow)
    beyond = _beyond(line, last)
    facts.append(_completed(feature, last, beyond, outcome))
    if beyond is None:
        facts += done_with(feature, line, last, document.title if document else step.title)
    return facts


def _beyond(line: Line, place: Place) -> Place | None:
    document = line.document(place.workflow)
    return next_phase(document, place.ordinal) if document else None


def _completed(feature: Feature, place: Place, after: Place | None, outcome: Outcome) -> Fact:
    payload = fact.PhaseCompleted(
        ordinal=place.ordinal,
        run=outcome.run,
        seconds=outcome.seconds,
        next=after,
        checked=outcome.checked,
        note=outcome.note,
        cost=outcome.cost,
        turns=outcome.turns,
    )
    return of(feature, payload, place=place)


def done_with(feature: Feature, line: Line, place: Place, title: str) -> list[Fact]:
    """The facts of a workflow's end: the next one's place, or the feature's end."""
    after = line.following(place.workflow)
    facts = [of(feature, fact.WorkflowCompleted(title=title, next=after), place=place)]
    if after is None:
        facts.append(of(feature, fact.FeatureCompleted(), place=place))
    return facts


def asked(feature: Feature, step: Step, gate: Gate, outcome: Outcome) -> list[Fact]:
    """The agent reported a gate as it worked: a person answers into the same phase and attempt."""
    _same_run(feature, outcome.run)
    payload = fact.GateReached(
        ordinal=step.place.ordinal,
        gate=gate,
        run=outcome.run,
        seconds=outcome.seconds,
        commit=outcome.commit,
        left=outcome.left,
        evidence=outcome.found,
    )
    return [of(feature, payload)]


def failed(feature: Feature, failure: fact.AttemptFailed) -> list[Fact]:
    """A counted failure."""
    _same_run(feature, failure.run)
    return [of(feature, failure)]


def interrupted(feature: Feature, reason: str, left: Sha | None = None) -> list[Fact]:
    """The kit did not survive the attempt, or a person ended it: not counted."""
    if feature.attempt is None:
        return []
    run, ordinal = feature.attempt.run, feature.attempt.ordinal
    return [of(feature, fact.AttemptInterrupted(ordinal=ordinal, run=run, reason=reason, left=left))]


def park(feature: Feature, reason: str, until: str = "", left: Sha | None = None) -> list[Fact]:
    """The kit stops a feature that only a person, or time, can help; closes an open attempt, uncounted.

    Nothing where somebody stopped or ended the feature meanwhile.
    """
    if feature.attempt is None and feature.status is not Status.ACTIVE:
        return []
    run = feature.attempt.run if feature.attempt else ""
    return [of(feature, fact.FeaturePaused(reason=reason, kind="parked", until=until, run=run, left=left))]


def _same_run(feature: Feature, run: str) -> None:
    if feature.attempt is None or feature.attempt.run != run:
        raise Refusal(f"the attempt of {feature.slug} was closed meanwhile", f"orchestrator status {feature.slug}")


# --- gates ---------------------------------------------------------------------------------------


class Sitting(Value):
    """What is the same for all decisions of one sitting. `shown` in seconds; `waited` by feature.

    `signed` are the types of gates that need a signature, `signer` is whose there is, or empty.
    """

    door: str
    actor: str
    batch: str
    shown: float = 0.0
    waited: dict[FeatureId, float] = {}
    signed: frozenset[str] = frozenset()
    signer: str = ""
    statement: str = ""  # sha256


def approve(
    world: World, line: Line, items: Sequence[Item], sitting: Sitting
) -> tuple[list[Fact], dict[FeatureId, Refusal]]:
    """Exactly what was shown is approved, each by itself; what changed since is refused, naming the field."""
    facts: list[Fact] = []
    refused: dict[FeatureId, Refusal] = {}
    for item in items:
        try:
            facts += _approved(world, line, item, sitting)
        except Refusal as refusal:
            refused[item.bound.feature] = refusal
    return facts, refused


def stale(world: World, item: Item) -> None:
    """Raise Refusal, naming the field, for a decision about what the log does not hold as it was shown."""
    bound = item.bound
    feature = world.features[bound.feature]
    _settled(feature)
    waiting = feature.gate
    now = msgspec.structs.replace(
        bound,
        reached=waiting.event if waiting else 0,
        commit=feature.tip,
        head=feature.last_hash,
        branch=feature.branch,
    )
    if changed := difference(bound, now):
        raise Refusal(f"{feature.slug} was not approved: {changed}", f"orchestrator status {feature.slug}")


def _approved(world: World, line: Line, item: Item, sitting: Sitting) -> list[Fact]:
    stale(world, item)
    feature = world.features[item.bound.feature]
    waiting = feature.gate
    if waiting is None:
        raise Refusal(f"no gate of {feature.slug} waits", f"orchestrator status {feature.slug}")
    gate = waiting.gate
    if item.verdict == "skipped" and not gate.condition:
        raise Refusal(
            f"{feature.slug} was not approved: its gate has no condition to skip it by",
            "only a conditional gate (SE ..., IF ...) is skipped",
        )
    if gate.type in sitting.signed and not sitting.signer:
        raise Refusal(
            f"{feature.slug} was not approved: [gates] assurance asks for a signature at {gate.type} gates",
            "a person signs it",
        )
    in_document = not gate.reported and _holds(line, feature.place, gate)
    on = goes_on(line, feature.place, gate, item.verdict) if in_document else feature.place
    granted = fact.ApprovalGranted(
        ordinal=waiting.ordinal,
        gate=gate,
        door=sitting.door,
        verdict=item.verdict,
        answer=item.answer,
        batch=sitting.batch,
        shown=sitting.shown,
        waited=sitting.waited.get(feature.id, 0.0),
        commit=item.bound.commit,
        next=on,
        statement=sitting.statement,
        signer=sitting.signer,
    )
    facts = [of(feature, granted, sitting.actor)]
    if in_document and completes(feature.place, on):
        done = fact.PhaseCompleted(ordinal=feature.place.ordinal, next=on)
        facts.append(of(feature, done))
        if on is None:
            document = line.document(feature.place.workflow)
            facts += done_with(feature, line, feature.place, document.title if document else "")
    return facts


def take_back(feature: Feature, actor: str, reason: str = "", voided: bool = False) -> list[Fact]:
    """Undo the last approval of a feature; refused once it has gone on."""
    _settled(feature)
    if feature.granted is None:
        raise Refusal(
            f"{feature.slug} has no approval to take back: there is none, or it has gone on since",
            f"orchestrator log {feature.slug}",
        )
    before = feature.granted
    undone = fact.ApprovalUndone(granted=before.event, gate=before.gate.gate, reason=reason, voided=voided)
    return [of(feature, undone, actor, before.place)]


def _holds(line: Line, place: Place, gate: Gate) -> bool:
    document = line.document(place.workflow)
    return document is not None and any(one.key == gate.key for one in document.gates)


def reject(feature: Feature, line: Line, why: str, to: str, actor: str) -> list[Fact]:
    """Send a feature back: the gate's phase again, or another place at or before it."""
    _settled(feature)
    waiting = feature.gate
    if waiting is None:
        raise Refusal(f"no gate of {feature.slug} waits", f"orchestrator status {feature.slug}")
    if not why.strip():
        raise Refusal("a rejection needs its reason", "say why with -m: the next brief carries it")
    place = _back_to(feature, line, to) if to else msgspec.structs.replace(feature.place, decided=())
    rejected = fact.ApprovalRejected(ordinal=waiting.ordinal, gate=waiting.gate, why=why, place=place)
    return [of(feature, rejected, actor)]


def _back_to(feature: Feature, line: Line, to: str) -> Place:
    workflow, _, phase = to.partition("/")
    place, _ = find_place(line, workflow, phase)
    here = feature.place
    if (natural_order(place.workflow), place.ordinal) > (natural_order(here.workflow), here.ordinal):
        raise Refusal(
            f"{to} lies ahead of {here.workflow}/{here.phase}; a rejection goes back",
            f"orchestrator reject {feature.slug} -m WHY --to WORKFLOW[/PHASE]",
        )
    return msgspec.structs.replace(place, begun=here.begun and place.workflow == here.workflow)


# --- rollback ------------------------------------------------------------------------------------


def order_rollback(feature: Feature, ordered: fact.RollbackOrdered, actor: str) -> list[Fact]:
    """The intent, after which the next command ends it whatever happens."""
    if feature.ordered is not None:
        raise Refusal(f"a rollback of {feature.slug} is under way", "the next command ends it: orchestrator status")
    return [of(feature, ordered, actor)]


def finish_rollback(feature: Feature, executed: fact.RollbackExecuted) -> list[Fact]:
    """The outcome; after an automatic one the feature has failed."""
    if feature.ordered is None or feature.ordered.operation != executed.operation:
        return []
    facts = [of(feature, executed)]
    if executed.automatic:
        reason = feature.failure.reason if feature.failure else "three failed attempts"
        facts.append(of(feature, fact.FeatureFailed(reason=reason, attempts=feature.failed)))
    return facts


def finish_undo(feature: Feature, undone: fact.RollbackUndone) -> list[Fact]:
    """The rollback is undone."""
    if feature.ordered is None or feature.ordered.operation != undone.operation:
        return []
    return [of(feature, undone)]


def abort_rollback(feature: Feature, reason: str) -> list[Fact]:
    """An ordered rollback that cannot be done is called off; an automatic one parks the feature."""
    if feature.ordered is None:
        return []
    aborted = of(feature, fact.RollbackAborted(operation=feature.ordered.operation, reason=reason))
    if not feature.ordered.automatic:
        return [aborted]
    parked = fact.FeaturePaused(reason=f"rollback refused: {reason}", kind="parked")
    return [aborted, of(feature, parked)]
