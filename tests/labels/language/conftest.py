"""A server that misbehaves on request, and questions to ask it."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from samedream.labels.language.question import Question

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "minLength": 1, "maxLength": 20}},
    "required": ["label"],
    "additionalProperties": False,
}
SECRET = "sk-secret-0123456789"


def question(number=0, **changed):
    return Question(**{"task": "label", "system": "Name it.", "user": f"Passage {number}", "schema": SCHEMA} | changed)


def completion(text, finish="stop", usage=(100, 10)):
    message = {"role": "assistant", "content": text}
    counted = {"usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1]}} if usage else {}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice]} | counted).encode()


class Hostile:
    """A chat server on 127.0.0.1; `behave(request, number)` gives (status, body, headers) or does as it likes."""

    def __init__(self):
        self.requests, self.headers, self.active, self.most_active = [], [], 0, 0
        self.behave = lambda request, number: (200, completion('{"label": "fine"}'), {})
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._lock:
                    number = len(outer.requests)
                    outer.requests.append(request)
                    outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                    outer.active += 1
                    outer.most_active = max(outer.most_active, outer.active)
                try:
                    self.answer(outer.behave(request, number))
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                finally:
                    with outer._lock:
                        outer.active -= 1

            def answer(self, made):
                if made == "cut":  # promises more than it sends
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"choices": [')
                    self.close_connection = True
                    return
                status, body, headers = made
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def hostile(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    server = Hostile()
    yield server
    server.stop()


@pytest.fixture
def tools_llm():
    class Tools:
        question = staticmethod(question)
        completion = staticmethod(completion)
        schema = SCHEMA
        secret = SECRET
        sleep = staticmethod(time.sleep)

    return Tools
