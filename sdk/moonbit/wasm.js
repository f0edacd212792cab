// A core module in its binary form: https://webassembly.github.io/spec/core/binary.

const PREAMBLE = 8;
const EXPORTS = 7;
const MEMORY = 2;

/** A module that exports its memory as `memory`, which the linker leaves out. */
export function withMemory(module) {
  const name = Buffer.from("memory");
  const parts = [module.subarray(0, PREAMBLE)];
  for (let at = PREAMBLE; at < module.length; ) {
    const id = module[at];
    const [length, begin] = number(module, at + 1);
    let body = module.subarray(begin, begin + length);
    if (id === EXPORTS) {
      const [count, first] = number(body, 0);
      const memory = Buffer.from([name.length, ...name, MEMORY, 0]);
      body = Buffer.concat([bytes(count + 1), memory, body.subarray(first)]);
    }
    parts.push(Buffer.from([id]), bytes(body.length), body);
    at = begin + length;
  }
  return Buffer.concat(parts);
}

/** A number in LEB128, and the place after it. */
function number(from, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = from[at++];
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

function bytes(value) {
  const list = [];
  for (; value > 127; value >>>= 7) list.push((value & 127) | 128);
  return Buffer.from([...list, value]);
}
