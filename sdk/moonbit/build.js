// Makes a policy of the package `policy`: `node wardroom/build.js build/my-policy.wasm`, in the folder
// of the project. The world in `wit/` says which hooks it has.
//
// The compiler knows nothing of components. So the imports in `context.mbt` carry the names of the
// interface, what is in `hooks/` is exported under its names, and the interface is put around the
// module.

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { component, world } from "./component.js";
import { compiler, core, Packages } from "./moonc.js";
import { withMemory } from "./wasm.js";

const [file] = process.argv.slice(2);
if (!file) {
  console.error("usage: node wardroom/build.js FILE.wasm");
  process.exit(2);
}
try {
  const bytes = await build();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
  console.log(`${file}: ${Math.ceil(bytes.length / 1024)} KiB`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

async function build() {
  const { source, hooks } = await world();
  const { name } = JSON.parse(await readFile("moon.mod.json", "utf8"));
  const moonc = await compiler();
  const packages = new Packages(moonc, [`${name}:.`], await core(moonc, "build/core"));
  await compile(packages, name, `${name}/policy`);
  await compile(packages, name, `${name}/wardroom`);
  const main = `${name}/wardroom/hooks`;
  const entries = ["memory", ...hooks.map((hook) => hook.name)];
  const files = entries.map((entry) => `wardroom/hooks/${entry}.mbt`);
  const needs = ["policy", "wardroom"].map((alias) => ({ path: `${name}/${alias}`, alias }));
  await packages.compile(main, await read(files), needs);
  const module = await packages.link(main, await exported(files, hooks));
  try {
    return await component(withMemory(module), source);
  } catch (error) {
    throw new Error(explain(error.message));
  }
}

/** Compiles a package of the project after those that it imports. */
async function compile(packages, project, name) {
  if (packages.built.has(name)) return;
  const folder = name.slice(project.length + 1);
  const manifest = JSON.parse(await readFile(join(folder, "moon.pkg.json"), "utf8"));
  const imports = (manifest.import ?? []).map((it) => (typeof it === "string" ? { path: it } : it));
  const needs = imports.map(({ path, alias }) => ({ path, alias: alias ?? path.split("/").at(-1) }));
  for (const { path } of needs) {
    if (path.startsWith(`${project}/`)) await compile(packages, project, path);
    else if (!path.startsWith("moonbitlang/core/")) {
      throw new Error(`${folder}/moon.pkg.json: ${path} is not in this project; copy it there`);
    }
  }
  const sources = (await readdir(folder)).filter((it) => /(?<!_w?b?test)\.mbt$/.test(it)).sort();
  const said = await packages.compile(name, await read(sources.map((it) => join(folder, it))), needs);
  for (const warning of said) console.log(warning);
}

function read(files) {
  return Promise.all(files.map(async (file) => [basename(file), await readFile(file, "utf8")]));
}

/** What the compiler is told to export: each function of these files, and its name in the component. */
async function exported(files, hooks) {
  const text = (await read(files)).map(([, text]) => text).join("");
  return [...text.matchAll(/^pub fn (\w+)\(/gm)].map(([, name]) => {
    const hook = hooks.find(({ prefix }) => name.startsWith(prefix));
    return `${name}:${hook ? hook.exported + name.slice(hook.prefix.length) : name}`;
  });
}

/** What the component model misses, in words of MoonBit. */
function explain(message) {
  if (/wall-clock/.test(message)) {
    return `${message}\nnow() needs \`import wasi:clocks/wall-clock@0.2.0;\` in wit/world.wit`;
  }
  if (/directory/.test(message)) {
    return `${message}\nthe directory needs \`import wardroom:policy/directory@1.0.0;\` in wit/world.wit`;
  }
  if (/spectest|moonbit/.test(message)) {
    return `${message}\nthere is nothing to print to: use @wardroom.log`;
  }
  return message;
}
