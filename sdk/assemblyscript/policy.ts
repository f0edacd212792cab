// The interface `wardroom:policy@1.0.0` for AssemblyScript. The WIT in `wit/deps/wardroom-policy`
// says what each item means. Objects of the host are good for the call in which they were given;
// they go back by themselves when the hook has answered.

import * as context from "./context";
import { abi } from "./abi";

/** Why something was refused: `code` for programs, `message` for the person. */
export class Denial {
  constructor(
    public code: string,
    public message: string,
  ) {}
}

/** A fact about one person, which the server tests natively. */
export class Test {
  private constructor(
    /** @internal */ public tag: u8,
    /** @internal */ public texts: string[],
  ) {}

  /** The person is one of these. */
  static users(ids: string[]): Test { return new Test(0, ids); }
  /** The person has one of these roles. */
  static roles(roles: string[]): Test { return new Test(1, roles); }
  /** The person is a member of the channel in question. */
  static channelMember(): Test { return new Test(2, []); }
  /** The person's attribute of this name has this value. */
  static attribute(name: string, value: string): Test { return new Test(3, [name, value]); }
}

/** Matches when every test of `all` holds and none of `none` does. */
export class Clause {
  constructor(
    public all: Test[],
    public none: Test[] = [],
  ) {}

  static allOf(all: Test[]): Clause { return new Clause(all); }
  static noneOf(none: Test[]): Clause { return new Clause([], none); }
  static everybody(): Clause { return new Clause([]); }
}

/** The people whom any of the clauses matches. */
export class Selector {
  constructor(public any: Clause[]) {}
}

/** Which people see a channel. */
export class Rule {
  private constructor(
    /** @internal */ public tag: u8,
    /** @internal */ public selector: Selector | null = null,
  ) {}

  static everyone(): Rule { return new Rule(0); }
  static nobody(): Rule { return new Rule(1); }
  static only(selector: Selector): Rule { return new Rule(2, selector); }
  static except(selector: Selector): Rule { return new Rule(3, selector); }
  /** No rule describes them: ask `decide` about each person. */
  static each(): Rule { return new Rule(4); }
}

/** What becomes of a command. */
export class Verdict {
  private constructor(
    /** @internal */ public grant: string | null,
    /** @internal */ public denial: Denial | null,
  ) {}

  static allow(): Verdict { return new Verdict(null, null); }
  /** Allows it; a JSON object is added to the acknowledgement as `grant`. */
  static allowWith(grant: string): Verdict { return new Verdict(grant, null); }
  static deny(code: string, message: string): Verdict {
    return new Verdict(null, new Denial(code, message));
  }
}

/** One form of an event for some of its audience. */
export class Rendition {
  constructor(
    public to: Selector,
    /** A JSON text. */
    public payload: string,
  ) {}
}

/** What becomes of an event. */
export class Rendering {
  private constructor(
    /** @internal */ public tag: u8,
    /** @internal */ public payload: string = "",
    /** @internal */ public renditions: Rendition[] = [],
  ) {}

  static unchanged(): Rendering { return new Rendering(0); }
  /** All get this JSON text instead. */
  static replaced(payload: string): Rendering { return new Rendering(1, payload); }
  static suppressed(): Rendering { return new Rendering(2); }
  /** Each person gets the first rendition whose selector matches them. */
  static split(renditions: Rendition[]): Rendering { return new Rendering(3, "", renditions); }
}

/** A person in a workspace. */
export class Subject {
  /** @internal */
  readonly handle: i32;
  /** @internal */
  constructor(handle: i32) { this.handle = abi.holdSubject(handle); }

  id(): string {
    context.subjectId(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
  role(): string | null {
    context.subjectRole(this.handle, abi.out());
    return abi.optionalString();
  }
  attribute(name: string): string | null {
    context.subjectAttribute(this.handle, abi.pointer(name), name.length, abi.out());
    return abi.optionalString();
  }
  /** All attributes, a JSON object. */
  attributes(): string {
    context.subjectAttributes(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
  isMemberOf(channel: Channel): bool {
    return context.subjectIsMemberOf(this.handle, channel.handle);
  }
}

/** A channel of a workspace. */
export class Channel {
  /** @internal */
  readonly handle: i32;
  /** @internal */
  constructor(handle: i32) { this.handle = abi.holdChannel(handle); }

  id(): string {
    context.channelId(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
  isPrivate(): bool { return context.channelIsPrivate(this.handle); }
  hasMember(user: string): bool {
    return context.channelHasMember(this.handle, abi.pointer(user), user.length);
  }
  memberCount(): u32 { return context.channelMemberCount(this.handle); }
  members(): string[] {
    context.channelMembers(this.handle, abi.out());
    return abi.strings();
  }
  attribute(name: string): string | null {
    context.channelAttribute(this.handle, abi.pointer(name), name.length, abi.out());
    return abi.optionalString();
  }
  /** All attributes, a JSON object. */
  attributes(): string {
    context.channelAttributes(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
}

/** Somebody asks to enter a workspace, or is in it and asked about again. */
export class Request {
  /** @internal */
  readonly handle: i32;
  /** @internal */
  constructor(handle: i32) { this.handle = abi.holdRequest(handle); }

  subject(): Subject { return new Subject(context.requestSubject(this.handle)); }
  /** The claims of the verified token, a JSON object. */
  claims(): string {
    context.requestClaims(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
  remoteAddress(): string | null {
    context.requestRemoteAddress(this.handle, abi.out());
    return abi.optionalString();
  }
  isReevaluation(): bool { return context.requestIsReevaluation(this.handle); }
}

/** A client's command before it is carried out. */
export class Command {
  /** @internal */
  readonly handle: i32;
  /** @internal */
  constructor(handle: i32) { this.handle = abi.holdCommand(handle); }

  name(): string {
    context.commandName(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
  /** Its fields, a JSON object. */
  arguments(): string {
    context.commandArguments(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
  subject(): Subject { return new Subject(context.commandSubject(this.handle)); }
  channel(): Channel | null {
    context.commandChannel(this.handle, abi.out());
    return optionalChannel();
  }
}

/** An event before it is committed to the log of its workspace. */
export class Event {
  /** @internal */
  readonly handle: i32;
  /** @internal */
  constructor(handle: i32) { this.handle = abi.holdEvent(handle); }

  name(): string {
    context.eventName(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
  /** Its data, a JSON object, as the policies before this one left it. */
  payload(): string {
    context.eventPayload(this.handle, abi.out());
    return abi.stringAt(abi.out());
  }
  subject(): Subject | null {
    context.eventSubject(this.handle, abi.out());
    return optionalSubject();
  }
  channel(): Channel | null {
    context.eventChannel(this.handle, abi.out());
    return optionalChannel();
  }
}

/** The workspace in which the question arises. */
export function workspace(): string {
  context.workspace(abi.out());
  return abi.stringAt(abi.out());
}

/** The time of the decision. The world must import `wasi:clocks/wall-clock@0.2.0`. */
export function now(): Date {
  context.now(abi.out());
  return new Date(load<i64>(abi.out()) * 1000 + load<u32>(abi.out(), 8) / 1_000_000);
}

/** Any channel or person of the workspace. The world must import `wardroom:policy/directory@1.0.0`. */
export namespace directory {
  export function findChannel(id: string): Channel | null {
    context.findChannel(abi.pointer(id), id.length, abi.out());
    return optionalChannel();
  }
  export function findSubject(id: string): Subject | null {
    context.findSubject(abi.pointer(id), id.length, abi.out());
    return optionalSubject();
  }
}

/** Lines for the server's log, under the policy's name. */
export namespace log {
  export function debug(message: string): void { abi.write(0, message); }
  export function info(message: string): void { abi.write(1, message); }
  export function warn(message: string): void { abi.write(2, message); }
  export function error(message: string): void { abi.write(3, message); }
}

function optionalSubject(): Subject | null {
  return load<u8>(abi.out()) ? new Subject(load<i32>(abi.out(), 4)) : null;
}

function optionalChannel(): Channel | null {
  return load<u8>(abi.out()) ? new Channel(load<i32>(abi.out(), 4)) : null;
}
