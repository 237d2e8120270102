"""Repeats steps until nothing is left to do, several features at once, each in its own worktree.

One thread a feature at work; all they know of each other goes through the log and the locks.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from orchestrator import attempts, confining, perform, rollback, worktrees
from orchestrator.adapters.lock import holder
from orchestrator.announcing import Announcer, failed
from orchestrator.attempts import Result
from orchestrator.checkpoints import instant
from orchestrator.core import decide
from orchestrator.core.schedule import EndRollback, Rest, RunStep, is_ready, is_round_over, next_action
from orchestrator.core.state import Feature
from orchestrator.core.values import FeatureId, Status, Value
from orchestrator.errors import BadConfiguration, BrokenLog, Busy, GitFailed, NotRecorded, OrchestratorError, Refusal
from orchestrator.workspace import Workspace, about, now

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK = 0.5  # seconds between two looks at the keyboard and at other terminals' decisions
_GATHER = 30.0  # seconds in which news goes into one message while steps run
_AGAIN = 2.0  # seconds before a feature that somebody else works on is looked at again


class Limits(Value):
    """When a run begins no more steps: `until`, of the monotonic clock, or after `cost` US dollars; 0: never."""

    until: float = 0.0
    cost: float = 0.0
    spent: float = 0.0  # by all features when it began

    def reached(self, workspace: Workspace) -> str:
        """Return which limit is reached, in words, or nothing. A step under way ends in its own time."""
        if self.until and time.monotonic() >= self.until:
            return "its time is over"
        if self.cost and spent(workspace) - self.spent >= self.cost:
            return f"it used ${spent(workspace) - self.spent:.2f} of ${self.cost:.2f}"
        return ""


FREE = Limits()


def spent(workspace: Workspace) -> float:
    """Return what the calls of all features cost so far, in US dollars."""
    return sum(one.spent.cost for one in workspace.world.features.values())


Listener = Callable[[str, str, Result | None], None]  # ("began" | "ended", slug, result)


def wake(workspace: Workspace) -> None:
    """Let features go on whose time has come."""
    if decide.wake(workspace.world, _is_past):
        workspace.record(lambda world: decide.wake(world, _is_past))


def _is_past(until: str) -> bool:
    from datetime import datetime  # only where a pause is running

    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return False  # a person wrote what is no time; it waits for `resume`
    return moment.astimezone() <= now()


def busy(workspace: Workspace) -> dict[FeatureId, str]:
    """Return the features that somebody works on this moment, and who."""
    found: dict[FeatureId, str] = {}
    for feature in workspace.world.features.values():
        if feature.retired:
            continue
        attempt = feature.attempt
        if attempt is not None and attempt.deadline and instant(attempt.deadline) > now().timestamp():
            found[feature.id] = f"an agent drives it by itself since {attempt.started_at}, until {attempt.deadline}"
            continue
        who = holder(workspace.lock_file(feature.slug))
        if who is not None:
            found[feature.id] = f"worked on by {who.described(now())}"
    return found


def held_back(workspace: Workspace) -> dict[FeatureId, str]:
    """Return the ready features that something outside their state holds back, and what."""
    ready = [one for one in workspace.world.features.values() if is_ready(one) and not one.retired]
    if not ready:
        return {}
    places = {one.branch: one.path for one in workspace.git.worktrees()}
    reasons = {one.id: reason for one in ready if (reason := _missing(one, places) or _out_of_line(workspace, one))}
    confined = confining.is_wanted(workspace)
    unfit = _unfit_main(workspace)
    main_holder = _main_holder(workspace)
    for feature in ready:
        if confined and (why := _unconfined(workspace, feature, places)):
            reasons.setdefault(feature.id, why)
        elif unfit and places.get(feature.branch) == workspace.main and not attempts.is_as_left(workspace, feature):
            reasons[feature.id] = f"the main worktree, where it runs, {unfit}"
        elif (unfit or main_holder) and _merges(workspace, feature):
            why = unfit or f"is used by {main_holder}"
            reasons[feature.id] = f"it merges, and the main worktree {why}"
    return reasons


def _unconfined(workspace: Workspace, feature: Feature, places: Mapping[str | None, Path]) -> str:
    merges = _merges(workspace, feature)
    return confining.unfit(workspace, feature, merges=merges, place=places.get(feature.branch))


def _unfit_main(workspace: Workspace) -> str:
    """Return what keeps the main worktree from being worked in, or an empty string."""
    try:
        dirt = attempts.main_dirt(workspace)
    except GitFailed as error:
        return f"cannot be read ({error}); `orchestrator verify` names the mend"
    return f"has uncommitted changes ({dirt[0]})" if dirt else ""


def _main_holder(workspace: Workspace) -> str:
    """Return who uses the main worktree: a merging step, or an agent that drives one by itself."""
    who = holder(workspace.lock_file("_main"))
    if who is not None:
        return who.described(now())
    driven = (one for one in workspace.world.features.values() if one.attempt is not None and one.attempt.deadline)
    found = next((one for one in driven if _merges(workspace, one)), None)
    return f"{found.slug}, which an agent drives by itself" if found else ""


def _missing(feature: Feature, places: Mapping[str | None, Path]) -> str:
    path = places.get(feature.branch)
    if path is None or worktrees.is_there(path):
        return ""
    return f"its worktree {path} is not there; moved: `git worktree repair`, deleted: `git worktree prune`"


def _out_of_line(workspace: Workspace, feature: Feature) -> str:
    """Return why the line has nothing to hand out at a feature's place, or an empty string."""
    try:
        attempts.step_of(workspace, feature)
    except Refusal as refusal:
        return f"{refusal}; {refusal.hint.replace('FEATURE', feature.slug)}"
    except BadConfiguration:
        return ""  # the whole line cannot be read; that is said once, not of each feature
    return ""


def _merges(workspace: Workspace, feature: Feature) -> bool:
    try:
        return attempts.step_of(workspace, feature).merges
    except OrchestratorError:
        return False  # what is wrong with its place is said when its turn comes


class Runner:
    """One `run`. `listen` is told when a step begins and ends, from any thread."""

    def __init__(
        self,
        workspace: Workspace,
        parallel: int,
        stop: threading.Event,
        listen: Listener,
        gather: float = _GATHER,
        limits: Limits = FREE,
    ) -> None:
        self._workspace = workspace
        self._parallel = parallel
        self._stop = stop
        self._listen = listen
        self._running: dict[FeatureId, Future[Result]] = {}
        self._held: dict[FeatureId, str] = {}  # what failed to begin in this run, and why
        self._later: dict[FeatureId, float] = {}  # what somebody else had just then: not before this moment again
        self._untold: list[Result] = []  # rollbacks that a person was not told of yet
        self._patience = gather
        self._limits = limits
        self._gather: float | None = None  # until this moment what joins the set goes into the same message
        self._told: int | None = None  # the log's last event when a person was told last
        self.announcer = Announcer(workspace)
        self.results: list[Result] = []

    def run(self, refresh: Callable[[], None]) -> None:
        """Work until nothing is left to do or `stop` is set; `refresh` takes in what happened outside.

        Raises BrokenLog and NotRecorded after the steps under way have ended.
        """
        self._held.clear()  # what was held in an earlier round may have been mended
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="step") as pool:
            try:
                while not self._stop.is_set() and self._turn(pool, refresh):
                    pass
            except BaseException:
                self._stop.set()
                raise
            finally:
                self._collect(list(self._running.values()))
        self._tell()

    def _tell_in_time(self, held: Collection[FeatureId]) -> None:
        """Tell a person where it is due, once a round: steps that end one after the other are no message each."""
        if not self._untold and not self.announcer.is_due():
            self._gather = None
            return
        if self._told is not None and not is_round_over(self._workspace.world, held, self._told):
            return
        if self._gather is None:
            self._gather = time.monotonic() + self._patience
        if time.monotonic() >= self._gather:
            self._tell()

    def _tell(self) -> None:
        self.announcer.announce(self._untold)
        self._untold, self._gather = [], None
        if failed(self._workspace) is None:  # else nobody was told
            self._told = self._workspace.head.id

    def _turn(self, pool: ThreadPoolExecutor, refresh: Callable[[], None]) -> bool:
        """Begin what can be begun, or wait for something to end; tell whether there is more to do."""
        refresh()
        wake(self._workspace)
        others = {one for one in busy(self._workspace) if one not in self._running}
        self._later = {one: moment for one, moment in self._later.items() if moment > time.monotonic()}
        held = {**held_back(self._workspace), **self._held, **dict.fromkeys(self._later, "just now in use")}
        self._tell_in_time(held.keys() | others)
        action = next_action(self._workspace.world, others | self._running.keys(), held)
        if isinstance(action, RunStep):
            attempts.check_agent(self._workspace)
        is_over = bool(self._limits.reached(self._workspace))
        if not isinstance(action, Rest) and len(self._running) < self._parallel and not is_over:
            self._begin(pool, action)
            return True
        if self._running:
            done, _ = wait(self._running.values(), timeout=_TICK, return_when=FIRST_COMPLETED)
            self._collect(list(done))
            return True
        if self._later and not is_over:
            self._stop.wait(_TICK)
            return True
        return False

    def _begin(self, pool: ThreadPoolExecutor, action: EndRollback | RunStep) -> None:
        feature = action.feature
        work = self._end_rollback if isinstance(action, EndRollback) else self._step
        self._running[feature] = pool.submit(work, feature)

    def _step(self, feature: FeatureId) -> Result:
        slug = self._workspace.world.features[feature].slug
        self._listen("began", slug, None)
        result = perform.take_step(self._workspace, feature, self._stop)
        self._listen("ended", slug, result)
        return result

    def _end_rollback(self, feature: FeatureId) -> Result:
        ended = _ended(self._workspace, feature)
        return Result(
            feature=ended.slug,
            workflow=ended.place.workflow,
            phase=ended.place.phase,
            attempt=0,
            outcome="rolled_back",
            why="ended what was interrupted",
        )

    def _collect(self, futures: list[Future[Result]]) -> None:
        for feature in [one for one, future in self._running.items() if future in futures]:
            future = self._running.pop(feature)
            try:
                result = future.result()
            except (BrokenLog, NotRecorded):
                raise
            except Busy:
                self._later[feature] = time.monotonic() + _AGAIN
            except OrchestratorError as error:
                self._held[feature] = str(error)
                hint = f"; {error.hint}" if error.hint else ""
                name = self._workspace.world.features[feature].slug
                self._workspace.notices.append(about(name, f"{error}{hint}"))
            else:
                self.results.append(result)
                if result.outcome == "rolled_back":
                    self._untold.append(result)


def _ended(workspace: Workspace, feature: FeatureId) -> Feature:
    """End an interrupted rollback and say so; raises as `rollback.finish`."""
    with perform.locked(workspace, feature):
        workspace.load()
        ended = rollback.finish(workspace, feature)
    workspace.notices.append(f"{ended.slug}: ended a rollback that had been interrupted")
    return ended


def _end_rollback(
    workspace: Workspace, feature: FeatureId, only: FeatureId | None, stuck: dict[FeatureId, str]
) -> None:
    """End an interrupted rollback; one that cannot end holds nobody back but itself."""
    try:
        _ended(workspace, feature)
    except OrchestratorError as error:
        if only is not None:
            raise
        stuck[feature] = str(error)
        workspace.notices.append(f"{workspace.world.features[feature].slug}: its rollback does not end: {error}")


def one_step(
    workspace: Workspace, only: FeatureId | None, stop: threading.Event, stuck: dict[FeatureId, str] | None = None
) -> Result | None:
    """Do the step of the feature whose turn it is, or of `only`; None where there is none to run.

    `stuck` are the features whose rollback was seen not to end.

    Raises Refusal for a feature that was named and is held back, Busy where somebody works on it.
    """
    wake(workspace)
    working = busy(workspace)
    stuck = {} if stuck is None else stuck
    held = {**held_back(workspace), **stuck}
    action = next_action(workspace.world, working.keys(), held, only)
    if isinstance(action, EndRollback):
        _end_rollback(workspace, action.feature, only, stuck)
        return one_step(workspace, only, stop, stuck)
    if isinstance(action, RunStep):
        attempts.check_agent(workspace)
        return perform.take_step(workspace, action.feature, stop)
    if only is not None:
        _refuse(workspace, workspace.world.features[only], working.get(only, ""))
    return None


def _refuse(workspace: Workspace, feature: Feature, who: str) -> None:
    """Raise Busy where another command works on a feature, Refusal where its worktree is gone."""
    if who and not (feature.attempt is not None and feature.attempt.deadline):
        raise Busy(f"{feature.slug}: {who}", "try again when that has ended")
    if is_ready(feature):
        worktrees.refuse_missing(workspace, feature)
        confining.refuse_unfit(workspace, feature)


def waiting(workspace: Workspace) -> Iterator[Feature]:
    """Give the open features."""
    return (one for one in workspace.world.features.values() if one.is_open and not one.retired)


def all_parked(workspace: Workspace) -> bool:
    """Tell whether every open feature is parked by the kit, and none goes on by itself."""
    found = list(waiting(workspace))
    return bool(found) and all(
        one.status is Status.BLOCKED and one.waits and one.waits.kind == "parked" and not one.paused_until
        for one in found
    )


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal set `stop`, so that a step is ended cleanly.

    A second Ctrl-C interrupts. Who ignores SIGHUP, as below nohup, goes on without a terminal.
    """

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set() and number != signal.SIGHUP:  # a shell and its terminal may each send one
            raise KeyboardInterrupt
        stop.set()

    heard = [one for one in _ASKING if signal.getsignal(one) is not signal.SIG_IGN or one != signal.SIGHUP]
    before = {number: signal.signal(number, ask) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def await_change(
    workspace: Workspace, stop: threading.Event, is_due: Callable[[], bool], limits: Limits = FREE
) -> None:
    """Wait until somebody else recorded something, a pause or the run may be over, or `is_due` says there is work."""
    size = workspace.head.offset  # of what was read: a decision recorded since then counts
    until = [one.paused_until for one in waiting(workspace) if one.paused_until and one.gate is None]
    while not stop.wait(_TICK):
        if _size(workspace) != size or any(_is_past(one) for one in until) or is_due() or limits.reached(workspace):
            return


def _size(workspace: Workspace) -> int:
    return workspace.log.stat().st_size
