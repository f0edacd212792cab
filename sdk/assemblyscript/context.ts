// The imports of `wardroom:policy@1.0.0` as they look below: pointers, lengths and handles. What is
// not used is not imported.

// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "workspace")
export declare function workspace(out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]subject.id")
export declare function subjectId(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]subject.role")
export declare function subjectRole(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]subject.attribute")
export declare function subjectAttribute(self: i32, name: usize, length: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]subject.attributes")
export declare function subjectAttributes(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]subject.is-member-of")
export declare function subjectIsMemberOf(self: i32, channel: i32): bool;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]channel.id")
export declare function channelId(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]channel.is-private")
export declare function channelIsPrivate(self: i32): bool;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]channel.has-member")
export declare function channelHasMember(self: i32, user: usize, length: i32): bool;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]channel.member-count")
export declare function channelMemberCount(self: i32): u32;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]channel.members")
export declare function channelMembers(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]channel.attribute")
export declare function channelAttribute(self: i32, name: usize, length: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]channel.attributes")
export declare function channelAttributes(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]request.subject")
export declare function requestSubject(self: i32): i32;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]request.claims")
export declare function requestClaims(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]request.remote-address")
export declare function requestRemoteAddress(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]request.is-reevaluation")
export declare function requestIsReevaluation(self: i32): bool;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]command.name")
export declare function commandName(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]command.arguments")
export declare function commandArguments(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]command.subject")
export declare function commandSubject(self: i32): i32;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]command.channel")
export declare function commandChannel(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]event.name")
export declare function eventName(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]event.payload")
export declare function eventPayload(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]event.subject")
export declare function eventSubject(self: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/context@1.0.0", "[method]event.channel")
export declare function eventChannel(self: i32, out: usize): void;

// @ts-ignore: decorator
@external("wardroom:policy/directory@1.0.0", "find-channel")
export declare function findChannel(id: usize, length: i32, out: usize): void;
// @ts-ignore: decorator
@external("wardroom:policy/directory@1.0.0", "find-subject")
export declare function findSubject(id: usize, length: i32, out: usize): void;

// @ts-ignore: decorator
@external("wasi:clocks/wall-clock@0.2.0", "now")
export declare function now(out: usize): void;
