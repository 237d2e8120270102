"""What a person states in one sitting, and what each decision of it is bound to. Pure; signs nothing.

A statement is JSON with its keys in order, so that one text has one sha256 and one signature.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from orchestrator.core.events import Checked, Evidence, Exhibit, Gate
from orchestrator.core.state import Waiting
from orchestrator.core.values import FeatureId, Sha, Value
from orchestrator.errors import BadStatement

VERSION = 1
NAMESPACE = "orchestrator-approval-v1"  # of the signature: one made for anything else does not count
STANDS = timedelta(days=180)  # how long a server takes an approval
SLACK = timedelta(minutes=5)  # between two clocks


class Bound(Value):
    """What was shown of a gate. Each field that is another one when the decision is recorded refuses it."""

    feature: FeatureId
    branch: str
    workflow: str
    phase: str
    gate: str  # the gate's key
    type: str
    reached: int  # the event that reached the gate: a gate reached again is another one
    commit: Sha | None
    tree: Sha | None
    document: str  # sha256 of the workflow document in effect
    context: str  # sha256 over the feature's context files
    evidence: str  # sha256 of all that was shown besides
    head: str  # the hash of the feature's last event
    base: Sha | None = None  # the commit from which the changes that were shown count


class Item(Value):
    """One decision: what it is bound to, `approved` or `skipped`, and the person's words."""

    bound: Bound
    verdict: str = "approved"
    answer: str = ""


class LineItem(Value):
    """A yes to a change of the line: the tree of what holds from here on, instead of which one."""

    tree: Sha
    changes: tuple[str, ...]
    before: Sha | None = None


class SignerItem(Value):
    """A change of who may sign: `add` or `revoke`, of a name and its public key (type and base64)."""

    action: str
    name: str
    key: str


class Statement(Value, omit_defaults=True):
    """What one person states at one time. `repository` is the hash of its log's first event."""

    v: int
    repository: str
    by: str
    nonce: str
    issued: str
    expires: str
    items: tuple[Item, ...] = ()
    line: LineItem | None = None
    signer: SignerItem | None = None


def state(
    repository: str,
    by: str,
    nonce: str,
    at: datetime,
    *,
    items: tuple[Item, ...] = (),
    line: LineItem | None = None,
    signer: SignerItem | None = None,
) -> str:
    """Return the text of a statement made at `at`."""
    made = Statement(
        v=VERSION,
        repository=repository,
        by=by,
        nonce=nonce,
        issued=at.isoformat(timespec="seconds"),
        expires=(at + STANDS).isoformat(timespec="seconds"),
        items=items,
        line=line,
        signer=signer,
    )
    return msgspec.json.encode(made, order="sorted").decode()


def read(text: str) -> Statement:
    """Return the statement that a text is. Raises BadStatement, also for one that is written in another way."""
    try:
        found = msgspec.json.decode(text, type=Statement)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadStatement(f"it is no statement: {error}") from error
    if found.v != VERSION:
        raise BadStatement(f"it is a statement of version {found.v}, which this version does not know")
    if msgspec.json.encode(found, order="sorted").decode() != text:
        raise BadStatement("its text is not the one that this statement has")
    return found


def digest(text: str) -> str:
    """Return the sha256 by which events name a statement."""
    return sha256(text.encode()).hexdigest()


def is_current(statement: Statement, moment: datetime) -> bool:
    """Tell whether a statement may be used at a moment. Raises BadStatement for times that are none."""
    try:
        issued, expires = datetime.fromisoformat(statement.issued), datetime.fromisoformat(statement.expires)
        if issued.tzinfo is None or expires.tzinfo is None:
            raise BadStatement("its times have no offset")
        return issued - SLACK <= moment <= min(expires, issued + STANDS) + SLACK
    except (ValueError, OverflowError) as error:
        raise BadStatement(f"its times cannot be read: {error}") from error


def fingerprint(bound: Bound) -> str:
    """Return the sha256 of all that a decision about a gate is bound to: what ties an answer to what was shown."""
    return sha256(msgspec.json.encode(bound, order="sorted")).hexdigest()


def digest_of_evidence(waiting: Waiting, files: tuple[Exhibit, ...]) -> str:
    """Return the sha256 of what was shown of a gate: as it was reached, and its files as they are now."""
    parts: tuple[Gate, Evidence | None, Checked | None, tuple[Exhibit, ...]] = (
        waiting.gate,
        waiting.evidence,
        waiting.checked,
        files,
    )
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


_WORDS = {
    "reached": "the gate is not the one that was shown any more",
    "commit": "its branch is not where it was when the gate was shown",
    "tree": "its commit holds another tree than was shown",
    "document": "its workflow document changed since it was shown",
    "context": "its context files changed since they were shown",
    "evidence": "its evidence changed since it was shown",
    "head": "something was recorded of it since it was shown",
}
_ORDER = (*_WORDS, *(name for name in Bound.__struct_fields__ if name not in _WORDS))


def difference(shown: Bound, now: Bound) -> str:
    """Return the first field that changed, in words, with its name; empty where none did."""
    for name in _ORDER:
        if getattr(shown, name) != getattr(now, name):
            return f"{_WORDS.get(name, f'its {name} changed since it was shown')} ({name})"
    return ""
