"""A server that speaks OpenAI's chat protocol (OpenAI, Ollama, vLLM, llama.cpp), and how it is spoken to.

A server that does not know JSON schemas is asked in a plainer way, and one that refuses a parameter is asked without
it; what it took is remembered. Errors that pass (429, 408, 409, 5xx, timeouts, cut connections, garbled replies) are
tried again with growing pauses, or with the pause that the server asks for.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import httpx2
import msgspec
import openai

from samedream.labels.language.budget import Cost, estimated_tokens
from samedream.labels.language.question import Question

_MOST_BYTES = (
    1 << 16
)  # of a reply; an answer has a few hundred, and reading hostile text takes the square of its length
_SHORTEST_KEY = 8  # what is shorter is a stand-in for servers that want none
_RUNGS = ("strict schema", "schema", "json", "text")
_PASSING = (408, 409, 425, 429)
_REFUSED = (400, 415, 422, 501)  # of the request's form, perhaps: then it is asked in a plainer way
_CLOSED = (401, 402, 403, 404, 405)  # to every question


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for; all in seconds but `tries`."""

    seconds: float = 180.0
    tries: int = 6
    first_pause: float = 0.5
    longest_pause: float = 60.0


@dataclass(frozen=True)
class Said:
    """What a server said: the text, whether it was cut at the most tokens, and what it cost."""

    text: str
    cut: bool
    cost: Cost


class NoAnswerError(Exception):
    """There is no answer to a question; `closed`: nor will there be one to any other."""

    def __init__(self, problem: str, *, closed: bool = False) -> None:
        super().__init__(problem)
        self.closed = closed


class _GarbledError(Exception):
    """The reply is not a chat's."""


@dataclass(frozen=True)
class _Form:
    """How requests are put: the rung of the ladder, and parameters that are left out."""

    rung: int = 0
    without: frozenset[str] = frozenset()

    def plainer(self, problem: str) -> "_Form | None":
        """The next form to try after a refusal; None if there is none."""
        for name in ("max_tokens", "temperature", "seed"):
            if name in problem and name not in self.without:
                return replace(self, without=self.without | {name})
        return replace(self, rung=self.rung + 1) if self.rung + 1 < len(_RUNGS) else None

    def options(self, question: Question, most: int) -> dict[str, Any]:
        """The request's parameters beside the messages."""
        # newer models of OpenAI know max_completion_tokens only
        options: dict[str, Any] = {"max_completion_tokens" if "max_tokens" in self.without else "max_tokens": most}
        options |= {"temperature": question.temperature, "seed": question.seed}
        rung = _RUNGS[self.rung]
        if rung in ("strict schema", "schema"):
            schema = {"name": "answer", "schema": dict(question.schema), "strict": rung == "strict schema"}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif rung == "json":
            options["response_format"] = {"type": "json_object"}
        return {name: value for name, value in options.items() if name not in self.without}


class Server:
    """One model on one server."""

    def __init__(self, model: str, *, base_url: str | None, key: str, patience: Patience) -> None:
        """Bind to a server; nothing is sent.

        Args:
            model: The model's name there.
            base_url: The server's address up to /v1; None: what the openai package takes.
            key: The server's key. It goes into requests and nowhere else.
            patience: How long to wait.
        """
        self._client = openai.AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=patience.seconds)
        self._model, self._key, self._patience = model, key, patience
        self._form = _Form()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ask(self, messages: Sequence[Mapping[str, str]], question: Question, *, most: int) -> Said:
        """Send messages and wait for the answer.

        Args:
            messages: The chat so far.
            question: Its schema, seed and temperature are used.
            most: Most tokens of the answer.

        Raises:
            NoAnswerError: There is none; the message says why, on one line and without the key.
        """
        problem = ""
        for attempt in range(self._patience.tries):
            pause: float | None = None
            try:
                async with asyncio.timeout(self._patience.seconds):
                    return await self._ask_plainer_and_plainer(messages, question, most=most)
            except (TimeoutError, openai.APITimeoutError):
                problem = f"no answer within {self._patience.seconds:g} s"
            except (openai.APIConnectionError, httpx2.HTTPError, _GarbledError) as error:
                problem = self._in_words(str(error.__cause__ or error) or type(error).__name__)
            except openai.APIStatusError as error:
                problem = f"the server answered {error.status_code}: {self._in_words(_server_words(error))}"
                if error.status_code < 500 and error.status_code not in _PASSING:
                    raise NoAnswerError(problem, closed=error.status_code in _CLOSED) from None
                pause = _asked_pause(error.response.headers)
            if attempt + 1 < self._patience.tries:
                await asyncio.sleep(self._pause(attempt) if pause is None else min(pause, self._patience.longest_pause))
        raise NoAnswerError(f"{problem}; tried {self._patience.tries} times")

    async def _ask_plainer_and_plainer(
        self, messages: Sequence[Mapping[str, str]], question: Question, *, most: int
    ) -> Said:
        form = self._form
        while True:
            try:
                said = await self._once(messages, form.options(question, most))
            except openai.APIStatusError as error:
                plainer = form.plainer(_server_words(error)) if error.status_code in _REFUSED else None
                if plainer is None:
                    raise
                form = plainer
            else:
                self._form = form
                return said

    async def _once(self, messages: Sequence[Mapping[str, str]], options: dict[str, Any]) -> Said:
        create: Any = self._client.chat.completions.with_streaming_response.create
        body = bytearray()
        async with create(model=self._model, messages=messages, **options) as response:
            async for chunk in response.iter_bytes(1 << 16):
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise NoAnswerError("the reply is larger than 64 kB: it was cut off and is not used")
        said = _said(bytes(body), messages)
        return replace(said, text=self._without_key(said.text))

    def _pause(self, attempt: int) -> float:
        longest = min(self._patience.first_pause * 2.0**attempt, self._patience.longest_pause)
        return longest * (0.5 + random.random() / 2)  # so that those who failed together do not come back together

    def _in_words(self, text: str) -> str:
        """An error on one line, without the key, which some servers repeat."""
        return self._without_key(" ".join(text.split()))[:300]

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "(the key)") if len(self._key) >= _SHORTEST_KEY else text


def _server_words(error: openai.APIStatusError) -> str:
    """What the server said of an error."""
    if isinstance(error.body, dict):  # {"message": ..., "type": ..., "param": ...}
        return str(error.body.get("message") or error.body)
    return error.response.text or error.response.reason_phrase


def _asked_pause(headers: Mapping[str, str]) -> float | None:
    """The pause that a server asks for, in seconds; None if it asks for none."""
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except ValueError:
        return None


class _Message(msgspec.Struct):
    content: Any = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


def _said(body: bytes, messages: Sequence[Mapping[str, str]]) -> Said:
    try:
        completion = msgspec.json.decode(body, type=_Completion)
        choice = completion.choices[0]
    except (msgspec.DecodeError, IndexError, UnicodeDecodeError, RecursionError):
        shown = " ".join(body[:80].decode("utf-8", "replace").split())
        raise _GarbledError(f"the reply is no chat completion: {shown!r}" if shown else "the reply is empty") from None
    content = choice.message.content
    if isinstance(content, list):  # in parts
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    text = content if isinstance(content, str) and content else choice.message.refusal or ""
    usage = completion.usage or _Usage()
    asked = usage.prompt_tokens or sum(estimated_tokens(message["content"]) for message in messages)
    return Said(text, choice.finish_reason == "length", Cost(asked, usage.completion_tokens or estimated_tokens(text)))
