"""A file system in a file, and the loss of power over it: what the disk holds by then stays, all else goes.

The disk is the file behind a loop device. A cut copies it while every process that works there is stopped, kills them
and mounts the copy, so that the file system's own journal is replayed. Modelled is the loss of whatever was not
flushed; not a disk that loses or reorders what it called written.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

OPTIONS = {"ext4": "loop,commit=300", "xfs": "loop,nouuid", "btrfs": "loop,commit=300"}
SIZES = {"ext4": 256, "xfs": 320, "btrfs": 256}  # MiB, sparse; as small as mkfs allows with room for the work
QUIET = {"ext4": ("-q", "-F"), "xfs": ("-q", "-f"), "btrfs": ("-q", "-f")}
_PATIENCE = 200  # looks at processes that are being ended
_LOOKS = 20  # until one that waits is taken for one that waits for a stopped child
_TRIES = 50  # copies of a disk that is written to meanwhile


def obstacle(kind: str) -> str:
    """Return why no file system of that kind can be cut here; an empty string where it can."""
    if os.geteuid() != 0:
        return "mounting a file system in a file needs root"
    if not Path("/dev/loop-control").exists():
        return "no loop devices here"
    missing = next((one for one in (f"mkfs.{kind}", "mount", "umount", "unshare") if not shutil.which(one)), "")
    return f"no {missing} here" if missing else ""


class Disk:
    """A file system of `kind` in a file below `top`, mounted at `place`; `token` marks who works there.

    Raises CalledProcessError where it cannot be mounted.
    """

    def __init__(self, kind: str, top: Path, token: str) -> None:
        self.kind = kind
        self.place = top / "disk"
        self._top = top
        self._token = f"POWERCUT={token}".encode()
        self._image = top / "image-0"
        self._number = 0
        self.place.mkdir(exist_ok=True)

    def format(self) -> None:
        """Make the file system anew, and mount it."""
        self._image.unlink(missing_ok=True)
        with self._image.open("wb") as file:
            file.truncate(SIZES[self.kind] << 20)
        _call(f"mkfs.{self.kind}", *QUIET[self.kind], str(self._image))
        self.mount()

    def mount(self) -> None:
        _call("mount", "-t", self.kind, "-o", OPTIONS[self.kind], str(self._image), str(self.place))

    def unmount(self) -> None:
        """End whoever works there and unmount; what was written is flushed then."""
        for look in range(_PATIENCE):  # the kernel lets go of a killed process's files a moment later
            self.signal(signal.SIGKILL)
            if subprocess.run(["umount", str(self.place)], capture_output=True, check=False).returncode == 0:
                return
            _reap(look)
        _call("umount", str(self.place))

    def keep(self, template: Path) -> None:
        """Save the unmounted file system as `template`."""
        _copy(self._image, template)

    def begin(self, template: Path) -> None:
        """Mount a copy of `template`."""
        _copy(template, self._image)
        self.mount()

    def cut(self) -> None:
        """Lose the power: whoever works there is killed, and only what the disk held by then is there again."""
        self.signal(signal.SIGSTOP)
        self._number += 1
        held = self._top / f"image-{self._number}"
        for _ in range(_TRIES):
            before = self._image.stat()
            _copy(self._image, held)
            after = self._image.stat()
            if (before.st_mtime_ns, before.st_blocks) == (after.st_mtime_ns, after.st_blocks):
                break
        else:
            raise RuntimeError("the disk is written to faster than it can be copied")
        self.unmount()
        self._image.unlink()
        self._image = held
        self.mount()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to whoever works there until all are stopped, or gone.

        One that waits for a child which was stopped before it became another program cannot be stopped; it does
        nothing meanwhile.
        """
        for look in range(_PATIENCE):
            left = [pid for pid in self._workers() if number != signal.SIGSTOP or _state(pid) not in "TtZX"]
            if not left or (look > _LOOKS and all(_state(pid) == "D" for pid in left) and number == signal.SIGSTOP):
                return
            for pid in left:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
            _reap(look)
        raise RuntimeError(f"processes cannot be ended: {left}")

    def _workers(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                is_one = self._token in (entry / "environ").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if is_one and _state(int(entry.name)) not in "ZX":
                found.append(int(entry.name))
        return found


def _reap(look: int) -> None:
    """Let those who were signalled run: they end, or stop, when they are scheduled."""
    time.sleep(min(0.1, 0.001 * look))


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def _copy(source: Path, to: Path) -> None:
    _call("cp", "--sparse=always", str(source), str(to))


def _call(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")


def inside_own_mounts(words: Sequence[str]) -> list[str]:
    """Return a command whose mounts nobody else sees, and which go with it."""
    return ["unshare", "--mount", "--propagation", "private", *words]
