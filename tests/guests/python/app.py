"""Tries everything of the world that Python's library reaches for.

Each command names one thing, and the grant says what came of it.
"""

import json
import os
import random
import secrets
import socket
import sys
import time
import urllib.request
import uuid

from wit_world import exports
from wit_world.imports.context import Command

HOUR = 3600.0


class Commands(exports.Commands):
    def authorize(self, command: Command) -> str | None:
        name = command.name()
        look = LOOKS.get(name, lambda: "nothing")
        return json.dumps({"saw": look()})


def outcome(attempt) -> str:
    """How something ended: `done`, or what kind of error it raised."""
    try:
        attempt()
    except Exception as error:
        return type(error).__name__
    return "done"


def read_file() -> str:
    return outcome(lambda: open("/etc/passwd").read())


def write_file() -> str:
    return outcome(lambda: open("/tmp/policy", "w").write("x"))


def list_root() -> str:
    return outcome(lambda: os.listdir("/"))


def environment() -> str:
    return f"{sorted(os.environ)} {os.environ.get('HOME')} {os.getenv('PATH')}"


def connect() -> str:
    def attempt() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect(("127.0.0.1", 1))

    return outcome(attempt)


def listen() -> str:
    def attempt() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
            server.bind(("127.0.0.1", 0))

    return outcome(attempt)


def resolve() -> str:
    return outcome(lambda: socket.getaddrinfo("localhost", 80))


def fetch() -> str:
    return outcome(lambda: urllib.request.urlopen("http://127.0.0.1:1/"))


def run() -> str:
    return outcome(lambda: os.system("true")) if hasattr(os, "system") else "AttributeError"


def clock() -> str:
    return f"{time.time_ns()} {time.monotonic_ns() == time.monotonic_ns()}"


def sleep() -> str:
    before = time.monotonic_ns()
    time.sleep(HOUR)
    return str(time.monotonic_ns() - before)


def chance() -> str:
    fresh = random.Random(os.urandom(8)).random()
    return f"{os.urandom(4).hex()} {secrets.token_hex(4)} {uuid.uuid4()} {fresh}"


def standard_input() -> str:
    return repr(sys.stdin.read())


def say() -> str:
    print("to standard output")
    print("to standard error", file=sys.stderr)
    sys.stdout.flush()
    return "printed"


def say_much() -> str:
    for _ in range(100):
        print("x" * 1000)
    sys.stdout.flush()
    return "printed"


def leave() -> str:
    os._exit(3)
    return "stayed"


LOOKS = {
    "read-file": read_file,
    "write-file": write_file,
    "list-root": list_root,
    "environment": environment,
    "connect": connect,
    "listen": listen,
    "resolve": resolve,
    "fetch": fetch,
    "run": run,
    "clock": clock,
    "sleep": sleep,
    "random": chance,
    "input": standard_input,
    "print": say,
    "print-much": say_much,
    "exit": leave,
}
