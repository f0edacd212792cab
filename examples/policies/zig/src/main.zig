//! House rules: who enters, who sees a regional channel, who gets contact data, and when a channel is
//! open. `settings.zig` says what the settings mean. Nothing is remembered between calls but them.

const std = @import("std");
const wardroom = @import("wardroom.zig");
const settings_file = @import("settings.zig");

const Admission = wardroom.Admission;
const Channel = wardroom.Channel;
const Command = wardroom.Command;
const Decision = wardroom.Decision;
const Event = wardroom.Event;
const Hours = settings_file.Hours;
const OwnSubject = wardroom.OwnSubject;
const Rendering = wardroom.Rendering;
const Request = wardroom.Request;
const Rule = wardroom.Rule;
const Subject = wardroom.Subject;
const contains = settings_file.contains;
const gpa = wardroom.gpa;

pub const panic = wardroom.panic;

comptime {
    // It has what the bindings call.
    _ = wardroom;
}

var settings: settings_file.Settings = .{};

/// Returns why the settings are refused.
pub fn configure(text: []const u8) !?[]const u8 {
    // As long as the instance lives, as the settings do.
    var arena: std.heap.ArenaAllocator = .init(gpa);
    var why: []const u8 = "";
    settings = settings_file.Settings.parse(arena.allocator(), text, &why) catch |reason| {
        defer arena.deinit();
        return if (reason == error.Refused) try gpa.dupe(u8, why) else reason;
    };
    return null;
}

// ---- Who enters.

/// Asked when somebody comes, and again when what is known of them changes.
pub fn admit(request: Request) !Admission {
    const subject = request.subject();
    defer subject.drop();
    const suspended = subject.view().attribute("suspended") orelse return .admit;
    defer gpa.free(suspended);
    if (!std.mem.eql(u8, suspended, "true")) return .admit;
    return .{ .deny = .{
        .code = try gpa.dupe(u8, "suspended"),
        .message = try gpa.dupe(u8, "You are suspended; ask an administrator."),
    } };
}

// ---- Who sees a channel.

pub fn audience(channel: Channel) !Rule {
    if (channel.attribute("level")) |level| {
        gpa.free(level);
        // No selector compares numbers, so that the server has to ask `decide`.
        return .each;
    }
    const region = channel.attribute("region") orelse return .everyone;
    defer gpa.free(region);
    return .only(.{ .any = &.{
        .{ .all = &.{.{ .attribute = .{ "region", region } }} },
        .{ .all = &.{.{ .roles = settings.all_regions_roles }} },
    } });
}

/// Answers for each subject, in their order.
pub fn decide(channel: Channel, subjects: []const OwnSubject, answers: []bool) !void {
    const level = channel.attribute("level");
    defer if (level) |text| gpa.free(text);
    const region = channel.attribute("region");
    defer if (region) |text| gpa.free(text);
    // Null if nobody has it.
    const least = if (level) |text| wholeNumber(text) else 0;
    for (answers, subjects) |*sees, given| {
        const subject = given.view();
        const high_enough = if (least) |it| levelOf(subject) >= it else false;
        sees.* = high_enough and (region == null or inRegion(subject, region.?));
    }
}

/// A number of up to nine digits and nothing else.
fn wholeNumber(text: []const u8) ?u32 {
    if (text.len == 0 or text.len > 9) return null;
    var number: u32 = 0;
    for (text) |digit| {
        if (!std.ascii.isDigit(digit)) return null;
        number = number * 10 + (digit - '0');
    }
    return number;
}

/// Who has no level that makes sense has the lowest.
fn levelOf(subject: Subject) u32 {
    const text = subject.attribute("level") orelse return 0;
    defer gpa.free(text);
    return wholeNumber(text) orelse 0;
}

fn inRegion(subject: Subject, region: []const u8) bool {
    if (subject.attribute("region")) |own| {
        defer gpa.free(own);
        if (std.mem.eql(u8, own, region)) return true;
    }
    return hasOneOf(subject, settings.all_regions_roles);
}

fn hasOneOf(subject: Subject, roles: []const []const u8) bool {
    const role = subject.role() orelse return false;
    defer gpa.free(role);
    return contains(roles, role);
}

// ---- What a command may do.

pub fn authorize(command: Command) !Decision {
    const name = command.name();
    defer gpa.free(name);
    if (!std.mem.eql(u8, name, "select-channel")) return .allow;
    const given = command.channel() orelse return .allow;
    defer given.drop();
    const channel = given.view();
    const region = channel.attribute("region") orelse return .allow;
    defer gpa.free(region);
    const hours = settings.hoursOf(region) orelse return .allow;
    if (hours.openAt(wardroom.unixTime())) {
        return .{ .grant = try std.fmt.allocPrint(gpa, "{{\"openUntil\":{d}}}", .{hours.to}) };
    }
    const subject = command.subject();
    defer subject.drop();
    if (atAnyHour(subject.view(), channel)) return .allow;
    return .{ .deny = .{
        .code = try gpa.dupe(u8, "outside-working-hours"),
        .message = try closed(hours, channel),
    } };
}

fn atAnyHour(subject: Subject, channel: Channel) bool {
    return subject.isMemberOf(channel) or hasOneOf(subject, settings.any_hour_roles);
}

fn closed(hours: Hours, channel: Channel) ![]u8 {
    const id = channel.id();
    defer gpa.free(id);
    return std.fmt.allocPrint(gpa, "{s} is open from {d} to {d} (UTC{s}{d})", .{
        id,
        hours.from,
        hours.to,
        if (hours.utc_offset < 0) "" else "+",
        hours.utc_offset,
    });
}

// ---- How an event looks.

pub fn render(event: Event) !Rendering {
    const name = event.name();
    defer gpa.free(name);
    const hides = std.mem.eql(u8, name, "user-joined") or std.mem.eql(u8, name, "user-updated");
    if (!hides or settings.hidden_from.len == 0) return .unchanged;

    const payload = event.payload();
    const redacted = try redact(payload) orelse {
        gpa.free(payload);
        return .unchanged;
    };
    // People see their own contact data whatever their role.
    const subject = event.subject();
    defer if (subject) |it| it.drop();
    const id = if (subject) |it| it.view().id() else null;
    defer if (id) |text| gpa.free(text);
    return .split(&.{
        .{ .payload = payload, .to = .{ .any = &.{
            .{ .none = &.{.{ .roles = settings.hidden_from }} },
            .{ .all = &.{.{ .users = if (id) |text| &.{text} else &.{} }} },
        } } },
        .{ .payload = redacted, .to = .{ .any = &.{.{}} } },
    });
}

/// A payload without the contact data of its user; null if there was none.
fn redact(payload: []const u8) !?[]u8 {
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var value = try std.json.parseFromSliceLeaky(std.json.Value, arena.allocator(), payload, .{
        // They go on as they were written.
        .parse_numbers = false,
    });
    if (value != .object) return null;
    const user = value.object.getPtr("user") orelse return null;
    if (user.* != .object) return null;
    const had_email = user.object.orderedRemove("email");
    const had_phone = user.object.orderedRemove("phone");
    if (!had_email and !had_phone) return null;
    return try std.json.Stringify.valueAlloc(gpa, value, .{});
}
