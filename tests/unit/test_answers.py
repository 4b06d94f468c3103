"""Calls that wait for a server in vain are found out and ended, those that only take long are not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tailrace import answers
from tailrace.answers import Answers
from tailrace.errors import UnreachableError


class Call:
    """Waits for a server until it answers, or somebody hangs up."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.hung_up = False
        self.answers = Answers("mysql://target", self.hang_up)

    def hang_up(self) -> None:
        self.hung_up = True
        self.ended.set()

    def wait(self, question: answers.Question) -> None:
        with self.answers.awaiting(question):
            assert self.ended.wait(10)
            if self.hung_up:
                raise OSError("the socket was shut down")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    monkeypatch.setattr(answers, "LONG_SECONDS", 0.1)
    monkeypatch.setattr(answers, "_LOOK_SECONDS", 0.02)
    made = Call()
    yield made
    made.answers.close()


def test_an_answer_that_will_not_come_is_an_error_with_the_reason(call: Call) -> None:
    with pytest.raises(UnreachableError, match=r"mysql://target: no answer for \d+ s, and the server has ended"):
        call.wait(lambda: "the server has ended the session")


def test_a_server_at_work_is_waited_for_and_asked_again(call: Call) -> None:
    asked: list[float] = []

    def question() -> str:
        asked.append(time.monotonic())
        if len(asked) == 3:
            call.ended.set()
        return ""

    call.wait(question)
    assert len(asked) == 3
    assert not call.hung_up


def test_an_answer_that_comes_while_the_question_is_put_counts(call: Call) -> None:
    asked = threading.Event()

    def question() -> str:
        call.ended.set()
        asked.set()
        time.sleep(0.1)  # the answer comes first
        return "nobody is there"

    call.wait(question)
    assert asked.wait(5)
    time.sleep(0.2)  # what must not happen
    assert not call.hung_up


def test_an_error_of_the_call_itself_is_its_own(call: Call) -> None:
    with pytest.raises(ValueError, match="its own"), call.answers.awaiting(lambda: "never asked"):
        raise ValueError("its own")
