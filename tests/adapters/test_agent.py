"""Scripted hostile agents, one each: what is started, fed, bounded, ended and understood."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import pytest

from orchestrator.adapters import warden
from orchestrator.adapters.agent import (
    LOG_CAP,
    MARKERS,
    Misread,
    Ran,
    Said,
    agent_environment,
    agent_marker,
    end_leftovers,
    last_result,
    plain,
    run_agent,
    run_validation,
)
from orchestrator.errors import AgentFault

PYTHON = (sys.executable, "-I", "-S", "-c")
ROOT = Path(__file__).parents[2]
needs_warden = pytest.mark.skipif(not warden.is_usable(), reason="needs a subreaper, which Linux alone has")
IMMUNE = "trap '' TERM; "
# Leaves its process group, its session and its parent behind, then says its number.
DAEMON = """
import os, signal, sys
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
open(sys.argv[1], "w").write(str(os.getpid()))
signal.pause()
"""


def living(run_id: str) -> list[int]:
    """Every living process with the run's marker, found here independently."""
    found = []
    for process in psutil.process_iter():
        try:
            marked = process.environ().get("ORCHESTRATOR_RUN_ID") == run_id
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


class Bench:
    """Runs scripted agents in one directory, under one run id."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run_id = uuid.uuid4().hex
        self.environment = {"PATH": os.environ["PATH"], "ORCHESTRATOR_RUN_ID": self.run_id}
        self.log = directory / "agent.log"

    def run(
        self,
        *command: str,
        brief: str = "",
        limit: float = 60.0,
        cap: int = 1 << 20,
        grace: float = 0.2,
        stop: threading.Event | None = None,
    ) -> Ran:
        return run_agent(
            command,
            directory=self.directory,
            brief=brief,
            environment=self.environment,
            limit=limit,
            output=self.log,
            stop=stop or threading.Event(),
            cap=cap,
            grace=grace,
        )

    def shell(self, script: str, **how: object) -> Ran:
        return self.run("sh", "-c", script, **how)  # type: ignore[arg-type]

    def until_ready(self, script: str, signs: int = 1, **how: object) -> Ran:
        """Run a script and ask it to stop once it wrote `signs` bytes to its file descriptor 9."""
        fifo, stop = self.directory / "ready", threading.Event()
        os.mkfifo(fifo)

        def wait() -> None:
            with fifo.open("rb", buffering=0) as ready:
                seen = 0
                while seen < signs and (got := ready.read(signs)):
                    seen += len(got)
            stop.set()

        with ThreadPoolExecutor(1) as pool:
            pool.submit(wait)
            return self.shell(f"exec 9>ready; {script}", stop=stop, **how)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for pid in living(made.run_id):
        os.kill(pid, signal.SIGKILL)


def timeless(ran: Ran) -> Ran:
    return msgspec.structs.replace(ran, seconds=0.0)


def ended(code: int | None, output: str = "", *, left: int = 0) -> Ran:
    return Ran(code, 0.0, False, False, output, "", len(output.encode()), left)


# --- what a run gives back -----------------------------------------------------------------------


def test_an_agent_gets_its_brief_on_stdin_and_gives_output_and_status(bench: Bench) -> None:
    ran = bench.shell("cat; pwd; echo $ORCHESTRATOR_RUN_ID; echo oops >&2; exit 3", brief="do ñ\n")
    assert timeless(ran) == ended(3, f"do ñ\n{bench.directory}\n{bench.run_id}\noops\n")
    assert bench.log.read_text() == ran.text == ran.head
    assert 0 < ran.seconds < 5


def test_a_brief_of_one_megabyte_that_nobody_reads_blocks_nothing(bench: Bench) -> None:
    assert timeless(bench.shell("echo done", brief="x" * 1_000_000)) == ended(0, "done\n")


def test_a_brief_from_undecodable_bytes_arrives_as_those_bytes(bench: Bench) -> None:
    brief = b"caf\xe9\n".decode(errors="surrogateescape")
    assert bench.shell("cat", brief=brief).head == "caf\\xe9\n"


def test_an_agent_has_no_terminal_and_a_session_of_its_own(bench: Bench) -> None:
    script = "import os; print(os.getsid(0) == os.getpid(), os.isatty(0), os.isatty(1))"
    assert bench.run(*PYTHON, script).head == "True False False\n"


def test_an_agent_is_told_the_directory_that_it_is_in_and_not_the_persons(bench: Bench) -> None:
    bench.environment["PWD"] = "/"
    assert bench.run(*PYTHON, "import os; print(os.environ['PWD'])").head == f"{bench.directory}\n"


def test_an_agent_finds_the_signals_as_in_a_shell(bench: Bench) -> None:
    script = "import signal; print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)"
    assert bench.run(*PYTHON, script).head == "True\n"
    assert bench.shell("yes | head -n 1").head == "y\n"


def test_exit_status_75_is_handed_on(bench: Bench) -> None:
    assert timeless(bench.shell("exit 75")) == ended(75)


def test_a_signal_that_was_not_ours_is_a_negative_status(bench: Bench) -> None:
    assert timeless(bench.shell("kill -KILL $$")) == ended(-signal.SIGKILL)


def test_an_agent_that_was_to_stop_before_it_began_is_never_started(bench: Bench) -> None:
    stop = threading.Event()
    stop.set()
    assert bench.shell("touch started", stop=stop) == Ran(None, 0.0, False, True, "", "", 0, 0)
    assert not (bench.directory / "started").exists()


def test_the_log_of_an_earlier_run_is_replaced_and_only_its_owner_reads_it(bench: Bench) -> None:
    bench.shell("echo first")
    bench.shell("echo second")
    assert (bench.log.read_text(), bench.log.stat().st_mode & 0o777) == ("second\n", 0o600)


def test_a_validation_is_a_shell_command_with_an_empty_stdin(bench: Bench) -> None:
    def validate(command: str) -> Ran:
        ran = run_validation(
            command,
            directory=bench.directory,
            environment=bench.environment,
            limit=60.0,
            output=bench.log,
            stop=threading.Event(),
        )
        return timeless(ran)

    assert validate("cat && echo fine | tr a-z A-Z") == ended(0, "FINE\n")
    assert validate("exit 1") == ended(1)
    missing = validate("no-such-validation")
    assert (missing.code, "no-such-validation" in missing.head) == (127, True)


# --- what cannot be run --------------------------------------------------------------------------


def fault(run: Callable[[], Ran]) -> tuple[str, str]:
    with pytest.raises(AgentFault) as raised:
        run()
    return str(raised.value), raised.value.hint


def test_a_missing_program_is_a_fault_that_names_it(bench: Bench) -> None:
    hint = "install it, or set [agent] command in orchestrator.toml"
    assert fault(lambda: bench.run("no-such-agent")) == ("there is no program 'no-such-agent' on PATH", hint)
    assert fault(lambda: bench.run("./agent.sh")) == ("there is no program ./agent.sh", hint)


def test_a_program_that_is_not_executable_is_a_fault_that_names_it(bench: Bench) -> None:
    (bench.directory / "agent.sh").write_text("#!/bin/sh\n")
    hint = "install it, or set [agent] command in orchestrator.toml"
    assert fault(lambda: bench.run("./agent.sh")) == ("./agent.sh is not executable", hint)


def test_a_program_below_the_working_directory_is_found_there(bench: Bench) -> None:
    agent = bench.directory / "agent.sh"
    agent.write_text("#!/bin/sh\necho here\n")
    agent.chmod(0o755)
    assert timeless(bench.run("./agent.sh")) == ended(0, "here\n")


def test_no_command_a_lost_directory_and_an_unwritable_log_are_faults(bench: Bench) -> None:
    assert fault(lambda: bench.run())[0] == "no agent is configured"
    bench.log = bench.directory / "absent" / "agent.log"
    unwritable = f"the log {bench.log} cannot be written: No such file or directory"
    assert fault(lambda: bench.run("true"))[0] == unwritable
    bench.directory = bench.directory / "gone"
    assert fault(lambda: bench.run("true"))[0] == f"the directory {bench.directory} is gone"


def test_ignored_child_signals_are_a_fault_for_every_status_would_read_0(bench: Bench) -> None:
    script = (
        "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "try: bench.run('false')\n"
        "except AgentFault as error: print(error)\n"
    )
    assert apart(script, bench) == "exit statuses cannot be read: SIGCHLD is ignored\n"


def apart(script: str, bench: Bench, *before: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a script over a bench in a process of its own and return what it prints."""
    command = [*before, *_apart(script, bench)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment or dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _apart(script: str, bench: Bench) -> Sequence[str]:
    head = (
        "import sys; sys.path.insert(0, '')\n"
        "from pathlib import Path\n"
        "from tests.adapters.test_agent import *\n"
        f"bench = Bench(Path({str(bench.directory)!r})); bench.run_id = {bench.run_id!r}\n"
        "bench.environment['ORCHESTRATOR_RUN_ID'] = bench.run_id\n"
    )
    return [sys.executable, "-c", head + script]


# --- what is bounded -----------------------------------------------------------------------------


def test_output_over_the_cap_keeps_head_and_tail_and_counts_all(bench: Bench) -> None:
    ran = bench.run(*PYTHON, "print('a' * 40 + 'b' * 60 + 'c' * 39)", cap=40)
    assert timeless(ran) == Ran(0, 0.0, False, False, "a" * 20, "c" * 19 + "\n", 140, 0)
    note = "[... the middle of 140 bytes is left out ...]"
    assert ran.text == f"{'a' * 20}\n{note}\n{'c' * 19}\n"
    assert bench.log.read_text() == "a" * 40 + "b" * 60 + "c" * 39 + "\n"


def test_output_of_just_the_cap_is_kept_whole(bench: Bench) -> None:
    assert timeless(bench.run(*PYTHON, "print('a' * 39)", cap=40)) == ended(0, "a" * 39 + "\n")


def test_bytes_that_are_no_text_are_shown_as_escapes(bench: Bench) -> None:
    ran = bench.run(*PYTHON, r"import os; os.write(1, b'\xff\x00\x1b[31m\xc3\xa9')")
    assert ran.head == "\\xff\x00\x1b[31mé"


def test_a_log_over_its_cap_holds_the_beginning_a_note_and_the_end(bench: Bench) -> None:
    ran = bench.run(*PYTHON, f"import os\nfor c in 'ab': os.write(1, c.encode() * {LOG_CAP})", cap=1000)
    log = bench.log.read_bytes()
    note = f"\n[... {LOG_CAP - 500} bytes left out ...]\n".encode()
    assert (ran.output_bytes, log == b"a" * LOG_CAP + note + b"b" * 500) == (2 * LOG_CAP, True)


def test_a_log_just_over_its_cap_is_whole(bench: Bench) -> None:
    bench.run(*PYTHON, f"import os; os.write(1, b'a' * {LOG_CAP} + b'b' * 10)")
    assert bench.log.read_bytes() == b"a" * LOG_CAP + b"b" * 10


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_the_log_and_not_the_agent(bench: Bench) -> None:
    bench.log = Path("/dev/full")
    assert timeless(bench.shell("echo done")) == msgspec.structs.replace(
        ended(0, "done\n"), unlogged="No space left on device"
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory's peak is read from /proc")
def test_a_hundred_megabytes_of_output_cost_less_than_eight_of_memory(bench: Bench) -> None:
    script = (
        "import re\n"
        "def peak(): return int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "bench.shell('echo warm')\n"
        "before = peak()\n"
        "ran = bench.shell('head -c 100000000 /dev/zero')\n"
        "print(ran.code, ran.output_bytes, len(ran.head) + len(ran.tail), peak() - before < 8192)\n"
    )
    assert apart(script, bench) == f"0 100000000 {1 << 20} True\n"
    assert bench.log.stat().st_size < LOG_CAP + (1 << 20)


# --- what is ended -------------------------------------------------------------------------------


def test_an_agent_that_hangs_is_ended_at_its_limit(bench: Bench) -> None:
    ran = bench.shell("echo begun; exec sleep 600", limit=0.3)
    assert timeless(ran) == Ran(None, 0.0, True, False, "begun\n", "", 6, 0)
    assert 0.3 <= ran.seconds < 5
    assert living(bench.run_id) == []


def test_an_agent_is_asked_to_end_before_it_is_ended(bench: Bench) -> None:
    ran = bench.until_ready("trap 'echo bye; exit 0' TERM; printf x >&9; while :; do sleep 0.01; done", grace=30.0)
    assert (ran.stopped, ran.timed_out, ran.code, "bye\n" in ran.head) == (True, False, None, True)


def test_an_agent_that_ignores_the_asking_is_ended_after_the_grace(bench: Bench) -> None:
    ran = bench.until_ready(IMMUNE + "printf x >&9; while :; do sleep 600; done")
    assert (ran.stopped, ran.code, living(bench.run_id)) == (True, None, [])


def test_a_daemon_in_another_session_is_ended_with_its_agent(bench: Bench) -> None:
    (bench.directory / "daemon.py").write_text(DAEMON)
    ran = bench.until_ready(f"{sys.executable} -I -S daemon.py /dev/fd/9; exec sleep 600")
    assert timeless(ran) == Ran(None, 0.0, False, True, "", "", 0, 1)
    assert living(bench.run_id) == []


def test_a_process_without_the_marker_in_another_session_is_ended_as_a_descendant(bench: Bench) -> None:
    alone = "import os, signal; os.setsid(); open('pid', 'w').write(str(os.getpid())); os.write(9, b'x')\n"
    (bench.directory / "alone.py").write_text(alone + "signal.pause()\n")
    ran = bench.until_ready(f"env -i {sys.executable} -I -S alone.py & wait")
    pid = int((bench.directory / "pid").read_text())
    assert (ran.left, is_living(pid)) == (1, False)


def test_an_orphan_without_the_marker_is_ended_by_its_session(bench: Bench) -> None:
    ran = bench.until_ready("(env -i /bin/sh -c 'echo $$ >pid; printf x >&9; exec sleep 600' &); exec sleep 600")
    pid = int((bench.directory / "pid").read_text())
    assert (ran.left, is_living(pid)) == (1, False)


def is_living(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_fifty_children_that_ignore_the_asking_are_ended(bench: Bench) -> None:
    children = "i=0; while [ $i -lt 50 ]; do (printf x >&9; exec sleep 600) & i=$((i+1)); done; wait"
    ran = bench.until_ready(IMMUNE + children, signs=50)
    assert (ran.left, living(bench.run_id)) == (50, [])


def test_an_agent_that_ends_and_leaves_a_child_with_its_output_holds_nobody(bench: Bench) -> None:
    ran = bench.shell("sleep 600 & echo done", grace=5.0)
    assert timeless(ran) == ended(0, "done\n", left=1)
    assert living(bench.run_id) == []


def test_what_ends_by_itself_in_a_moment_is_neither_ended_nor_counted(bench: Bench) -> None:
    ran = bench.shell("(sleep 0.1; echo late; touch finished) & echo done")
    assert timeless(ran) == ended(0, "done\nlate\n")
    assert (bench.directory / "finished").exists()


@needs_warden
def test_a_daemon_that_left_session_descent_and_marker_is_ended_with_its_agent(bench: Bench) -> None:
    (bench.directory / "daemon.py").write_text(DAEMON)
    os.mkfifo(bench.directory / "pid")
    ran = bench.shell(f"env -i {sys.executable} -I -S daemon.py pid; cat pid")
    assert (ran.code, ran.left, is_living(int(ran.head))) == (0, 1, False)
    assert ran.seconds < 5


@needs_warden
def test_a_daemon_that_left_session_descent_and_marker_is_ended_after_a_time_out(bench: Bench) -> None:
    (bench.directory / "daemon.py").write_text(DAEMON)
    os.mkfifo(bench.directory / "pid")
    ran = bench.shell(f"env -i {sys.executable} -I -S daemon.py pid; cat pid; exec sleep 600", limit=1.0)
    assert (ran.timed_out, ran.left, is_living(int(ran.head))) == (True, 1, False)


@needs_warden
def test_a_pipe_held_by_somebody_whose_warden_was_killed_is_given_up_in_a_moment(bench: Bench) -> None:
    """The known hole: an agent that kills its warden gets one process past the kit."""
    (bench.directory / "daemon.py").write_text(DAEMON)
    os.mkfifo(bench.directory / "pid")
    ran = bench.shell(f"env -i {sys.executable} -I -S daemon.py pid; cat pid; kill -KILL $PPID; exec sleep 600")
    assert (ran.code, ran.seconds < 5, living(bench.run_id)) == (-signal.SIGKILL, True, [])
    os.kill(int(ran.head), signal.SIGKILL)


@needs_warden
def test_a_warden_that_was_stopped_holds_nobody(bench: Bench) -> None:
    ran = bench.shell("kill -STOP $PPID; echo held; exec sleep 600", limit=0.5)
    assert (ran.timed_out, ran.head, living(bench.run_id)) == (True, "held\n", [])


@needs_warden
def test_a_warden_leaves_no_zombie_and_reads_neither_brief_nor_output(bench: Bench) -> None:
    before = [one.pid for one in psutil.Process().children()]
    script = "i=0; while [ $i -lt 30 ]; do (true &) ; i=$((i+1)); done; cat; head -c 300000 /dev/zero"
    ran = bench.shell(script, brief="the brief")
    assert (ran.code, ran.output_bytes, ran.left) == (0, 300_009, 0)
    assert [one.pid for one in psutil.Process().children()] == before


@needs_warden
def test_a_script_that_names_no_interpreter_is_run_by_the_shell(bench: Bench) -> None:
    agent = bench.directory / "agent"
    agent.write_text("echo $1\n")
    agent.chmod(0o755)
    assert timeless(bench.run("./agent", "one")) == ended(0, "one\n")


@needs_warden
def test_a_program_that_the_kernel_cannot_start_is_a_fault(bench: Bench) -> None:
    agent = bench.directory / "agent"
    agent.write_text("#!/no/such/interpreter\n")
    agent.chmod(0o755)
    assert fault(lambda: bench.run("./agent"))[0] == "./agent cannot be started: No such file or directory"


def test_an_agent_that_closes_its_output_early_is_waited_for(bench: Bench) -> None:
    assert timeless(bench.shell("exec >&- 2>&-; sleep 0.2; exit 4")) == ended(4)


def test_a_flood_from_an_agent_that_ignores_the_asking_ends_too(bench: Bench) -> None:
    ran = bench.until_ready(IMMUNE + "printf x >&9; while :; do echo y; done")
    assert (ran.stopped, ran.output_bytes > 0, living(bench.run_id)) == (True, True, [])


def test_an_interrupt_ends_the_agent_before_it_goes_up(bench: Bench) -> None:
    script = (
        "import _thread\n"
        "fifo = bench.directory / 'ready'; os.mkfifo(fifo)\n"
        "threading.Thread(target=lambda: (fifo.read_bytes(), _thread.interrupt_main())).start()\n"
        "try: bench.shell('echo x >ready; exec sleep 600')\n"
        "except KeyboardInterrupt: print('interrupted', living(bench.run_id))\n"
    )
    assert apart(script, bench) == "interrupted []\n"


def test_several_runs_at_once_do_not_mix(bench: Bench) -> None:
    benches = [Bench(bench.directory / str(number)) for number in range(4)]
    for one in benches:
        one.directory.mkdir()

    def work(one: Bench) -> Ran:
        return one.shell("sleep 600 & cat; sleep 0.2; echo $ORCHESTRATOR_RUN_ID", brief=f"{one.directory.name}\n")

    with ThreadPoolExecutor(4) as pool:
        results = [timeless(ran) for ran in pool.map(work, benches)]
    assert results == [ended(0, f"{one.directory.name}\n{one.run_id}\n", left=1) for one in benches]


# --- when the kit itself was killed --------------------------------------------------------------


def start_and_kill(bench: Bench, script: str) -> int:
    """Have a process run an agent, kill that process once the agent is ready, and return the agent's number."""
    fifo = bench.directory / "ready"
    os.mkfifo(fifo)
    with subprocess.Popen(_apart(f"bench.shell({script!r})", bench), cwd=ROOT) as kit:
        pid = int(fifo.read_text())
        kit.kill()
    return pid


def await_end(*numbers: int) -> None:
    """Wait until these processes have ended, for ten seconds at most each."""
    for pid in numbers:
        with suppress(ProcessLookupError):  # it ended already
            select.select([os.pidfd_open(pid)], [], [], 10)


@needs_warden
def test_an_agent_ends_when_the_kit_is_killed(bench: Bench) -> None:
    await_end(start_and_kill(bench, "echo $$ >ready; exec sleep 600"), *living(bench.run_id))
    assert living(bench.run_id) == []


@needs_warden
def test_all_that_an_agent_left_anywhere_ends_when_the_kit_is_killed(bench: Bench) -> None:
    (bench.directory / "daemon.py").write_text(DAEMON)
    os.mkfifo(bench.directory / "pid")
    daemon = f"env -i {sys.executable} -I -S daemon.py pid; cat pid >ready"
    pid = start_and_kill(bench, f"{IMMUNE} {daemon}; while :; do sleep 600; done")
    await_end(pid, *living(bench.run_id))
    assert (is_living(pid), living(bench.run_id)) == (False, [])


def test_leftovers_of_a_killed_run_are_ended_by_their_marker(bench: Bench) -> None:
    start_and_kill(bench, IMMUNE + "(while :; do sleep 600; done) & echo $$ >ready; while :; do sleep 600; done")
    assert end_leftovers(bench.run_id, grace=0.1) >= 2
    assert living(bench.run_id) == []
    assert end_leftovers(bench.run_id) == 0


def test_leftovers_of_another_run_are_left_alone(bench: Bench) -> None:
    with subprocess.Popen(["sleep", "600"], env={**bench.environment, "ORCHESTRATOR_RUN_ID": "other"}) as other:
        assert end_leftovers(bench.run_id) == 0
        assert other.poll() is None
        other.kill()


def test_ending_leftovers_spares_the_caller_and_those_it_descends_from(bench: Bench) -> None:
    script = "subprocess.Popen(['sleep', '600']); print(end_leftovers(bench.run_id))\n"
    parent = ("sh", "-c", '"$@" && echo parent lives', "sh")
    environment = {**os.environ, "ORCHESTRATOR_RUN_ID": bench.run_id}
    assert apart(script, bench, *parent, environment=environment) == "1\nparent lives\n"


# --- the environment -----------------------------------------------------------------------------

KEPT = {
    "PATH": "/bin", "HOME": "/home/u", "VIRTUAL_ENV": "/venv", "PYTHONPATH": "lib", "LANG": "C.UTF-8",
    "ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_OAUTH_TOKEN": "t", "CODEX_HOME": "/c",
    "GEMINI_API_KEY": "g", "CURSOR_TRACE_ID": "c", "CURSOR_EXTENSION_HOST_ROLE": "user", "OR_APP_NAME": "Mine",
    "GIT_SSH_COMMAND": "ssh -v", "GIT_SSH_VARIANT": "ssh", "GIT_SSL_CAINFO": "/ca", "GIT_ASKPASS": "ask",
    "GIT_CONFIG_GLOBAL": "/dev/null", "PRE_COMMIT_HOME": "/cache", "ORCHESTRATOR_HOOKS": "wait",
}  # fmt: skip
SCRUBBED = {
    "GIT_DIR": "/x", "GIT_INDEX_FILE": "i", "GIT_WORK_TREE": "/x", "GIT_AUTHOR_DATE": "@1", "GIT_AUTHOR_NAME": "n",
    "GIT_EDITOR": "true", "GIT_PREFIX": "", "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_1": "core.hooksPath",
    "GIT_CONFIG_VALUE_1": "", "MAKEFLAGS": " -j4 -- FEATURE=f", "MFLAGS": "-j4", "MAKELEVEL": "1",
    "MAKEOVERRIDES": "x", "MAKE_TERMOUT": "/dev/pts/1", "MAKE_TERMERR": "/dev/pts/1", "FEATURE": "payment",
    "WHY": "w", "AT": "5", "TO": "3", "PRE_COMMIT": "1", "PRE_COMMIT_FROM_REF": "a", "PYTHONHOME": "/usr",
    "CLAUDECODE": "1", "CLAUDE_CODE_CHILD_SESSION": "1", "CLAUDE_CODE_ENTRYPOINT": "cli",
    "CLAUDE_CODE_SESSION_ID": "s", "CLAUDE_CODE_SESSION_ATTENDED": "1", "CLAUDE_CODE_MESSAGING_TOKEN": "secret",
    "CLAUDE_CODE_MESSAGING_SOCKET": "/s", "CLAUDE_PID": "1", "CODEX_THREAD_ID": "t", "CODEX_CI": "1",
    "GEMINI_CLI": "1", "OPENCODE": "1", "OPENCODE_PID": "4", "AGENT": "1", "AI_AGENT": "claude-code_2_agent",
    "CURSOR_AGENT": "1", "ORCHESTRATOR_RUN_ID": "outer", "ORCHESTRATOR_PHASE": "outer", "ORCHESTRATOR_MAIN": "/x",
}  # fmt: skip
UNSIGNED = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "commit.gpgSign", "GIT_CONFIG_VALUE_0": "false"}
EXTRA = {"ORCHESTRATOR_RUN_ID": "inner", "ORCHESTRATOR_FEATURE": "payment"}


def test_an_agents_environment_is_the_users_without_gits_makes_and_a_parent_agents() -> None:
    assert agent_environment({**KEPT, **SCRUBBED}, EXTRA, sign=False) == {**KEPT, **EXTRA, **UNSIGNED}
    assert agent_environment({**KEPT, **SCRUBBED}, EXTRA, sign=True) == {**KEPT, **EXTRA}


def test_outside_of_make_the_words_of_its_targets_are_the_users_own() -> None:
    base = {"FEATURE": "dark-mode", "TO": "me@example.org"}
    assert agent_environment(base, {}, sign=True) == base


def test_an_agents_values_that_other_programs_use_too_are_scrubbed_only_when_they_are_the_agents() -> None:
    base = {"CURSOR_EXTENSION_HOST_ROLE": "agent-exec", "OR_APP_NAME": "Aider"}
    assert agent_environment(base, {}, sign=True) == {}


@pytest.mark.parametrize(("sign", "said"), [(False, "false\n"), (True, "true\n")])
def test_git_run_by_the_agent_signs_only_when_it_is_to(bench: Bench, sign: bool, said: str) -> None:
    (bench.directory / "home").mkdir()
    (bench.directory / "home" / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n")
    base = {"PATH": os.environ["PATH"], "HOME": str(bench.directory / "home"), "GIT_CONFIG_SYSTEM": "/dev/null"}
    bench.environment = agent_environment(base, {"ORCHESTRATOR_RUN_ID": bench.run_id}, sign)
    assert timeless(bench.run("git", "config", "--get", "commit.gpgSign")) == ended(0, said)


def test_every_marker_of_the_table_tells_an_agent_and_none_is_handed_on() -> None:
    for one in MARKERS:
        environment = {one.variable: one.value or "1"}
        assert agent_marker(environment) == f"{one.agent} ({one.variable})"
        assert agent_environment(environment, {}, sign=True) == {}


def test_a_persons_environment_tells_no_agent() -> None:
    assert agent_marker(KEPT) is None
    assert agent_marker({"CLAUDECODE": "", "AI_AGENT": ""}) is None


def test_inside_a_run_is_told_before_the_agent_that_runs() -> None:
    both = {"CLAUDECODE": "1", "ORCHESTRATOR_RUN_ID": "r"}
    assert agent_marker(both) == "a run of orchestrator (ORCHESTRATOR_RUN_ID)"


# --- what the agent said -------------------------------------------------------------------------


def test_the_last_result_line_is_what_the_agent_says() -> None:
    text = (
        'working\n{"orchestrator": {"outcome": "ok"}}\nmore\n'
        '{"orchestrator": {"outcome": "gate", "trigger": "GATE 1", "evidence": ["a", "b"], "note": "n", "x": 1}}\n'
    )
    assert last_result(text) == Said("gate", "GATE 1", ("a", "b"), "n")


def test_a_result_line_is_found_among_colours_carriage_returns_and_a_few_later_lines() -> None:
    text = '\x1b[32m {"orchestrator":{"outcome":"fail","note":"\\u001b[31mred\\u0007"}}\x1b[0m\r\nwarning: x\n\n'
    assert last_result(text) == Said("fail", note="red")


def test_output_without_a_result_line_says_nothing() -> None:
    assert last_result("") is None
    assert last_result('done\n{"result": "orchestrator"}\nsee {"orchestrator": {"outcome": "ok"}}\n') is None


def test_a_result_far_from_the_end_was_only_shown_by_the_agent() -> None:
    assert last_result('{"orchestrator": {"outcome": "ok"}}\n' + "line\n" * 20) is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"orchestrator": {"outcome": "maybe"}}', "Invalid enum value 'maybe' - at `$.orchestrator.outcome`"),
        ('{"orchestrator": {"note": "x"}}', "missing required field `outcome` - at `$.orchestrator`"),
        ('{"orchestrator": {"outcome": "ok", "evidence": "a"}}', "Expected `array`, got `str`"),
        ('{"orchestrator": {"outcome": "ok" | "fail"}}', "JSON is malformed"),
        ('{"orchestrator": {"x": ' + "[" * 100_000, "recursion"),
    ],
)
def test_a_malformed_result_line_says_why(line: str, why: str) -> None:
    said = last_result(line)
    assert isinstance(said, Misread)
    assert why in said.why


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m\ttab\nline", "red\ttab\nline"),
        ("a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\c", "ablinkc"),
        ("a\x1bPq\x1b\\b\x9b31mc\x9dtitle\x9cd", "abcd"),
        ("over\rwritten\x08\x7f\x00", "overwritten"),
        ("open\x1b]0;never closed\nnext line", "open\nnext line"),
        ("\x1b\x1b[0m[31mjoined", "[31mjoined"),
        ("user\u202etxt.exe\u2066x", "usertxt.exex"),
        ("naïve 日本 ✓", "naïve 日本 ✓"),
    ],
)
def test_plain_text_holds_nothing_that_a_terminal_obeys(raw: str, shown: str) -> None:
    assert plain(raw) == shown
