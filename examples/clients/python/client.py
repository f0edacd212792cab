"""A client of Wardroom that lives through lost connections and restarts of the server.

    pip install 'python-socketio[asyncio_client]'
    TOKEN=... python client.py
"""

import asyncio
import os

import socketio

client = socketio.AsyncClient()
previous = {}  # the id of the connection before this one: names what this one takes over


# A function: it is called for every connection, so that each one gets a fresh token.
def credentials():
    return {"token": os.environ["TOKEN"], "workspaceId": "demo", **previous}


@client.on("*")
async def event(name, data):
    print(name, data, flush=True)


@client.on("auth-success")
async def entered(data):
    print("auth-success", data, flush=True)
    previous["prevSocketId"] = client.get_sid()
    state = await client.call("get-state", {})
    print("state", state, flush=True)


async def main():
    server = os.environ.get("SERVER", "http://127.0.0.1:7800")
    await client.connect(server, auth=credentials, retry=True)
    await client.emit("select-channel", {"channelId": "general"})
    await client.wait()


asyncio.run(main())
