// Draws the room: people, channels and this user's own controls. Decides nothing: what is shown
// changes only when the server says so.

import { draw, element, icon, keyed, set, text } from "./element.js";
import { QUIET, nameOf } from "./room.js";

const MEDIA = {
  microphone: "Microphone",
  camera: "Camera",
  screen: "Screen",
  speakers: "Speakers",
  speaking: "Speaking",
};

const $ = (id) => document.getElementById(id);

export class View {
  #room;

  /** `actions`: `select(channelId)`, `unselect()`, `media(patch)`, `status(name)`. */
  constructor(room, actions) {
    this.#room = room;
    $("status").addEventListener("change", (event) => actions.status(event.target.value));
    $("move").addEventListener("click", () => actions.select(room.myself().channelId));
    $("media").append(...Object.entries(MEDIA).map(([key, label]) =>
      element("button", { type: "button", "data-media": key, "aria-pressed": "false" },
        icon(key), element("span", {}, label))));
    $("media").addEventListener("click", (event) => {
      const key = event.target.closest("button")?.dataset.media;
      if (key) actions.media({ [key]: !room.myself().media[key] });
    });
    $("channels").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const { key } = button.closest("li").dataset;
      if (this.#mine() === key) actions.unselect();
      else actions.select(key);
    });
  }

  /** Draws everything. `live` tells whether the socket can be used; `status` is what it asks for. */
  draw(live, status) {
    const room = this.#room;
    set($("room"), { "data-live": live ? "yes" : "no" });
    this.#drawYou(live, status);
    const people = room.everybody();
    const there = people.filter((person) => person.onlineStatus !== "offline").length;
    text($("people-count"), `${there} of ${people.length}`);
    keyed($("people"), people, (p) => p.user.id, makePerson, (row, person) => this.#person(row, person));
    const channels = [...room.channels.values()].sort((a, b) => a.channelId.localeCompare(b.channelId));
    text($("channels-count"), String(channels.length));
    keyed($("channels"), channels, (c) => c.channelId, makeChannel,
      (row, channel) => this.#channel(row, channel, live));
  }

  #mine() {
    return this.#room.myself()?.channelId ?? null;
  }

  #drawYou(live, status) {
    const channelId = this.#mine();
    const elsewhere = channelId !== null && this.#room.elsewhere;
    for (const input of $("status").querySelectorAll("input")) {
      input.checked = input.value === status;
      input.disabled = !live;
    }
    text($("conversation"), channelId === null
      ? "Join a channel to use your devices."
      : `In ${channelId}${elsewhere ? ", on another of your devices." : "."}`);
    $("move").hidden = !elsewhere;
    $("move").disabled = !live;
    const media = this.#room.myself()?.media ?? QUIET;
    for (const button of $("media").children) {
      const { media: key } = button.dataset;
      const on = channelId !== null && Boolean(media[key]);
      set(button, { "aria-pressed": String(on) });
      button.disabled = !live || channelId === null || elsewhere;
      draw(button.firstChild, drawing(key, on));
    }
  }

  #person(row, person) {
    const [face, name, place] = row.children;
    const mine = person.user.id === this.#room.me;
    set(row, { "data-user": person.user.id, "data-status": person.onlineStatus });
    dress(face, person);
    text(name.firstChild, nameOf(person.user) + (mine ? " (you)" : ""));
    text(name.lastChild, person.onlineStatus);
    text(place, person.channelId ?? "");
  }

  #channel(row, channel, live) {
    const here = this.#mine() === channel.channelId;
    const [head, occupants] = row.children;
    const [sign, name, badge, button] = head.children;
    set(row, { "data-channel": channel.channelId, "data-private": String(channel.private), "data-here": here });
    draw(sign, channel.private ? "private" : "public");
    text(name, channel.channelId);
    badge.hidden = !channel.private;
    text(button, here ? "Leave" : "Join");
    set(button, { "aria-label": `${here ? "Leave" : "Join"} ${channel.channelId}`, class: here ? "" : "main" });
    button.disabled = !live;
    keyed(occupants, this.#room.occupants(channel.channelId), (p) => p.user.id, makeOccupant, drawOccupant);
  }
}

function makePerson() {
  return element("li", {},
    element("span", { class: "face", "aria-hidden": true }),
    element("span", { class: "name" }, element("b"), element("small")),
    element("span", { class: "place" }));
}

function makeChannel() {
  return element("li", {},
    element("div", { class: "head" },
      icon("public"), element("h3"), element("span", { class: "badge" }, "private"),
      element("button", { type: "button" })),
    element("ul", { class: "occupants" }));
}

function makeOccupant() {
  return element("li", {},
    element("span", { class: "face", "aria-hidden": true }),
    element("b"),
    ...Object.keys(MEDIA).filter((key) => key !== "speaking").map((key) => icon(key)),
    element("span", { class: "unseen" }));
}

function drawOccupant(row, person) {
  const [face, name, ...rest] = row.children;
  const words = rest.pop();
  const media = person.media;
  set(row, { "data-user": person.user.id });
  for (const key of Object.keys(MEDIA)) set(row, { [`data-${key}`]: String(Boolean(media[key])) });
  dress(face, person);
  text(name, nameOf(person.user));
  // What is as usual is not drawn: a microphone always, the rest only when it differs.
  const worth = { microphone: true, camera: media.camera, screen: media.screen, speakers: !media.speakers };
  Object.entries(worth).forEach(([key, shown], at) => {
    set(rest[at], { class: shown ? "icon" : "icon none", "data-on": media[key] ? "yes" : "no" });
    draw(rest[at], drawing(key, Boolean(media[key])));
  });
  text(words, Object.entries(MEDIA).map(([key, label]) => `, ${label.toLowerCase()} ${media[key] ? "on" : "off"}`).join(""));
}

function drawing(key, on) {
  return !on && (key === "microphone" || key === "speakers") ? `${key}-off` : key;
}

/** A face: the first letter, in one of eight colours that an id always gets again. */
function dress(face, person) {
  text(face, [...nameOf(person.user)][0].toUpperCase());
  const colour = [...person.user.id].reduce((total, letter) => (total * 5 + letter.codePointAt(0)) % 8, 0);
  set(face, { "data-colour": colour, "data-status": person.onlineStatus });
}
