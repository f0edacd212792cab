// Makes a policy of a script: `node wardroom/build.js policy.js build/my-policy.wasm`, in the
// folder of the project. The world is the one in `wit/`.
//
// QuickJS, as componentize-qjs 0.4.5 puts it into a component, gives back what a hook is lent only
// after the answer has been read, and a server must refuse that. What a hook is given for keeps it
// gives back earlier. So the code is built from an interface whose hooks are given things, and put
// behind the real one, whose hooks are lent them: to the machine both are the same number.

import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

// From the project's own node_modules, also where this folder is a symbolic link.
const { componentize } = createRequire(resolve("package.json"))("componentize-qjs");

/** Sections of a component: https://github.com/WebAssembly/component-model, Binary.md. */
const CORE_MODULE = 1;
const COMPONENT = 4;
const PREAMBLE = 8;

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
    jsSource: entry.replace('"./policy.js"', JSON.stringify(path)),
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
