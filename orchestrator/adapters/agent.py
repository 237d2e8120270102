"""Runs the agent and the validation and ends every process that they leave; knows no rules, judges no result.

A process is found as a descendant, by its session or by the run's marker in its environment. On Linux a warden
(`adapters/warden.py`) runs each program: whatever loses its parent becomes the warden's child and stays a descendant.
One that left all three (another session, no living ancestor, a cleared environment) is not found where there is no
warden, or where it was killed itself: that is not prevented.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from functools import cache
from io import FileIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

import msgspec

from orchestrator.adapters import warden
from orchestrator.adapters.git import scrubbed
from orchestrator.adapters.secrets import hidden
from orchestrator.core.values import Value
from orchestrator.errors import AgentFault

if TYPE_CHECKING:
    from psutil import Process

RUN_ID = "ORCHESTRATOR_RUN_ID"
CAP = 1 << 20  # bytes of output kept in memory, head and tail together
LOG_CAP = 8 << 20  # bytes of output written to the log file as they come
GRACE = 10.0  # seconds between asking a process to end and ending it
_MOMENT = 0.5  # seconds for what the agent left to end by itself, and for the last output
_TICK = 0.05  # seconds between two looks at the clock, the stop event and the child
_KILLS = 20  # rounds of SIGKILL: a process may be born while its parent is looked at
_CHUNK = 1 << 16


# --- the environment -----------------------------------------------------------------------------


class Marker(Value):
    """A variable by which a command knows that an agent runs it; with `value`, only that value says so."""

    variable: str
    agent: str
    value: str | None = None


# Only what a client sets for its children: CLAUDE_CODE_USE_BEDROCK, CODEX_HOME and others are the user's own.
MARKERS = (
    Marker(RUN_ID, "a run of orchestrator"),
    Marker("CLAUDECODE", "Claude Code"),
    Marker("CLAUDE_CODE_CHILD_SESSION", "Claude Code"),
    Marker("CLAUDE_CODE_ENTRYPOINT", "Claude Code"),
    Marker("CLAUDE_CODE_SESSION_ID", "Claude Code"),
    Marker("CODEX_THREAD_ID", "Codex"),
    Marker("CODEX_SESSION_ID", "Codex"),
    Marker("CODEX_CI", "Codex"),
    Marker("CODEX_SANDBOX", "Codex"),
    Marker("CODEX_SANDBOX_NETWORK_DISABLED", "Codex"),
    Marker("GEMINI_CLI", "Gemini CLI"),
    Marker("OPENCODE", "opencode"),
    Marker("OPENCODE_PID", "opencode"),
    Marker("CURSOR_AGENT", "Cursor"),
    Marker("CURSOR_EXTENSION_HOST_ROLE", "Cursor", "agent-exec"),
    Marker("OR_APP_NAME", "aider", "Aider"),
    Marker("AI_AGENT", "an agent"),
    Marker("AGENT", "an agent"),
)
_PARENTS = frozenset({
    "CLAUDE_CODE_AGENT", "CLAUDE_CODE_EXECPATH", "CLAUDE_CODE_SESSION_ATTENDED", "CLAUDE_EFFORT",
    "CLAUDE_ENV_FILE", "CLAUDE_PID", "CLAUDE_PLUGIN_DATA", "CLAUDE_PLUGIN_ROOT", "CLAUDE_PROJECT_DIR",
    "CLAUDE_CODE_CHILD_NOTES_DIR", "CODEX_VERSION", "CODEX_TOOL_CALL_ID", "CODEX_MANAGED_BY_NPM",
    "CODEX_MANAGED_PACKAGE_ROOT", "CODEX_APPLY_PATCH_PRESERVE_LINE_ENDINGS",
})  # fmt: skip
_RUNS = frozenset({
    "ORCHESTRATOR_FEATURE", "ORCHESTRATOR_WORKFLOW", "ORCHESTRATOR_PHASE", "ORCHESTRATOR_CONTEXT",
    "ORCHESTRATOR_MAIN", "ORCHESTRATOR_SLOT",
})  # fmt: skip
_MAKES = frozenset({"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKE_TERMOUT", "MAKE_TERMERR"})
_TARGETS = frozenset({"FEATURE", "WHY", "AT", "TO"})  # what the kit's make targets export
_USERS_OWN = frozenset({"PRE_COMMIT_HOME", "PRE_COMMIT_COLOR", "PRE_COMMIT_ALLOW_NO_CONFIG"})
_UNSIGNED = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "commit.gpgSign", "GIT_CONFIG_VALUE_0": "false"}


def agent_marker(environment: Mapping[str, str]) -> str | None:
    """Return which agent runs this command, and by which variable it shows: `Codex (CODEX_CI)`, or None."""
    return next((f"{one.agent} ({one.variable})" for one in MARKERS if _shows(one, environment)), None)


def runs_above() -> set[str]:
    """Return the runs by whose marker the processes above this one were started, as far as they may be read."""
    import psutil  # only where a person decides

    found: set[str] = set()
    for one in psutil.Process().parents():
        with suppress(psutil.Error, OSError):  # another user's, or one that ended meanwhile
            found.add(one.environ().get(RUN_ID, ""))
    return found - {""}


def agent_environment(base: Mapping[str, str], extra: Mapping[str, str], sign: bool) -> dict[str, str]:
    """Return the environment of an agent: `base` without git's, make's and a parent agent's own, and `extra`.

    How git reaches a remote is kept. Unless `sign`, git run by the agent does not sign commits: it would
    wait for a passphrase that nobody types.
    """
    gone = {one.variable for one in MARKERS if _shows(one, base)} | _PARENTS | _RUNS | _MAKES | {"PYTHONHOME"}
    if "MAKELEVEL" in base:  # outside of make these words are the user's
        gone |= _TARGETS
    remote = {name: value for name, value in base.items() if name.startswith(("GIT_SSH", "GIT_SSL"))}
    kept = {name: value for name, value in scrubbed(base).items() if name not in gone and not _is_lent(name)}
    return {**kept, **remote, **extra, **({} if sign else _UNSIGNED)}


def _shows(marker: Marker, environment: Mapping[str, str]) -> bool:
    found = environment.get(marker.variable, "")
    return bool(found) if marker.value is None else found == marker.value


def _is_lent(name: str) -> bool:
    """Tell whether a variable is for one hook or one session only, by its family of names."""
    of_hook = name.startswith("PRE_COMMIT") and name not in _USERS_OWN
    return of_hook or name.startswith("CLAUDE_CODE_MESSAGING_")


# --- what the agent said -------------------------------------------------------------------------

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"
)
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u2060-\u2064\u3164\ufeff\uffa0]"  # not seen at all
)
_RESULT = re.compile(r'\s*\{\s*"orchestrator"\s*:')
_LAST_LINES = 20  # clients print a warning or two after it; further up it is a file that the agent showed


def plain(text: str) -> str:
    """Return `text` without terminal escapes, marks that reorder it, the unseen, and controls but newline and tab."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def one_line(text: str) -> str:
    """Return `text` as `plain` has it, in one line."""
    return " ".join(plain(text).split())


class Said(Value):
    """The result that an agent reported; `evidence` are paths as it wrote them."""

    outcome: Literal["ok", "fail", "gate"]
    trigger: str = ""
    evidence: tuple[str, ...] = ()
    note: str = ""


class Misread(Value):
    """A result line that does not have the shape agreed on."""

    why: str


class _Line(Value):
    orchestrator: Said


def last_result(text: str) -> Said | Misread | None:
    """Return what the last `{"orchestrator": {...}}` line near the end of an output says, or None."""
    lines = [line for line in plain(text).split("\n") if line.strip()]
    found = next((line for line in reversed(lines[-_LAST_LINES:]) if _RESULT.match(line)), None)
    if found is None:
        return None
    try:
        said = msgspec.json.decode(found, type=_Line).orchestrator
    except (msgspec.DecodeError, RecursionError) as error:
        return Misread(f"the result line does not hold: {error}")
    return Said(said.outcome, plain(said.trigger), said.evidence, plain(said.note))


# --- running -------------------------------------------------------------------------------------


class Ran(Value):
    """What a program did.

    `code` is its exit status, negative for a signal that was not ours; None when it never started or we ended
    it. `head` is the whole output where that fits, and `tail` is empty then. Both hold control characters as
    they came (`plain` strips them); bytes that are not UTF-8 read `\\xff`. `left` counts the processes beside
    the program itself that had to be ended. `unlogged` says why the log file is not whole.
    """

    code: int | None
    seconds: float
    timed_out: bool
    stopped: bool
    head: str
    tail: str
    output_bytes: int
    left: int
    unlogged: str = ""

    @property
    def text(self) -> str:
        """The output as far as it was kept, with a line where the middle is missing."""
        if not self.tail:
            return self.head
        return f"{self.head}\n[... the middle of {self.output_bytes} bytes is left out ...]\n{self.tail}"


def run_agent(
    command: Sequence[str],
    *,
    directory: Path,
    brief: str,
    environment: Mapping[str, str],
    limit: float,
    output: Path,
    stop: threading.Event,
    cap: int = CAP,
    grace: float = GRACE,
    writable: Sequence[str] | None = None,
) -> Ran:
    """Run an agent in `directory`, `brief` on its stdin, until it ends, `limit` passed or `stop` is set.

    `limit` is seconds of working time: the monotonic clock stands still while a laptop sleeps (Linux and
    macOS). stdout and stderr go into one stream, to the log file `output` and to the result, both bounded.
    On return none of the processes it started that can be found is left (`environment` holds
    ORCHESTRATOR_RUN_ID). On Linux all of it is also ended when this process is killed. With `writable`, paths,
    it runs in a sandbox: it can write to nothing else. Several threads may call it at once.

    Raises AgentFault when the program cannot be started or the log file cannot be written.
    """
    if not command:
        raise AgentFault("no agent is configured", "set [agent] command in orchestrator.toml")
    if stop.is_set():
        return Ran(None, 0.0, False, True, "", "", 0, 0)
    _check(command[0], directory, environment)
    with _stdin(brief) as stdin, _log(output) as log:
        run_id = environment.get(RUN_ID)
        try:
            child = _start(command, directory, environment, stdin, grace, writable)
            return _supervise(child, _Capture(log, cap), run_id, limit, stop, grace)
        except BaseException:  # Ctrl-C, also amid the start: in its own session the agent does not hear it
            _end(lambda: _belonging(run_id, None), _steps(grace), time.sleep)
            raise


def run_validation(
    command: str,
    *,
    directory: Path,
    environment: Mapping[str, str],
    limit: float,
    output: Path,
    stop: threading.Event,
    cap: int = CAP,
    grace: float = GRACE,
    writable: Sequence[str] | None = None,
) -> Ran:
    """Run a shell command of the configuration as `run_agent` runs an agent, with an empty stdin."""
    return run_agent(
        ["sh", "-c", command],
        directory=directory,
        brief="",
        environment=environment,
        limit=limit,
        output=output,
        stop=stop,
        cap=cap,
        grace=grace,
        writable=writable,
    )


def end_leftovers(run_id: str, grace: float = GRACE) -> int:
    """End every process of this user that carries the marker of run `run_id`, and what descends from it.

    SIGTERM first, SIGKILL after `grace` seconds; never this process nor one that it descends from. Returns
    how many there were.
    """
    return len(_end(lambda: _belonging(run_id, None), _steps(grace), time.sleep))


def _check(program: str, directory: Path, environment: Mapping[str, str]) -> None:
    hint = "install it, or set [agent] command in orchestrator.toml"
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # every exit status would read 0
        raise AgentFault("exit statuses cannot be read: SIGCHLD is ignored", "start the command from a shell")
    if not directory.is_dir():
        raise AgentFault(f"the directory {directory} is gone", "`orchestrator verify` says what is missing")
    if "/" not in program:
        if shutil.which(program, path=environment.get("PATH", os.defpath)) is None:
            raise AgentFault(f"there is no program {program!r} on PATH", hint)
        return
    if not (directory / program).is_file():
        raise AgentFault(f"there is no program {program}", hint)
    if not os.access(directory / program, os.X_OK):
        raise AgentFault(f"{program} is not executable", hint)


@contextmanager
def _stdin(brief: str) -> Iterator[IO[bytes]]:
    """Yield the brief as an unnamed file: unlike a pipe it never waits for an agent that does not read it."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(brief.encode(errors="surrogateescape"))
            file.seek(0)
            yield file
    except OSError as error:
        raise AgentFault(f"the brief cannot be handed over: {error.strerror}") from error


@contextmanager
def _log(path: Path) -> Iterator[IO[bytes]]:
    """Yield the log file, emptied; only its owner may read what an agent printed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK  # a fifo in its place would be waited for
    try:
        file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)
    except OSError as error:
        raise AgentFault(f"the log {path} cannot be written: {error.strerror}") from error
    with file:
        yield file


class _Child:
    """The program that was started: by itself, or below a warden, which tells on a pipe what becomes of it."""

    def __init__(self, process: subprocess.Popen[bytes], status: FileIO | None) -> None:
        self.process = process
        self.warden = process.pid if status else None
        self._status = status
        self._told = b""

    @property
    def pid(self) -> int | None:
        """The program's own number, also its session's; None where the warden has not told it yet."""
        return self.process.pid if self.warden is None else self._number("pid")

    def has_ended(self) -> bool:
        """Tell whether the program ended, or never began, or the warden is gone."""
        if self._status is None:
            import psutil  # late: 30 ms, and only who runs something needs it

            return _is_gone(psutil.Process(self.process.pid))
        while chunk := self._status.read(_CHUNK):
            self._told += chunk
        is_over = chunk is not None  # the end of the pipe, where nothing new is None
        return is_over or self._said("failed") is not None or self._said("ended") is not None

    def close(self) -> int | None:
        """Reap what was started and return the program's exit status, None if unknown; AgentFault if it never began."""
        code = self._reaped()
        if self._status is None:
            return code
        if code is None:  # it was stopped, or what it keeps is another user's
            self.process.kill()
            code = self._reaped()
        self.has_ended()
        self._status.close()
        failed = self._said("failed")
        if failed is not None:
            number, what = failed.split(" ", 1)
            raise AgentFault(f"{what} cannot be started: {os.strerror(int(number))}")
        told = self._number("ended")
        return code if told is None else told

    def _reaped(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel: nobody can end it now
            return self.process.wait(timeout=_MOMENT)
        return None

    def _number(self, word: str) -> int | None:
        said = self._said(word)
        return None if said is None else int(said)

    def _said(self, word: str) -> str | None:
        lines = self._told.decode(errors="backslashreplace").split("\n")[:-1]
        return next((line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")), None)


def _start(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    stdin: IO[bytes],
    grace: float,
    writable: Sequence[str] | None,
) -> _Child:
    if _has_warden():
        ends = os.pipe()
        with os.fdopen(ends[1], "wb") as told:
            status = FileIO(ends[0])
            os.set_blocking(status.fileno(), False)
            words = _warden(told.fileno(), grace, writable)
            try:
                return _Child(_opened([*words, *command], directory, environment, stdin, [told.fileno()]), status)
            except BaseException:
                status.close()
                raise
    if writable is not None:
        raise AgentFault("there is no sandbox on this system")
    return _Child(_opened(command, directory, environment, stdin, []), None)


def _opened(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], stdin: IO[bytes], kept: Collection[int]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=directory,
            env={**environment, "PWD": str(directory)},  # some clients work where it says, not where they are
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            pass_fds=kept,
        )
    except OSError as error:
        raise AgentFault(f"{command[0]} cannot be started: {error.strerror}") from error


def _warden(status: int, grace: float, writable: Sequence[str] | None) -> list[str]:
    """Return the words that, before a command, have a warden run it; with `writable`, in a sandbox."""
    sandbox = [] if writable is None else ["--sandbox", *writable]
    return [sys.executable, "-I", "-S", warden.__file__, str(status), str(os.getpid()), str(grace), *sandbox, "--"]


@cache
def _has_warden() -> bool:
    return warden.is_usable()


class _Capture:
    """Head and tail of an output within `cap` bytes, and its log file within LOG_CAP and the tail."""

    def __init__(self, log: IO[bytes], cap: int) -> None:
        self._log = log
        self._cap = cap
        self._kept = bytearray()  # all of it at first, then the last part
        self._head = b""
        self.size = 0
        self.unlogged = ""

    def add(self, chunk: bytes) -> None:
        self._write(chunk[: max(0, LOG_CAP - self.size)])
        self.size += len(chunk)
        self._kept += chunk
        if not self._head and self.size > self._cap:
            self._head = bytes(self._kept[: self._cap // 2])
        if self._head and len(self._kept) > self._cap:
            del self._kept[: -(self._cap // 2)]

    def texts(self) -> tuple[str, str]:
        """Return head and tail, decoded."""
        if not self._head:
            return _decoded(self._kept), ""
        return _decoded(self._head), _decoded(self._tail())

    def finish(self) -> None:
        """Write what came after LOG_CAP to the log: its tail, and how much is missing before that."""
        tail = self._tail()[-max(0, self.size - LOG_CAP) :] if self.size > LOG_CAP else b""
        gap = self.size - LOG_CAP - len(tail)
        if gap > 0:
            self._write(f"\n[... {gap} bytes left out ...]\n".encode())
        self._write(tail)

    def _tail(self) -> bytes:
        return bytes(self._kept[-(self._cap // 2) :])

    def _write(self, content: bytes) -> None:
        """Write to the log; a full disk is noted and ends the log, it must not end an agent's work."""
        while content and not self.unlogged:
            try:
                content = content[self._log.write(content) :]
            except OSError as error:
                self.unlogged = error.strerror or str(error)


def _decoded(content: bytes | bytearray) -> str:
    return content.decode(errors="backslashreplace")


class _Stream:
    """What a child prints, taken in while waiting for something else."""

    def __init__(self, pipe: IO[bytes], capture: _Capture) -> None:
        self._pipe = pipe
        self._capture = capture
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        self._is_open = True

    def take(self, seconds: float) -> None:
        """Take in output for at most `seconds`, or to its end."""
        until = time.monotonic() + seconds
        while self._is_open and (rest := until - time.monotonic()) > 0:
            if self._poll.poll(rest * 1000):
                chunk = os.read(self._pipe.fileno(), _CHUNK)
                self._capture.add(chunk)
                self._is_open = bool(chunk)

    def wait(self, seconds: float) -> None:
        """Take in output for at most `seconds`; once it ended, wait for a moment no longer than that."""
        if self._is_open:
            self.take(seconds)
        else:
            time.sleep(min(seconds, _TICK / 5))


class _End(Enum):
    BY_ITSELF = "by itself"
    TIMED_OUT = "timed out"
    STOPPED = "stopped"


def _supervise(
    child: _Child,
    capture: _Capture,
    run_id: str | None,
    limit: float,
    stop: threading.Event,
    grace: float,
) -> Ran:
    assert child.process.stdout is not None
    started = time.monotonic()
    with child.process.stdout as pipe:
        stream = _Stream(pipe, capture)
        end = _watch(child, stream, started + limit, stop)
        seconds = time.monotonic() - started
        first = [(None, _MOMENT)] if end is _End.BY_ITSELF else []
        ended = _end(lambda: _belonging(run_id, child.pid, child.warden), [*first, *_steps(grace)], stream.wait)
        stream.take(_MOMENT)
        capture.finish()
    code = child.close()
    head, tail = (hidden(one, os.environ) for one in capture.texts())
    return Ran(
        code=code if end is _End.BY_ITSELF else None,
        seconds=seconds,
        timed_out=end is _End.TIMED_OUT,
        stopped=end is _End.STOPPED,
        head=head,
        tail=tail,
        output_bytes=capture.size,
        left=sum(one.pid != child.pid for one in ended),
        unlogged=capture.unlogged,
    )


def _watch(child: _Child, stream: _Stream, deadline: float, stop: threading.Event) -> _End:
    """Wait for the child's end; it is not reaped here: until then its number, also its session's, stays taken."""
    while not child.has_ended():
        if stop.is_set():
            return _End.STOPPED
        if time.monotonic() > deadline:
            return _End.TIMED_OUT
        stream.wait(_TICK)
    return _End.BY_ITSELF


# --- ending --------------------------------------------------------------------------------------


def _steps(grace: float) -> list[tuple[signal.Signals | None, float]]:
    """Return what is sent to processes and how many seconds they have after it."""
    return [(signal.SIGTERM, grace), *[(signal.SIGKILL, _MOMENT)] * _KILLS]


def _end(
    find: Callable[[], list[Process]],
    steps: Sequence[tuple[signal.Signals | None, float]],
    wait: Callable[[float], None],
) -> set[Process]:
    """Go through `steps` until `find` finds no process; return those that were sent something."""
    ended: set[Process] = set()
    for number, seconds in steps:
        found = find()
        if not found:
            break
        if number is not None:
            _send(found, number)
            ended.update(found)
        until = time.monotonic() + seconds
        while time.monotonic() < until and not all(_is_gone(one) for one in found):
            wait(_TICK)
    return ended


def _send(processes: Collection[Process], number: signal.Signals) -> None:
    import psutil  # late: as above

    for one in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # ended meanwhile, or became another user's
            one.send_signal(number)


def _is_gone(process: Process) -> bool:
    import psutil  # late: as above

    try:
        return not process.is_running() or process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return True


class _Seen(NamedTuple):
    process: Process
    parent: int
    belongs: bool


def _belonging(run_id: str | None, leader: int | None, above: int | None = None) -> list[Process]:
    """Return the living processes with the marker or in the leader's session, and their descendants.

    So are those of the warden `above`, and it itself is not among them. Any other warden comes last: while it lives,
    nothing that it keeps gets out of sight.
    """
    import psutil  # late: as above

    spared = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    seen = {one.process.pid: one for one in _living(run_id, leader) if one.process.pid not in spared}
    found = {pid for pid, one in seen.items() if one.belongs or pid == above}
    size = -1
    while size != len(found):
        size = len(found)
        found |= {pid for pid, one in seen.items() if one.parent in found}
    processes = [seen[pid].process for pid in found if pid != above]
    return [one for one in processes if not _is_warden(one)] or processes


def _is_warden(process: Process) -> bool:
    import psutil  # late: as above

    try:
        return process.cmdline()[1:4] == ["-I", "-S", warden.__file__]
    except (psutil.Error, OSError):
        return False


def _living(run_id: str | None, leader: int | None) -> Iterator[_Seen]:
    import psutil  # late: as above

    user = os.getuid()
    for pid in psutil.pids():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError, PermissionError):
            process = psutil.Process(pid)
            with process.oneshot():
                if process.uids().real == user and process.status() != psutil.STATUS_ZOMBIE:
                    of_session = leader is not None and os.getsid(pid) == leader
                    belongs = of_session or (run_id is not None and _marker(process) == run_id)
                    yield _Seen(process, process.ppid(), belongs)


def _marker(process: Process) -> str | None:
    """Return the run whose marker a process carries; None where there is none or it may not be read."""
    import psutil  # late: as above

    try:
        return process.environ().get(RUN_ID)
    except (psutil.AccessDenied, OSError):
        return None
