// MoonBit's compiler and standard library, as npm has them. `moon` itself is in no registry, but what
// MoonBit's own site compiles with is: `@moonbit/moonpad-monaco` holds the compiler for a web worker,
// and the sources of the library inside its bundle. Both are taken from there as they are.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const PACKAGE = "node_modules/@moonbit/moonpad-monaco";
const CORE = "moonbitlang/core";
/** Where the compiler is told that the library lies; it shows in messages. */
const CORE_SOURCES = `${CORE}:moonbit-core:/lib/core`;

/** The compiler: `buildPackage` and `linkCore`, of which `moonc-web.d.ts` in npm says what they take. */
export async function compiler() {
  const code = await readFile(join(PACKAGE, "dist/moonc-worker.js"), "utf8");
  let ask;
  const waiting = new Map();
  // The worker hears messages of Comlink and answers each of them.
  const worker = Object.create(globalThis, {
    addEventListener: { value: (_, listener) => (ask = listener) },
    postMessage: { value: ({ id, value }) => waiting.get(id)(value) },
  });
  const require = createRequire(import.meta.url);
  // What the compiler prints it returns as well.
  const names = ["globalThis", "self", "require", "console"];
  new Function(...names, code)(worker, worker, require, { ...console, error() {}, log() {} });
  let last = 0;
  const call = (name) => async (value) => {
    const id = ++last;
    const argumentList = [{ type: "RAW", value }];
    const answer = new Promise((resolve) => waiting.set(id, resolve));
    ask({ origin: "", data: { id, type: "APPLY", path: [name], argumentList } });
    const result = await answer;
    waiting.delete(id);
    if (result.isError) throw new Error(`${name}: ${result.value.message}`);
    return result;
  };
  return { buildPackage: call("buildPackage"), linkCore: call("linkCore") };
}

/** The standard library for WebAssembly: compiled when it is first needed, and kept in a folder. */
export async function core(moonc, kept) {
  const { version } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
  const folder = join(kept, version);
  const list = join(folder, "packages.json");
  const place = (name) => join(folder, name.replaceAll("/", "_"));
  let names = await readFile(list, "utf8").then(JSON.parse, () => null);
  if (!names) {
    console.log("compiling MoonBit's standard library, which is done once and takes a minute");
    await mkdir(folder, { recursive: true });
    const library = new Packages(moonc, [CORE_SOURCES]);
    await compileCore(library);
    for (const [name, { core, mi }] of library.built) {
      await writeFile(`${place(name)}.core`, core);
      await writeFile(`${place(name)}.mi`, mi);
    }
    names = [...library.built.keys()];
    // Last, so that what is cut short is done again.
    await writeFile(list, JSON.stringify(names));
  }
  const read = async (name) => ({
    name,
    core: new Uint8Array(await readFile(`${place(name)}.core`)),
    mi: new Uint8Array(await readFile(`${place(name)}.mi`)),
  });
  return Promise.all(names.map(read));
}

async function compileCore(library) {
  const files = await bundled();
  const text = (path) => new TextDecoder().decode(files[path.replace("moonbit-core:", "")]);
  const { packages } = JSON.parse(text("/lib/core/_build/packages.json"));
  const known = new Map(packages.map((it) => [`${it.root}/${it.rel}`, it]));
  const compile = async (name) => {
    if (library.built.has(name)) return;
    const { deps, files } = known.get(name);
    for (const { path } of deps) await compile(path);
    const fits = ([, { backend, optlevel }]) =>
      backend.includes("Wasm") && optlevel.includes("Release");
    const sources = Object.entries(files).filter(fits);
    await library.compile(name, sources.map(([path]) => [path, text(path)]), deps);
  };
  for (const name of known.keys()) await compile(name);
}

/** The files of the library, by their path. */
async function bundled() {
  const bundle = await readFile(join(PACKAGE, "dist/moonpad-monaco.js"), "utf8");
  const first = bundle.indexOf('["/lib/core/_build/packages.json"] = ');
  // From the function that reads base64, with all the constants after it, to the last file.
  const begin = bundle.lastIndexOf("\nvar ", first);
  const last = bundle.lastIndexOf('["/lib/core/');
  const end = bundle.indexOf(";\n", bundle.lastIndexOf('.mi"] = ', last + 1000)) + 1;
  const object = /(\w+)$/.exec(bundle.slice(first - 20, first));
  if (begin < 0 || end <= first || !object) {
    throw new Error(`${PACKAGE} holds its library in another way than this build knows`);
  }
  return new Function(`${bundle.slice(begin, end)}; return ${object[1]};`)();
}

/** Packages that are compiled one after the other, each after those that it needs. */
export class Packages {
  built = new Map();

  constructor(moonc, sources, library = []) {
    this.moonc = moonc;
    this.sources = [...sources, ...(library.length ? [CORE_SOURCES] : [])];
    this.library = library;
  }

  /** Compiles a package: its name, its files as pairs of path and text, what it needs and as what. */
  async compile(name, files, needs, isMain = false) {
    const direct = new Set(needs.map(({ path }) => path));
    const mine = (path) => this.built.get(path)?.mi;
    const last = (path) => path.split("/").at(-1);
    const within = (path) => path.slice(CORE.length + 1);
    const own = needs.filter(({ path }) => mine(path));
    const others = [...this.built.keys()].filter((path) => !direct.has(path));
    const { core, mi, diagnostics } = await this.moonc.buildPackage({
      mbtFiles: files,
      miFiles: own.map(({ path, alias }) => [`${path}:${alias}`, mine(path)]),
      indirectImportMiFiles: others.map((path) => [`${path}:${last(path)}`, mine(path)]),
      stdMiFiles: this.library.map(({ name, mi }) => [`/lib/core/${within(name)}:${last(name)}`, mi]),
      target: "wasm",
      pkg: name,
      pkgSources: this.sources,
      isMain,
      errorFormat: "human",
      enableValueTracing: false,
      noOpt: false,
    });
    // Some are found more than once.
    const said = [...new Set(diagnostics.map((it) => it.trim()))];
    if (!core) throw new Error(said.join("\n"));
    this.built.set(name, { core, mi });
    return said;
  }

  /** One module of all that a package needs. */
  async link(main, exports) {
    const { result } = await this.moonc.linkCore({
      coreFiles: [...this.library, ...this.built.values()].map(({ core }) => core),
      main,
      target: "wasm",
      exportedFunctions: exports,
      outputFormat: "wasm",
      pkgSources: this.sources,
      sources: {},
      testMode: false,
      debug: false,
      noOpt: false,
      sourceMap: false,
      stopOnMain: false,
    });
    return result;
  }
}
