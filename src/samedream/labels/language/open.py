"""The way to a language model: `with open_language(config, cache=directory) as ask`."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from samedream import progress
from samedream.errors import LanguageError, MissingExtraError
from samedream.labels.config import LabelsConfig
from samedream.labels.language.answers import Answers
from samedream.labels.language.budget import Cost, Ledger, Limit
from samedream.labels.language.client import Client
from samedream.labels.language.question import Ask
from samedream.labels.language.rehearsal import Rehearsal

if TYPE_CHECKING:
    from samedream.labels.language.server import Patience, Server

LOCAL = "local:"
_KEY = "OPENAI_API_KEY"
_ADDRESS = "OPENAI_BASE_URL"
_NO_KEY = "no-key"  # servers on one's own machine want none, but the protocol has a place for it


@contextmanager
def open_language(
    config: LabelsConfig, *, cache: Path, model: str | None = None, patience: "Patience | None" = None
) -> Iterator[Ask | None]:
    """Open a language model to be asked; one at a time for each `cache`.

    Nothing is started or sent before the first question that has no answer in `cache`.

    Args:
        config: Whom to ask, where, and what may be spent.
        cache: Where answers are kept; what is there counts as spent.
        model: Asked in place of `config.llm`: `config.scorer`, for one.
        patience: How long a server is waited for.

    Yields:
        The `Ask`; None where no model is to be asked.

    Raises:
        MissingExtraError: The optional package that is needed is not installed.
        LanguageError: There is no key for a server that wants one.
        ModelError: A local model that is not here or cannot be served.
        StudyFileError: A budget in money without prices.
    """
    name = model or config.llm
    if name is None:
        yield None
        return
    local = name.startswith(LOCAL)
    _require("openai", "label")
    with ExitStack() as stack:
        if local:
            _require("xllamacpp", "label-local")
            who, connect = _local(name, stack, patience)
        else:
            _check_key(name, config)
            who, connect = _remote(name, config, patience)
        answers = Answers(cache)
        stack.callback(answers.close)
        paid, free = (
            sum((Cost(a.tokens_in, a.tokens_out) for a in answers.known.values() if a.local is here), Cost())
            for here in (False, True)
        )
        ledger = Ledger(Limit.of(config), paid=paid, free=free, local=local)
        client = Client(
            who, connect, answers=answers, ledger=ledger, concurrency=1 if local else config.concurrency, local=local
        )
        stack.callback(client.close)
        yield client


@contextmanager
def rehearsed(config: LabelsConfig, *, cache: Path, show: Callable[[str], None]) -> Iterator[Rehearsal]:
    """Open a language model for a dry run: no server, no key, no optional package.

    Args:
        config: Whom one would ask, and the prices.
        cache: Where answers are kept; what is there would not be asked.
        show: Takes the prompts, and in the end the cost.
    """
    name = config.llm or ""
    with ExitStack() as stack:
        who, _ = _local(name, stack, None) if name.startswith(LOCAL) else _remote(name, config, None)
        rehearsal = Rehearsal(who, show, answers=Answers(cache), limit=Limit.of(config))
        yield rehearsal
        rehearsal.close()


def _require(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise MissingExtraError(
            f"asking a language model needs the package {package}, which is not installed; install it with "
            f"\"pip install 'samedream[{extra}]'\", or leave out labels.llm (--llm): labels are then made offline"
        )


def _check_key(name: str, config: LabelsConfig) -> None:
    if not _key() and not (config.base_url or os.environ.get(_ADDRESS)):
        raise LanguageError(
            f'the model "{name}" would be asked at OpenAI, which wants a key, and {_KEY} is not set: set it, give the '
            f"address of another server with --base-url (labels.base_url), or ask a model on this machine: "
            f"--llm {LOCAL}path.gguf"
        )


def _key() -> str:
    """The server's key, without the line break that a file or a shell may have left at its end; "" for none.

    Raises:
        LanguageError: It cannot be a key. It would be shown in the error of whoever makes a header of it.
    """
    key = os.environ.get(_KEY, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise LanguageError(
            f"{_KEY} holds a character that no key has, perhaps a line break or a curly quotation mark that was pasted "
            f"along: set it again"
        )
    return key


def _remote(name: str, config: LabelsConfig, patience: "Patience | None") -> tuple[str, Callable[[], "Server"]]:
    """Who a model on a server is, and how it is met."""
    address = config.base_url or os.environ.get(_ADDRESS)
    place = urlsplit(address or "https://api.openai.com/v1")
    host = place.netloc.rpartition("@")[2]  # an address in the environment may hold a password

    def connect() -> "Server":
        from samedream.labels.language import server

        return server.Server(name, base_url=address, key=_key() or _NO_KEY, patience=patience or server.Patience())

    return f"{name} at {host}{place.path}", connect


def _local(name: str, stack: ExitStack, patience: "Patience | None") -> tuple[str, Callable[[], "Server"]]:
    """Who a model on this machine is, and how it is started."""
    from samedream.labels.language import local

    model = local.find(name.removeprefix(LOCAL))

    def connect() -> "Server":
        from samedream.labels.language import server

        if (warning := model.warning()) is not None:
            progress.say(warning)
        address, key = stack.enter_context(local.served(model))
        return server.Server(
            model.name, base_url=f"{address}/v1", key=key, patience=patience or server.Patience(local.SECONDS)
        )

    return f"{model.name} ({model.sha256[:16]}) on this machine", connect
