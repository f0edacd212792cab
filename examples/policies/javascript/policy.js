// House rules: who enters, who sees which channel, who gets contact data, and when a channel is open.
// `settings.js` says what the settings mean. Nothing is remembered between calls but them.

import { isOpenAt, parse } from "./settings.js";

const CONTACT = ["email", "phone"];

let settings = parse("{}");

/** @type {import("./wardroom/policy.d.ts").Lifecycle} */
export const lifecycle = {
  configure(text) {
    // The message of what it throws is what the operator reads.
    settings = parse(text);
  },
};

/** @type {import("./wardroom/policy.d.ts").Admission} */
export const admission = {
  admit(request) {
    // Asked when somebody comes, and again when what is known of them changes.
    if (request.subject().attribute("suspended") !== "true") return;
    throw { code: "suspended", message: "You are suspended; ask an administrator." };
  },
};

/** @type {import("./wardroom/policy.d.ts").ChannelVisibility} */
export const channelVisibility = {
  audience(channel) {
    // No selector compares numbers, so that the server has to ask `decide`.
    if (channel.attribute("level") !== null) return { tag: "each" };
    const region = channel.attribute("region");
    if (region === null) return { tag: "everyone" };
    const sameRegion = { tag: "attribute", val: ["region", region] };
    const allRegions = { tag: "roles", val: settings.allRegionsRoles };
    return { tag: "only", val: anyOf(allOf(sameRegion), allOf(allRegions)) };
  },

  decide(channel, subjects) {
    const least = wholeNumber(channel.attribute("level") ?? "0");
    if (least === null) return subjects.map(() => false);
    const region = channel.attribute("region");
    return subjects.map((subject) => levelOf(subject) >= least && inRegion(subject, region));
  },
};

/** @type {import("./wardroom/policy.d.ts").Commands} */
export const commands = {
  authorize(command) {
    if (command.name() !== "select-channel") return null;
    const channel = command.channel();
    const hours = settings.regions.get(channel?.attribute("region"));
    if (!hours) return null;
    if (isOpenAt(hours, new Date())) return JSON.stringify({ openUntil: hours.to });
    const subject = command.subject();
    if (subject.isMemberOf(channel) || settings.anyHourRoles.includes(subject.role())) return null;
    const zone = `UTC${hours.utcOffset < 0 ? "" : "+"}${hours.utcOffset}`;
    throw {
      code: "outside-working-hours",
      message: `${channel.id()} is open from ${hours.from} to ${hours.to} (${zone})`,
    };
  },
};

/** @type {import("./wardroom/policy.d.ts").Events} */
export const events = {
  render(event) {
    const hides = ["user-joined", "user-updated"].includes(event.name());
    if (!hides || settings.hiddenFrom.length === 0) return { tag: "unchanged" };
    const payload = event.payload();
    const { user, ...rest } = JSON.parse(payload);
    if (!user || !CONTACT.some((field) => field in user)) return { tag: "unchanged" };
    for (const field of CONTACT) delete user[field];
    // People see their own contact data whatever their role.
    const subject = event.subject();
    const maySee = [noneOf({ tag: "roles", val: settings.hiddenFrom })];
    if (subject) maySee.push(allOf({ tag: "users", val: [subject.id()] }));
    return {
      tag: "split",
      val: [
        { to: anyOf(...maySee), payload },
        { to: anyOf(allOf()), payload: JSON.stringify({ ...rest, user }) },
      ],
    };
  },
};

function inRegion(subject, region) {
  if (region === null || subject.attribute("region") === region) return true;
  return settings.allRegionsRoles.includes(subject.role());
}

/** The level that somebody has; who has none that makes sense has the lowest. */
const levelOf = (subject) => wholeNumber(subject.attribute("level") ?? "") ?? 0;

/** A number of up to nine digits and nothing else. */
const wholeNumber = (text) => (/^[0-9]{1,9}$/.test(text) ? Number(text) : null);

const anyOf = (...any) => ({ any });
const allOf = (...all) => ({ all, none: [] });
const noneOf = (...none) => ({ all: [], none });
