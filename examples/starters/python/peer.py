"""A peer that answers, and nothing more: chapter 0 of the course. Python 3.11, no packages."""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = f"Bearer {os.environ['PEER_CONTROL_TOKEN']}"

# What the lab may ask for, by name: functions that take the fields of the request, and return the answer.
VERBS = {}


class Control(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open

    def do_GET(self):
        self.answer(200 if self.path == "/healthz" else 404, {})

    def do_POST(self):
        asked = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("authorization") != TOKEN:
            return self.refuse(401, "unauthorized", "the token is missing or wrong")
        verb = VERBS.get(self.path.removeprefix("/control/"))
        if not verb:
            return self.refuse(404, "no-such-route", f"this peer has no {self.path} yet")
        try:
            return self.answer(200, verb(**json.loads(asked or b"{}")))
        except Exception as error:
            return self.refuse(500, "internal", repr(error))

    def refuse(self, status, code, message):
        self.answer(status, {"error": {"code": code, "message": message}})

    def answer(self, status, told):
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


control = ThreadingHTTPServer((os.environ["PEER_HOST"], int(os.environ["PEER_CONTROL_PORT"])), Control)
threading.Thread(target=control.serve_forever, daemon=True).start()
print(json.dumps({"level": 30, "msg": "it answers"}), flush=True)
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
over.wait()
sys.exit(0)
