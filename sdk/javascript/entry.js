// What a server calls: the hooks of `policy.js`, each wrapped so that it gives back what it was
// lent however it ends, answers at once, and sees the same random numbers in every call.

import * as log from "wardroom:policy/log@1.0.0";
import * as policy from "./policy.js";

export const lifecycle = { configure: hook("lifecycle", "configure") };
export const admission = { admit: hook("admission", "admit") };
export const channelVisibility = {
  audience: hook("channelVisibility", "audience"),
  decide: hook("channelVisibility", "decide"),
};
export const commands = { authorize: hook("commands", "authorize") };
export const events = { render: hook("events", "render") };

/** A hook as the server calls it; what is lent to it is the first argument, if it is an object. */
function hook(name, method) {
  return (lent, ...rest) => {
    random = 0;
    try {
      if (!policy[name]?.[method]) throw new Error(`the policy must export ${name}.${method}`);
      const answer = policy[name][method](lent, ...rest);
      if (typeof answer?.then !== "function") return answer;
      throw new Error(`${name}.${method} must answer at once, and so cannot be async`);
    } catch (thrown) {
      // What is no denial ends the call, and its stack is what the author reads.
      if (thrown instanceof Error) thrown.stack = placed(thrown.stack);
      throw thrown;
    } finally {
      lent[Symbol.dispose]?.();
    }
  };
}

/** What the files that are run were made of; the build puts it in here. */
const positions = {};

/** A stack with the places of what its author wrote, as far as a source map tells them. */
function placed(stack) {
  const frames = (stack ?? "").split("\n").filter((frame) => !frame.includes("/build/entry.js"));
  const place = /(\/[^\s():]+):(\d+):(\d+)/;
  return frames.map((frame) => frame.replace(place, original)).join("\n");
}

function original(_, file, line, column) {
  const segments = (positions[file]?.lines[line - 1] || "").split(",").map((all) => all.split(" ").map(Number));
  const [, source, ownLine, ownColumn] = segments.findLast(([from]) => from <= column - 1) ?? [];
  if (ownLine === undefined) return `${file.slice(1)}:${line}:${column}`;
  return `${positions[file].sources[source]}:${ownLine + 1}:${ownColumn + 1}`;
}

let random = 0;

// Mulberry32. QuickJS would go on where the call before ended, from where the build began.
Math.random = () => {
  random = (random + 0x6d2b79f5) | 0;
  let mixed = Math.imul(random ^ (random >>> 15), random | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

// QuickJS has none. The lines go to the server's log.
globalThis.console = Object.fromEntries(
  [["debug"], ["log", "info"], ["info"], ["warn"], ["error"]].map(([name, level = name]) => [
    name,
    (...values) => log.write(level, values.map(shown).join(" ")),
  ]),
);

function shown(value) {
  if (typeof value === "string") return value;
  return value instanceof Error ? `${value}\n${placed(value.stack)}` : (JSON.stringify(value) ?? `${value}`);
}
