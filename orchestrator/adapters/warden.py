"""Runs one program and keeps all that descends from it, a program of its own (Linux); knows nothing of the kit.

    python -I -S warden.py STATUS-FD PARENT GRACE [--sandbox PATH...] -- COMMAND...

To the status pipe it writes `pid N`, then `ended CODE` (negative: by a signal) or `failed ERRNO WHAT`. It stays until
nothing descends from it any more. Asked to end (its parent was killed, too), it ends all of that first.

It imports nothing but the standard library, and little of that: it starts before each agent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture but alpha
_ABI_ASKED = 1  # LANDLOCK_CREATE_RULESET_VERSION
_BENEATH = 1  # LANDLOCK_RULE_PATH_BENEATH
_SCOPES = 0b11  # abstract unix sockets, signals
# https://docs.kernel.org/userspace-api/landlock.html: what each version of its interface can hold back, of writing.
_WRITES = {1: 0x1FF2, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_OF_FILES = 1 << 1 | 1 << 14 | 1 << 15  # write, truncate, ioctl: all else is of folders
HOLDS_WRITES = 3  # the first version that holds back truncation, too
HOLDS_SIGNALS = 6
_TICK = 0.05  # seconds between two looks at what is left
_MOMENT = 0.5  # seconds after each SIGKILL
_KILLS = 20
_ASKED = {signal.SIGCHLD, signal.SIGTERM}


def is_usable() -> bool:
    """Tell whether this system can keep what descends from a process."""
    if not sys.platform.startswith("linux") or not sys.executable:
        return False
    try:
        _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(ctypes.c_int()))
    except (OSError, AttributeError):
        return False
    return True


def landlock() -> int:
    """Return the version of Landlock's interface that this kernel has, 0 where it has none or it is switched off."""
    if not is_usable():
        return 0
    try:
        return _called(_CREATE_RULESET, None, 0, _ABI_ASKED)
    except OSError:
        return 0


def main(words: Sequence[str]) -> int:
    """Run the command, keep what descends from it, and return 0 once nothing does."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ASKED)
    status, parent, grace = int(words[0]), int(words[1]), float(words[2])
    cut = words.index("--")
    options, command = words[3:cut], list(words[cut + 1 :])
    os.set_inheritable(status, False)
    try:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        rules = _rules([word for word in options if not word.startswith("--")]) if "--sandbox" in options else None
    except OSError as error:
        return _tell(status, f"failed {error.errno} its sandbox")
    if os.getppid() != parent:  # it was killed before it could be asked about
        return 1
    child = os.fork()
    if child == 0:
        _become(command, before, rules, status)
    _tell(status, f"pid {child}")
    _let_go()
    _keep(child, status, grace)
    return 0


def _tell(status: int, text: str) -> int:
    with suppress(OSError):  # nobody is left who reads it
        os.write(status, text.encode() + b"\n")
    return 1


def _become(command: list[str], mask: set[int | signal.Signals], rules: int | None, status: int) -> None:
    """Turn this process, just forked, into the command, in a session of its own, with signals as in a shell."""
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if rules is not None:
            _prctl(_PR_SET_NO_NEW_PRIVS, 1)
            _called(_RESTRICT_SELF, rules, 0)
        _execute(command)
    except BaseException as error:
        _tell(status, f"failed {(isinstance(error, OSError) and error.errno) or 0} {command[0]}")
    finally:
        os._exit(127)


def _execute(command: list[str]) -> None:
    """Become the command; a script without a first line that names its interpreter is the shell's, as for execvp."""
    try:
        os.execvp(command[0], command)
    except OSError as error:
        import errno

        if error.errno != errno.ENOEXEC:
            raise
    if "/" in command[0]:
        os.execv("/bin/sh", ["/bin/sh", *command])
    places = os.get_exec_path()
    found = next(path for place in places if os.access(path := f"{place or os.curdir}/{command[0]}", os.X_OK))
    os.execv("/bin/sh", ["/bin/sh", found, *command[1:]])


def _let_go() -> None:
    """Hold neither the brief nor the output open: they are the program's."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)


# --- keeping -------------------------------------------------------------------------------------


def _keep(child: int, status: int, grace: float) -> None:
    """Reap until nothing is left. The program itself goes last: until then its number, its session's, stays taken."""
    is_over = False
    while True:
        is_over = is_over or _has_ended(child, status)
        if is_over and not _others(child):
            break
        came = signal.sigtimedwait(_ASKED, _TICK if is_over else 3600.0)
        if came is not None and came.si_signo == signal.SIGTERM:
            _end(child, grace)
            is_over = is_over or _has_ended(child, status)
            break
    with suppress(ChildProcessError):
        os.waitpid(child, os.WNOHANG)


def _has_ended(child: int, status: int) -> bool:
    """Reap what ended; tell of the program itself, which is left unreaped."""
    while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
        if found.si_pid == child:
            code = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
            _tell(status, f"ended {code}")
            return True
        os.waitpid(found.si_pid, os.WNOHANG)
    return False


def _others(child: int) -> list[int]:
    """Return what descends from this process and lives, the program itself left out; reap what does not live."""
    table = dict(_processes())
    for pid, (parent, state) in table.items():
        if parent == os.getpid() and state in "ZX" and pid != child:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    return [pid for pid in _descendants(table) if pid != child or table[pid][1] not in "ZX"]


def _processes() -> list[tuple[int, tuple[int, str]]]:
    """Return every process with its parent and state."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs as much again as all else here
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                state, parent = file.read().rpartition(b")")[2].split()[:2]  # a name may hold brackets
                found.append((int(name), (int(parent), state.decode())))
    return found


def _descendants(table: dict[int, tuple[int, str]]) -> list[int]:
    below: dict[int, list[int]] = {}
    for pid, (parent, state) in table.items():
        if state not in "ZX":
            below.setdefault(parent, []).append(pid)
    found = list(below.get(os.getpid(), []))
    for pid in found:  # which grows meanwhile
        found += below.get(pid, [])
    return found


def _end(child: int, grace: float) -> None:
    """Ask all that is left to end; end it after `grace` seconds."""
    for number, seconds in ((signal.SIGTERM, grace), *((signal.SIGKILL, _MOMENT),) * _KILLS):
        left = _others(child)
        if not left:
            return
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        until = time.monotonic() + seconds
        while _others(child) and time.monotonic() < until:
            signal.sigtimedwait({signal.SIGCHLD}, _TICK)


# --- the sandbox ---------------------------------------------------------------------------------


def _rules(writable: Sequence[str]) -> int:
    """Return a ruleset under which only `writable` can be written to. Raises OSError where the kernel cannot."""
    version = _called(_CREATE_RULESET, None, 0, _ABI_ASKED)
    handled = sum(bits for since, bits in _WRITES.items() if version >= since)
    scopes = _SCOPES if version >= HOLDS_SIGNALS else 0
    size = 8 if version < 4 else 16 if version < HOLDS_SIGNALS else 24
    attributes = b"".join(number.to_bytes(8, sys.byteorder) for number in (handled, 0, scopes))
    rules = _called(_CREATE_RULESET, attributes, size, 0)
    for path in writable:
        with suppress(FileNotFoundError):
            _allow(rules, path, handled)
    return rules


def _allow(rules: int, path: str, handled: int) -> None:
    place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)  # who gives paths has resolved them
    try:
        allowed = handled if stat.S_ISDIR(os.fstat(place).st_mode) else handled & _OF_FILES
        rule = allowed.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
        _called(_ADD_RULE, rules, _BENEATH, rule, 0)
    finally:
        os.close(place)


def _called(number: int, *arguments: int | bytes | None) -> int:
    """Call the kernel. Raises OSError."""
    passed = [ctypes.c_long(one) if isinstance(one, int) else ctypes.c_char_p(one) for one in arguments]
    done: int = _libc().syscall(ctypes.c_long(number), *passed)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done


def _prctl(what: int, value: object) -> None:
    passed = ctypes.c_ulong(value) if isinstance(value, int) else value
    rest = (ctypes.c_ulong(0),) * 3  # of which some calls insist that they be 0
    if _libc().prctl(ctypes.c_int(what), passed, *rest) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
