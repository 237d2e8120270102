"""Who may sign: the first one vouches for themselves, each later change is signed by one who may already."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from orchestrator import approval
from orchestrator.adapters import signing
from orchestrator.adapters.durable import write_atomically
from orchestrator.approval import Held, Stated, sitting_fact
from orchestrator.core.events import Fact, SignerAdded, SignerRevoked
from orchestrator.core.state import Signer, World
from orchestrator.core.statement import SignerItem
from orchestrator.errors import BadConfiguration, BadStatement, Refusal
from orchestrator.workspace import Workspace


def candidate(workspace: Workspace, key: Path, name: str) -> Signer:
    """Return whom `add` would add: to be shown before anything is signed. Raises Refusal."""
    new = signing.signer(name, signing.public_key(key))
    known = workspace.world.signers
    if any(one.key == new.key for one in known):
        raise Refusal("that key's signature counts already", "orchestrator signers list")
    if signing.is_unprotected(key):
        raise Refusal(
            f"{key} has no passphrase: every process of yours could sign with it",
            "give it one (ssh-keygen -p -f FILE), or use a security key",
        )
    return new


def add(workspace: Workspace, key: Path, new: Signer, held: Held) -> None:
    """Let a key's signature count; the first one is remembered as the one to sign with here. Raises Refusal.

    Where a private key is named it signs, too: the `.pub` beside it is anybody's to write.
    """
    known = workspace.world.signers
    item = SignerItem(action="add", name=new.name, key=new.key)
    vouched = None if known and key.suffix == ".pub" else _vouched(workspace, held, item, key, new)
    stated = vouched if vouched is not None and not known else approval.state(workspace, held, signer=item)

    def rule(world: World) -> list[Fact]:
        _refuse_other(world, known)
        added = SignerAdded(name=new.name, key=new.key, statement=stated.digest)
        return [sitting_fact(held, stated), Fact(payload=added, actor=held.who)]

    workspace.record(rule)
    if not known:
        remember(workspace, key)
    with suppress(BadConfiguration):  # each command that reads the line says so
        workspace.take_line()  # from here on its assurance holds


def _vouched(workspace: Workspace, held: Held, item: SignerItem, key: Path, new: Signer) -> Stated:
    """Return a new signer's own statement: it proves that the key is at hand, and nothing besides."""
    text = approval.text_of(workspace, held, signer=item)
    signature = signing.sign(text, key)
    try:
        signing.check(text, signature, [new])
    except BadStatement as error:
        hint = "name the private key's file, or its .pub where ssh-agent holds it"
        raise Refusal(f"nothing was recorded: {error}", hint) from error
    return Stated(text=text, signature=signature, signer=new.name)


def revoke(workspace: Workspace, word: str, held: Held) -> Signer:
    """Let a signer's key count no longer, from here on; `word` is a name, or a part of the key. Raises Refusal."""
    known = workspace.world.signers
    found = [one for one in known if one.name == word] or [one for one in known if len(word) > 15 and word in one.key]
    if len(found) != 1:
        count = "no signer" if not found else f"{len(found)} signers"
        raise Refusal(f"{word!r} names {count}", "orchestrator signers list; a key's own text names one of several")
    if len(known) == 1:
        raise Refusal("that is the only signer: then nobody could approve or add one", "add another one first")
    gone = found[0]
    stated = approval.state(workspace, held, signer=SignerItem(action="revoke", name=gone.name, key=gone.key))

    def rule(world: World) -> list[Fact]:
        _refuse_other(world, known)
        revoked = SignerRevoked(name=gone.name, key=gone.key, statement=stated.digest)
        return [sitting_fact(held, stated), Fact(payload=revoked, actor=held.who)]

    workspace.record(rule)
    return gone


def remember(workspace: Workspace, key: Path) -> None:
    """Keep which file is signed with in this clone."""
    write_atomically(workspace.home / "signing-key", f"{key}\n".encode(), 0o600)


def _refuse_other(world: World, known: tuple[Signer, ...]) -> None:
    if world.signers != known:
        raise Refusal("the signers changed meanwhile; nothing was recorded", "call it again")


def allowed(signers: tuple[Signer, ...]) -> str:
    """Return the signers as OpenSSH's allowed-signers file has them: for a server, or `ssh-keygen -Y verify`."""
    return "".join(f"{signing.row(one)}\n" for one in signers)
