"""`make demo`: the main job from beginning to end, in a throw-away repository. No login, no network.

Three features walk the 12 default documents; the agent is the scripted one beside this file. The person at the
gates is played by this program, on a pseudo-terminal. Each step is printed as a user would type it.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = Path(sys.executable).with_name("orchestrator")
AGENTS = ("CLAUDE", "CODEX", "GEMINI", "OPENCODE", "CURSOR", "OR_APP_NAME", "AI_AGENT", "AGENT", "ORCHESTRATOR_")
FEATURES = ("payment", "landing", "magic-link")
QUESTION = b"anything else approves nothing: "
FAILS = {"landing 6 2": ["break", "break", "break"]}  # three failed validations in "Build, test first"


def main() -> None:
    top = Path(tempfile.mkdtemp(prefix="orchestrator-demo-"))
    try:
        Demo(top).play()
    finally:
        if "--keep" in sys.argv:
            say(f"kept: {top}")
        else:
            shutil.rmtree(top, ignore_errors=True)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Demo:
    """The repository and its user; `shown` are the commands as they are typed."""

    def __init__(self, top: Path) -> None:
        self.root = top / "shop"
        self.script = top / "script.json"
        # The person is no agent, whoever started this; and git asks for no configuration of this machine.
        kept = {name: value for name, value in os.environ.items() if not name.startswith((*AGENTS, "GIT_", "MAKE"))}
        self.env = {
            **kept,
            "HOME": str(top),
            "PATH": f"{PROGRAM.parent}{os.pathsep}{kept['PATH']}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "EXAMPLE_AGENT_SCRIPT": str(self.script),
        }

    def play(self) -> None:
        began = time.monotonic()
        self.set_up()
        self.walk_to_the_first_gates()
        self.roll_back_by_itself()
        self.undo()
        self.to_the_end()
        self.look_back()
        say(
            f"\nAll of this took {time.monotonic() - began:.0f} s. The repository was a throw-away one and is gone now."
        )

    # --- the journey ---------------------------------------------------------------------------------

    def set_up(self) -> None:
        say("A small repository, as a user might have it:")
        self.root.mkdir()
        (self.root / "README.md").write_text("# A shop\n")
        self.quietly("git", "init", "--quiet", "--initial-branch=main")
        self.quietly("git", "config", "user.name", "Demo")
        self.quietly("git", "config", "user.email", "demo@example.com")
        self.quietly("git", "add", ".")
        self.quietly("git", "commit", "--quiet", "--message", "A shop")
        self.script.write_text(json.dumps(FAILS))
        self.type("orchestrator init")
        self.configure()
        self.quietly("git", "add", "--all")
        self.quietly("git", "commit", "--quiet", "--message", "Set orchestrator up")
        self.type("orchestrator workflows")

    def configure(self) -> None:
        """Put the scripted agent and a validation into the configuration that init wrote."""
        path = self.root / "orchestrator.toml"
        agent = json.dumps([sys.executable, "-I", str(HERE / "agent.py")])
        text = path.read_text()
        text = text.replace("[agent]\n", f"[agent]\ncommand = {agent}\n", 1)
        text = text.replace("[validate]\n", '[validate]\ncommand = "test ! -e BROKEN"\n', 1)
        text = text.replace('"24h"\n', '"1s"\n')
        path.write_text(text)
        say("\nIn orchestrator.toml this demo sets [agent] command to a scripted agent (examples/agent.py), a")
        say("validation (`test ! -e BROKEN`), and the 24 h pause of the staging review to 1 s.")

    def walk_to_the_first_gates(self) -> None:
        for name in FEATURES:
            self.type(f"make feature FEATURE={name}")
        self.type("make run")
        self.type("make status")
        self.decide("APPROVE ALL")

    def roll_back_by_itself(self) -> None:
        say("\nThe agent of `landing` breaks the build three times in workflow 6; watch it go back by itself:")
        self.type("make run")
        self.type("orchestrator log landing --type attempt_failed --type rollback_executed --type feature_failed")

    def undo(self) -> None:
        say("\nA rollback can itself be undone; the feature then waits for a person:")
        self.type("orchestrator rollback landing --undo")
        self.type("orchestrator resume landing")

    def to_the_end(self) -> None:
        say("\nFrom here on: run, decide what waits, run again.")
        for _ in range(12):
            self.type("make run")
            if all(one["status"] in ("completed", "failed") for one in self.states()):
                return
            self.decide("APPROVE ALL")
        raise SystemExit("the features did not reach their end; run it again with --keep and look")

    def look_back(self) -> None:
        self.type("make rollback FEATURE=magic-link TO=5")
        self.type("orchestrator rollback magic-link --undo")
        self.type("make status")
        self.type("make metrics")
        self.type("make verify")
        self.type("orchestrator log | tail -8")

    # --- typing --------------------------------------------------------------------------------------

    def quietly(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.root, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def type(self, command: str) -> None:
        """Print a command, run it as a shell does and print what it says."""
        say(f"\n$ {command}")
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.root, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        say(done.stdout.rstrip("\n"))
        if done.returncode:
            raise SystemExit(f"{command} ended with exit status {done.returncode}")

    def decide(self, line: str) -> None:
        """Play the person: call approve on a pseudo-terminal and type one line at its question."""
        say("\n$ orchestrator approve      (the person is played by this demo, on a pseudo-terminal)")
        time.sleep(max(0.0, self.opens() - time.time()))
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.root)
            os.execve(PROGRAM, [str(PROGRAM), "approve"], {**self.env, "TERM": "dumb", "COLUMNS": "120"})
        printed = b""
        asked = False
        while True:
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # the terminal's other side is closed
                break
            if not piece:
                break
            printed += piece
            if QUESTION in printed and not asked:
                asked = True
                os.write(terminal, line.encode() + b"\n")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        say(printed.decode(errors="replace").replace("\r\n", "\n").rstrip())
        if status:
            raise SystemExit("orchestrator approve failed")

    def states(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.quietly(str(PROGRAM), "status", "--json"))["features"]
        return found

    def opens(self) -> float:
        """Return when the last running pause of a gate is over, as seconds since the epoch."""
        from datetime import datetime

        times = [one["paused_until"] for one in self.states() if one.get("paused_until")]
        return max((datetime.fromisoformat(one).timestamp() for one in times), default=0.0)


if __name__ == "__main__":
    main()
