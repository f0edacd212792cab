// What this user knows of the workspace: the state, and how each event changes it. Knows neither
// sockets nor the page.

/** The media state of somebody of whom nothing else was said. */
export const QUIET = {
  microphone: false,
  speakers: true,
  screen: false,
  camera: false,
  speaking: false,
};

export class Room {
  /** The user whose tab this is. */
  me = null;
  /** By user id: `{user, onlineStatus, channelId, media}`. */
  people = new Map();
  /** By channel id: `{private}`. */
  channels = new Map();
  /** Whether another of this user's sockets holds the conversation. */
  elsewhere = false;

  /** Takes the acknowledgement of `get-state` as the whole truth. */
  replace({ members, channels }) {
    this.people = new Map(members.map((member) => [member.user.id, {
      user: member.user,
      onlineStatus: member.onlineStatus,
      channelId: member.selectedChannelId,
      media: member.userMediaState,
    }]));
    this.channels = new Map(channels.map((channel) => [channel.channelId, channel]));
  }

  /** Changes what an event says. Returns whether `get-state` has to say the rest. */
  apply(event, data) {
    switch (event) {
      case "channel-created":
        // Who is in it, and whether it is private, the event does not say.
        return true;
      case "channel-deleted":
        this.channels.delete(data.channelId);
        for (const person of this.people.values()) {
          if (person.channelId === data.channelId) this.#leave(person);
        }
        return false;
      case "user-joined":
      case "user-updated":
        this.#person(data.user.id).user = data.user;
        return false;
      case "user-leaved-workspace":
        this.people.delete(data.userId);
        return false;
      case "user-selected-channel": {
        const person = this.#person(data.userId);
        person.channelId = data.channelId;
        person.media = data.userMediaState;
        return false;
      }
      case "user-unselected-channel": {
        const person = this.#person(data.userId);
        if (person.channelId === data.channelId) this.#leave(person);
        return false;
      }
      case "user-changed-device":
        // Also told to the socket that took the conversation, before its acknowledgement.
        this.elsewhere = true;
        return false;
      case "online-status-updated":
        this.#person(data.userId).onlineStatus = data.onlineStatus;
        return false;
      case "media-state-updated":
        this.#person(data.userId).media = data.userMediaState;
        return false;
      default:
        return false;
    }
  }

  /** Those in a channel, by name. */
  occupants(channelId) {
    return this.everybody().filter((person) => person.channelId === channelId);
  }

  /** Everybody, by name; this user first. */
  everybody() {
    const mine = (person) => (person.user.id === this.me ? 0 : 1);
    return [...this.people.values()].sort(
      (a, b) => mine(a) - mine(b) || nameOf(a.user).localeCompare(nameOf(b.user)),
    );
  }

  /** This user, as everybody sees them. */
  myself() {
    return this.people.get(this.me);
  }

  #leave(person) {
    person.channelId = null;
    person.media = QUIET;
    if (person.user.id === this.me) this.elsewhere = false;
  }

  // Somebody who is here by token only is in no directory: an event is the first that is heard.
  #person(id) {
    let person = this.people.get(id);
    if (!person) {
      person = { user: { id }, onlineStatus: "offline", channelId: null, media: QUIET };
      this.people.set(id, person);
    }
    return person;
  }
}

/** The name to show. The application decides what a profile holds; only `id` is certain. */
export function nameOf(user) {
  return typeof user.name === "string" && user.name ? user.name : user.id;
}
