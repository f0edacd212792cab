// The socket: connecting, authenticating, coming back after a loss, asking and being answered.
// Knows nothing of the page.

/** How long an acknowledgement may take, in milliseconds. */
const ANSWER_MS = 10_000;

/** How long to wait before coming back to a server that closed the socket, in milliseconds. */
const RETURN_MS = 1_000;

/** Reasons for which the same client may come back at once; the others want a person to look. */
const PASSING = new Set(["overloaded", "shutting-down", "internal", "rate-limited"]);

/** Where a reload leaves its socket for the next page in this tab. */
const KEY = "wardroom-demo";

export class Link {
  /** The status that this socket asks for. */
  status = "online";

  #identity;
  #handlers;
  #socket;
  #former = null;
  #authenticated = false;
  #refusal = null;
  #asking = false;
  #askAgain = false;

  /**
   * `identity()` resolves to `{token, workspaceId}` each time the socket authenticates.
   * `handlers`: `phase(name, reason)`, `welcome(userId)`, `state(acknowledgement)`,
   * `event(name, data)`, `sent(name, data)`, `answered(name, acknowledgement)`.
   */
  constructor(identity, handlers) {
    this.#identity = identity;
    this.#handlers = handlers;
    this.#remember();
    this.#socket = io({ autoConnect: false });
    this.#socket.on("connect", () => this.#enter());
    this.#socket.on("connect_error", (error) => handlers.phase("lost", error.message));
    this.#socket.on("disconnect", (reason) => this.#left(reason));
    this.#socket.onAny((name, data) => this.#heard(name, data));
  }

  open() {
    this.#refusal = null;
    this.#handlers.phase("connecting");
    this.#socket.connect();
  }

  /** Comes back as somebody new, for instance after another tab took this one's place. */
  reopen() {
    this.#former = null;
    this.#socket.disconnect();
    this.open();
  }

  /** Sends an event; resolves to its acknowledgement, or to nothing if none came. */
  async send(name, data) {
    this.#handlers.sent(name, data);
    const socket = this.#socket.timeout(ANSWER_MS);
    try {
      const given = data === undefined ? [name] : [name, data];
      const answer = await socket.emitWithAck(...given);
      this.#handlers.answered(name, answer);
      return answer;
    } catch {
      this.#handlers.answered(name, { ok: false, error: { code: "no-answer" } });
      return null;
    }
  }

  /** Asks for the state. However often this is called meanwhile, one more question follows. */
  async refresh() {
    this.#askAgain = true;
    if (this.#asking) return;
    this.#asking = true;
    while (this.#askAgain && this.#authenticated) {
      this.#askAgain = false;
      const answer = await this.send("get-state", {});
      if (answer?.ok) this.#handlers.state(answer);
    }
    this.#asking = false;
  }

  async #enter() {
    const id = this.#socket.id;
    this.#handlers.phase("authenticating");
    let identity;
    try {
      identity = await this.#identity();
    } catch (error) {
      this.#refuse({ code: "no-identity", message: error.message });
      return;
    }
    // The socket may have been lost meanwhile; then the next one enters.
    if (this.#socket.id !== id) return;
    const auth = { ...identity, onlineStatus: this.status };
    if (this.#former) auth.prevSocketId = this.#former;
    const answer = await this.send("auth", auth);
    if (this.#socket.id !== id || !answer) return;
    if (!answer.ok) {
      this.#refuse(answer.error);
      return;
    }
    this.#authenticated = true;
    this.#former = answer.socketId;
    this.#handlers.welcome(answer.userId);
    await this.refresh();
    if (this.#socket.id === id) this.#handlers.phase("live");
  }

  #heard(name, data) {
    // The reason for which the server is about to close the socket comes as an error of `auth`.
    if (name === "socket-api-error" && data?.event === "auth") this.#refusal = data;
    this.#handlers.event(name, data);
  }

  #left(reason) {
    this.#authenticated = false;
    const refusal = this.#refusal;
    if (refusal) {
      this.#refuse(refusal);
      return;
    }
    this.#handlers.phase("lost", reason);
    // The client comes back by itself, but not to a server that closed the socket.
    if (reason === "io server disconnect") setTimeout(() => this.#socket.connect(), RETURN_MS);
  }

  #refuse(refusal) {
    this.#refusal = null;
    this.#authenticated = false;
    this.#socket.disconnect();
    if (PASSING.has(refusal.code)) {
      this.#handlers.phase("lost", refusal.code);
      setTimeout(() => this.#socket.connect(), RETURN_MS);
    } else {
      this.#handlers.phase("closed", `${refusal.message} (${refusal.code})`);
    }
  }

  // A reload names the lost socket, so that nobody sees it. The note is written when the page
  // goes and taken away when the next one reads it: a duplicated tab copies the storage, and
  // must not take the place of the tab it was made from.
  #remember() {
    const note = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    sessionStorage.removeItem(KEY);
    if (note?.page === location.hash) {
      this.#former = note.socketId;
      this.status = note.status;
    }
    addEventListener("pagehide", () => {
      if (!this.#former) return;
      const left = { page: location.hash, socketId: this.#former, status: this.status };
      sessionStorage.setItem(KEY, JSON.stringify(left));
    });
    addEventListener("pageshow", (event) => {
      if (event.persisted) sessionStorage.removeItem(KEY);
    });
  }
}
