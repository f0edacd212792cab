//! The interface of Wardroom in Zig, over the generated bindings for C.
//!
//! What a getter returns is the caller's, to be freed with `gpa`. What a hook is given is dropped with
//! `drop`, what it is lent goes back by itself. Hooks are the public functions of `main.zig` that the
//! end of this file names; an error that one returns is a panic.

const std = @import("std");
const c = @import("bindings");
const hooks = @import("root");
const Error = std.mem.Allocator.Error;

/// The memory of answers, getters and everything else: that of the bindings.
pub const gpa = std.heap.c_allocator;

// ---- The facts of a question

pub const Channel = struct {
    handle: c.context_borrow_channel_t,

    pub fn id(self: Channel) []u8 {
        return textFrom(c.context_method_channel_id, .{self.handle});
    }
    pub fn isPrivate(self: Channel) bool {
        return c.context_method_channel_is_private(self.handle);
    }
    pub fn hasMember(self: Channel, user: []const u8) bool {
        var user_id = lent(user);
        return c.context_method_channel_has_member(self.handle, &user_id);
    }
    pub fn memberCount(self: Channel) u32 {
        return c.context_method_channel_member_count(self.handle);
    }
    /// All members, in the order of their ids: to be freed one by one, and then the list.
    pub fn members(self: Channel) Error![][]u8 {
        var raw: c.context_list_user_id_t = undefined;
        c.context_method_channel_members(self.handle, &raw);
        const raws = raw.ptr[0..raw.len];
        defer gpa.free(raws);
        const ids = try gpa.alloc([]u8, raws.len);
        for (ids, raws) |*user, text| user.* = text.ptr[0..text.len];
        return ids;
    }
    /// All attributes, a JSON object.
    pub fn attributes(self: Channel) []u8 {
        return textFrom(c.context_method_channel_attributes, .{self.handle});
    }
    pub fn attribute(self: Channel, name: []const u8) ?[]u8 {
        var key = lent(name);
        return textIfAny(c.context_method_channel_attribute, .{ self.handle, &key });
    }
};

pub const Subject = struct {
    handle: c.context_borrow_subject_t,

    pub fn id(self: Subject) []u8 {
        return textFrom(c.context_method_subject_id, .{self.handle});
    }
    pub fn role(self: Subject) ?[]u8 {
        return textIfAny(c.context_method_subject_role, .{self.handle});
    }
    /// All attributes, a JSON object.
    pub fn attributes(self: Subject) []u8 {
        return textFrom(c.context_method_subject_attributes, .{self.handle});
    }
    pub fn attribute(self: Subject, name: []const u8) ?[]u8 {
        var key = lent(name);
        return textIfAny(c.context_method_subject_attribute, .{ self.handle, &key });
    }
    pub fn isMemberOf(self: Subject, channel: Channel) bool {
        return c.context_method_subject_is_member_of(self.handle, channel.handle);
    }
};

/// A channel that the hook was given, and drops.
pub const OwnChannel = extern struct {
    own: c.context_own_channel_t,

    pub fn view(self: OwnChannel) Channel {
        return .{ .handle = c.context_borrow_channel(self.own) };
    }
    pub fn drop(self: OwnChannel) void {
        c.context_channel_drop_own(self.own);
    }
};

/// A subject that the hook was given, and drops. Those of `decide` are dropped behind it.
pub const OwnSubject = extern struct {
    own: c.context_own_subject_t,

    pub fn view(self: OwnSubject) Subject {
        return .{ .handle = c.context_borrow_subject(self.own) };
    }
    pub fn drop(self: OwnSubject) void {
        c.context_subject_drop_own(self.own);
    }
};

pub const Request = struct {
    handle: c.context_borrow_request_t,

    pub fn subject(self: Request) OwnSubject {
        return .{ .own = c.context_method_request_subject(self.handle) };
    }
    /// The claims of the token, a JSON object.
    pub fn claims(self: Request) []u8 {
        return textFrom(c.context_method_request_claims, .{self.handle});
    }
    pub fn remoteAddress(self: Request) ?[]u8 {
        return textIfAny(c.context_method_request_remote_address, .{self.handle});
    }
    pub fn isReevaluation(self: Request) bool {
        return c.context_method_request_is_reevaluation(self.handle);
    }
};

pub const Command = struct {
    handle: c.context_borrow_command_t,

    pub fn name(self: Command) []u8 {
        return textFrom(c.context_method_command_name, .{self.handle});
    }
    /// Its fields, a JSON object.
    pub fn arguments(self: Command) []u8 {
        return textFrom(c.context_method_command_arguments, .{self.handle});
    }
    pub fn subject(self: Command) OwnSubject {
        return .{ .own = c.context_method_command_subject(self.handle) };
    }
    pub fn channel(self: Command) ?OwnChannel {
        var own: c.context_own_channel_t = undefined;
        return if (c.context_method_command_channel(self.handle, &own)) .{ .own = own } else null;
    }
};

pub const Event = struct {
    handle: c.context_borrow_event_t,

    pub fn name(self: Event) []u8 {
        return textFrom(c.context_method_event_name, .{self.handle});
    }
    /// Its data, JSON.
    pub fn payload(self: Event) []u8 {
        return textFrom(c.context_method_event_payload, .{self.handle});
    }
    pub fn subject(self: Event) ?OwnSubject {
        var own: c.context_own_subject_t = undefined;
        return if (c.context_method_event_subject(self.handle, &own)) .{ .own = own } else null;
    }
    pub fn channel(self: Event) ?OwnChannel {
        var own: c.context_own_channel_t = undefined;
        return if (c.context_method_event_channel(self.handle, &own)) .{ .own = own } else null;
    }
};

pub fn workspace() []u8 {
    return textFrom(c.context_workspace, .{});
}

/// The time of the decision, in seconds since 1970.
pub fn unixTime() u64 {
    var now: c.clock_datetime_t = undefined;
    c.clock_now(&now);
    return now.seconds;
}

pub const Level = enum(u8) { debug, info, warn, err };

/// Writes a line to the server's log.
pub fn log(level: Level, message: []const u8) void {
    var line = lent(message);
    c.log_write(@backingInt(level), &line);
}

/// A panic is a line in the log and a trap: the server asks a fresh instance.
pub const panic = std.debug.FullPanic(logAndTrap);

fn logAndTrap(message: []const u8, _: ?usize) noreturn {
    log(.err, message);
    @trap();
}

// ---- Answers. What they are made from is copied, but for payloads, grants and messages: those are
// allocated with `gpa`, and taken.

pub const Test = union(enum) {
    users: []const []const u8,
    roles: []const []const u8,
    channel_member,
    /// Name and value.
    attribute: [2][]const u8,
};

/// Holds when each of `all` does, and none of `none`.
pub const Clause = struct { all: []const Test = &.{}, none: []const Test = &.{} };

/// Those for whom one of the clauses holds.
pub const Selector = struct { any: []const Clause };

pub const Rule = struct {
    raw: c.exports_visibility_rule_t,

    pub const everyone: Rule = tagged(c.EXPORTS_VISIBILITY_RULE_EVERYONE);
    pub const nobody: Rule = tagged(c.EXPORTS_VISIBILITY_RULE_NOBODY);
    pub const each: Rule = tagged(c.EXPORTS_VISIBILITY_RULE_EACH);

    pub fn only(people: Selector) Error!Rule {
        var rule = tagged(c.EXPORTS_VISIBILITY_RULE_ONLY);
        rule.raw.val = .{ .only = try rawSelector(people) };
        return rule;
    }
    pub fn except(people: Selector) Error!Rule {
        var rule = tagged(c.EXPORTS_VISIBILITY_RULE_EXCEPT);
        rule.raw.val = .{ .except = try rawSelector(people) };
        return rule;
    }

    fn tagged(tag: u8) Rule {
        return .{ .raw = .{ .tag = tag } };
    }
};

pub const Denial = struct { code: []u8, message: []u8 };

/// Whether somebody enters, and stays in.
pub const Admission = union(enum) {
    admit,
    deny: Denial,
};

pub const Decision = union(enum) {
    allow,
    /// Allowed, with a JSON object that goes to the client.
    grant: []u8,
    deny: Denial,
};

pub const Rendition = struct { to: Selector, payload: []u8 };

pub const Rendering = struct {
    raw: c.exports_events_rendering_t,

    pub const unchanged: Rendering = tagged(c.EXPORTS_EVENTS_RENDERING_UNCHANGED);
    pub const suppressed: Rendering = tagged(c.EXPORTS_EVENTS_RENDERING_SUPPRESSED);

    pub fn replaced(payload: []u8) Rendering {
        var rendering = tagged(c.EXPORTS_EVENTS_RENDERING_REPLACED);
        rendering.raw.val = .{ .replaced = lent(payload) };
        return rendering;
    }
    pub fn split(renditions: []const Rendition) Error!Rendering {
        var rendering = tagged(c.EXPORTS_EVENTS_RENDERING_SPLIT);
        const forms = try gpa.alloc(c.exports_events_rendition_t, renditions.len);
        for (forms, renditions) |*raw, form| {
            raw.* = .{ .to = try rawSelector(form.to), .payload = lent(form.payload) };
        }
        rendering.raw.val = .{ .split = list(c.exports_events_list_rendition_t, forms) };
        return rendering;
    }

    fn tagged(tag: u8) Rendering {
        return .{ .raw = .{ .tag = tag } };
    }
};

// ---- How texts, sets and denials look in the bindings

/// A text as the bindings have it, in the same memory.
fn lent(text: []const u8) c.policy_string_t {
    return list(c.policy_string_t, @constCast(text));
}

/// A list as the bindings have it, in the same memory. An empty slice may point anywhere, and an
/// empty list may not.
fn list(comptime List: type, items: anytype) List {
    return if (items.len == 0) .{} else .{ .ptr = items.ptr, .len = items.len };
}

fn textFrom(get: anytype, arguments: anytype) []u8 {
    var text: c.policy_string_t = undefined;
    @call(.auto, get, arguments ++ .{&text});
    return text.ptr[0..text.len];
}

fn textIfAny(get: anytype, arguments: anytype) ?[]u8 {
    var text: c.policy_string_t = undefined;
    return if (@call(.auto, get, arguments ++ .{&text})) text.ptr[0..text.len] else null;
}

fn rawTexts(comptime List: type, texts: []const []const u8) Error!List {
    const raws = try gpa.alloc(c.policy_string_t, texts.len);
    for (raws, texts) |*raw, text| raw.* = lent(try gpa.dupe(u8, text));
    return list(List, raws);
}

fn rawTests(tests: []const Test) Error!c.types_list_test_t {
    const raws = try gpa.alloc(c.types_test_t, tests.len);
    for (raws, tests) |*raw, it| raw.* = switch (it) {
        .users => |ids| .{
            .tag = c.TYPES_TEST_USERS,
            .val = .{ .users = try rawTexts(c.types_list_user_id_t, ids) },
        },
        .roles => |roles| .{
            .tag = c.TYPES_TEST_ROLES,
            .val = .{ .roles = try rawTexts(c.types_list_role_t, roles) },
        },
        .channel_member => .{ .tag = c.TYPES_TEST_CHANNEL_MEMBER },
        .attribute => |attribute| .{
            .tag = c.TYPES_TEST_ATTRIBUTE,
            .val = .{ .attribute = .{
                .f0 = lent(try gpa.dupe(u8, attribute[0])),
                .f1 = lent(try gpa.dupe(u8, attribute[1])),
            } },
        },
    };
    return list(c.types_list_test_t, raws);
}

fn rawSelector(selector: Selector) Error!c.types_selector_t {
    const raws = try gpa.alloc(c.types_clause_t, selector.any.len);
    for (raws, selector.any) |*raw, clause| {
        raw.* = .{ .all = try rawTests(clause.all), .none = try rawTests(clause.none) };
    }
    return .{ .any = list(c.types_list_clause_t, raws) };
}

fn rawDenial(denial: Denial) c.types_denial_t {
    return .{ .code = lent(denial.code), .message = lent(denial.message) };
}

// ---- What the bindings call: each hook of the world. They free the answers afterwards.

comptime {
    exportHidden(&configure, "exports_lifecycle_configure");
    exportHidden(&admit, "exports_admission_admit");
    exportHidden(&audience, "exports_visibility_audience");
    exportHidden(&decide, "exports_visibility_decide");
    exportHidden(&authorize, "exports_commands_authorize");
    exportHidden(&render, "exports_events_render");
}

/// For the bindings, and not for the world outside.
fn exportHidden(comptime hook: anytype, comptime name: []const u8) void {
    @export(hook, .{ .name = name, .visibility = .hidden });
}

fn failed(reason: anyerror) noreturn {
    @panic(@errorName(reason));
}

fn configure(settings: *c.policy_string_t, why: *c.policy_string_t) callconv(.c) bool {
    const text = settings.ptr[0..settings.len];
    defer gpa.free(text);
    const refused = hooks.configure(text) catch |reason| failed(reason);
    if (refused) |reason| why.* = lent(reason);
    return refused == null;
}

fn admit(request: c.context_borrow_request_t, denial: *c.types_denial_t) callconv(.c) bool {
    const admission: Admission = hooks.admit(.{ .handle = request }) catch |reason| failed(reason);
    if (admission == .deny) denial.* = rawDenial(admission.deny);
    return admission == .admit;
}

fn audience(
    channel: c.context_borrow_channel_t,
    rule: *c.exports_visibility_rule_t,
) callconv(.c) void {
    const answer: Rule = hooks.audience(.{ .handle = channel }) catch |reason| failed(reason);
    rule.* = answer.raw;
}

fn decide(
    channel: c.context_borrow_channel_t,
    raw: *c.exports_visibility_list_own_subject_t,
    answers: *c.policy_list_bool_t,
) callconv(.c) void {
    const subjects: []OwnSubject = @ptrCast(raw.ptr[0..raw.len]);
    defer gpa.free(subjects);
    defer for (subjects) |subject| subject.drop();
    const sees = gpa.alloc(bool, subjects.len) catch |reason| failed(reason);
    hooks.decide(.{ .handle = channel }, subjects, sees) catch |reason| failed(reason);
    answers.* = list(c.policy_list_bool_t, sees);
}

fn authorize(
    command: c.context_borrow_command_t,
    grant: *c.exports_commands_option_json_t,
    denial: *c.types_denial_t,
) callconv(.c) bool {
    const decision: Decision = hooks.authorize(.{ .handle = command }) catch |reason| failed(reason);
    grant.* = .{};
    switch (decision) {
        .allow => {},
        .grant => |json| grant.* = .{ .is_some = true, .val = lent(json) },
        .deny => |why| denial.* = rawDenial(why),
    }
    return decision != .deny;
}

fn render(
    event: c.context_borrow_event_t,
    rendering: *c.exports_events_rendering_t,
) callconv(.c) void {
    const answer: Rendering = hooks.render(.{ .handle = event }) catch |reason| failed(reason);
    rendering.* = answer.raw;
}
