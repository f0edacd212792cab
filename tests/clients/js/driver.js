// Drives one stock Socket.IO client for the end-to-end tests; it must not know what the events mean.
//
// Commands come as JSON lines on standard input, what the client reports goes as JSON lines to
// standard output, in the order in which the client reported it:
//
//   {"do": "connect", "url", "options", "first": [[event, data], ...]}
//   {"do": "emit", "event", "args": [...], "ack": 7}     without "ack" no acknowledgement is asked
//   {"do": "disconnect"}
//
//   {"is": "connect", "id"} {"is": "disconnect", "reason"} {"is": "connect_error", "message"}
//   {"is": "transport", "name"} {"is": "event", "event", "args"} {"is": "ack", "ack", "args"}
//
// An argument {"$bytes": "hex"} is sent as a binary. The process ends with its standard input.

"use strict";

const readline = require("node:readline");

const generation = process.argv[2];
const io = require(`socket.io-client-${generation}`);

let socket;

function report(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

function argument(value) {
  return value !== null && typeof value === "object" && typeof value.$bytes === "string"
    ? Buffer.from(value.$bytes, "hex")
    : value;
}

// Generation 2 has no way to hear every event; all generations hand each one to this method.
function hearEverything() {
  const deliver = socket.onevent;
  socket.onevent = function (packet) {
    const [event, ...args] = packet.data;
    report({ is: "event", event, args });
    return deliver.call(this, packet);
  };
}

function connect({ url, options, first }) {
  socket = io(url, { forceNew: true, reconnection: false, ...options });
  hearEverything();
  const manager = socket.io;
  const watchTransport = () => {
    report({ is: "transport", name: manager.engine.transport.name });
    manager.engine.on("upgrade", (transport) => report({ is: "transport", name: transport.name }));
  };
  // Generation 2 reports "open" on the manager as well.
  manager.on("open", watchTransport);
  socket.on("connect", () => report({ is: "connect", id: socket.id }));
  socket.on("disconnect", (reason) => report({ is: "disconnect", reason }));
  const failed = (error) => report({ is: "connect_error", message: String(error?.message ?? error) });
  socket.on("connect_error", failed);
  if (generation === "2") socket.on("error", failed);
  for (const [event, data] of first ?? []) socket.emit(event, data);
}

function emit({ event, args, ack }) {
  const values = args.map(argument);
  if (ack === undefined) socket.emit(event, ...values);
  else socket.emit(event, ...values, (...answer) => report({ is: "ack", ack, args: answer }));
}

const commands = { connect, emit, disconnect: () => socket.disconnect() };

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
