// The settings of the policy: their form, their check, and what working hours mean.
// Knows nothing of the server.

/** The working hours of a region, in its own time. They may go past midnight. */
export interface Hours {
  from: number;
  to: number;
  utcOffset: number;
}

export interface Settings {
  regions: Map<string, Hours>;
  allRegionsRoles: string[];
  anyHourRoles: string[];
  hiddenFrom: string[];
}

/** Reads the settings, or throws an error that names the setting which is wrong. */
export function parse(text: string): Settings {
  const given = object("settings", JSON.parse(text), [
    "regions",
    "all_regions_roles",
    "any_hour_roles",
    "hidden_from",
  ]);
  const regions = Object.entries(object("regions", given.regions ?? {}));
  return {
    regions: new Map(regions.map(([name, value]) => [name, hours(`regions.${name}`, value)])),
    allRegionsRoles: roles("all_regions_roles", given.all_regions_roles),
    anyHourRoles: roles("any_hour_roles", given.any_hour_roles),
    hiddenFrom: roles("hidden_from", given.hidden_from),
  };
}

export function isOpenAt({ from, to, utcOffset }: Hours, date: Date): boolean {
  const hour = (date.getUTCHours() + utcOffset + 24) % 24;
  return from < to ? from <= hour && hour < to : from <= hour || hour < to;
}

function hours(name: string, value: unknown): Hours {
  const given = object(name, value, ["from", "to", "utc_offset"]);
  const from = wholeNumber(`${name}.from`, given.from, 0, 23);
  const to = wholeNumber(`${name}.to`, given.to, 1, 24);
  if (from === to) throw new Error(`${name}: from and to must differ`);
  return { from, to, utcOffset: wholeNumber(`${name}.utc_offset`, given.utc_offset ?? 0, -12, 14) };
}

function wholeNumber(name: string, value: unknown, least: number, most: number): number {
  const fits = typeof value === "number" && Number.isInteger(value);
  if (fits && least <= value && value <= most) return value;
  throw new Error(`${name}: must be a whole number from ${least} to ${most}`);
}

function roles(name: string, value: unknown = []): string[] {
  const isRole = (role: unknown): role is string => typeof role === "string" && role !== "";
  if (Array.isArray(value) && value.every(isRole)) return value;
  throw new Error(`${name}: must be a list of roles`);
}

function object(name: string, value: unknown, keys?: string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${name}: must be an object`);
  }
  const unknown = Object.keys(value).find((key) => keys && !keys.includes(key));
  if (unknown === undefined) return value as Record<string, unknown>;
  throw new Error(`${name}.${unknown}: unknown; there are ${keys?.join(", ")}`);
}
