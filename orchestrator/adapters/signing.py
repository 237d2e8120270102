"""Signs and checks texts with OpenSSH's `ssh-keygen -Y`; knows no rules, and keeps no key.

A key is asked for by `ssh-keygen` itself, on the person's terminal. ssh-agent is left out of it for a key that lies
in a file: what is loaded there signs for every process of the same user.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from orchestrator.adapters.agent import plain
from orchestrator.core.state import Signer
from orchestrator.core.statement import NAMESPACE
from orchestrator.errors import BadStatement, Refusal

_PLACES = ("/usr/bin/ssh-keygen", "/usr/local/bin/ssh-keygen", "/opt/homebrew/bin/ssh-keygen")
_KEY = re.compile(r"(?P<type>[a-z0-9@.-]+) (?P<blob>[A-Za-z0-9+/]+={0,2})(?: .*)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.@_+-]{0,200}")
_TYPES = frozenset({
    "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com", "ssh-rsa",
})  # fmt: skip
_AGAIN = "nothing was recorded; call it again"
_LIMIT = 10.0  # seconds for a check
_PATIENCE = 300.0  # seconds for a person who types a passphrase or looks for a security key


def signer(name: str, key: str) -> Signer:
    """Return a signer. Raises Refusal for a name or key that an allowed-signers file could read as something else."""
    if not _NAME.fullmatch(name):
        raise Refusal(f"{name!r} is no signer's name", "use an e-mail address: letters, digits and . @ _ + -")
    found = _KEY.fullmatch(key.strip())
    if found is None or found["type"] not in _TYPES or not _holds_its_type(found["type"], found["blob"]):
        raise Refusal("that is no public key of a kind that signs", "give an ed25519, ecdsa, rsa or security key's")
    return Signer(name=name, key=f"{found['type']} {found['blob']}")


def _holds_its_type(kind: str, blob: str) -> bool:
    try:
        content = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return False
    return content[4:].startswith(kind.encode()) and int.from_bytes(content[:4]) == len(kind)


def fingerprint(key: str) -> str:
    """Return a public key's name as `ssh-keygen -l` prints it: `SHA256:...`."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def key_file(text: str) -> Path:
    """Return the path that a person or a file names as a key's. Raises Refusal."""
    try:
        path = Path(text).expanduser().absolute()
    except (RuntimeError, ValueError, OSError) as error:
        raise Refusal(f"{text!r} is no file's name", "name a key made by ssh-keygen") from error
    if not path.name or "\0" in text:
        raise Refusal(f"{text!r} is no key", "name a key made by ssh-keygen")
    return path


def public_key(path: Path) -> str:
    """Return the type and base64 of the public key that belongs to a key's file. Raises Refusal."""
    beside = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    try:
        text = beside.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Refusal(f"{beside}: {why}", "name a key made by ssh-keygen; its .pub lies beside it") from error
    found = _KEY.fullmatch(text.strip())
    if found is None:
        raise Refusal(f"{beside} holds no public key", "name a key made by ssh-keygen; its .pub lies beside it")
    return f"{found['type']} {found['blob']}"


def is_unprotected(path: Path) -> bool:
    """Tell whether a private key can be used by any process: it has no passphrase and needs no touch."""
    path = path.with_suffix("") if path.suffix == ".pub" else path  # ssh-keygen takes the private half beside it
    if not path.exists():
        return False
    done = _run(["-y", "-P", "", "-f", str(path)], b"", _LIMIT)
    return done.returncode == 0 and not done.stdout.startswith(b"sk-")


def is_loaded(key: str) -> bool:
    """Tell whether ssh-agent holds a key, and may sign with it for any process."""
    agent = shutil.which("ssh-add")
    if agent is None or not os.environ.get("SSH_AUTH_SOCK"):
        return False
    try:
        done = subprocess.run([agent, "-L"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False  # an agent that does not answer signs nothing either
    return any(row.startswith(key.encode()) for row in done.stdout.splitlines())


def sign(text: str, key: Path) -> str:
    """Return the armoured signature of a text; ssh-keygen asks on the terminal for what the key needs.

    Raises Refusal where the key is not given, or refuses.
    """
    environment = dict(os.environ)
    if key.suffix != ".pub":
        environment.pop("SSH_AUTH_SOCK", None)
    words = [program(), "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
    try:  # what it says goes to the person as it comes: touch the key, type the passphrase
        done = subprocess.run(
            words, input=text.encode(), stdout=subprocess.PIPE, timeout=_PATIENCE, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Refusal(f"nothing was signed within {_PATIENCE:g} seconds", _AGAIN) from error
    if done.returncode != 0:
        raise Refusal(f"nothing was signed with {key}", _AGAIN)
    return done.stdout.decode("ascii")


def check(text: str, signature: str, signers: Sequence[Signer]) -> str:
    """Return the name of the signer whose signature this is. Raises BadStatement, saying why it is none's."""
    return check_by_file(text, signature, "".join(f"{row(one)}\n" for one in signers))


def row(one: Signer) -> str:
    """Return a signer as a line of an allowed-signers file, for this one use of the key."""
    return f'{one.name} namespaces="{NAMESPACE}" {one.key}'


def check_by_file(text: str, signature: str, allowed: str) -> str:
    """Do what `check` does with the text of an allowed-signers file. Raises BadStatement."""
    if not signature:
        raise BadStatement("it carries no signature")
    with tempfile.TemporaryDirectory(prefix="orchestrator-") as folder:
        file, made = Path(folder) / "allowed", Path(folder) / "signature"
        file.write_text(allowed, encoding="utf-8")
        made.write_text(signature, encoding="utf-8", errors="surrogateescape")
        found = _run(["-Y", "find-principals", "-s", str(made), "-f", str(file)], b"", _LIMIT)
        names = found.stdout.decode(errors="replace").split("\n")[0].strip()
        if found.returncode != 0 or not names:
            raise BadStatement("its signature is by no key that may sign")
        name = names.split(",")[0]
        words = ["-Y", "verify", "-n", NAMESPACE, "-f", str(file), "-I", name, "-s", str(made)]
        done = _run(words, text.encode(errors="surrogatepass"), _LIMIT)
        if done.returncode != 0:
            raise BadStatement(f"its signature does not hold: {_said(done.stderr or done.stdout)}")
        return name


def program() -> str:
    """Return the path of ssh-keygen: where systems keep it, else an absolute one of PATH. Raises Refusal."""
    found = next((one for one in _PLACES if os.access(one, os.X_OK)), None) or shutil.which("ssh-keygen")
    if found is None or not Path(found).is_absolute():
        raise Refusal("ssh-keygen is not found", "install OpenSSH 8.2 or newer")
    return found


def _run(words: Sequence[str], stdin: bytes, limit: float) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run([program(), *words], input=stdin, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise Refusal(f"ssh-keygen did not answer within {limit:g} seconds", _AGAIN) from error


def _said(stderr: bytes) -> str:
    rows = plain(stderr.decode(errors="replace")).strip().splitlines()
    return rows[-1].strip() if rows else "ssh-keygen said nothing"
