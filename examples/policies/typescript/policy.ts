// House rules: who enters, who sees which channel, who gets contact data, and when a channel is open.
// `settings.ts` says what the settings mean. Nothing is remembered between calls but them.

import { isOpenAt, parse, type Settings } from "./settings.ts";
import type {
  Admission,
  ChannelVisibility,
  Clause,
  Commands,
  Denial,
  Events,
  Lifecycle,
  Selector,
  Subject,
  Test,
} from "./wardroom/policy.d.ts";

const CONTACT = ["email", "phone"];

let settings: Settings = parse("{}");

export const lifecycle: Lifecycle = {
  configure(text) {
    // The message of what it throws is what the operator reads.
    settings = parse(text);
  },
};

export const admission: Admission = {
  admit(request) {
    // Asked when somebody comes, and again when what is known of them changes.
    if (request.subject().attribute("suspended") !== "true") return;
    const denial: Denial = {
      code: "suspended",
      message: "You are suspended; ask an administrator.",
    };
    throw denial;
  },
};

export const channelVisibility: ChannelVisibility = {
  audience(channel) {
    // No selector compares numbers, so that the server has to ask `decide`.
    if (channel.attribute("level") !== null) return { tag: "each" };
    const region = channel.attribute("region");
    if (region === null) return { tag: "everyone" };
    const sameRegion: Test = { tag: "attribute", val: ["region", region] };
    const allRegions: Test = { tag: "roles", val: settings.allRegionsRoles };
    return { tag: "only", val: anyOf(allOf(sameRegion), allOf(allRegions)) };
  },

  decide(channel, subjects) {
    const least = wholeNumber(channel.attribute("level") ?? "0");
    if (least === null) return subjects.map(() => false);
    const region = channel.attribute("region");
    return subjects.map((subject) => levelOf(subject) >= least && inRegion(subject, region));
  },
};

export const commands: Commands = {
  authorize(command) {
    const channel = command.name() === "select-channel" ? command.channel() : null;
    const hours = settings.regions.get(channel?.attribute("region") ?? "");
    if (!channel || !hours) return null;
    if (isOpenAt(hours, new Date())) return JSON.stringify({ openUntil: hours.to });
    const subject = command.subject();
    const role = subject.role();
    const anyHour = role !== null && settings.anyHourRoles.includes(role);
    if (anyHour || subject.isMemberOf(channel)) return null;
    const zone = `UTC${hours.utcOffset < 0 ? "" : "+"}${hours.utcOffset}`;
    const denial: Denial = {
      code: "outside-working-hours",
      message: `${channel.id()} is open from ${hours.from} to ${hours.to} (${zone})`,
    };
    throw denial;
  },
};

export const events: Events = {
  render(event) {
    const hides = ["user-joined", "user-updated"].includes(event.name());
    if (!hides || settings.hiddenFrom.length === 0) return { tag: "unchanged" };
    const payload = event.payload();
    const { user, ...rest } = JSON.parse(payload) as { user?: Record<string, unknown> | null };
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

function inRegion(subject: Subject, region: string | null): boolean {
  if (region === null || subject.attribute("region") === region) return true;
  const role = subject.role();
  return role !== null && settings.allRegionsRoles.includes(role);
}

/** The level that somebody has; who has none that makes sense has the lowest. */
const levelOf = (subject: Subject): number => wholeNumber(subject.attribute("level") ?? "") ?? 0;

/** A number of up to nine digits and nothing else. */
const wholeNumber = (text: string): number | null => (/^[0-9]{1,9}$/.test(text) ? Number(text) : null);

const anyOf = (...any: Clause[]): Selector => ({ any });
const allOf = (...all: Test[]): Clause => ({ all, none: [] });
const noneOf = (...none: Test[]): Clause => ({ all: [], none });
