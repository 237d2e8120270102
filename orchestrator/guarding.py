"""Checks a push to a protected branch: unapproved work does not reach it. Reads git alone; believes no log, no state.

What is to be approved is read from the line as the protected branch itself holds it, whose signature counts from a
file of the server's own. Nothing that is pushed is run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from orchestrator import config, documents, publishing
from orchestrator.adapters import objects, signing
from orchestrator.adapters.git import Git
from orchestrator.core import statement
from orchestrator.core.classified import MAP_FILE
from orchestrator.core.statement import Item
from orchestrator.core.steps import Line
from orchestrator.core.values import FeatureId, Sha, Value, slug_of
from orchestrator.documents import Source
from orchestrator.errors import BadStatement, GitFailed, OrchestratorError, Refusal

_QUARANTINE = ("GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
_MOST = 1000  # carriers of approvals
_FEW = 3  # refusals that one line names


class Update(Value):
    """One line of a push: a ref, what it held and what it is to hold; a name of zeros is nothing."""

    ref: str
    old: Sha
    new: Sha

    @property
    def is_new(self) -> bool:
        """Tell whether the ref is made."""
        return not self.old.strip("0")

    @property
    def is_gone(self) -> bool:
        """Tell whether the ref is taken away."""
        return not self.new.strip("0")


class Required(Value):
    """A gate that must be approved before work reaches the protected branch."""

    workflow: str
    gate: str
    type: str

    def __str__(self) -> str:
        return f"{self.workflow} {self.gate}"


class Approved(Value):
    """A signed approval that holds: of which feature of which clone's log, which gate, at which commit."""

    repository: str
    feature: FeatureId
    gate: Required
    commit: Sha
    base: Sha | None
    is_skipped: bool  # its condition did not hold


def quarantined(directory: Path, environment: Mapping[str, str]) -> Git:
    """Return git in a repository as a pre-receive hook sees it, with the objects that are being pushed."""
    kept = {name: environment[name] for name in _QUARANTINE if name in environment}
    if "GIT_DIR" in environment:
        kept["GIT_DIR"] = environment["GIT_DIR"]
    return Git(directory).within(kept).unaltered()


def updates(lines: Iterable[str]) -> list[Update]:
    """Return what a pre-receive hook is told on its standard input. Raises Refusal for what is no such line."""
    found: list[Update] = []
    for line in lines:
        parts = line.rstrip("\n").split(" ", 2)
        if len(parts) != 3:
            raise Refusal(f"{line!r} is no line of a push", "call it as a pre-receive hook, or with --base and --head")
        found.append(Update(ref=parts[2], old=Sha(parts[0]), new=Sha(parts[1])))
    return found


class Guard:
    """One push, looked at by the rules of the server: the refs it protects, and whose signature counts."""

    def __init__(self, git: Git, protected: Sequence[str], allowed: str, at: datetime) -> None:
        self._git = git
        self._protected = [one if one.startswith("refs/") else f"refs/heads/{one}" for one in protected]  # globs
        self._allowed = allowed
        self._at = at
        self._unsigned: list[str] = []  # why statements were passed over
        self._pushed: list[Update] = []
        self._looking: set[tuple[Sha, Sha]] = set()  # what is being asked of already
        self._ignores_case = git.config("core.ignorecase") == "true"  # there `Main` is the file of `main`
        self._place = git.text("rev-parse", "--absolute-git-dir")

    def check(self, pushed: Sequence[Update]) -> list[str]:
        """Return why a push is refused, one line each; nothing where it may pass."""
        self._pushed = list(pushed)
        return [said for one in pushed if self._protects(one.ref) and (said := self._refused(one))]

    def _protects(self, ref: str) -> bool:
        names = {ref, self._meant(ref), *self._standing_for(ref)}
        if self._ignores_case:
            return any(fnmatchcase(name.casefold(), one.casefold()) for name in names for one in self._protected)
        return any(fnmatchcase(name, one) for name in names for one in self._protected)

    def _standing_for(self, ref: str) -> list[str]:
        """Return the symbolic refs here that stand for a ref: a push to it moves them."""
        rows = self._git.lines("for-each-ref", "--format=%(symref) %(refname)")
        return [name for target, _, name in (row.partition(" ") for row in rows) if target == ref]

    def _meant(self, ref: str) -> str:
        """Return the ref that a symbolic one stands for: a push to it moves that."""
        done = self._git.run("symbolic-ref", "--quiet", ref, accept=(0, 1, 128))
        return os.fsdecode(done.stdout).strip() or ref

    def _refused(self, update: Update) -> str:
        name = update.ref.removeprefix("refs/heads/")
        if update.is_gone:
            return f"{name} is protected and is not deleted"
        if update.is_new:
            return f"{name} is protected and is not there yet: push its beginning before the guard is set up"
        if not self._git.leads_to(update.old, update.new):
            return f"{name} is protected: {update.new[:12]} does not follow from {update.old[:12]}"
        try:
            required = self._required(update)
        except OrchestratorError as error:
            return f"{name}: the line cannot be read: {error}"
        if not required:
            return f"{name}: no gate of its line asks for a signature, so that nothing could be checked"
        missing = self._uncovered(update.new, update.old, required)
        return f"{name}: {missing}" if missing else ""

    # --- what is required ------------------------------------------------------------------------

    def _required(self, update: Update) -> list[Required]:
        """Return the signed gates of the line up to the one that merges, as the protected branch holds it now."""
        found = documents.reading(self._source(update.old))
        if found.problems:
            raise Refusal(found.problems[0], "mend the line on the protected branch")
        return list(_up_to_the_merge(found.line, found.configuration.gates.signed))

    def _source(self, commit: Sha) -> Source:
        """Return the configuration and documents of a commit."""
        rows = self._git.names("ls-tree", "-r", "-z", commit)
        modes = {name: about.split()[0] for about, _, name in (row.partition("\t") for row in rows)}
        content = self._file(commit, config.FILE, modes)
        glob = config.parse(content).workflows.glob
        files = {name: self._file(commit, name, modes) for name in modes if documents.fits(name, glob)}
        return Source(configuration=content, files=files, gates=self._file(commit, MAP_FILE, modes))

    def _file(self, commit: Sha, name: str, modes: Mapping[str, str]) -> bytes:
        """Return a file's content, nothing where it is not there. Raises Refusal for a link: it says nothing itself."""
        if name not in modes:
            return b""
        if not modes[name].startswith("100"):
            raise Refusal(f"{name} is no plain file there", "let a plain file hold what the line is read from")
        return self._git.blob(f"{commit}:{name}")

    # --- what is covered -------------------------------------------------------------------------

    def _uncovered(self, tip: Sha, onto: Sha, required: Sequence[Required]) -> str:
        """Return why a tip is not `onto` and approved work, or nothing: walked by first parents down to that commit."""
        here = tip
        while here != onto:
            if not self._git.leads_to(onto, here):
                return f"{tip[:12]} was merged the wrong way round: {onto[:12]} is to be the first parent of a merge"
            why = self._lacking(here, onto, required)
            if not why:
                return ""  # with all that leads to it
            parents = self._git.text("rev-list", "--parents", "-n1", here).split()[1:]
            landed = self._landed(here, parents, required)
            if landed:
                return f"{here[:12]}: {landed if len(parents) == 2 else why}"
            here = Sha(parents[0])
        return ""

    def _landed(self, commit: Sha, parents: Sequence[str], required: Sequence[Required]) -> str:
        """Return why a commit is not the plain merge, or squash, of approved work into its first parent."""
        if not parents:
            return "it is not approved"
        tree = self._git.ref(f"{commit}^{{tree}}")
        if tree is None:
            return "its tree is not here"
        if len(parents) == 2:
            why = self._lacking(Sha(parents[1]), Sha(parents[0]), required)
            if why:
                return why
            same = self._merged(Sha(parents[0]), Sha(parents[1])) == tree
            return "" if same else "the merge holds more than its two sides; approve the branch after merging into it"
        if len(parents) > 2:
            return "it merges more than two"
        if tree == self._git.ref(f"{parents[0]}^{{tree}}"):
            return "it changes nothing, and is not approved"
        for one in {found.commit for found in self._approvals}:
            if not self._lacking(one, Sha(parents[0]), required) and self._merged(Sha(parents[0]), one) == tree:
                return ""
        return "it is not approved"

    def _lacking(self, commit: Sha, onto: Sha, required: Sequence[Required]) -> str:
        """Return which approvals a commit lacks for every feature; nothing where one feature has them all.

        The last of them must be for this very commit, the earlier ones for commits that lead to it; and all that it
        brings to `onto` was shown at one of them.
        """
        by_feature: dict[tuple[str, FeatureId], dict[Required, list[Sha]]] = {}
        for one in self._approvals:
            if one.is_skipped and one.gate == required[-1]:
                continue  # who skips the last gate does not say that the work may land
            by_feature.setdefault((one.repository, one.feature), {}).setdefault(one.gate, []).append(one.commit)
        reasons = []
        for (repository, feature), gates in by_feature.items():
            if commit not in gates.get(required[-1], ()):
                continue
            lacks = [one for one in required[:-1] if not self._holds_any(gates.get(one, ()), commit)]
            if not lacks:
                unseen = self._unseen(commit, onto, (repository, feature), required)
                if not unseen:
                    return ""
                reasons.append(f"{feature}: {unseen}")
                continue
            named = "; ".join(map(str, lacks[:_FEW])) + (f" and {len(lacks) - _FEW} more" if len(lacks) > _FEW else "")
            reasons.append(f"{feature} lacks a signed approval of {named}")
        if reasons:
            return reasons[0]
        passed = f" ({self._unsigned[0]})" if self._unsigned else ""
        return f"no signed approval of {required[-1]} is for {commit[:12]}{passed}"

    def _unseen(self, commit: Sha, onto: Sha, whose: tuple[str, FeatureId], required: Sequence[Required]) -> str:
        """Return why not all that a commit brings to `onto` was shown at a signed gate of its feature, or nothing."""
        if (commit, onto) in self._looking:
            return "what leads to it leads back to it"
        met = self._git.meetings(onto, commit)
        if len(met) != 1:
            return f"{onto[:12]} and {commit[:12]} meet in {len(met)} commits; merge the branch into the feature"
        self._looking.add((commit, onto))
        try:
            return self._unseen_from(commit, met[0], onto, whose, required)
        finally:
            self._looking.discard((commit, onto))

    def _unseen_from(
        self, commit: Sha, floor: Sha, onto: Sha, whose: tuple[str, FeatureId], required: Sequence[Required]
    ) -> str:
        """Follow what was shown, from each base to the one before, down to the very files of `floor`.

        A merge brings what differs between the two. Names in a history say nothing here: who swallows a commit without
        its content has its name, too.
        """
        own = [one for one in self._approvals if (one.repository, one.feature) == whose]
        looked: set[Sha] = set()
        steps = [(one.base, commit) for one in own if one.commit == commit]
        while steps:
            base, tip = steps.pop()
            if base is None or base in looked:
                continue
            looked.add(base)
            if not self._is_plain(base, tip):
                return f"what differs between {base[:12]} and {tip[:12]} is not as git writes it"
            further = [(one.base, base) for one in own if one.commit == base and one.base not in looked]
            # What was shown further down lands with this, or is there already: with the commit itself, no other way.
            if self._is_same(base, floor) and (floor == onto or not further):
                return ""
            is_between = base not in (commit, floor) and self._git.leads_to(floor, base)
            if is_between and not self._uncovered(base, floor, required):
                return ""
            steps += further
        where = ", ".join(sorted(one[:12] for one in looked)) or "any commit known here"
        return f"what leads to {where} is neither there nor was shown at a signed gate"

    def _is_same(self, one: Sha, other: Sha) -> bool:
        """Tell whether two commits hold the same files."""
        return objects.tree_of(self._git, one) == objects.tree_of(self._git, other)

    def _is_plain(self, base: Sha, commit: Sha) -> bool:
        """Tell whether what differs between two commits is what its names say, and reads alike to everybody."""
        try:
            objects.changed(self._git, base, commit)
        except GitFailed:
            return False
        return True

    def _holds_any(self, commits: Iterable[Sha], tip: Sha) -> bool:
        return any(self._git.leads_to(one, tip) for one in commits)

    def _merged(self, one: Sha, other: Sha) -> Sha | None:
        """Return the tree of a merge that needs no hand, None where it needs one."""
        with tempfile.TemporaryDirectory(prefix="orchestrator-") as nowhere:
            # Attributes lie in files, too: none of a working tree or an index has a say in how two sides are merged.
            there = {"GIT_DIR": self._place, "GIT_WORK_TREE": nowhere, "GIT_INDEX_FILE": str(Path(nowhere) / "index")}
            git = self._git.moved(Path(nowhere)).within(there)
            done = git.run("merge-tree", "--write-tree", "--no-messages", one, other, accept=(0, 1, 128))
        return Sha(done.stdout.decode().split("\n")[0]) if done.returncode == 0 else None

    # --- approvals -------------------------------------------------------------------------------

    @cached_property
    def _approvals(self) -> list[Approved]:
        """Every approval that is signed by one who may, and not too old; from the refs here and in this push.

        Raises Refusal where there are more than could be looked at while somebody waits for their push.
        """
        carriers = sorted(self._carriers())
        if len(carriers) > _MOST:
            raise Refusal(f"{len(carriers)} refs below {publishing.REFS}", f"leave {_MOST} of them at most")
        return [found for name, commit in carriers for found in self._read(name, commit)]

    def _carriers(self) -> set[tuple[str, Sha]]:
        """Return the carriers, each with the name of the feature for which it is here: of others it says nothing."""
        there = {*self._git.refs(publishing.REFS).items()}
        there |= {(one.ref, one.new) for one in self._pushed if not one.is_gone}
        below = len(publishing.REFS)
        return {(ref[below:].partition("/")[0], sha) for ref, sha in there if ref.startswith(publishing.REFS)}

    def _read(self, name: str, commit: Sha) -> Iterator[Approved]:
        try:
            text, signature = publishing.read(self._git, commit)
            signing.check_by_file(text, signature, self._allowed)
            found = statement.read(text)
            if not statement.is_current(found, self._at):
                raise BadStatement(f"the approval of {found.issued} has run out")
        except (BadStatement, Refusal) as error:
            self._unsigned.append(str(error))
            return
        own = (item for item in found.items if slug_of(item.bound.feature) == name)
        yield from (approved for item in own if (approved := _approved(self._git, found.repository, item)))


def _approved(git: Git, repository: str, item: Item) -> Approved | None:
    bound = item.bound
    if bound.commit is None or item.verdict not in ("approved", "skipped"):
        return None
    if git.commit(bound.commit) not in (None, bound.commit):
        return None  # another thing's name
    gate = Required(workflow=bound.workflow, gate=bound.gate, type=bound.type)
    return Approved(
        repository=repository,
        feature=bound.feature,
        gate=gate,
        commit=bound.commit,
        base=bound.base if bound.base is not None and git.commit(bound.base) == bound.base else None,
        is_skipped=item.verdict == "skipped",
    )


def _up_to_the_merge(line: Line, signed: frozenset[str]) -> Iterator[Required]:
    """Give the stops that need a signature, up to the gate that approves the merge; all where none does."""
    for document in line.documents:
        for gate in document.gates:
            if gate.stops and str(gate.type) in signed:
                yield Required(workflow=document.id, gate=gate.key, type=str(gate.type))
            if gate.merges:
                return
