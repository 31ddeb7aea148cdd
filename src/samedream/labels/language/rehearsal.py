"""A dry run: an `Ask` that asks nothing, shows every prompt and adds up what asking would cost."""

from collections.abc import Callable, Sequence

from samedream.labels.language.answers import Answers, key_of
from samedream.labels.language.budget import Cost, Limit, estimate
from samedream.labels.language.client import instructions
from samedream.labels.language.question import Question, Reply


class Rehearsal:
    """An `Ask` for dry runs: answers that are known are given, nothing else is."""

    def __init__(self, who: str, show: Callable[[str], None], *, answers: Answers, limit: Limit) -> None:
        """Get ready.

        Args:
            who: Who would be asked.
            show: Takes each prompt, and in the end the sum.
            answers: What has been answered before.
            limit: What may be spent; for its prices.
        """
        self._who, self._show, self._answers, self._limit = who, show, answers, limit
        self._cost, self._questions, self._known = Cost(), 0, 0
        self._shown: set[str] = set()

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        """Show the prompts; see `Ask`."""
        return [self._reply(question) for question in questions]

    def _reply(self, question: Question) -> Reply:
        answer = self._answers.get(key_of(question, self._who))
        if answer is not None:
            self._known += 1
            return Reply(answer.status, answer.value, answer.problem)
        system = instructions(question)
        self._questions += 1
        self._cost += estimate(question, system)
        if system not in self._shown:
            self._shown.add(system)
            self._show(f"--- {question.task}: instructions to {self._who}\n{system}\n")
        if question.user not in self._shown:  # candidates share their prompt
            self._shown.add(question.user)
            self._show(f"--- {question.task}\n{question.user}\n")
        return Reply("not asked", None, "a dry run")

    def close(self) -> None:
        """Show what it would cost."""
        price = self._limit.price(self._cost)
        self._show(
            f"{self._questions:,} questions to {self._who} ({self._known:,} more are answered already): about "
            f"{self._cost.tokens_in:,} tokens of prompts and at most {self._cost.tokens_out:,} of answers"
            + (f"; at most about {price:,.2f} in the currency of the prices" if price is not None else "")
            + ". Nothing was asked"
        )
