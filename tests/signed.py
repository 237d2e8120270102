"""A repository in which approvals are signed, the person's key, and an agent that forges with the source at hand."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from orchestrator import approval, evidence, session, signers, sitting
from orchestrator.adapters import signing
from orchestrator.approval import Held
from orchestrator.core import statement
from orchestrator.core.events import AnyPayload, ApprovalGranted, Event, Fact, Gate, Place, SittingHeld
from orchestrator.core.state import Feature
from orchestrator.core.statement import NAMESPACE, Item
from orchestrator.core.values import FeatureId
from orchestrator.log.facts import event
from orchestrator.verifying.examine import examine
from orchestrator.workspace import Workspace, now
from tests.kit import AGENT, CONFIGURATION, Kit

LINE = {
    "1-show": (
        "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n\n### GATE 1: Screens\n\nShow both screens.\n\n"
        "- [ ] both drawn\n\nAPPROVE the screens? (yes/no)\n\n## Phase 2: File\n\nFile them.\n"
    ),
    "2-ship": (
        "# Ship it\n\n## Phase 1: Pack\n\nPack it.\n\n### GATE 2: Merge\n\n"
        "APPROVE the merge into main? (yes/no)\n\nThen merge.\n"
    ),
    "3-tell": "# Tell it\n\n## Phase 1: Write\n\nWrite to them.\n",
}
SIGNED = '\n[gates]\nassurance = "signed"\n'
PASSPHRASE = "open sesame"
PERSON = "person@example.com"


def make_key(path: Path, passphrase: str = PASSPHRASE) -> Path:
    """Make a key as a person does, with a passphrase."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(words, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return path


def answering(folder: Path, passphrase: str = PASSPHRASE) -> dict[str, str]:
    """Return the environment in which ssh-keygen is told the passphrase: what the person's fingers do."""
    script = folder / "askpass"
    script.write_text(f"#!/bin/sh\nprintf '%s\\n' '{passphrase}'\n")
    script.chmod(0o700)
    return {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}


class Signed(Kit):
    """The repository: `person` decides with their key; what an agent does needs none."""

    @property
    def key(self) -> Path:
        """The person's private key."""
        return self.root.parent / "key"

    def workspace(self) -> Workspace:
        return Workspace.find(self.root)

    def answered(self, passphrase: str = PASSPHRASE) -> _Answered:
        return _Answered(answering(self.root.parent, passphrase))

    def approve(self, *names: str, answer: str = "", key: Path | None = None) -> list[str]:
        """Decide as the person does, without the terminal's part; return what was refused."""
        workspace = self.workspace()
        workspace.take_line()
        rows = sitting.waiting(workspace, ())
        wanted = " ".join(names) or "APPROVE ALL"
        decided = sitting.understand(wanted, rows, answer)
        held = Held(door="terminal", who=session.caller(workspace), shown=1.0, key=str(key or ""))
        with self.answered():
            return list(approval.record(workspace, decided, held).refused)

    def add_signer(self, key: Path, name: str = PERSON) -> None:
        """Let a key's signature count, as the person does."""
        workspace = self.workspace()
        held = Held(door="terminal", who=f"person:{PERSON}", shown=0.0)
        signers.add(workspace, key, signers.candidate(workspace, key, name), held)

    def write_in(self, name: str, file: str, text: str) -> None:
        """Commit a file in a feature's worktree."""
        (self.worktree(name) / file).write_text(text)
        self.commit(file, cwd=self.worktree(name))

    def features(self) -> dict[str, Feature]:
        return {one.slug: one for one in self.workspace().load().features.values()}

    # --- the agent's side: everything but the key ---------------------------------------------------

    def forge(self, *payloads: AnyPayload, of: str = "", actor: str = f"person:{PERSON}") -> None:
        """Append facts through the kit's own door, hash chain and all, as any process of the same user can."""
        workspace = self.workspace()
        feature = self.features().get(of)
        facts = [
            Fact(
                payload=one,
                feature=feature.id if feature and not isinstance(one, SittingHeld) else None,
                workflow=feature.place.workflow if feature else None,
                phase=feature.place.phase if feature else None,
                actor=actor,
            )
            for one in payloads
        ]
        workspace.record(lambda world: facts)

    def stated(self, name: str, *, answer: str = "", past: timedelta = timedelta(0), repository: str = "") -> str:
        """Return the text of a statement that approves a feature's gate as it waits now."""
        workspace = self.workspace()
        bound, _ = evidence.bound(workspace, workspace.load().features[FeatureId(f"feat-{name}")])
        item = Item(bound=bound, answer=answer)
        where = repository or workspace.identity
        return statement.state(where, f"person:{PERSON}", "n" * 32, now() - past, items=(item,))

    def granted(self, name: str, text: str, signer: str = PERSON, **changes: Any) -> ApprovalGranted:
        """Return the approval of a feature's gate that names a statement."""
        feature = self.features()[name]
        assert feature.gate is not None
        fields: dict[str, Any] = {
            "ordinal": feature.gate.ordinal, "gate": feature.gate.gate, "door": "terminal", "commit": feature.tip,
            "next": Place("1", 2, "2", begun=True), "statement": statement.digest(text) if text else "", "signer": signer,
        }  # fmt: skip
        return ApprovalGranted(**{**fields, **changes})

    def sign(self, text: str, key: Path | None = None, passphrase: str = PASSPHRASE, namespace: str = NAMESPACE) -> str:
        """Sign a text with `ssh-keygen` itself."""
        words = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key or self.key)]
        env = {**os.environ, **answering(self.root.parent, passphrase)}
        done = subprocess.run(words, input=text, capture_output=True, text=True, env=env, check=True)
        return done.stdout

    def objections(self) -> dict[str, str]:
        """Return what verify finds wrong with what was decided: by id, in words."""
        rows = (one.finding for one in examine(self.workspace()))
        return {one.id: one.what for one in rows if one.id.startswith("V9") and one.severity == "error"}

    def log_events(self) -> list[Event]:
        return list(map(event, self.workspace().journal.records()))

    def allowed(self, *keys: Path) -> Path:
        """Write the server's own list of signers."""
        rows = [f'{PERSON} namespaces="{NAMESPACE}" {signing.public_key(one)}\n' for one in keys or (self.key,)]
        path = self.root.parent / "allowed"
        path.write_text("".join(rows))
        return path


class _Answered:
    """Within it, ssh-keygen is answered; before and after, it is not."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self._environment}
        os.environ.update(self._environment)

    def __exit__(self, *error: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def unsigned(root: Path, env: dict[str, str], *names: str, agent: str = AGENT, more: str = "") -> Signed:
    """Make the repository without signatures, and these features at their first gate."""
    kit = Signed(root, env)
    kit.found(LINE, agent, CONFIGURATION + more)
    kit.write(".git/info/exclude", ".context/\n")
    kit.commit("begin")
    for name in names:
        kit.do("start", name)
    kit.do("run", "-j", "1")
    return kit


def founded(root: Path, env: dict[str, str], *names: str, line: dict[str, str] = LINE) -> Signed:
    """Make the repository with its first signer, and these features at their first gate."""
    kit = Signed(root, env)
    kit.found(line, AGENT, CONFIGURATION + SIGNED)
    kit.write(".git/info/exclude", ".context/\n")
    kit.commit("begin")
    make_key(kit.key)
    with kit.answered():
        kit.add_signer(kit.key)
    for name in names:
        kit.do("start", name)
    kit.do("run", "-j", "1")
    return kit


def weaker(gate: Gate, kind: str) -> Gate:
    """Return a gate that says another type of itself."""
    return Gate(key=gate.key, type=kind, trigger=gate.trigger, heading=gate.heading, line=gate.line, label=gate.label)
