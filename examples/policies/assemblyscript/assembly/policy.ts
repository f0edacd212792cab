// House rules: who enters, who sees which channel, who gets contact data, and when a channel is open.
// `settings.ts` says what the settings mean. Nothing is remembered between calls but them.

import { Json } from "../wardroom/json";
import {
  Channel,
  Clause,
  Command,
  Denial,
  Event,
  now,
  Rendering,
  Rendition,
  Request,
  Rule,
  Selector,
  Subject,
  Test,
  Verdict,
} from "../wardroom/policy";
import { Settings, SettingsReader } from "./settings";

const CONTACT = ["email", "phone"];

/** Higher than any level, so that nobody has it. */
const NO_LEVEL = 1_000_000_000;

let settings = new Settings();

/** What it returns is what the operator reads; null is a yes. */
export function configure(text: string): string | null {
  const reader = new SettingsReader();
  settings = reader.read(text);
  return reader.wrong;
}

/** What it returns keeps them out, or puts them out; null is a yes. */
export function admit(request: Request): Denial | null {
  // Asked when somebody comes, and again when what is known of them changes.
  const suspended = request.subject().attribute("suspended");
  if (suspended === null || suspended != "true") return null;
  return new Denial("suspended", "You are suspended; ask an administrator.");
}

export function audience(channel: Channel): Rule {
  // No selector compares numbers, so that the server has to ask `decide`.
  if (channel.attribute("level") !== null) return Rule.each();
  const region = channel.attribute("region");
  if (region === null) return Rule.everyone();
  const sameRegion = Clause.allOf([Test.attribute("region", region)]);
  const allRegions = Clause.allOf([Test.roles(settings.allRegionsRoles)]);
  return Rule.only(new Selector([sameRegion, allRegions]));
}

export function decide(channel: Channel, subjects: Subject[]): bool[] {
  const least = wholeNumber(channel.attribute("level"), 0, NO_LEVEL);
  const region = channel.attribute("region");
  const answers = new Array<bool>(subjects.length);
  for (let at = 0; at < subjects.length; at++) {
    answers[at] = levelOf(subjects[at]) >= least && isInRegion(subjects[at], region);
  }
  return answers;
}

export function authorize(command: Command): Verdict {
  const channel = command.name() == "select-channel" ? command.channel() : null;
  if (channel === null) return Verdict.allow();
  const region = channel.attribute("region");
  if (region === null || !settings.regions.has(region)) return Verdict.allow();
  const hours = settings.regions.get(region);
  if (hours.areOpenAt(now())) return Verdict.allowWith(`{"openUntil":${hours.to}}`);
  const subject = command.subject();
  const anyHour = isOneOf(settings.anyHourRoles, subject.role());
  if (anyHour || subject.isMemberOf(channel)) return Verdict.allow();
  const zone = `UTC${hours.utcOffset < 0 ? "" : "+"}${hours.utcOffset}`;
  const message = `${channel.id()} is open from ${hours.from} to ${hours.to} (${zone})`;
  return Verdict.deny("outside-working-hours", message);
}

export function render(event: Event): Rendering {
  const name = event.name();
  const hides = name == "user-joined" || name == "user-updated";
  if (!hides || settings.hiddenFrom.length === 0) return Rendering.unchanged();
  const payload = event.payload();
  const redacted = Json.parse(payload);
  const user = redacted.get("user");
  if (user === null) return Rendering.unchanged();
  let found = false;
  for (let at = 0; at < CONTACT.length; at++) found = user.delete(CONTACT[at]) || found;
  if (!found) return Rendering.unchanged();
  // People see their own contact data whatever their role.
  const maySee = [Clause.noneOf([Test.roles(settings.hiddenFrom)])];
  const subject = event.subject();
  if (subject !== null) maySee.push(Clause.allOf([Test.users([subject.id()])]));
  return Rendering.split([
    new Rendition(new Selector(maySee), payload),
    new Rendition(new Selector([Clause.everybody()]), redacted.toString()),
  ]);
}

function isInRegion(subject: Subject, region: string | null): bool {
  if (region === null) return true;
  const own = subject.attribute("region");
  if (own !== null && own == region) return true;
  return isOneOf(settings.allRegionsRoles, subject.role());
}

function isOneOf(roles: string[], role: string | null): bool {
  return role !== null && roles.includes(role);
}

/** The level that somebody has; who has none that makes sense has the lowest. */
function levelOf(subject: Subject): i32 {
  return wholeNumber(subject.attribute("level"), 0, 0);
}

/** A number of up to nine digits and nothing else; what else it may be is given. */
function wholeNumber(text: string | null, ifNull: i32, otherwise: i32): i32 {
  if (text === null) return ifNull;
  if (text.length === 0 || text.length > 9) return otherwise;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || 9 < digit) return otherwise;
  }
  return I32.parseInt(text);
}
