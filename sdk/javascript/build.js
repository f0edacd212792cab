// Makes a policy of a script: `node wardroom/build.js policy.js build/my-policy.wasm`, in the
// folder of the project. The world is the one in `wit/`.
//
// QuickJS, as componentize-qjs 0.4.5 puts it into a component, gives back what a hook is lent only
// after the answer has been read, and a server must refuse that. What a hook is given for keeps it
// gives back earlier. So the code is built from an interface whose hooks are given things, and put
// behind the real one, whose hooks are lent them: to the machine both are the same number.

import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

// From the project's own node_modules, also where this folder is a symbolic link.
const { componentize } = createRequire(resolve("package.json"))("componentize-qjs");

/** Sections of a component: https://github.com/WebAssembly/component-model, Binary.md. */
const CORE_MODULE = 1;
const COMPONENT = 4;
const PREAMBLE = 8;

/** The digits of a source map. */
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const [script, file] = process.argv.slice(2);
if (!script || !file) {
  console.error("usage: node wardroom/build.js SCRIPT.js FILE.wasm");
  process.exit(2);
}
try {
  const component = await build(script);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, component);
  console.log(`${file}: ${(component.length / 2 ** 20).toFixed(1)} MiB`);
} catch (error) {
  console.error(`${script}: ${error.message}`);
  process.exitCode = 1;
}

async function build(script) {
  const entry = await readFile(join(import.meta.dirname, "entry.js"), "utf8");
  const path = `./${relative("build", script)}`;
  const options = {
    jsSource: entry
      .replace('"./policy.js"', JSON.stringify(path))
      .replace("const positions = {};", `const positions = ${JSON.stringify(await positions(script))};`),
    jsPath: resolve("build", "entry.js"),
    moduleRoot: resolve("."),
    sync: true,
  };
  await mkdir("build", { recursive: true });
  await writeFile(options.jsPath, options.jsSource);
  const given = join("build", "wit");
  await giveWhatIsLent("wit", given);
  const code = await componentize({ ...options, witPath: given });
  const shell = await componentize({ ...options, witPath: "wit" });
  return withModulesOf(code.component, shell.component);
}

/**
 * Where what is in the folder of the script comes from, as source maps say it: of each file, the sources,
 * and for each line the beginnings of what comes from one place, as `column source line column` with
 * all numbers from 0. They are absolute, since a script that fails has no time to decode all of a map,
 * and a text, which takes little memory of an instance.
 */
async function positions(script) {
  const folder = resolve(dirname(script));
  const names = await readdir(folder, { recursive: true });
  const found = {};
  for (const name of names.filter((name) => /\.m?js$/.test(name) && !name.includes("node_modules"))) {
    const file = join(folder, name);
    const map = await sourceMap(file);
    if (!map) continue;
    const source = (name) => relative("", resolve(dirname(file), map.sourceRoot ?? "", name));
    found[`/${relative("", file)}`] = { sources: map.sources.map(source), lines: decoded(map.mappings) };
  }
  return found;
}

/** The source map that a file names, which lies beside it or inside of it; nothing if it names none. */
async function sourceMap(file) {
  const text = await readFile(file, "utf8");
  const url = text.match(/^\/\/[#@] sourceMappingURL=(\S+)\s*$/m)?.[1];
  if (!url) return null;
  const inside = url.match(/^data:application\/json[^,]*;base64,(.*)$/)?.[1];
  const map = inside
    ? Buffer.from(inside, "base64").toString()
    : await readFile(resolve(dirname(file), decodeURI(url)), "utf8").catch(() => null);
  // A map that was named and not shipped is no reason to refuse the script.
  return map && JSON.parse(map);
}

/** `mappings` of a source map (ECMA-426), all numbers made absolute. */
function decoded(mappings) {
  let [source, line, column] = [0, 0, 0];
  return mappings.split(";").map((segments) => {
    let generated = 0;
    const all = [];
    for (const [first, ...rest] of segments.split(",").filter(Boolean).map(vlq)) {
      generated += first;
      if (rest.length < 3) continue;
      source += rest[0];
      line += rest[1];
      column += rest[2];
      all.push([generated, source, line, column].join(" "));
    }
    return all.join(",");
  });
}

/** The numbers of a segment, in base 64 with five bits of each digit and the sign in the last. */
function vlq(segment) {
  const numbers = [];
  let [value, shift] = [0, 0];
  for (const char of segment) {
    const digit = BASE64.indexOf(char);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >>> 1) : value >>> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}

/** Copies the interface, with `T` in place of `borrow<T>` where a hook is lent something. */
async function giveWhatIsLent(from, to) {
  await rm(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true, dereference: true });
  const hooks = join(to, "deps", "wardroom-policy", "hooks.wit");
  await writeFile(hooks, (await readFile(hooks, "utf8")).replace(/borrow<([a-z-]+)>/g, "$1"));
}

/** The second component, with the core modules of the first in place of its own. */
function withModulesOf(code, shell) {
  const theirs = [...sections(code)];
  const own = [...sections(shell)];
  if (own.map(({ id }) => id).join() !== theirs.map(({ id }) => id).join()) {
    throw new Error("componentize-qjs made two components of different form of one interface");
  }
  const parts = own.map(({ id, body }, at) => {
    if (id === CORE_MODULE) body = theirs[at].body;
    if (id === COMPONENT) body = withModulesOf(theirs[at].body, body);
    return [Buffer.from([id, ...leb128(body.length)]), body];
  });
  return Buffer.concat([shell.subarray(0, PREAMBLE), ...parts.flat()]);
}

/** The sections of a component, each of which is an id, its length and its body. */
function* sections(bytes) {
  for (let at = PREAMBLE; at < bytes.length; ) {
    const id = bytes[at++];
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7, at++) {
      length |= (bytes[at] & 127) << shift;
      more = bytes[at] > 127;
    }
    yield { id, body: bytes.subarray(at, (at += length)) };
  }
}

function leb128(number) {
  return number < 128 ? [number] : [(number & 127) | 128, ...leb128(number >>> 7)];
}
