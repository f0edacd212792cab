// The settings of the policy: their form, their check, and what working hours mean.
// Knows nothing of the server.

import { Json } from "../wardroom/json";

const REGIONS = "regions";
const ALL_REGIONS_ROLES = "all_regions_roles";
const ANY_HOUR_ROLES = "any_hour_roles";
const HIDDEN_FROM = "hidden_from";

/** The working hours of a region, in its own time. They may go past midnight. */
export class Hours {
  constructor(
    public from: i32,
    public to: i32,
    public utcOffset: i32,
  ) {}

  areOpenAt(date: Date): bool {
    const hour = (date.getUTCHours() + this.utcOffset + 24) % 24;
    return this.from < this.to
      ? this.from <= hour && hour < this.to
      : this.from <= hour || hour < this.to;
  }
}

export class Settings {
  regions: Map<string, Hours> = new Map();
  allRegionsRoles: string[] = [];
  anyHourRoles: string[] = [];
  hiddenFrom: string[] = [];
}

/** Reads settings. There are no exceptions, so that what is wrong stands in `wrong` afterwards. */
export class SettingsReader {
  /** Names the setting that is wrong, and says what is right. */
  wrong: string | null = null;

  read(text: string): Settings {
    const settings = new Settings();
    const given = Json.parse(text);
    this.object("settings", given, [REGIONS, ALL_REGIONS_ROLES, ANY_HOUR_ROLES, HIDDEN_FROM]);
    settings.allRegionsRoles = this.roles(ALL_REGIONS_ROLES, given);
    settings.anyHourRoles = this.roles(ANY_HOUR_ROLES, given);
    settings.hiddenFrom = this.roles(HIDDEN_FROM, given);
    const regions = given.get(REGIONS);
    if (regions === null) return settings;
    this.object(REGIONS, regions, null);
    const names = regions.keys();
    for (let at = 0; at < names.length; at++) {
      const hours = this.hours(`${REGIONS}.${names[at]}`, regions.get(names[at])!);
      settings.regions.set(names[at], hours);
    }
    return settings;
  }

  private hours(name: string, given: Json): Hours {
    this.object(name, given, ["from", "to", "utc_offset"]);
    const from = this.wholeNumber(`${name}.from`, given.get("from"), 0, 23);
    const to = this.wholeNumber(`${name}.to`, given.get("to"), 1, 24);
    const offset = given.get("utc_offset");
    const hours = new Hours(from, to, 0);
    if (offset !== null) hours.utcOffset = this.wholeNumber(`${name}.utc_offset`, offset, -12, 14);
    if (from === to) this.refuse(name, "from and to must differ");
    return hours;
  }

  private wholeNumber(name: string, given: Json | null, least: i32, most: i32): i32 {
    if (given !== null && given.isWholeNumber()) {
      const number = given.wholeNumber();
      if (least <= number && number <= most) return number;
    }
    this.refuse(name, `must be a whole number from ${least} to ${most}`);
    return least;
  }

  private roles(name: string, settings: Json): string[] {
    const roles: string[] = [];
    const given = settings.get(name);
    if (given === null) return roles;
    if (!given.isList()) this.refuse(name, "must be a list of roles");
    const items = given.items();
    for (let at = 0; at < items.length; at++) {
      const role = items[at].string();
      if (role === null || role.length === 0) this.refuse(name, "must be a list of roles");
      else roles.push(role);
    }
    return roles;
  }

  /** Checks that it is an object, and that it has no other members than these. */
  private object(name: string, given: Json, known: string[] | null): void {
    if (!given.isObject()) this.refuse(name, "must be an object");
    if (known === null) return;
    const keys = given.keys();
    for (let at = 0; at < keys.length; at++) {
      if (known.includes(keys[at])) continue;
      this.refuse(`${name}.${keys[at]}`, `unknown; there are ${known.join(", ")}`);
    }
  }

  /** The first mistake is the one that is told. */
  private refuse(name: string, why: string): void {
    if (this.wrong === null) this.wrong = `${name}: ${why}`;
  }
}
