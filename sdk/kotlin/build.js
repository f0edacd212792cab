// Makes a policy of the sources in `src`: `node wardroom/build.js build/my-policy.wasm`, in the folder
// of the project. The world is the one in `wit/`.
//
// Kotlin's compiler, as npm has it, makes one module of JavaScript of the sources and of what they need
// of the library, and that goes the way of every script.

import { spawnSync } from "node:child_process";
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

const COMPILER = "node_modules/kotlin-compiler/lib";
/** Two folders, since the compiler empties the second. */
const LIBRARY = "build/klib";
const SCRIPT = "build/kotlin";
const SOURCES = ["src", "wardroom/src"];

const [file] = process.argv.slice(2);
if (!file) {
  console.error("usage: node wardroom/build.js FILE.wasm");
  process.exit(2);
}
await mkdir(SCRIPT, { recursive: true });
const sources = [];
for (const folder of SOURCES) {
  const names = await readdir(folder, { recursive: true });
  sources.push(...names.filter((name) => name.endsWith(".kt")).map((name) => join(folder, name)));
}
const library = ["-libraries", `${COMPILER}/kotlin-stdlib-js.klib`, "-ir-output-name", "policy"];
kotlin([...library, "-ir-output-dir", LIBRARY, ...sources]);
const whole = ["-Xir-produce-js", "-Xir-dce", "-module-kind", "es", "-target", "es2015"];
const included = `-Xinclude=${LIBRARY}/policy.klib`;
kotlin([...library, "-ir-output-dir", SCRIPT, included, "-main", "noCall", ...whole]);
await copyFile("wardroom/policy.js", "build/policy.js");
run(process.execPath, ["wardroom/javascript/build.js", "build/policy.js", file]);

/** Runs the compiler as its own script would, but for a shell. */
function kotlin(options) {
  const compiler = "org.jetbrains.kotlin.cli.js.K2JSCompiler";
  run("java", ["-Xmx512M", "-cp", `${COMPILER}/kotlin-compiler.jar`, compiler, ...options]);
}

function run(program, options) {
  const { error, status } = spawnSync(program, options, { stdio: "inherit" });
  if (error?.code === "ENOENT") {
    console.error(`\`${program}\` is missing: install Java 17 (on Debian: openjdk-17-jre-headless)`);
  } else if (error) {
    console.error(`${program}: ${error.message}`);
  }
  if (error || status !== 0) process.exit(1);
}
