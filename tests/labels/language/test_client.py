"""The client against a server that does everything a server can do wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from samedream.errors import LanguageError, StudyFileError
from samedream.labels.config import LabelsConfig
from samedream.labels.language.answers import ANSWERS, Answers
from samedream.labels.language.open import open_language
from samedream.labels.language.server import Patience

QUICK = Patience(seconds=0.6, tries=3, first_pause=0.01, longest_pause=0.05)
FINE = '{"label": "fine"}'


@pytest.fixture
def ask(hostile, tmp_path):
    """Ask questions in a session of its own."""

    def asked(questions, patience=QUICK, **settings):
        config = LabelsConfig(llm="m", base_url=hostile.url, **{"concurrency": 1} | settings)
        with open_language(config, cache=tmp_path / "answers", patience=patience) as client:
            return client(questions)

    return asked


def test_no_model_no_ask(tmp_path):
    with open_language(LabelsConfig(), cache=tmp_path) as client:
        assert client is None
    assert list(tmp_path.iterdir()) == []


def test_answers_come_in_order_and_are_asked_once(ask, hostile, tools_llm):
    def behave(request, number):
        return 200, tools_llm.completion(json.dumps({"label": request["messages"][1]["content"][-2:].strip()})), {}

    hostile.behave = behave
    questions = [tools_llm.question(n) for n in (3, 1, 2, 1)]
    assert [reply.value["label"] for reply in ask(questions, concurrency=3)] == ["3", "1", "2", "1"]
    assert len(hostile.requests) == 3
    assert [reply.value["label"] for reply in ask(questions)] == ["3", "1", "2", "1"]
    assert len(hostile.requests) == 3  # from the cache
    ask([tools_llm.question(1, seed=7), tools_llm.question(1, temperature=0.5)])
    assert len(hostile.requests) == 5  # another seed is another question


def test_what_is_sent(ask, hostile, tools_llm):
    ask([tools_llm.question(seed=3, temperature=0.7, max_tokens=50)])
    (request,) = hostile.requests
    assert request["model"] == "m"
    assert (request["seed"], request["temperature"], request["max_tokens"]) == (3, 0.7, 50)
    assert request["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": tools_llm.schema, "strict": True},
    }
    system, user = request["messages"]
    assert system["content"].startswith("Name it.\n\nAnswer with one JSON object that fits this JSON schema")
    assert user == {"role": "user", "content": "Passage 0"}
    assert hostile.headers[0]["authorization"] == f"Bearer {tools_llm.secret}"


def test_no_more_questions_at_a_time_than_asked_for(ask, hostile, tools_llm):
    hostile.behave = lambda request, number: (time.sleep(0.03), (200, tools_llm.completion(FINE), {}))[1]
    ask([tools_llm.question(n) for n in range(12)], concurrency=3)
    assert 2 <= hostile.most_active <= 3


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_errors_that_pass_are_tried_again(ask, hostile, tools_llm, status):
    hostile.behave = lambda request, number: (
        (status, b'{"error": {"message": "busy"}}', {}) if number < 2 else (200, tools_llm.completion(FINE), {})
    )
    (reply,) = ask([tools_llm.question()])
    assert (reply.status, reply.value) == ("ok", {"label": "fine"})
    assert len(hostile.requests) == 3


def test_the_pause_a_server_asks_for_is_kept_up_to_a_limit(ask, hostile, tools_llm):
    hostile.behave = lambda request, number: (
        (429, b"{}", {"Retry-After": "0.3" if number == 0 else "3600"}) if number < 2 else
        (200, tools_llm.completion(FINE), {})
    )  # fmt: skip
    begun = time.monotonic()
    (reply,) = ask([tools_llm.question()], Patience(seconds=5, tries=3, first_pause=0.001, longest_pause=0.4))
    assert reply.status == "ok"
    assert 0.7 <= time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        ((500, b"broken", {}), "the server answered 500: broken; tried 3 times"),
        ((200, b"", {}), "the reply is empty; tried 3 times"),
        ((200, b"<html>no</html>", {}), "the reply is no chat completion: '<html>no</html>'; tried 3 times"),
        ((200, b'{"choices": []}', {}), "the reply is no chat completion: '{\"choices\": []}'; tried 3 times"),
        ("slow", "no answer within 0.6 s; tried 3 times"),
        ("cut", "tried 3 times"),
        (
            (200, b'{"choices": [{"message": {"content": "' + b"a" * 10_000_000 + b'"}}]}', {}),
            "the reply is larger than 64 kB: it was cut off and is not used",
        ),
    ],
    ids=["500", "empty", "html", "no choice", "slow", "cut", "10 MB"],
)
def test_a_question_that_goes_wrong_harms_no_other(ask, hostile, tools_llm, tmp_path, behaviour, problem):
    """The second of three questions meets the misbehaviour every time; the others are answered and kept."""

    def behave(request, number):
        if "Passage 1" not in request["messages"][1]["content"]:
            return 200, tools_llm.completion(FINE), {}
        if behaviour == "slow":
            time.sleep(1)
            return 200, b"", {}
        return behaviour

    hostile.behave = behave
    first, second, third = ask([tools_llm.question(n) for n in range(3)])
    assert (first.status, second.status, third.status) == ("ok", "failed", "ok")
    assert second.value is None
    assert second.problem.endswith(problem)
    kept = Answers(tmp_path / "answers")
    assert len(kept.known) == 2  # what passes is asked again next time
    assert (tmp_path / "answers" / ANSWERS).stat().st_size < 2000
    hostile.behave = lambda request, number: (200, tools_llm.completion(FINE), {})
    before = len(hostile.requests)
    assert [reply.status for reply in ask([tools_llm.question(n) for n in range(3)])] == ["ok"] * 3
    assert len(hostile.requests) == before + 1


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"label": "fine"}\n```',
        'Sure! Here is the JSON {you} asked for:\n{"label": "fine"}\nHope that helps {a lot}.',
        '{"label": "fine",}',
        '<think>{"label": "no, wait"} hm</think>{"label": "fine"}',
        '{"schema": 1} {"label": "fine"}',
    ],
)
def test_what_models_wrap_answers_in_is_taken_off(ask, hostile, tools_llm, text):
    hostile.behave = lambda request, number: (200, tools_llm.completion(text), {})
    (reply,) = ask([tools_llm.question()])
    assert reply.value == {"label": "fine"}
    assert len(hostile.requests) == 1


def test_an_unfit_answer_gets_one_repair(ask, hostile, tools_llm):
    texts = ["I would rather not.", FINE]
    hostile.behave = lambda request, number: (200, tools_llm.completion(texts[number]), {})
    (reply,) = ask([tools_llm.question()])
    assert reply.value == {"label": "fine"}
    assert hostile.requests[1]["messages"][2:] == [
        {"role": "assistant", "content": "I would rather not."},
        {
            "role": "user",
            "content": "That does not fit: there is no JSON object in it. Answer again: one JSON object that fits the "
            "schema, and nothing else.",
        },
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no", "there is no JSON object in it, at the second try too"),
        ("", "it is empty, at the second try too"),
        ('{"name": "x"}', 'the answer has no "label"; the answer has an unknown key "name", at the second try too'),
        ('{"label": 3}', '"label" is no string, at the second try too'),
        ('{"label": ""}', '"label" is empty, at the second try too'),
        ('{"label": "a very long label indeed"}', '"label" has 24 characters, more than 20, at the second try too'),
        ('{"label": NaN}', "there is no JSON object in it, at the second try too"),
        ('["fine"]', "there is no JSON object in it, at the second try too"),
    ],
)
def test_an_answer_that_never_fits_is_failed_and_stays_failed(ask, hostile, tools_llm, text, problem):
    hostile.behave = lambda request, number: (200, tools_llm.completion(text), {})
    (reply,) = ask([tools_llm.question()])
    assert (reply.status, reply.value, reply.problem) == ("failed", None, problem)
    assert len(hostile.requests) == 2
    (again,) = ask([tools_llm.question()])
    assert again == reply
    assert len(hostile.requests) == 2  # it is the model's answer, and is not asked for until it pleases


def test_an_answer_that_was_cut_off_may_be_longer_at_the_second_try(ask, hostile, tools_llm):
    texts = [('{"label": "fi', "length"), (FINE, "stop")]
    hostile.behave = lambda request, number: (200, tools_llm.completion(*texts[number]), {})
    (reply,) = ask([tools_llm.question(max_tokens=50)])
    assert reply.status == "ok"
    assert [request["max_tokens"] for request in hostile.requests] == [50, 200]


@pytest.mark.parametrize("knows", ["schema", "json", "text"])
def test_a_server_that_knows_no_schema_is_asked_in_a_plainer_way(ask, hostile, tools_llm, knows):
    def rung(request):
        form = request.get("response_format", {"type": "text"})
        strict = form.get("json_schema", {}).get("strict")
        return "strict schema" if strict else {"json_schema": "schema", "json_object": "json"}.get(form["type"], "text")

    rungs = ["strict schema", "schema", "json", "text"]
    hostile.behave = lambda request, number: (
        (200, tools_llm.completion(FINE), {})
        if rungs.index(rung(request)) >= rungs.index(knows)
        else (400, b'{"error": {"message": "response_format is not supported"}}', {})
    )
    replies = ask([tools_llm.question(n) for n in range(3)])
    assert [reply.status for reply in replies] == ["ok"] * 3
    assert len(hostile.requests) == 3 + rungs.index(knows)  # found out once


def test_a_server_that_refuses_parameters_is_asked_without_them(ask, hostile, tools_llm):
    def behave(request, number):
        for name in ("max_tokens", "temperature"):
            if name in request:
                return 400, json.dumps({"error": {"message": f"Unsupported parameter: '{name}'"}}).encode(), {}
        return 200, tools_llm.completion(FINE), {}

    hostile.behave = behave
    assert [reply.status for reply in ask([tools_llm.question(n) for n in range(2)])] == ["ok", "ok"]
    assert len(hostile.requests) == 4
    assert hostile.requests[-1]["max_completion_tokens"] == 200
    assert hostile.requests[-1]["response_format"]["json_schema"]["strict"] is True


def test_a_prompt_that_is_refused_is_that_questions_failure(ask, hostile, tools_llm):
    hostile.behave = lambda request, number: (
        (400, b'{"error": {"message": "context length exceeded"}}', {})
        if "Passage 0" in request["messages"][1]["content"]
        else (200, tools_llm.completion(FINE), {})
    )
    first, second = ask([tools_llm.question(0), tools_llm.question(1)])
    assert (first.status, second.status) == ("failed", "ok")
    assert "context length exceeded" in first.problem
    assert hostile.requests[-1]["response_format"]["json_schema"]["strict"] is True  # nothing was learnt from it


def test_a_refused_key_is_an_error_that_does_not_hold_the_key(ask, hostile, tools_llm, tmp_path, capsys):
    message = json.dumps({"error": {"message": f"Incorrect API key provided: {tools_llm.secret}"}}).encode()
    hostile.behave = lambda request, number: (401, message, {})
    with pytest.raises(LanguageError) as error:
        ask([tools_llm.question(n) for n in range(30)])
    assert "the server answered 401" in str(error.value) and "OPENAI_API_KEY holds its key" in str(error.value)
    assert len(hostile.requests) == 1
    everything = str(error.value) + "".join(capsys.readouterr())
    everything += "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert tools_llm.secret not in everything


def test_the_key_is_nowhere_though_the_server_repeats_it(ask, hostile, tools_llm, tmp_path, capsys):
    texts = [tools_llm.completion(json.dumps({"label": tools_llm.secret})), b"not json " + tools_llm.secret.encode()]
    hostile.behave = lambda request, number: (200, texts[min(number, 1)], {})
    first, second = ask([tools_llm.question(0), tools_llm.question(1)])
    assert first.value == {"label": "(the key)"}
    assert second.status == "failed"
    everything = second.problem + "".join(capsys.readouterr())
    everything += "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert tools_llm.secret not in everything


def test_a_line_break_after_the_key_is_no_part_of_it(ask, hostile, tools_llm, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f" {tools_llm.secret}\n")
    (reply,) = ask([tools_llm.question()])
    assert reply.status == "ok"
    assert hostile.headers[0]["authorization"] == f"Bearer {tools_llm.secret}"


@pytest.mark.parametrize("wrong", ["sk-0123456789\nsk-9876543210", "\u201csk-0123456789\u201d"])
def test_what_cannot_be_a_key_is_an_error_that_does_not_hold_it(ask, hostile, tools_llm, monkeypatch, wrong):
    monkeypatch.setenv("OPENAI_API_KEY", wrong)
    with pytest.raises(LanguageError) as error:
        ask([tools_llm.question()])
    assert str(error.value) == (
        "OPENAI_API_KEY holds a character that no key has, perhaps a line break or a curly quotation mark that was "
        "pasted along: set it again"
    )
    assert not hostile.requests


def test_a_server_that_dies_ends_the_asking_and_loses_nothing(ask, hostile, tools_llm):
    hostile.behave = lambda request, number: (200, tools_llm.completion(FINE), {}) if number < 5 else (500, b"gone", {})
    replies = ask([tools_llm.question(n) for n in range(40)], Patience(0.6, tries=1))
    assert [reply.status for reply in replies] == ["ok"] * 5 + ["failed"] * 10 + ["not asked"] * 25
    assert replies[-1].problem.startswith("m at 127.0.0.1")
    assert "gives no answers any more: the server answered 500: gone; tried 1 times" in replies[-1].problem
    hostile.behave = lambda request, number: (200, tools_llm.completion(FINE), {})
    assert all(reply.status == "ok" for reply in ask([tools_llm.question(n) for n in range(40)]))
    assert len(hostile.requests) == 5 + 10 + 35


def test_no_server_is_an_error(tools_llm, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    config = LabelsConfig(llm="m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(LanguageError) as error:
        with open_language(config, cache=tmp_path / "answers", patience=Patience(1, tries=1)) as client:
            client([tools_llm.question()])
    assert str(error.value).startswith("m at 127.0.0.1:9/v1 cannot be asked: ")
    assert str(error.value).endswith(
        "See that the server is there, that base_url and the model's name are right, and that OPENAI_API_KEY holds its "
        "key; then rerun. With a budget of 0 only answers that are here already are used"
    )


def test_one_question_that_cannot_be_digested_is_no_reason_to_stop(ask, hostile, tools_llm):
    ask([tools_llm.question(0)])
    hostile.behave = lambda request, number: (500, b"cannot", {})
    assert [reply.status for reply in ask([tools_llm.question(0), tools_llm.question(1)])] == ["ok", "failed"]


def test_openai_without_a_key_is_an_error(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(LanguageError) as error:
        with open_language(LabelsConfig(llm="gpt-x"), cache=tmp_path):
            pass
    assert str(error.value) == (
        'the model "gpt-x" would be asked at OpenAI, which wants a key, and OPENAI_API_KEY is not set: set it, give '
        "the address of another server with --base-url (labels.base_url), or ask a model on this machine: "
        "--llm local:path.gguf"
    )


def test_the_budget_is_not_passed(ask, hostile, tools_llm):
    """Every question costs 110 tokens and may cost some 290 by the estimate; the limit holds over two runs."""
    questions = [tools_llm.question(n) for n in range(20)]
    replies = ask(questions, budget_tokens=1000, concurrency=4)
    asked = sum(reply.status == "ok" for reply in replies)
    assert 5 <= asked <= 8
    assert {reply.status for reply in replies} == {"ok", "not asked"}
    assert replies[-1].problem == "the budget of 1,000 tokens is used up"
    assert len(hostile.requests) == asked
    ask(questions, budget_tokens=1000)
    assert len(hostile.requests) == asked  # earlier runs count
    ask(questions, budget_tokens=10_000)
    assert len(hostile.requests) == 20


def test_a_second_try_does_not_wait_for_its_own_first(ask, hostile, tools_llm):
    """The first try fits the budget of 400 tokens, a second one beside it does not, and nobody else will settle."""
    hostile.behave = lambda request, number: (200, tools_llm.completion("no"), {})
    pool = ThreadPoolExecutor(1)
    try:
        asked = pool.submit(ask, [tools_llm.question()], budget_tokens=400)
        (reply,) = asked.result(timeout=20)
    finally:
        pool.shutdown(wait=False)
    assert reply.problem == "there is no JSON object in it; the budget left no second try"
    assert (reply.status, len(hostile.requests)) == ("failed", 1)


def test_a_budget_in_money(ask, hostile, tools_llm):
    questions = [tools_llm.question(n) for n in range(20)]
    with pytest.raises(StudyFileError, match="a budget in money needs the model's prices"):
        ask(questions, budget_money=1.0)
    replies = ask(questions, budget_money=0.001, price_in=1.0, price_out=2.0)  # a question costs .00012, at most .0005
    assert 4 <= sum(reply.status == "ok" for reply in replies) <= 8
    assert replies[-1].problem == "the budget of 0.001 of money is used up"


def test_a_killed_run_loses_nothing(hostile, tools_llm, tmp_path):
    """A run is killed while it asks; the next one asks only what is missing, and a half-written line does no harm."""
    hostile.behave = lambda request, number: (time.sleep(0.02), (200, tools_llm.completion(FINE), {}))[1]
    code = (
        "import sys; from pathlib import Path\n"
        "from samedream.labels.config import LabelsConfig\n"
        "from samedream.labels.language.open import open_language\n"
        "from samedream.labels.language.question import Question\n"
        f"questions = [Question('label', 'Name it.', f'Passage {{n}}', {tools_llm.schema!r}) for n in range(500)]\n"
        f"config = LabelsConfig(llm='m', base_url={hostile.url!r})\n"
        f"with open_language(config, cache=Path({str(tmp_path)!r})) as ask: ask(questions)\n"
    )
    environment = os.environ | {"OPENAI_API_KEY": tools_llm.secret}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)
    while len(hostile.requests) < 30:
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(Answers(tmp_path).known)
    assert kept >= 20
    with (tmp_path / ANSWERS).open("ab") as handle:
        handle.write(b'0123 {"key": "half-writ')
    before = len(hostile.requests)
    hostile.behave = lambda request, number: (200, tools_llm.completion(FINE), {})
    with open_language(LabelsConfig(llm="m", base_url=hostile.url), cache=tmp_path) as client:
        replies = client([tools_llm.question(n) for n in range(60)])
    assert all(reply.status == "ok" for reply in replies)
    assert len(hostile.requests) - before == 60 - min(kept, 60)
    assert len(Answers(tmp_path).known) == max(kept, 60)
