// Writes what hooks answer as the canonical ABI has it. The answer is kept until the next one, since
// the host reads its texts where they are.

import { abi } from "./abi";
import { Denial, Rendering, Rule, Selector, Test, Verdict } from "./policy";

/** Sizes and places in bytes, as the canonical ABI lays these types out. */
const TEST = 20;
const CLAUSE = 16;
const RENDITION = 16;
const RULE = 12;
const RENDERING = 12;
const REFUSAL = 12;
const VERDICT = 20;
const PAYLOAD = 4;

let refusal: string | null = null;
let denial: Denial | null = null;
let rule: Rule | null = null;
let answers: bool[] = [];
let verdict: Verdict | null = null;
let rendering: Rendering | null = null;

/** `result<_, string>` */
export function putRefusal(answer: string | null): usize {
  refusal = answer;
  const place = abi.room(REFUSAL);
  if (answer === null) return place;
  store<u8>(place, 1);
  abi.putString(place + PAYLOAD, answer);
  return place;
}

/** `result<_, denial>` */
export function putDenial(answer: Denial | null): usize {
  denial = answer;
  const place = abi.room(VERDICT);
  if (answer !== null) deny(place, answer);
  return place;
}

/** `result<option<json>, denial>` */
export function putVerdict(answer: Verdict): usize {
  verdict = answer;
  const place = abi.room(VERDICT);
  const denial = answer.denial;
  const grant = answer.grant;
  if (denial !== null) {
    deny(place, denial);
  } else if (grant !== null) {
    store<u8>(place, 1, PAYLOAD);
    abi.putString(place + PAYLOAD + 4, grant);
  }
  return place;
}

function deny(place: usize, denial: Denial): void {
  store<u8>(place, 1);
  abi.putString(place + PAYLOAD, denial.code);
  abi.putString(place + PAYLOAD + 8, denial.message);
}

/** `rule` */
export function putRule(answer: Rule): usize {
  rule = answer;
  const place = abi.room(RULE);
  store<u8>(place, answer.tag);
  const selector = answer.selector;
  if (selector !== null) putSelector(place + PAYLOAD, selector);
  return place;
}

/** `list<bool>` */
export function putAnswers(list: bool[]): usize {
  answers = list;
  const place = abi.room(8);
  store<usize>(place, list.dataStart);
  store<i32>(place, list.length, 4);
  return place;
}

/** `rendering` */
export function putRendering(answer: Rendering): usize {
  rendering = answer;
  const place = abi.room(RENDERING);
  store<u8>(place, answer.tag);
  if (answer.tag === 1) {
    abi.putString(place + PAYLOAD, answer.payload);
  } else if (answer.tag === 3) {
    const renditions = answer.renditions;
    const items = list(place + PAYLOAD, renditions.length, RENDITION);
    for (let at = 0; at < renditions.length; at++) {
      const item = items + <usize>(at * RENDITION);
      putSelector(item, renditions[at].to);
      abi.putString(item + 8, renditions[at].payload);
    }
  }
  return place;
}

function putSelector(place: usize, selector: Selector): void {
  const clauses = selector.any;
  const items = list(place, clauses.length, CLAUSE);
  for (let at = 0; at < clauses.length; at++) {
    const item = items + <usize>(at * CLAUSE);
    putTests(item, clauses[at].all);
    putTests(item + 8, clauses[at].none);
  }
}

function putTests(place: usize, tests: Test[]): void {
  const items = list(place, tests.length, TEST);
  for (let at = 0; at < tests.length; at++) {
    const item = items + <usize>(at * TEST);
    const test = tests[at];
    store<u8>(item, test.tag);
    if (test.tag === 3) {
      abi.putString(item + PAYLOAD, test.texts[0]);
      abi.putString(item + PAYLOAD + 8, test.texts[1]);
    } else {
      abi.putStrings(item + PAYLOAD, test.texts);
    }
  }
}

/** Writes where a list is, and makes room for its items. */
function list(place: usize, length: i32, size: i32): usize {
  const items = abi.room(length * size);
  store<usize>(place, items);
  store<i32>(place, length, 4);
  return items;
}
