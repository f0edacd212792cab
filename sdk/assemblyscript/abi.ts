// How values cross the border of the component: the canonical ABI by hand, for strings in UTF-16,
// which is what AssemblyScript has. Nothing in here is for policies.
//
// What the host writes into memory it gets from `cabi_realloc`; it is copied and freed at once. What
// a hook answers stays where it is, and alive, until the next call.

/** Where imports write what does not fit into a register. */
const area = memory.data(16, 8);

/** What the answer consists of besides the objects of the policy. */
let parts: ArrayBuffer[] = [];
/** Handles to be given back, each after its kind. */
let held: i32[] = [];

const SUBJECT = 0;
const CHANNEL = 1;
const REQUEST = 2;
const COMMAND = 3;
const EVENT = 4;

// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[resource-drop]subject")
declare function dropSubject(handle: i32): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[resource-drop]channel")
declare function dropChannel(handle: i32): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[resource-drop]request")
declare function dropRequest(handle: i32): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[resource-drop]command")
declare function dropCommand(handle: i32): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[resource-drop]event")
declare function dropEvent(handle: i32): void;
// @ts-ignore: decorator
@external("wardroom:policy/log@1.0.0", "write")
declare function logWrite(level: i32, message: usize, length: i32): void;

export namespace abi {
  // ---- Memory

  /** Begins a hook: what the last one answered is of no use any more. */
  export function begin(): void {
    parts = [];
  }

  /** Ends a hook: what it was lent or given goes back. */
  export function end(): void {
    for (let at = 0; at < held.length; at += 2) {
      const handle = held[at + 1];
      switch (held[at]) {
        case SUBJECT: dropSubject(handle); break;
        case CHANNEL: dropChannel(handle); break;
        case REQUEST: dropRequest(handle); break;
        case COMMAND: dropCommand(handle); break;
        default: dropEvent(handle);
      }
    }
    held.length = 0;
  }

  /** Room in the answer, filled with zeros. */
  export function room(bytes: i32): usize {
    const part = new ArrayBuffer(bytes);
    parts.push(part);
    return changetype<usize>(part);
  }

  export function realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
    if (size === 0) return align;
    return oldSize === 0 ? heap.alloc(size) : heap.realloc(old, size);
  }

  // ---- Handles

  export function holdSubject(handle: i32): i32 { return hold(SUBJECT, handle); }
  export function holdChannel(handle: i32): i32 { return hold(CHANNEL, handle); }
  export function holdRequest(handle: i32): i32 { return hold(REQUEST, handle); }
  export function holdCommand(handle: i32): i32 { return hold(COMMAND, handle); }
  export function holdEvent(handle: i32): i32 { return hold(EVENT, handle); }

  function hold(kind: i32, handle: i32): i32 {
    held.push(kind);
    held.push(handle);
    return handle;
  }

  // ---- From the host

  /** The area that an import is to write to. */
  export function out(): usize {
    return area;
  }

  /** A text that the host has written. */
  export function takeString(pointer: usize, length: i32): string {
    if (length === 0) return "";
    const text = String.UTF16.decodeUnsafe(pointer, <usize>length << 1);
    heap.free(pointer);
    return text;
  }

  /** The text at a place in the area. */
  export function stringAt(place: usize): string {
    return takeString(load<usize>(place), load<i32>(place, 4));
  }

  /** The text in the area, if there is one. */
  export function optionalString(): string | null {
    return load<u8>(area) ? stringAt(area + 4) : null;
  }

  /** The list of texts in the area. */
  export function strings(): string[] {
    const length = load<i32>(area, 4);
    const items = load<usize>(area);
    const list = new Array<string>(length);
    for (let at = 0; at < length; at++) list[at] = stringAt(items + (<usize>at << 3));
    if (length) heap.free(items);
    return list;
  }

  // ---- To the host

  export function pointer(text: string): usize {
    return changetype<usize>(text);
  }

  /** Writes where a text is, which the policy keeps alive. */
  export function putString(place: usize, text: string): void {
    store<usize>(place, pointer(text));
    store<i32>(place, text.length, 4);
  }

  export function putStrings(place: usize, texts: string[]): void {
    const items = room(texts.length << 3);
    for (let at = 0; at < texts.length; at++) putString(items + (<usize>at << 3), texts[at]);
    store<usize>(place, items);
    store<i32>(place, texts.length, 4);
  }

  export function write(level: i32, message: string): void {
    logWrite(level, pointer(message), message.length);
  }
}

/** What a failed assertion, a `throw` or an index out of bounds ends in: a line in the log, a trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? "a trap" : message;
  abi.write(3, file === null ? what : `${what} (${file}:${line}:${column})`);
  unreachable();
}
