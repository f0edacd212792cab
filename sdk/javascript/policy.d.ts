// The interface `wardroom:policy@1.0.0` in TypeScript, as componentize-qjs maps it: an option is
// `T | null`, a variant `{ tag, val }`, and an error of a result is what is thrown. Methods need
// their object: `subject.role()`. The WIT in `wit/deps/wardroom-policy` says what each item means.

/** A JSON text. */
export type Json = string;

/** Why something was refused: `code` for programs, `message` for the person. */
export interface Denial {
  code: string;
  message: string;
}

/** A fact about one person, which the server tests natively. */
export type Test =
  | { tag: "users"; val: string[] }
  | { tag: "roles"; val: string[] }
  | { tag: "channel-member" }
  | { tag: "attribute"; val: [name: string, value: string] };

/** Matches when every test of `all` holds and none of `none` does. */
export interface Clause {
  all: Test[];
  none: Test[];
}

/** The people whom any of the clauses matches. */
export interface Selector {
  any: Clause[];
}

/** A person in a workspace. */
export interface Subject {
  id(): string;
  role(): string | null;
  attribute(name: string): string | null;
  attributes(): Json;
  isMemberOf(channel: Channel): boolean;
}

/** A channel of a workspace. */
export interface Channel {
  id(): string;
  isPrivate(): boolean;
  hasMember(user: string): boolean;
  memberCount(): number;
  members(): string[];
  attribute(name: string): string | null;
  attributes(): Json;
}

/** Somebody asks to enter a workspace, or is in it and asked about again. */
export interface Request {
  subject(): Subject;
  claims(): Json;
  remoteAddress(): string | null;
  isReevaluation(): boolean;
}

/** A client's command before it is carried out. */
export interface Command {
  name(): string;
  arguments(): Json;
  subject(): Subject;
  channel(): Channel | null;
}

/** An event before it is committed. */
export interface Event {
  name(): string;
  payload(): Json;
  subject(): Subject | null;
  channel(): Channel | null;
}

/** Called once in each instance, before any other hook. A thrown `Error` refuses the settings. */
export interface Lifecycle {
  configure(settings: Json): void;
}

/** Who may enter. A thrown `Denial` refuses. */
export interface Admission {
  admit(request: Request): void;
}

/** Which people see a channel. */
export type Rule =
  | { tag: "everyone" }
  | { tag: "nobody" }
  | { tag: "only"; val: Selector }
  | { tag: "except"; val: Selector }
  | { tag: "each" };

/** Who sees a channel. `decide` is asked only after `audience` answered `each`. */
export interface ChannelVisibility {
  audience(channel: Channel): Rule;
  decide(channel: Channel, subjects: Subject[]): boolean[];
}

/** What a command may do: an object for the acknowledgement, or null. A thrown `Denial` refuses. */
export interface Commands {
  authorize(command: Command): Json | null;
}

/** One form of an event for some of its audience. */
export interface Rendition {
  to: Selector;
  payload: Json;
}

/** What becomes of an event. */
export type Rendering =
  | { tag: "unchanged" }
  | { tag: "replaced"; val: Json }
  | { tag: "suppressed" }
  | { tag: "split"; val: Rendition[] };

/** How an event looks, and to whom. */
export interface Events {
  render(event: Event): Rendering;
}
