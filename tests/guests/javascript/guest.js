// Says what a script can see of the world. Each channel id names one thing; the answer is `only`
// those whose attribute `seen` is what was seen, so that the test reads it there.

import environment from "wasi:cli/environment@0.2.12";
import preopens from "wasi:filesystem/preopens@0.2.12";
import randomness from "wasi:random/random@0.2.12";
import sockets from "wasi:sockets/tcp-create-socket@0.2.12";

/** What browsers, Node and QuickJS's own shell would have. */
const FOREIGN =
  "fetch XMLHttpRequest WebSocket Worker process require Deno Bun std os print load setTimeout scriptArgs";

let kept;

const sights = {
  time() {
    const before = [Date.now(), performance.now()];
    for (let turns = 0; turns < 10_000; turns++) String(turns);
    const stoodStill = before[0] === Date.now() && before[1] === performance.now();
    return [new Date().toISOString(), new Date().getTimezoneOffset(), stoodStill];
  },
  random: () => [Math.random(), Math.random(), ...randomness.getRandomBytes(8)],
  environment: () => [
    environment.getEnvironment(),
    environment.getArguments(),
    environment.initialCwd(),
  ],
  files: () => preopens.getDirectories(),
  network() {
    try {
      return sockets.createTcpSocket("ipv4");
    } catch (error) {
      return error.payload;
    }
  },
  foreign: () => FOREIGN.split(" ").filter((name) => name in globalThis),
  // What is lent must be of no use afterwards.
  keep(channel) {
    const former = kept;
    kept = channel;
    try {
      return [former?.id()];
    } catch (error) {
      return [error.message];
    }
  },
  print() {
    for (let line = 0; line < 1_000; line++) console.warn("a line of the script", line);
    return [];
  },
  promise: () => Promise.resolve([]),
  error: () => {
    throw new RangeError("thrown by the script");
  },
};

export const channelVisibility = {
  audience(channel) {
    const sight = sights[channel.id()];
    if (!sight) return { tag: "everyone" };
    const seen = sight(channel);
    if (seen instanceof Promise) return seen;
    const test = { tag: "attribute", val: ["seen", JSON.stringify(seen)] };
    return { tag: "only", val: { any: [{ all: [test], none: [] }] } };
  },
  decide(_channel, subjects) {
    return subjects.map(() => false);
  },
};
