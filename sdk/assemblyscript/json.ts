// JSON texts as the server gives them: read where they stand, and written as they stood but for what
// was changed. A number is never turned into another. A text that is no JSON is read as far as it goes.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A value in a JSON text. */
export class Json {
  private names: string[] = [];
  private values: Json[] = [];
  private isOpen: bool = false;
  private isChanged: bool = false;

  private constructor(
    private source: string,
    private from: i32,
    private to: i32,
  ) {}

  static parse(text: string): Json {
    return new Reader(text, 0).value();
  }

  /** A text as a JSON value. */
  static ofString(text: string): Json {
    const quoted = quote(text);
    return new Json(quoted, 0, quoted.length);
  }

  /** An object without members. */
  static object(): Json { return new Json("{}", 0, 2); }

  /** @internal */
  static at(source: string, from: i32, to: i32): Json { return new Json(source, from, to); }

  isObject(): bool { return this.begins(0x7b); }
  isList(): bool { return this.begins(0x5b); }
  isString(): bool { return this.begins(QUOTE); }
  isNull(): bool { return this.toString() == "null"; }

  /** The text that it is; null if it is none. */
  string(): string | null {
    return this.isString() ? unquote(this.source, this.from + 1, this.to - 1) : null;
  }

  /** Whether it is a number without fraction and exponent, of at most nine digits. */
  isWholeNumber(): bool {
    let at = this.from;
    if (this.source.charCodeAt(at) === 0x2d) at++;
    if (at === this.to || this.to - at > 9) return false;
    for (; at < this.to; at++) {
      const digit = this.source.charCodeAt(at) - 0x30;
      if (digit < 0 || 9 < digit) return false;
    }
    return true;
  }

  wholeNumber(): i32 { return I32.parseInt(this.toString()); }

  /** The items of a list; none if it is no list. */
  items(): Json[] {
    if (this.isList()) this.open();
    return this.values;
  }

  /** The names of an object's members, in their order; none if it is no object. */
  keys(): string[] {
    if (this.isObject()) this.open();
    return this.names;
  }

  has(key: string): bool { return this.keys().includes(key); }

  get(key: string): Json | null {
    const at = this.keys().lastIndexOf(key);
    return at < 0 ? null : this.values[at];
  }

  /** Gives an object a member, or a member another value. */
  set(key: string, value: Json): void {
    const at = this.keys().lastIndexOf(key);
    if (at < 0) {
      this.names.push(key);
      this.values.push(value);
    } else {
      this.values[at] = value;
    }
    this.isChanged = true;
  }

  /** Takes a member out of an object; says whether it was there. */
  delete(key: string): bool {
    let found = false;
    for (let at = this.keys().length - 1; at >= 0; at--) {
      if (this.names[at] != key) continue;
      this.names.splice(at, 1);
      this.values.splice(at, 1);
      found = true;
    }
    if (found) this.isChanged = true;
    return found;
  }

  /** The JSON text. */
  toString(): string {
    if (!this.hasChanged()) return this.source.substring(this.from, this.to);
    const parts = new Array<string>(this.values.length);
    for (let at = 0; at < parts.length; at++) {
      const value = this.values[at].toString();
      parts[at] = this.isList() ? value : `${quote(this.names[at])}:${value}`;
    }
    return this.isList() ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
  }

  private begins(bracket: i32): bool {
    return this.from < this.to && this.source.charCodeAt(this.from) === bracket;
  }

  private hasChanged(): bool {
    return this.isChanged || (this.isOpen && this.values.some((value) => value.hasChanged()));
  }

  private open(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    const inside = new Reader(this.source, this.from + 1);
    const named = this.isObject();
    while (inside.more(this.to - 1)) {
      if (named) {
        const name = inside.value().string();
        this.names.push(name === null ? "" : name);
        inside.skip(0x3a);
      }
      this.values.push(inside.value());
      inside.skip(0x2c);
    }
  }
}

/** Goes through a text, value by value. */
class Reader {
  constructor(
    private text: string,
    private at: i32,
  ) {}

  /** Whether anything but space stands before this place. */
  more(end: i32): bool {
    this.space();
    return this.at < end;
  }

  /** Goes past a comma or colon. */
  skip(mark: i32): void {
    this.space();
    if (this.text.charCodeAt(this.at) === mark) this.at++;
  }

  /** The next value. What stands in brackets is passed by counting them. */
  value(): Json {
    this.space();
    const from = this.at;
    let depth = 0;
    for (; this.at < this.text.length; this.at++) {
      const c = this.text.charCodeAt(this.at);
      if (c === QUOTE) {
        this.string();
      } else if (c === 0x7b || c === 0x5b) {
        depth++;
      } else if (c === 0x7d || c === 0x5d) {
        if (depth === 0) break;
        depth--;
      } else if (depth === 0 && (isSpace(c) || c === 0x2c || c === 0x3a)) {
        break;
      }
    }
    // What is no value has a length all the same, so that nobody reads it for ever.
    if (this.at === from && from < this.text.length) this.at++;
    return Json.at(this.text, from, this.at);
  }

  private space(): void {
    while (isSpace(this.text.charCodeAt(this.at))) this.at++;
  }

  /** Goes to the end of a text in quotes. */
  private string(): void {
    for (this.at++; this.at < this.text.length; this.at++) {
      const c = this.text.charCodeAt(this.at);
      if (c === QUOTE) return;
      if (c === BACKSLASH) this.at++;
    }
  }
}

function isSpace(c: i32): bool {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}

const ESCAPES = "bfnrt";
const ESCAPED = "\b\f\n\r\t";

function unquote(source: string, from: i32, to: i32): string {
  let text = "";
  let plain = from;
  for (let at = from; at < to; at++) {
    if (source.charCodeAt(at) !== BACKSLASH) continue;
    text += source.substring(plain, at++);
    const c = source.charAt(at);
    const escape = ESCAPES.indexOf(c);
    if (c == "u") {
      text += String.fromCharCode(<i32>parseInt(source.substring(at + 1, at + 5), 16));
      at += 4;
    } else {
      text += escape < 0 ? c : ESCAPED.charAt(escape);
    }
    plain = at + 1;
  }
  return text + source.substring(plain, to);
}

function quote(text: string): string {
  let quoted = '"';
  let plain = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c >= 0x20 && c !== QUOTE && c !== BACKSLASH) continue;
    quoted += text.substring(plain, at);
    quoted += c < 0x20 ? `\\u${c.toString(16).padStart(4, "0")}` : `\\${text.charAt(at)}`;
    plain = at + 1;
  }
  return `${quoted}${text.substring(plain)}"`;
}
