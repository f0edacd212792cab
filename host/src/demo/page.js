// The demo page: who this tab is, and its parts wired together.

import { Backend } from "./backend.js";
import { element, set, text } from "./element.js";
import { Link } from "./link.js";
import { Log } from "./log.js";
import { Room, nameOf } from "./room.js";
import { View } from "./view.js";

const PHASES = {
  connecting: "connecting",
  authenticating: "authenticating",
  live: "live",
  lost: "connection lost, coming back",
  closed: "closed",
};

const $ = (id) => document.getElementById(id);

// `#user=ann` is one of the demo's users; `#token=…&workspace=…` is anybody.
const wanted = new URLSearchParams(location.hash.slice(1));
addEventListener("hashchange", () => location.reload());

async function demoUsers() {
  const response = await fetch("/demo/users.json");
  if (!response.ok) throw new Error("this server has no demo users");
  return response.json();
}

/** What to authenticate with; asked each time, for a server started anew takes new tokens. */
async function identity() {
  if (wanted.has("token")) {
    return { token: wanted.get("token"), workspaceId: wanted.get("workspace") ?? "demo" };
  }
  const { workspace, users } = await demoUsers();
  const user = users.find((one) => one.id === wanted.get("user"));
  if (!user) throw new Error(`there is no demo user "${wanted.get("user")}"`);
  return { token: user.token, workspaceId: workspace };
}

function notice(message, { again = false } = {}) {
  $("notice").hidden = false;
  $("again").hidden = !again;
  $("dismiss").hidden = again;
  text($("notice-text"), message);
}

function clearNotice() {
  $("notice").hidden = true;
  text($("notice-text"), "");
}

async function choose() {
  const { workspace, users } = await demoUsers();
  text($("where"), `workspace ${workspace}`);
  set($("phase"), { hidden: true });
  $("chooser").hidden = false;
  $("users").append(...users.map((user) => element("li", {},
    element("a", { href: `/demo#user=${encodeURIComponent(user.id)}` }, user.name))));
}

async function offerOtherTabs(me) {
  if ($("others").hasChildNodes()) return;
  const { users } = await demoUsers();
  const others = users.filter((user) => user.id !== me);
  $("others").replaceChildren(...others.map((user) => element("a", {
    href: `/demo#user=${encodeURIComponent(user.id)}`,
    target: "_blank",
    rel: "noopener",
  }, `Open a tab as ${user.name} ↗`)));
}

function enter() {
  const room = new Room();
  const log = new Log($("log"), $("clear"));
  let live = false;

  const link = new Link(
    async () => {
      const found = await identity();
      text($("where"), `workspace ${found.workspaceId}`);
      return found;
    },
    {
      phase(name, reason) {
        live = name === "live";
        set($("phase"), { "data-phase": name, title: reason });
        text($("phase"), PHASES[name]);
        if (name === "closed") notice(reason, { again: true });
        draw();
      },
      welcome(userId) {
        room.me = userId;
        clearNotice();
        $("room").hidden = false;
        // A page opened with a token alone works without demo users.
        offerOtherTabs(userId).catch(() => {});
        backend.refresh();
      },
      state(answer) {
        room.replace(answer);
        draw();
      },
      event(name, data) {
        log.add("in", name, data);
        if (name === "socket-api-error") {
          notice(`${data.event}: ${data.message} (${data.code})`);
          if (data.code === "selected-on-another-device") room.elsewhere = true;
        }
        if (room.apply(name, data)) link.refresh();
        if (name === "channel-created" || name === "channel-deleted") backend.refresh();
        draw();
      },
      sent: (name, data) => log.add("out", name, data),
      answered: (name, answer) => log.add("ack", name, answer),
    },
  );

  const view = new View(room, {
    async select(channelId) {
      const answer = await link.send("select-channel", { channelId });
      if (answer?.ok) room.elsewhere = false;
      draw();
    },
    unselect: () => link.send("unselect-channel", {}),
    media: (patch) => link.send("update-media-state", { userMediaState: patch }),
    async status(onlineStatus) {
      const answer = await link.send("update-online-status", { onlineStatus });
      if (answer?.ok) link.status = onlineStatus;
      draw();
    },
  });

  const backend = new Backend(room, notice, () => {
    backend.refresh();
    link.refresh();
  });

  function draw() {
    view.draw(live, link.status);
    backend.draw();
    const me = room.myself();
    if (me) {
      text($("you-title"), nameOf(me.user));
      document.title = `${nameOf(me.user)} – Wardroom demo`;
    }
  }

  $("dismiss").addEventListener("click", clearNotice);
  $("again").addEventListener("click", () => {
    clearNotice();
    link.reopen();
  });
  link.open();
}

if (wanted.has("token") || wanted.has("user")) enter();
else choose().catch((error) => notice(error.message));
