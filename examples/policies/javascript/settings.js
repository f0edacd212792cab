// The settings of the policy: their form, their check, and what working hours mean.
// Knows nothing of the server, so `node --test` tests it.

/** Reads the settings, or throws an error that names the setting which is wrong. */
export function parse(text) {
  const given = JSON.parse(text);
  only(given, "settings", ["regions", "all_regions_roles", "any_hour_roles", "hidden_from"]);
  const regions = given.regions ?? {};
  if (!isObject(regions)) {
    throw new Error("regions: must be an object from a region to its working hours");
  }
  return {
    regions: new Map(Object.entries(regions).map(([name, value]) => [name, hours(name, value)])),
    allRegionsRoles: roles("all_regions_roles", given.all_regions_roles),
    anyHourRoles: roles("any_hour_roles", given.any_hour_roles),
    hiddenFrom: roles("hidden_from", given.hidden_from),
  };
}

/** Whether these hours, which may go past midnight, hold this moment. */
export function isOpenAt({ from, to, utcOffset }, date) {
  const hour = (date.getUTCHours() + utcOffset + 24) % 24;
  return from < to ? from <= hour && hour < to : from <= hour || hour < to;
}

function hours(region, value) {
  const name = `regions.${region}`;
  only(value, name, ["from", "to", "utc_offset"]);
  const from = wholeNumber(`${name}.from`, value.from, 0, 23);
  const to = wholeNumber(`${name}.to`, value.to, 1, 24);
  if (from === to) throw new Error(`${name}: from and to must differ`);
  return { from, to, utcOffset: wholeNumber(`${name}.utc_offset`, value.utc_offset ?? 0, -12, 14) };
}

function wholeNumber(name, value, least, most) {
  if (Number.isInteger(value) && least <= value && value <= most) return value;
  throw new Error(`${name}: must be a whole number from ${least} to ${most}`);
}

function roles(name, value = []) {
  if (Array.isArray(value) && value.every((r) => typeof r === "string" && r !== "")) return value;
  throw new Error(`${name}: must be a list of roles`);
}

function only(value, name, keys) {
  if (!isObject(value)) throw new Error(`${name}: must be an object`);
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  throw new Error(`${name}.${unknown}: unknown; there are ${keys.join(", ")}`);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
