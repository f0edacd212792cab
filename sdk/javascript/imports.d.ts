// What a policy may import from the server, and what is there without being imported.

/** Lines for the server's log, under the policy's name. */
declare module "wardroom:policy/log@1.0.0" {
  export type Level = "debug" | "info" | "warn" | "error";
  export function write(level: Level, message: string): void;
}

/** The facts of the question at hand. */
declare module "wardroom:policy/context@1.0.0" {
  /** The workspace in which the question arises. */
  export function workspace(): string;
}

/**
 * Facts beyond the question. Needs `import wardroom:policy/directory@1.0.0;` in `wit/world.wit`.
 * With it, an answer may depend on anything in the workspace: import it only where it is needed.
 */
declare module "wardroom:policy/directory@1.0.0" {
  export function findChannel(id: string): import("./policy.d.ts").Channel | null;
  export function findSubject(id: string): import("./policy.d.ts").Subject | null;
}

/** Writes to the server's log, as `write` of `wardroom:policy/log` does. */
declare const console: Record<"debug" | "log" | "info" | "warn" | "error", (...values: unknown[]) => void>;
