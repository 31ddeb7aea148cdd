"""Asks a language model many questions at once, and gives back answers that fit, or says why there are none."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from samedream import progress
from samedream.errors import LanguageError
from samedream.labels.language.answers import Answer, Answers, key_of
from samedream.labels.language.budget import Cost, Ledger, estimate, estimated_tokens
from samedream.labels.language.parsing import clean, objects
from samedream.labels.language.question import Question, Reply
from samedream.labels.language.schema import misfits

if TYPE_CHECKING:
    from samedream.labels.language.server import Said, Server

_IN_A_ROW = 10  # questions without an answer, one after the other, after which a server is given up
_LONGER = 4  # an answer that was cut off may be this many times as long at the second try: some models think first
_SHOWN = 4000  # characters of an unfit answer that the model sees again


class Client:
    """An `Ask` that asks one model on one server, keeps its answers and minds the budget."""

    def __init__(
        self,
        who: str,
        connect: Callable[[], "Server"],
        *,
        answers: Answers,
        ledger: Ledger,
        concurrency: int,
        local: bool,
    ) -> None:
        """Get ready; the server is met with the first question that has no answer yet.

        Args:
            who: Whom the answers are of: part of their keys, and the name in messages.
            connect: Gives the server.
            answers: What has been answered before.
            ledger: What may be spent.
            concurrency: Questions asked at the same time.
            local: Whether the model runs on this machine.
        """
        self._who, self._connect, self._answers, self._ledger = who, connect, answers, ledger
        self._concurrency, self._local = concurrency, local
        self._server: Server | None = None
        self._runner = asyncio.Runner()
        self._unanswered, self._ever_answered, self._closed = 0, False, ""

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        """Answer every question; see `Ask`."""
        keys = [key_of(question, self._who) for question in questions]
        waiting = {
            key: question for key, question in zip(keys, questions, strict=True) if self._answers.get(key) is None
        }
        replies: dict[str, Reply] = {}
        if waiting:
            if self._server is None:
                self._server = self._connect()
            self._runner.run(self._ask_all(waiting, replies))
            self._complain(replies, fresh=len(waiting) == len(set(keys)))
        return [replies[key] if key in replies else _as_reply(self._answers.known[key]) for key in keys]

    def close(self) -> None:
        """Close the connections."""
        if self._server is not None:
            self._runner.run(self._server.close())
        self._runner.close()

    async def _ask_all(self, waiting: Mapping[str, Question], replies: dict[str, Reply]) -> None:
        tasks = sorted({question.task for question in waiting.values()})
        rest = iter(waiting.items())
        with progress.step(f"asking {self._who} ({', '.join(tasks)})", len(waiting), "questions") as shown:

            async def work() -> None:
                for key, question in rest:  # shared: each question goes to the first who is free
                    replies[key] = await self._reply(key, question)
                    shown.advance()

            workers = [asyncio.ensure_future(work()) for _ in range(min(self._concurrency, len(waiting)))]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _reply(self, key: str, question: Question) -> Reply:
        from samedream.labels.language.server import NoAnswerError

        if self._closed:
            return Reply("not asked", None, self._closed)
        system = instructions(question)
        most = estimate(question, system)
        if not await self._ledger.reserve(most):
            return Reply("not asked", None, f"the budget of {self._ledger.limit.in_words()} is used up")
        spent = [Cost()]
        try:
            value, problem = await self._converse(question, system, spent)
        except NoAnswerError as error:
            self._unanswered += 1
            if error.closed or self._unanswered >= _IN_A_ROW:
                self._closed = f"{self._who} gives no answers any more: {error}"
            return Reply("failed", None, str(error))
        finally:
            await self._ledger.settle(most, sum(spent, Cost()))
        self._unanswered, self._ever_answered = 0, True
        total = sum(spent, Cost())
        status = "failed" if value is None else "ok"
        answer = Answer(status, value, problem, total.tokens_in, total.tokens_out, self._local)  # type: ignore[arg-type]
        self._answers.add(key, answer)
        return _as_reply(answer)

    async def _converse(self, question: Question, system: str, spent: list[Cost]) -> tuple[dict[str, Any] | None, str]:
        """The answer, after one repair if need be; or None and what is wrong with it."""
        assert self._server is not None
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question.user}]
        said = await self._server.ask(messages, question, most=question.max_tokens)
        spent.append(said.cost)
        value, problem = fitting(said, question)
        if value is not None:
            return value, ""
        again = f"That does not fit: {problem}. Answer again: one JSON object that fits the schema, and nothing else."
        messages += [{"role": "assistant", "content": said.text[:_SHOWN] or "(nothing)"}]
        messages += [{"role": "user", "content": again}]
        longer = question.max_tokens * (_LONGER if said.cut else 1)
        most = Cost(sum(estimated_tokens(message["content"]) for message in messages), longer)
        if not await self._ledger.reserve(most, wait=False):
            return None, f"{problem}; the budget left no second try"
        try:
            said = await self._server.ask(messages, question, most=longer)
            spent.append(said.cost)
        finally:
            await self._ledger.settle(most, Cost())  # what it cost is settled with the question
        value, problem = fitting(said, question)
        return value, "" if value is not None else f"{problem}, at the second try too"

    def _complain(self, replies: Mapping[str, Reply], *, fresh: bool) -> None:
        """Say what was not answered; raise where the model has answered nothing at all.

        Args:
            replies: To the questions that were asked.
            fresh: Whether no question of this call had been answered before. If some had, one that the server cannot
                digest is no reason to stop.

        Raises:
            LanguageError: The model has never answered.
        """
        bad = [reply for reply in replies.values() if reply.status != "ok"]
        failed = [reply for reply in bad if reply.status == "failed"]
        if failed and not self._ever_answered and (fresh or self._closed):
            raise LanguageError(
                f"{self._who} cannot be asked: {failed[0].problem}. See that the server is there, that base_url and "
                f"the model's name are right, and that OPENAI_API_KEY holds its key; then rerun. With a budget of 0 "
                f"only answers that are here already are used"
            )
        if bad:
            silent = len(bad) - len(failed)
            progress.say(
                f"{self._who}: of {len(replies)} questions {len(failed)} failed and {silent} were not asked. "
                f"The first: {bad[0].problem}"
            )


def instructions(question: Question) -> str:
    """The system prompt, with the schema: not every server shows it to its model."""
    schema = json.dumps(dict(question.schema), ensure_ascii=False)
    return f"{question.system}\n\nAnswer with one JSON object that fits this JSON schema, and nothing else:\n{schema}"


def fitting(said: "Said", question: Question) -> tuple[dict[str, Any] | None, str]:
    """The first object in an answer that fits the question's schema; or None and what does not fit."""
    problems = []
    for found in objects(said.text):
        value = clean(found)
        wrong = list(misfits(value, question.schema))
        if not wrong:
            return value, ""
        problems.append("; ".join(wrong[:3]))
    if problems:
        return None, problems[0]
    return (
        None,
        "the answer was cut off" if said.cut else "there is no JSON object in it" if said.text else "it is empty",
    )


def _as_reply(answer: Answer) -> Reply:
    return Reply(answer.status, answer.value, answer.problem)
