"""What asking costs: estimates before, the server's own count after, and a limit that is never passed knowingly."""

import asyncio
from dataclasses import dataclass

from samedream.errors import StudyFileError
from samedream.labels.config import LabelsConfig
from samedream.labels.language.question import Question

_BYTES_PER_TOKEN = 3.0  # of UTF-8; English has about four, other scripts three: an estimate errs on the dear side
_FRAME = 20  # tokens that a chat's frame adds


def estimated_tokens(text: str) -> int:
    """Tokens of a text, whatever the tokenizer; rather too many than too few."""
    return int(len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN) + 1


def estimate(question: Question, system: str) -> "Cost":
    """What a question can cost: its prompt, and the longest answer it allows."""
    return Cost(estimated_tokens(system) + estimated_tokens(question.user) + _FRAME, question.max_tokens)


@dataclass(frozen=True)
class Cost:
    """Tokens of prompts and of answers."""

    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out)

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.tokens_in - other.tokens_in, self.tokens_out - other.tokens_out)

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True)
class Limit:
    """How much may be spent on a study, in all.

    Attributes:
        tokens: Most tokens, or None.
        money: Most money, or None.
        price_in: Price of a million tokens of prompts.
        price_out: Price of a million tokens of answers.
    """

    tokens: int | None = None
    money: float | None = None
    price_in: float | None = None
    price_out: float | None = None

    @classmethod
    def of(cls, config: LabelsConfig) -> "Limit":
        """The limit that a study sets.

        Raises:
            StudyFileError: Money without prices.
        """
        if config.budget_money is not None and (config.price_in is None or config.price_out is None):
            raise StudyFileError(
                "a budget in money needs the model's prices, which samedream does not know: give --price-in and "
                "--price-out (labels.price_in and labels.price_out), per million tokens, or a budget in tokens"
            )
        return cls(config.budget_tokens, config.budget_money, config.price_in, config.price_out)

    def price(self, cost: Cost) -> float | None:
        """What tokens cost, in the currency of the prices; None where no prices are given."""
        if self.price_in is None or self.price_out is None:
            return None
        return (cost.tokens_in * self.price_in + cost.tokens_out * self.price_out) / 1e6

    def allows(self, paid: Cost, free: Cost) -> bool:
        """Whether that much may be spent; a model on this machine costs tokens, but no money."""
        if self.tokens is not None and paid.tokens + free.tokens > self.tokens:
            return False
        return self.money is None or (self.price(paid) or 0.0) <= self.money

    def in_words(self) -> str:
        """The limit in words."""
        parts = [f"{self.tokens:,} tokens"] if self.tokens is not None else []
        return " and ".join([*parts, *([f"{self.money:g} of money"] if self.money is not None else [])])


class Ledger:
    """What has been spent, and what is reserved for questions that are under way."""

    def __init__(self, limit: Limit, *, paid: Cost, free: Cost, local: bool) -> None:
        """Open it.

        Args:
            limit: How much may be spent in all.
            paid: What earlier runs spent on servers.
            free: What earlier runs spent on models on this machine.
            local: Which of the two the coming questions are.
        """
        self.limit, self.paid, self.free, self._local = limit, paid, free, local
        self._reserved = Cost()
        self._changed = asyncio.Condition()

    async def reserve(self, most: Cost, *, wait: bool = True) -> bool:
        """Reserve what a question can cost at most; False: there is too little left.

        Args:
            most: What it can cost at most.
            wait: Wait for questions under way. Who has reserved something already must not: it would wait for itself.
        """
        async with self._changed:
            while not self._fits(self._reserved + most):
                if not wait or not self._reserved.tokens:
                    return False
                await self._changed.wait()
            self._reserved += most
            return True

    async def settle(self, reserved: Cost, spent: Cost) -> None:
        """Put what was spent in place of what was reserved."""
        async with self._changed:
            self._reserved -= reserved
            if self._local:
                self.free += spent
            else:
                self.paid += spent
            self._changed.notify_all()

    def _fits(self, more: Cost) -> bool:
        local = self._local
        return self.limit.allows(self.paid + (Cost() if local else more), self.free + (more if local else Cost()))
