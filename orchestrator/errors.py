"""Every foreseen failure: one line that says what and where, the next step, and its exit status.

Nothing here prints or exits; `cli.main` is the only place that does. A `hint` is a next step that is
safe to follow: it never approves, never destroys, because agents read and copy what they are shown.
"""

from __future__ import annotations

REFUSED = 1
USAGE = 2
WAITS = 10
NOTHING_LEFT = 11
INTERRUPTED = 130
MEANINGS = {
    0: "done",
    REFUSED: "refused or failed; one line on stderr says what, where and the next step",
    USAGE: "wrong usage",
    WAITS: "nothing can run now, but an open feature waits for a gate, a time or a person",
    NOTHING_LEFT: "no feature is open",
    INTERRUPTED: "interrupted from the keyboard",
}


class OrchestratorError(Exception):
    """A foreseen failure. `str(error)` is one line; `hint` is the next step, or empty."""

    status = REFUSED

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(" ".join(what.split("\n")))
        self.hint = hint


class Refusal(OrchestratorError):
    """The rules say no: nothing was changed."""


class WrongUsage(OrchestratorError):
    """The command was called with words that it does not know."""

    status = USAGE


class NoRepository(OrchestratorError):
    """There is no usable git repository where the command was called."""


class BadConfiguration(OrchestratorError):
    """`orchestrator.toml` or a workflow document cannot be read as it stands."""


class GitFailed(OrchestratorError):
    """A git command failed where it should not have; the line carries what git said."""

    def __init__(self, what: str, hint: str = "", *, code: int = 0) -> None:
        super().__init__(what, hint)
        self.code = code


class MoveRefused(Refusal):
    """A rollback or its undo cannot be done without risking what the user wrote."""


class BadStatement(OrchestratorError):
    """A statement or its signature is not what it is taken for; the line says why."""


class BrokenLog(OrchestratorError):
    """The log does not hold somewhere before its tail; writers refuse, readers stop there."""


class NotRecorded(OrchestratorError):
    """The log could not be written durably; what was is as it was."""


class BadBackup(OrchestratorError):
    """An archive is not what was written, or holds a member that must not be unpacked."""


class Busy(OrchestratorError):
    """Somebody else holds the lock; the line says who and since when."""


class AgentFault(OrchestratorError):
    """The agent or the validation could not be run at all; not the agent's failure."""
