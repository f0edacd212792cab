// The demo page in two tabs as two users: what one does the other sees live. Knows the server
// only by TEST_DEMO_URL, its base URL.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const base = process.env.TEST_DEMO_URL;
assert.ok(base, "TEST_DEMO_URL must be the base URL of `wardroom serve --dev`");

/** How long any condition may take to come true, in milliseconds. */
const PATIENCE_MS = 30_000;

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What the server sends about somebody's conversation. */
const ACTIVITY = /^(user-(un)?selected-channel|media-state-updated)$/;

let browser;
let context;
let users;
let ann;
let ben;
const troubles = [];

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    timeout: PATIENCE_MS,
  });
  context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  context.on("weberror", (error) => troubles.push(String(error.error())));
  context.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) troubles.push(message.text());
  });
  users = (await (await fetch(new URL("/demo/users.json", base))).json()).users;
  assert.ok(users.length >= 2, "the demo has two users");
  ann = await openAs(users[0]);
  ben = await openAs(users[1]);
});

after(() => browser?.close());

/** A tab whose user was picked on the page, live. */
async function openAs(user) {
  const page = await context.newPage();
  await page.goto(new URL("/demo", base).href);
  await page.getByRole("link", { name: user.name, exact: true }).click();
  await live(page);
  return { page, id: user.id, name: user.name };
}

const live = (page) => page.locator('#phase[data-phase="live"]').waitFor();

/** Clicks in a tab that is in front, as a person does; a browser hardly draws the others. */
async function click(tab, locator) {
  await tab.page.bringToFront();
  await locator.click();
}

const press = (tab, name) => click(tab, tab.page.getByRole("button", { name, exact: true }));

const setStatus = (tab, status) =>
  click(tab, tab.page.getByRole("radio", { name: status, exact: true }));

/** Waits until `tab` shows `who` with this combined status. */
const seesStatus = (tab, who, status) =>
  tab.page.locator(`#people [data-user="${who.id}"][data-status="${status}"]`).waitFor();

const occupant = (tab, who, channel) =>
  tab.page.locator(`#channels [data-channel="${channel}"] [data-user="${who.id}"]`);

/** Waits until `tab` shows `who` in the channel. */
const seesIn = (tab, who, channel) => occupant(tab, who, channel).waitFor();

/** Waits until `tab` does not show `who` in the channel. */
const seesGone = (tab, who, channel) => occupant(tab, who, channel).waitFor({ state: "detached" });

/** Waits until `tab` shows this of the media state of `who`. */
const seesMedia = (tab, who, key, on) =>
  tab.page.locator(`.occupants [data-user="${who.id}"][data-${key.toLowerCase()}="${on}"]`).waitFor();

const channel = (tab, id) => tab.page.locator(`#channels > [data-channel="${id}"]`);

/** Everything that `tab` received so far, oldest first: `{event, data}`. */
async function received(tab) {
  const entries = await tab.page.locator('#log [data-direction="in"]').evaluateAll((items) =>
    items.map((item) => ({ event: item.dataset.event, data: item.querySelector("pre").textContent })));
  return entries.reverse().map(({ event, data }) =>
    ({ event, data: data === "no data" ? undefined : JSON.parse(data) }));
}

/** Empties the log of `tab`, so that what is read later happened after this. */
const forget = (tab) => press(tab, "Clear");

/** A step of the backend on one channel, taken in `tab`. */
const backend = (tab, id) => tab.page.locator(`#directory > [data-channel="${id}"]`);

const membership = (tab, id, who, does) =>
  backend(tab, id).locator(`button[data-user="${who.id}"][title="${does}"]`);

test("each sees the status of the other change", async () => {
  await seesStatus(ann, ben, "online");
  await seesStatus(ben, ann, "online");
  await setStatus(ben, "idle");
  await seesStatus(ann, ben, "idle");
  await setStatus(ann, "offline");
  await seesStatus(ben, ann, "offline");
  await setStatus(ann, "online");
  await setStatus(ben, "online");
  await seesStatus(ben, ann, "online");
  await seesStatus(ann, ben, "online");
});

test("each sees where the other is", async () => {
  await press(ann, "Join general");
  await seesIn(ben, ann, "general");
  await press(ben, "Join general");
  await seesIn(ann, ben, "general");
  await press(ann, "Join watch");
  await seesIn(ben, ann, "watch");
  await seesGone(ben, ann, "general");
  await press(ann, "Leave watch");
  await seesGone(ben, ann, "watch");
});

test("each sees the media state of the other change", async () => {
  await press(ann, "Join general");
  await seesMedia(ben, ann, "microphone", false);
  for (const [label, key] of [["Microphone", "microphone"], ["Camera", "camera"],
    ["Screen", "screen"], ["Speaking", "speaking"]]) {
    await press(ann, label);
    await seesMedia(ben, ann, key, true);
  }
  await press(ben, "Speakers");
  await seesMedia(ann, ben, "speakers", false);
  await press(ann, "Microphone");
  await seesMedia(ben, ann, "microphone", false);
});

test("a private channel is there for its members only", async () => {
  const plans = `plans-${Date.now().toString(36)}`;
  await press(ann, "Leave general");
  await seesGone(ben, ann, "general");
  await forget(ben);

  await ann.page.getByLabel("New channel").fill(plans);
  await click(ann, ann.page.getByLabel("private", { exact: true }));
  await press(ann, "Add");
  await press(ann, `Join ${plans}`);
  await press(ann, "Microphone");
  await seesMedia(ann, ann, "microphone", true);

  // Events of one workspace have one order: once Ben has this status, what came before it and
  // was not for him never comes.
  await setStatus(ann, "idle");
  await seesStatus(ben, ann, "idle");
  const leaked = (await received(ben)).filter((one) =>
    ACTIVITY.test(one.event) ? one.data.userId !== ben.id : JSON.stringify(one).includes(plans));
  assert.deepEqual(leaked, [], "a private channel or its activity reached somebody else");
  assert.equal(await channel(ben, plans).count(), 0);

  await click(ann, membership(ann, plans, ben, "Invite"));
  await channel(ben, plans).waitFor();
  await seesIn(ben, ann, plans);
  await seesMedia(ben, ann, "microphone", true);
  assert.equal(await channel(ben, plans).getAttribute("data-private"), "true");
  await press(ben, `Join ${plans}`);
  await seesIn(ann, ben, plans);

  await click(ann, membership(ann, plans, ben, "Uninvite"));
  await channel(ben, plans).waitFor({ state: "detached" });
  await seesGone(ann, ben, plans);
  const last = (await received(ben)).slice(-2).map((one) => one.event);
  assert.deepEqual(last, ["user-unselected-channel", "channel-deleted"]);
  await seesIn(ann, ann, plans);

  await press(ann, `Delete ${plans}`);
  await channel(ann, plans).waitFor({ state: "detached" });
  await setStatus(ann, "online");
  await seesStatus(ben, ann, "online");
});

test("a public channel that becomes private leaves those who are no members", async () => {
  await press(ann, "Make private: watch");
  await channel(ben, "watch").waitFor({ state: "detached" });
  await channel(ann, "watch").and(ann.page.locator('[data-private="true"]')).waitFor();
  await press(ben, "Make public: watch");
  await channel(ben, "watch").waitFor();
  await channel(ann, "watch").and(ann.page.locator('[data-private="false"]')).waitFor();
});

test("a reload of a tab shows the other nothing", async () => {
  await press(ben, "Join general");
  await press(ben, "Microphone");
  await seesMedia(ann, ben, "microphone", true);
  await setStatus(ben, "idle");
  await seesStatus(ann, ben, "idle");
  await forget(ann);

  await ben.page.reload();
  await live(ben.page);
  await seesIn(ben, ben, "general");
  assert.ok(await ben.page.locator('#status input[value="idle"]').isChecked());

  // The new socket holds the conversation, or this would be refused.
  await press(ben, "Camera");
  await seesMedia(ann, ben, "camera", true);
  const told = (await received(ann)).map((one) => one.event);
  assert.deepEqual(told, ["media-state-updated"]);
});

test("a conversation moves to another tab of the same user", async () => {
  const second = await openAs(users[1]);
  await seesIn(second, ben, "general");
  await press(second, "Screen");
  await second.page.getByText("(selected-on-another-device)").waitFor();
  await press(second, "Move it here");
  await ben.page.getByText("In general, on another of your devices.").waitFor();
  await press(second, "Screen");
  await seesMedia(ann, ben, "screen", true);
  await press(second, "Leave general");
  await seesGone(ann, ben, "general");
  await second.page.close();
});

test("a token that is not accepted is explained, and nothing is tried again", async () => {
  const page = await context.newPage();
  await page.goto(new URL("/demo#token=nonsense&workspace=demo", base).href);
  await page.locator('#phase[data-phase="closed"]').waitFor();
  await page.getByText("(invalid-token)").waitFor();
  await page.getByRole("button", { name: "Connect again" }).waitFor();
  await page.close();
});

test("the page met no error of its own", () => {
  assert.deepEqual(troubles, []);
});
