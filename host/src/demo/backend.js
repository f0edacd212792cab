// The part that plays the application's backend: every channel, and the steps that change the
// directory. Exists in development mode only; a client of Wardroom has nothing like it.

import { draw, element, icon, keyed, set, text } from "./element.js";
import { nameOf } from "./room.js";

const $ = (id) => document.getElementById(id);

export class Backend {
  #room;
  #failed;
  #changed;
  #channels = [];
  // Other tabs of this browser are told, because some steps cause no event: a channel that
  // becomes private for those who still see it.
  #tabs = new BroadcastChannel("wardroom-demo");

  /** `failed(message)` is told what went wrong; `changed()` that the directory changed. */
  constructor(room, failed, changed) {
    this.#room = room;
    this.#failed = failed;
    this.#changed = changed;
    this.#tabs.onmessage = () => changed();
    $("directory").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.#press(button, button.closest("li[data-channel]").dataset.channel);
    });
    $("add").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add(event.target);
    });
  }

  /** Reads the directory again. Where there is none, the whole part stays hidden. */
  async refresh() {
    const response = await fetch("/demo/directory.json").catch(() => null);
    $("backend").hidden = !response?.ok;
    if (!response?.ok) return;
    this.#channels = (await response.json()).channels;
    this.draw();
  }

  draw() {
    keyed($("directory"), this.#channels, (channel) => channel.channelId, makeChannel,
      (row, channel) => this.#channel(row, channel));
  }

  #channel(row, channel) {
    const { channelId, members } = channel;
    const [head, people] = row.children;
    const [sign, name, toggle, remove] = head.children;
    set(row, { "data-channel": channelId, "data-private": String(channel.private) });
    draw(sign, channel.private ? "private" : "public");
    text(name, channelId);
    text(toggle, channel.private ? "Make public" : "Make private");
    set(toggle, { "aria-label": `${toggle.textContent}: ${channelId}` });
    set(remove, { "aria-label": `Delete ${channelId}` });
    people.hidden = !channel.private;
    const everybody = this.#room.everybody().map((person) => person.user);
    keyed(people, everybody, (user) => user.id, makeMember, (button, user) => {
      const member = members.includes(user.id);
      set(button, {
        "data-user": user.id,
        "aria-pressed": String(member),
        "aria-label": `${nameOf(user)} is ${member ? "" : "not "}a member of ${channelId}`,
        title: member ? "Uninvite" : "Invite",
      });
      text(button, `${member ? "✓" : "+"} ${nameOf(user)}`);
    });
  }

  #press(button, channelId) {
    const channel = this.#channels.find((other) => other.channelId === channelId);
    const { does, user: userId } = button.dataset;
    if (does === "delete") return this.#run(["delete-channel", { channelId }]);
    if (does === "toggle") {
      const hide = ["set-private", { channelId, private: !channel.private }];
      // A private channel without members is seen by nobody; whoever presses keeps it.
      const lonely = !channel.private && channel.members.length === 0;
      const keep = ["invite", { channelId, userId: this.#room.me }];
      return lonely ? this.#run(keep, hide) : this.#run(hide);
    }
    const member = channel.members.includes(userId);
    return this.#run([member ? "uninvite" : "invite", { channelId, userId }]);
  }

  async #add(form) {
    const channelId = form.elements.id.value.trim();
    const secret = form.elements.private.checked;
    const members = secret ? [this.#room.me] : [];
    if (await this.#run(["add-channel", { channelId, private: secret, members }])) form.reset();
  }

  async #run(...steps) {
    for (const [name, body] of steps) {
      const failure = await act(name, body);
      if (failure) {
        this.#failed(`${name}: ${failure}`);
        return false;
      }
    }
    this.#tabs.postMessage("directory");
    this.#changed();
    return true;
  }
}

/** Does one step. Resolves to what went wrong, or to nothing. */
async function act(name, body) {
  try {
    const response = await fetch(`/demo/actions/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (response.ok) return null;
    const { code, message, detail } = await response.json();
    return `${message ?? detail} (${code})`;
  } catch (error) {
    return error.message;
  }
}

function makeChannel() {
  return element("li", {},
    element("div", { class: "head" },
      icon("public"), element("h3"),
      element("button", { type: "button", "data-does": "toggle" }),
      element("button", { type: "button", "data-does": "delete", class: "quiet" }, "Delete")),
    element("div", { class: "members", role: "group", "aria-label": "Members" }));
}

function makeMember() {
  return element("button", { type: "button", "data-does": "member" });
}
