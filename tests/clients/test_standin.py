"""The stand-in for the model interfaces: the same conversation gets the same answer, in each of the three ways."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from tests.clients.script import Refusal, Shell, Turn, Write, does, named, scene
from tests.clients.standin import StandIn

WORK = (does(Write("note.txt", "hello\n"), Shell("git add .")), Turn("Done."))
TOOLS = {"tools": [{"name": "Write"}, {"name": "Bash"}], "model": "scripted"}


def ask(standin: StandIn, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    address = urlsplit(standin.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.headers), text


def conversation(results: int) -> dict[str, Any]:
    done = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "fine"}] * results}]
    return {**TOOLS, "messages": [{"role": "user", "content": "Do it.\n\nplay: work\n"}, *done]}


def test_a_prompt_names_its_play_on_a_line_of_its_own_and_the_last_one_counts() -> None:
    assert named("Read this.\n> play: one\n\n- `play: two-b`\n") == "two-b"
    assert named("let us play: three\n") is None


def test_a_play_goes_on_by_the_results_that_it_got_so_that_a_retry_sees_the_same_scene() -> None:
    refusal = Refusal(429, "rate_limit_error", "Slow.", times=1)
    play = [WORK[0], refusal, WORK[1]]

    assert scene(play, 0, {}) == (0, WORK[0])
    assert scene(play, 2, {}) == (1, refusal)
    assert scene(play, 2, {1: 1}) == (2, WORK[1])
    assert scene(WORK, 3, {}) == (1, WORK[1])
    assert scene([WORK[0]], 2, {}) == (1, Turn("The play is over."))


def test_messages_are_answered_with_the_tools_that_are_offered() -> None:
    with StandIn({"work": WORK}) as standin:
        first = json.loads(ask(standin, "/v1/messages?beta=true", conversation(0))[2])
        last = json.loads(ask(standin, "/v1/messages", conversation(2))[2])

    assert [block["input"] for block in first["content"]] == [
        {"file_path": "note.txt", "content": "hello\n"},
        {"command": "git add .", "description": "A command of the play"},
    ]
    assert (first["stop_reason"], last["stop_reason"], last["content"][0]["text"]) == ("tool_use", "end_turn", "Done.")
    assert [(asked.play, asked.place) for asked in standin.asked] == [("work", 0), ("work", 1)]


def test_an_answer_that_is_streamed_ends_as_its_interface_ends_one() -> None:
    said = {"role": "user", "content": "play: work"}
    chat = {"model": "scripted", "stream": True, "tools": [{"type": "function", "function": {"name": "bash"}}]}
    response = {"model": "scripted", "stream": True, "tools": [{"type": "function", "name": "exec_command"}]}
    with StandIn({"work": WORK}) as standin:
        _, heads, messages = ask(standin, "/v1/messages", {**conversation(2), "stream": True})
        completions = ask(standin, "/v1/chat/completions", {**chat, "messages": [said]})[2]
        responses = ask(standin, "/v1/responses", {**response, "input": [said]})[2]

    assert heads["Content-Type"] == "text/event-stream"
    assert messages.endswith('event: message_stop\ndata: {"type": "message_stop"}\n\n')
    assert completions.endswith("data: [DONE]\n\n")
    assert '"cmd": "cat >note.txt' in responses.replace('\\"', '"')
    assert "event: response.completed" in responses


def test_an_error_comes_in_the_words_of_its_interface() -> None:
    refusal = Refusal(429, "rate_limit_error", "Slow.", {"Retry-After": "7"}, more={"resets_at": 1})
    with StandIn({"work": [refusal]}) as standin:
        status, heads, text = ask(standin, "/v1/messages", conversation(0))
        openai = ask(standin, "/v1/responses", {**TOOLS, "input": [{"role": "user", "content": "play: work"}]})[2]

    assert (status, heads["Retry-After"], json.loads(text)["error"]["type"]) == (429, "7", "rate_limit_error")
    assert json.loads(openai)["error"]["resets_at"] == 1


def test_what_a_client_asks_beside_the_conversation_does_not_move_the_play() -> None:
    with StandIn({"work": WORK}) as standin:
        title = ask(standin, "/v1/messages", {**conversation(0), "tools": []})[2]
        first = ask(standin, "/v1/messages", conversation(0))[2]
        unknown = ask(standin, "/v1/messages", {**TOOLS, "messages": [{"role": "user", "content": "play: other"}]})

    assert json.loads(title)["content"][0]["text"] == "A title"
    assert json.loads(first)["stop_reason"] == "tool_use"
    assert unknown[0] == 400


def test_nobody_gets_out_by_the_stand_in_as_a_proxy() -> None:
    with StandIn({}) as standin:
        status = ask(standin, "http://elsewhere.invalid/v1/messages", {})[0]

    assert status == 403
    assert standin.refused == ["http://elsewhere.invalid/v1/messages"]
