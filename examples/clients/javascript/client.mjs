import { io } from "socket.io-client";

let prevSocketId; // of the connection before this one: names what this one takes over

const socket = io(process.env.SERVER ?? "http://127.0.0.1:7800", {
  // A function: it is called for every connection, so that each one gets a fresh token.
  auth: (send) => send({ token: process.env.TOKEN, workspaceId: "demo", prevSocketId }),
});

socket.onAny((event, data) => console.log(event, data));
socket.on("auth-success", () => {
  prevSocketId = socket.id;
  socket.emit("get-state", {}, (state) => console.log("state", state));
});
socket.emit("select-channel", { channelId: "general", userMediaState: { microphone: true } });
