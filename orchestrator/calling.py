"""A call of the configured agent: its words, its brief, its session, and what it told. Judges nothing.

A preset's client is called by its entry in the table of clients; a command of the user's own as it stands.
"""

from __future__ import annotations

import os
import re
import uuid
from datetime import datetime, time, timedelta
from pathlib import Path

from orchestrator import attempts, config
from orchestrator.adapters.agent import Ran, one_line, plain
from orchestrator.adapters.secrets import hidden
from orchestrator.attempts import Prepared
from orchestrator.checkpoints import instant
from orchestrator.core import budget, reports
from orchestrator.core.budget import Budget
from orchestrator.core.clients import SESSION, Call, Client, Kind, command
from orchestrator.core.events import AgentEnded, Fact, Place
from orchestrator.core.reports import Reported
from orchestrator.core.state import Feature, Session, Spent, is_same_day
from orchestrator.core.steps import Step
from orchestrator.core.values import Value
from orchestrator.errors import AgentFault, NotRecorded
from orchestrator.workspace import Workspace, now

_RETRY = "15m"
_SUMMARY = 2000  # characters of a client's last words that the log keeps
_LONGEST = 100_000  # bytes of a brief that go as one argument; Linux takes 128 KiB
_LATER = ("quota", "network")  # what time mends
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")  # an id that stands among options must be none itself


class Calling(Value):
    """What to run: `stdin` is its brief, where it goes that way."""

    words: tuple[str, ...]
    stdin: str
    environment: dict[str, str]
    client: Client | None = None
    session: str = ""
    resumes: bool = False
    keeps: tuple[str, ...] = ()  # where the client keeps things of its own, as far as that is there


def compose(workspace: Workspace, prepared: Prepared, *, anew: bool = False) -> Calling:
    """Return the call of a prepared attempt; `anew` begins another session. Raises AgentFault, NotRecorded."""
    environment = attempts.environment(workspace, prepared.feature, prepared.step, prepared.run)
    client = attempts.client(workspace)
    if client is None:
        words = workspace.configuration.agent.command
        return Calling(words=words, stdin=prepared.text, environment=environment)
    session = None if anew else _resumable(client, prepared.feature, prepared.step)
    name = session.id if session is not None else str(uuid.UUID(prepared.run) if not anew else uuid.uuid4())
    turns, cost = budget.left(_budget(workspace), prepared.feature.spent, today(workspace))
    call = Call(
        session=name,
        resumes=session is not None,
        brief=_brief(workspace, prepared, client),
        folder=str(_folder(workspace, prepared.feature)),
        turns=turns,
        cost=cost,
        is_confined=bool(workspace.sandbox),
        arguments=workspace.configuration.agent.arguments,
    )
    return Calling(
        words=tuple(command(client, call)),
        stdin=prepared.text if client.channel == "stdin" else "",
        environment={**client.environment, **environment},
        client=client,
        session=name,
        resumes=session is not None,
        keeps=_keeps(workspace, prepared.feature, client),
    )


def _keeps(workspace: Workspace, feature: Feature, client: Client) -> tuple[str, ...]:
    """Return the folders of a client's own, made where a sandbox would not let it make them."""
    named = (name for name in client.writes if not name.startswith("$") or os.environ.get(name[1:]))
    found = [Path(os.path.expandvars(name)) for name in named]
    places = [Path.home() / one for one in found]  # an absolute one stays as it is
    if workspace.sandbox:
        for place in places:
            try:
                place.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise AgentFault(f"{client.title} cannot keep things in {place}: {error.strerror}") from error
    own = [_folder(workspace, feature)] if client.channel == "file" else []
    return tuple(str(one) for one in (*places, *own) if one.exists())


def foreseen(workspace: Workspace, feature: Feature, step: Step) -> list[str]:
    """Return the words of a call that would come now; its session and its brief have no name yet."""
    client = attempts.client(workspace)
    if client is None:
        return list(workspace.configuration.agent.command)
    session = _resumable(client, feature, step)
    turns, cost = budget.left(_budget(workspace), feature.spent, today(workspace))
    call = Call(
        session=session.id if session is not None else "SESSION",
        resumes=session is not None,
        brief="BRIEF",
        folder=str(workspace.home / "calls" / feature.slug),
        turns=turns,
        cost=cost,
        is_confined=bool(workspace.sandbox),
        arguments=workspace.configuration.agent.arguments,
    )
    return command(client, call)


def _resumable(client: Client, feature: Feature, step: Step) -> Session | None:
    """Return the session to go on with: this workflow's, of the same client; a retry begins another one."""
    found = feature.session
    if found is None or not client.again or feature.failed:
        return None
    return found if (found.client, found.workflow) == (client.name, step.workflow) else None


def _brief(workspace: Workspace, prepared: Prepared, client: Client) -> str:
    """Return the brief as its client takes it: the text, or the file that holds it where it takes one, or is long."""
    if client.channel == "stdin":
        return ""
    content = prepared.text.encode(errors="surrogateescape")
    if client.channel == "argument" and len(content) < _LONGEST:
        return prepared.text
    path = _folder(workspace, prepared.feature) / "brief.md"
    try:
        path.write_bytes(content)
    except OSError as error:
        raise NotRecorded(f"{path}: {error.strerror}", "make room, or mend its permissions") from error
    return str(path) if client.channel == "file" else f"Read the file {path} and do what it says, all of it."


def _folder(workspace: Workspace, feature: Feature) -> Path:
    path = workspace.home / "calls" / feature.slug
    path.mkdir(parents=True, exist_ok=True)
    return path


# --- what it told ----------------------------------------------------------------------------------


class Told(Value):
    """What a client told of its call, and what of that was recorded."""

    title: str
    said: Reported
    ended: AgentEnded


def record(workspace: Workspace, prepared: Prepared, calling: Calling, ran: Ran) -> Told | None:
    """Record a call and what it used, before anything is made of it; None for a command of the user's own."""
    client = calling.client
    if client is None:
        return None
    said = reports.read(client, _output(workspace, prepared, ran), ran.code)
    own = calling.session if SESSION in client.begin and not calling.resumes else ""
    session = (said.session if _SESSION.fullmatch(said.session) else "") or own
    before = prepared.feature.session if calling.resumes else None
    ended = AgentEnded(
        run=prepared.run,
        client=client.name,
        ended=_ended(ran, said),
        session="" if said.kind == "lost" else session,
        resumed=calling.resumes,
        seconds=round(ran.seconds, 3),
        turns=said.turns,
        tokens=int(_of_this_call(said.tokens, before.tokens if before and "tokens" in client.totals else 0)),
        cost=round(_of_this_call(said.cost, before.cost if before and "cost" in client.totals else 0.0), 6),
        total=said.cost or (before.cost if before else 0.0),  # one that was ended in its midst said nothing
        total_tokens=said.tokens or (before.tokens if before else 0),
        denied=tuple(one_line(one) for one in said.denied[:20]),
        error=one_line(said.error)[:500],
        summary=plain(said.text)[-_SUMMARY:],
    )
    _record(workspace, prepared.feature, prepared.step.place, ended)
    return Told(title=client.title, said=said, ended=ended)


def record_dead(workspace: Workspace, feature: Feature) -> None:
    """Record what the client of a dead attempt told before the kit was killed; its session stays as it was."""
    attempt, client = feature.attempt, attempts.client(workspace)
    if attempt is None or client is None or attempt.agent != client.name:
        return
    path = attempts.output_path(workspace, feature, "agent")
    began = instant(attempt.started_at)
    written = path.stat().st_mtime if path.exists() else 0.0
    if written < began or any(one.event_type == "agent_ended" for one in workspace.journal.naming([attempt.run])):
        return  # it had not begun, or was recorded
    said = reports.read(client, path.read_bytes().decode(errors="backslashreplace"), None)
    before = feature.session
    is_same = before is not None and before.id == said.session
    of_it = before if is_same else None
    ended = AgentEnded(
        run=attempt.run,
        client=client.name,
        ended="killed",
        session=before.id if before else "",
        resumed=is_same,
        seconds=round(written - began, 3),
        turns=said.turns,
        tokens=int(_of_this_call(said.tokens, of_it.tokens if of_it and "tokens" in client.totals else 0)),
        cost=round(_of_this_call(said.cost, of_it.cost if of_it and "cost" in client.totals else 0.0), 6),
        total=(said.cost if is_same else 0.0) or (before.cost if before else 0.0),
        total_tokens=(said.tokens if is_same else 0) or (before.tokens if before else 0),
    )
    _record(workspace, feature, feature.place, ended)


def _record(workspace: Workspace, feature: Feature, place: Place, ended: AgentEnded) -> None:
    fact = Fact(
        payload=ended,
        feature=feature.id,
        workflow=place.workflow,
        phase=place.phase,
        actor=f"agent:{ended.client}",
    )
    workspace.record(lambda world: [fact])


def _output(workspace: Workspace, prepared: Prepared, ran: Ran) -> str:
    """Return what a client printed; of a long output as much as its file has, for each step of it may hold a cost."""
    if not ran.tail or ran.unlogged:
        return ran.text
    try:
        path = attempts.output_path(workspace, prepared.feature, "agent")
        return hidden(path.read_bytes().decode(errors="backslashreplace"), os.environ)
    except OSError:
        return ran.text


def _of_this_call(total: float, before: float) -> float:
    """Return what a call added to a session; one whose count went back, after a kill, has begun to count anew."""
    return total - before if total >= before else total


def _ended(ran: Ran, found: Reported) -> str:
    if ran.stopped:
        return "stopped"
    if found.kind is not None:
        return found.kind
    if ran.timed_out:
        return "timed out"
    if not found.is_over:
        return "refused" if found.denied else "failed"
    return "done"


def in_the_way(workspace: Workspace, told: Told) -> tuple[str, str]:
    """Return what stands in the way of the work and until when, both empty where nothing does."""
    found = told.said
    if found.kind is None:
        return "", ""
    words = {
        "quota": "has used up its quota",
        "login": "is not logged in",
        "network": "does not reach its service",
        "limit": "reached a limit of its own",
        "lost": "has lost its session",
    }
    until = again_at(workspace, found.kind, found.until)
    return f"{told.title} {words[found.kind]}: {one_line(found.error)}", until


def again_at(workspace: Workspace, kind: Kind | None, known: int = 0) -> str:
    """Return when to try again what time may mend: an ISO 8601 time, or empty. `known` is when a limit ends."""
    wait = workspace.configuration.agent.retry_after or (_RETRY if kind in _LATER else "")
    if not wait or kind not in (None, *_LATER):
        return ""
    at = now() + timedelta(seconds=config.seconds(wait, "agent.retry_after"))
    if known > at.timestamp():
        at = datetime.fromtimestamp(known, at.tzinfo)
    return at.isoformat(timespec="seconds")


# --- what it may use -------------------------------------------------------------------------------


def exhausted(workspace: Workspace, feature: Feature) -> tuple[str, str]:
    """Return which budget is used up and until when, both empty where none is."""
    reason, is_daily = budget.reached(_budget(workspace), feature.spent, today(workspace))
    return reason, _midnight() if is_daily else ""


def today(workspace: Workspace) -> Spent:
    """Return what all features used today."""
    world = workspace.world
    return world.spent if is_same_day(now().isoformat(), world.day) else Spent()


def _budget(workspace: Workspace) -> Budget:
    found = workspace.configuration.agent
    return Budget(
        turns=found.max_turns, cost=found.max_cost, turns_day=found.max_turns_day, cost_day=found.max_cost_day
    )


def _midnight() -> str:
    here = now()
    return datetime.combine(here.date() + timedelta(days=1), time(), here.tzinfo).isoformat(timespec="seconds")
