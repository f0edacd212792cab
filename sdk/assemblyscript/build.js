// Makes a policy of the folder `assembly`: `node wardroom/build.js build/my-policy.wasm`, in the
// folder of the project. The world in `wit/` says which hooks it has.
//
// `asc` knows nothing of components. So the imports in `context.ts` carry the names of the interface,
// what is in `hooks/` is exported under its names, and the interface is put around the module.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { component, world } from "./component.js";

// From the project's own node_modules, also where this folder is a symbolic link.
const asc = await import(pathToFileURL(resolve("node_modules/assemblyscript/dist/asc.js")));

const OPTIONS = [
  ...["--optimizeLevel", "3", "--shrinkLevel", "1", "--runtime", "incremental"],
  // What the collector must see of the stack; what is deeper is a trap.
  ...["--stackSize", "131072"],
  ...["--use", "abort=wardroom/abi/abort"],
];

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
  // `asc` has said what is wrong with the code.
  if (error.message) console.error(error.message);
  process.exitCode = 1;
}

async function build() {
  const { source, hooks } = await world();
  const module = await compile(hooks);
  try {
    return await component(module, source);
  } catch (error) {
    throw new Error(explain(error.message));
  }
}

/** The module, whose exports are called as the component model has it. */
async function compile(hooks) {
  const entries = ["memory", ...hooks.map(({ name }) => name)];
  const transform = class {
    afterCompile(module) {
      for (const hook of hooks) rename(this.binaryen, module, hook.prefix, hook.exported);
    }
  };
  const files = new Map();
  const sources = entries.map((name) => `wardroom/hooks/${name}.ts`);
  const { error } = await asc.main([...sources, ...OPTIONS, "--outFile", "module.wasm"], {
    stdout: process.stdout,
    stderr: process.stderr,
    transforms: [transform],
    writeFile: (name, contents) => void files.set(name, contents),
  });
  if (error) throw new Error("");
  return files.get("module.wasm");
}

/** Gives the exported functions whose names begin so another beginning. */
function rename(binaryen, module, from, to) {
  const count = module.getNumExports();
  const all = Array.from({ length: count }, (_, at) => module.getExportByIndex(at));
  for (const { name, value } of all.map(binaryen.getExportInfo)) {
    if (!name.startsWith(from)) continue;
    module.removeExport(name);
    module.addFunctionExport(value, to + name.slice(from.length));
  }
}

/** What the component model misses, in words of AssemblyScript. */
function explain(message) {
  if (/wall-clock/.test(message)) {
    return `${message}\nnow() needs \`import wasi:clocks/wall-clock@0.2.0;\` in wit/world.wit`;
  }
  if (/directory/.test(message)) {
    return `${message}\ndirectory needs \`import wardroom:policy/directory@1.0.0;\` in wit/world.wit`;
  }
  if (/\benv\b/.test(message)) {
    return `${message}\nnothing of a browser or Node is there: no console, Date.now() or Math.random()`;
  }
  return message;
}
