// The log of everything that passes this tab's socket. Knows nothing of what it means.

import { element } from "./element.js";

/** Entries kept; older ones are dropped. */
const MAX_ENTRIES = 300;

const MARKS = { in: "↓ received", out: "↑ sent", ack: "↩ answered" };

export class Log {
  #list;

  constructor(list, clear) {
    this.#list = list;
    clear.addEventListener("click", () => list.replaceChildren());
  }

  /** Adds an entry on top. `direction` is `in`, `out` or `ack`. */
  add(direction, name, data) {
    const shown = direction === "out" ? withoutToken(data) : data;
    const [mark, word] = MARKS[direction].split(" ");
    const line = shown === undefined ? "" : JSON.stringify(shown);
    const failed = name.startsWith("socket-api-error") || data?.ok === false;
    const head = element("summary", {},
      element("time", {}, new Date().toISOString().slice(11, 23)),
      element("span", { class: "mark", "aria-hidden": true }, mark),
      element("span", { class: "unseen" }, ` ${word} `),
      element("b", {}, name),
      element("code", {}, line));
    const whole = element("pre", {}, shown === undefined ? "no data" : JSON.stringify(shown, null, 2));
    const entry = element("li", { "data-direction": direction, "data-event": name, "data-failed": failed },
      element("details", {}, head, whole));
    this.#list.prepend(entry);
    while (this.#list.children.length > MAX_ENTRIES) this.#list.lastElementChild.remove();
  }
}

// A screen is shared and photographed; a token lets its reader in.
function withoutToken(data) {
  return data?.token === undefined ? data : { ...data, token: "…" };
}
