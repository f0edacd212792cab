// The interface of a policy, as the folder `wit/` of its project has it, and the component around a
// module. Knows nothing of the language that the module was written in, but that its strings are in
// UTF-16.

import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

// From the project's own node_modules, also where this folder is a symbolic link.
const JCO = "node_modules/@bytecodealliance/jco-transpile/dist/wasm-tools.js";
const tools = await import(pathToFileURL(resolve(JCO)));

/** The world as one text, and the hooks in it: how the names of their functions begin,
 * in the code and in the component. */
export async function world() {
  const source = await wit();
  const { exports } = await tools.componentWitMetadataForWorld({ tag: "source", val: source });
  const own = exports.filter(({ namespace }) => namespace === "wardroom");
  const hooks = own.map(({ namespace, package: name, interface: hook, version: v }) => {
    const exported = `${namespace}:${name}/${hook}@${v.major}.${v.minor}.${v.patch}#`;
    return { name: hook, prefix: `${hook.replaceAll("-", "_")}_`, exported };
  });
  return { source, hooks };
}

/** The component that a module makes in a world. */
export async function component(binary, witSource) {
  // The server may as well write strings as the module has them.
  const module = await tools.componentEmbed({ binary, witSource, stringEncoding: "utf16" });
  return tools.componentNew(module);
}

/** The world and the packages that it is made of, as one text. */
async function wit() {
  const texts = [await folder("wit", (text) => text)];
  for (const name of await readdir("wit/deps")) {
    texts.push(await folder(join("wit/deps", name), nested));
  }
  return texts.join("\n");
}

async function folder(path, form) {
  const names = (await readdir(path)).filter((name) => name.endsWith(".wit"));
  const texts = await Promise.all(names.map((name) => readFile(join(path, name), "utf8")));
  return form(texts.join("\n"));
}

/** A package as it may stand inside the text of another. */
function nested(text) {
  const declaration = /^package ([^;]+);$/gm;
  const [, name] = declaration.exec(text);
  return `package ${name} {\n${text.replace(declaration, "")}\n}`;
}
