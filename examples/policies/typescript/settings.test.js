// The settings by themselves; what the policy decides is in the table cases.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isOpenAt, parse } from "./build/settings.js";

const at = (hour) => new Date(Date.UTC(2026, 0, 1, hour, 30));

test("hours are those of the region, and may go past midnight", () => {
  assert.ok(isOpenAt({ from: 8, to: 18, utcOffset: 1 }, at(7)));
  assert.ok(!isOpenAt({ from: 8, to: 18, utcOffset: 1 }, at(17)));
  assert.ok(isOpenAt({ from: 22, to: 6, utcOffset: -6 }, at(5)));
  assert.ok(!isOpenAt({ from: 22, to: 6, utcOffset: 0 }, at(6)));
});

test("settings that are wrong are named", () => {
  assert.throws(() => parse('{"hidden_from": "guest"}'), /^Error: hidden_from: must be a list/);
});
