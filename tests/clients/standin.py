"""A stand-in on the loopback for the model interfaces: says what a play says, and keeps what it was asked.

It speaks Anthropic's Messages, OpenAI's Responses and OpenAI's Chat Completions, streamed and whole, as far as
Claude Code, Codex and opencode use them, and is a proxy that lets nobody through. It never calls out.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from orchestrator.core.values import Value
from tests.clients.script import Hang, Refusal, Scene, Shell, Tool, Turn, Write, named, scene

Json = dict[str, Any]

ASIDE = Turn("A title")  # what a client asks beside the conversation: a title, a summary
UNKNOWN = Refusal(400, "invalid_request_error", "no such play")


class Asked(Value):
    """A request: path, body without the credentials of its head, and what was answered."""

    path: str
    body: Json
    play: str
    place: int
    status: int


class StandIn:
    """The server: `with StandIn(plays) as standin: ... standin.url`. `of` tells which play a prompt asks for."""

    def __init__(self, plays: Mapping[str, Sequence[Scene]], of: Callable[[str], str | None] = named) -> None:
        self.plays = dict(plays)
        self._of = of
        self.asked: list[Asked] = []
        self.refused: list[str] = []  # hosts that a client wanted to reach through the proxy
        self._met: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._lock = threading.Lock()
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, path: str, body: Json, told: Sequence[str | None], aside: bool) -> Scene:
        """Return the scene for a conversation: `told` is its texts by people, and None for each tool result."""
        starts = [place for place, text in enumerate(told) if text is not None and self._of(text)]
        if aside or not starts:
            self.asked.append(Asked(path, body, "", -1, 200))
            return ASIDE
        play = self._of(told[starts[-1]] or "") or ""
        results = sum(text is None for text in told[starts[-1] :])
        with self._lock:
            place, found = scene(self.plays.get(play, [UNKNOWN]), results, self._met[play])
            self._met[play][place] += 1
            status = found.status if isinstance(found, Refusal) else 200
            self.asked.append(Asked(path, body, play, place, status))
        return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hung up; anything else is a fault of the stand-in."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler(standin: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_CONNECT(self) -> None:
            standin.refused.append(self.path)
            self.send_error(403)

        def do_HEAD(self) -> None:
            self._send(200, "application/json", b"")

        def do_GET(self) -> None:
            if not self._is_outward():
                self._nothing({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            if self._is_outward():
                return
            body = json.loads(raw) if raw.startswith(b"{") else {}
            path = self.path.split("?")[0]
            interface = next((one for end, one in INTERFACES.items() if path.endswith(end)), None)
            if interface is not None:
                self._speak(interface, path, body)
            elif path.endswith("/count_tokens"):
                self._json(200, {"input_tokens": 100})
            else:
                self._nothing(body)

        def _is_outward(self) -> bool:
            """Tell whether it came for somewhere else, as to a proxy, and refuse it then."""
            if not self.path.startswith("http"):
                return False
            standin.refused.append(self.path)
            self.send_error(403)
            return True

        def _nothing(self, body: Json) -> None:
            standin.asked.append(Asked(self.path, body, "", -1, 404))
            self._json(404, {"error": {"type": "not_found_error", "message": "not found"}})

        def _speak(self, interface: type[Interface], path: str, body: Json) -> None:
            found = standin.answer(path, body, list(interface.told(body)), not body.get("tools"))
            match found:
                case Hang():
                    standin.over.wait()
                    self.close_connection = True
                case Refusal():
                    self._json(found.status, interface.error(found), found.heads)
                case Turn() if body.get("stream"):
                    said = b"".join(interface.stream(found, body, len(standin.asked)))
                    self._send(200, "text/event-stream", said)
                case Turn():
                    self._json(200, interface.whole(found, body, len(standin.asked)))

        def _json(self, status: int, value: Json, heads: Mapping[str, str] | None = None) -> None:
            self._send(status, "application/json", json.dumps(value).encode(), heads)

        def _send(self, status: int, kind: str, body: bytes, heads: Mapping[str, str] | None = None) -> None:
            with suppress(ConnectionError):  # a client that was killed no longer listens
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in (heads or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

    return Handler


class Interface:
    """One way to ask a model: how a conversation is read and how an answer is written."""

    @staticmethod
    def told(body: Json) -> Iterator[str | None]:
        """Yield the texts by people, and None for each result of a tool, in order."""
        raise NotImplementedError

    @staticmethod
    def error(refusal: Refusal) -> Json:
        told = {"message": refusal.message, "type": refusal.kind, "param": None, "code": refusal.kind}
        return {"error": {**told, **refusal.more}}

    @staticmethod
    def stream(turn: Turn, body: Json, number: int) -> Iterator[bytes]:
        raise NotImplementedError

    @staticmethod
    def whole(turn: Turn, body: Json, number: int) -> Json:
        raise NotImplementedError


def _event(kind: str, value: Json) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **value})}\n\n".encode()


def _text(content: str | Iterable[Json]) -> str:
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


# --- Anthropic's Messages ------------------------------------------------------------------------


class Messages(Interface):
    @staticmethod
    def told(body: Json) -> Iterator[str | None]:
        for message in body.get("messages", ()):
            if message["role"] != "user":
                continue
            content = message["content"]
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for part in parts:
                if part["type"] == "tool_result":
                    yield None
                elif part["type"] == "text":
                    yield part["text"]

    @staticmethod
    def error(refusal: Refusal) -> Json:
        return {"type": "error", "error": {"type": refusal.kind, "message": refusal.message}, "request_id": "req_1"}

    @staticmethod
    def stream(turn: Turn, body: Json, number: int) -> Iterator[bytes]:
        whole = Messages.whole(turn, body, number)
        yield _event("message_start", {"message": {**whole, "content": [], "stop_reason": None}})
        for index, block in enumerate(whole["content"]):
            if block["type"] == "text":
                start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
            else:
                start = {**block, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield _event("content_block_start", {"index": index, "content_block": start})
            yield _event("content_block_delta", {"index": index, "delta": delta})
            yield _event("content_block_stop", {"index": index})
        ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        yield _event("message_delta", {"delta": ended, "usage": {"output_tokens": turn.output_tokens}})
        yield _event("message_stop", {})

    @staticmethod
    def whole(turn: Turn, body: Json, number: int) -> Json:
        content: list[Json] = [{"type": "text", "text": turn.text}] if turn.text else []
        for place, call in enumerate(turn.calls):
            name, arguments = _called(call, {tool["name"] for tool in body.get("tools", ())})
            content.append({"type": "tool_use", "id": f"toolu_{number}_{place}", "name": name, "input": arguments})
        return {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": "tool_use" if turn.calls else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 100, "output_tokens": turn.output_tokens},
        }


# --- OpenAI's Responses --------------------------------------------------------------------------


class Responses(Interface):
    @staticmethod
    def told(body: Json) -> Iterator[str | None]:
        for item in body.get("input", ()):
            if item.get("type") in ("function_call_output", "custom_tool_call_output"):
                yield None
            elif item.get("role") == "user":
                yield _text(item["content"])

    @staticmethod
    def stream(turn: Turn, body: Json, number: int) -> Iterator[bytes]:
        whole = Responses.whole(turn, body, number)
        yield _event("response.created", {"response": {**whole, "status": "in_progress", "output": []}})
        for index, item in enumerate(whole["output"]):
            yield _event("response.output_item.added", {"output_index": index, "item": item})
            yield _event("response.output_item.done", {"output_index": index, "item": item})
        yield _event("response.completed", {"response": whole})

    @staticmethod
    def whole(turn: Turn, body: Json, number: int) -> Json:
        items: list[Json] = []
        if turn.text:
            said = [{"type": "output_text", "text": turn.text, "annotations": []}]
            items.append(
                {"type": "message", "role": "assistant", "id": f"msg_{number}", "status": "completed", "content": said}
            )
        offered = {tool.get("name", tool["type"]) for tool in body.get("tools", ())}
        for place, call in enumerate(turn.calls):
            name, arguments = _called(call, offered)
            items.append(
                {
                    "type": "function_call",
                    "id": f"fc_{number}_{place}",
                    "call_id": f"call_{number}_{place}",
                    "name": name,
                    "arguments": json.dumps(arguments),
                    "status": "completed",
                }
            )
        return {
            "id": f"resp_{number}",
            "object": "response",
            "status": "completed",
            "model": body["model"],
            "output": items,
            "usage": {
                "input_tokens": 100,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": turn.output_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 100 + turn.output_tokens,
            },
        }


# --- OpenAI's Chat Completions -------------------------------------------------------------------


class Completions(Interface):
    @staticmethod
    def told(body: Json) -> Iterator[str | None]:
        for message in body.get("messages", ()):
            if message["role"] == "tool":
                yield None
            elif message["role"] == "user":
                yield _text(message["content"])

    @staticmethod
    def stream(turn: Turn, body: Json, number: int) -> Iterator[bytes]:
        whole = Completions.whole(turn, body, number)
        choice = whole["choices"][0]
        calls = [{"index": place, **call} for place, call in enumerate(choice["message"].get("tool_calls", ()))]
        delta = {**choice["message"], **({"tool_calls": calls} if calls else {})}
        for part in (
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}], "usage": whole["usage"]},
        ):
            chunk = {**whole, "object": "chat.completion.chunk", "usage": None, **part}
            yield f"data: {json.dumps(chunk)}\n\n".encode()
        yield b"data: [DONE]\n\n"

    @staticmethod
    def whole(turn: Turn, body: Json, number: int) -> Json:
        message: Json = {"role": "assistant", "content": turn.text}
        offered = {tool["function"]["name"] for tool in body.get("tools", ())}
        calls = []
        for place, call in enumerate(turn.calls):
            name, arguments = _called(call, offered)
            said = {"name": name, "arguments": json.dumps(arguments)}
            calls.append({"id": f"call_{number}_{place}", "type": "function", "function": said})
        if calls:
            message["tool_calls"] = calls
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1700000000,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}],
            "usage": {
                "prompt_tokens": 100,
                "completion_tokens": turn.output_tokens,
                "total_tokens": 100 + turn.output_tokens,
            },
        }


INTERFACES: Mapping[str, type[Interface]] = {
    "/messages": Messages,
    "/responses": Responses,
    "/chat/completions": Completions,
}


# --- what the clients' tools are called ----------------------------------------------------------


def _called(call: Write | Shell | Tool, offered: set[str]) -> tuple[str, Json]:
    """Return a call as the tools that a client offers have it; a client without a tool for files gets a command."""
    match call:
        case Tool():
            return call.name, dict(call.arguments)
        case Write() if "Write" in offered:
            return "Write", {"file_path": call.path, "content": call.text}
        case Write() if "write" in offered:
            return "write", {"filePath": call.path, "content": call.text}
        case Write():
            return _called(Shell(f"cat >{call.path} <<'END'\n{call.text}END\n"), offered)
        case Shell() if "Bash" in offered:
            return "Bash", {"command": call.command, "description": "A command of the play"}
        case Shell() if "bash" in offered:
            return "bash", {"command": call.command, "description": "A command of the play"}
        case Shell() if "exec_command" in offered:
            return "exec_command", {"cmd": call.command}
        case Shell() if "shell_command" in offered:
            return "shell_command", {"command": call.command}
        case Shell():
            return "shell", {"command": ["bash", "-c", call.command]}
