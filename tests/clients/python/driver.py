"""Drives one stock python-socketio client for the end-to-end tests; it must not know what the events mean.

It speaks the same JSON lines as ../js/driver.js. `options` may hold `transports` and `auth`.
"""

import asyncio
import json
import sys

import socketio

client = socketio.AsyncClient(reconnection=False)


def report(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def argument(value):
    if isinstance(value, dict) and isinstance(value.get("$bytes"), str):
        return bytes.fromhex(value["$bytes"])
    return value


@client.event
async def connect():
    report({"is": "transport", "name": client.transport()})
    report({"is": "connect", "id": client.get_sid()})


@client.event
async def disconnect(reason):
    report({"is": "disconnect", "reason": str(reason)})


@client.event
async def connect_error(data):
    message = data.get("message") if isinstance(data, dict) else data
    report({"is": "connect_error", "message": str(message)})


@client.on("*")
async def any_event(event, *args):
    report({"is": "event", "event": event, "args": list(args)})


async def do_connect(command):
    options = dict(command["options"])
    # Socket.IO for JavaScript connects in the background and reports a failure as an event.
    try:
        await client.connect(command["url"], wait_timeout=10, **options)
    except socketio.exceptions.ConnectionError:
        return
    # This client holds nothing back until it is connected; "at once" is right after that.
    for event, data in command.get("first", []):
        await client.emit(event, data)


async def do_emit(command):
    values = tuple(argument(value) for value in command["args"])
    ack = command.get("ack")
    answered = None
    if ack is not None:
        answered = lambda *answer: report({"is": "ack", "ack": ack, "args": list(answer)})
    await client.emit(command["event"], values, callback=answered)


async def do_disconnect(_command):
    await client.disconnect()


async def main():
    commands = {"connect": do_connect, "emit": do_emit, "disconnect": do_disconnect}
    reader = asyncio.StreamReader(limit=16 * 1024 * 1024)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        await commands[command["do"]](command)


asyncio.run(main())
