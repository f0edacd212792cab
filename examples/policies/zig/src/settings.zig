//! The settings of the policy: their form, their check, and what working hours mean. Knows nothing of
//! the server, so that `zig build test` tests it.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Value = std.json.Value;

/// Working hours in a region's own time. They may go past midnight.
pub const Hours = struct {
    from: u8,
    to: u8,
    utc_offset: i8 = 0,

    pub fn openAt(self: Hours, unix_time: u64) bool {
        const ahead: u64 = @intCast(24 + @as(i64, self.utc_offset));
        const hour = (unix_time / std.time.s_per_hour + ahead) % 24;
        const begun = self.from <= hour;
        const not_over = hour < self.to;
        return if (self.from < self.to) begun and not_over else begun or not_over;
    }
};

const Region = struct { name: []const u8, hours: Hours };
const Roles = []const []const u8;
const Error = error{ OutOfMemory, Refused };

pub const Settings = struct {
    regions: []const Region = &.{},
    /// Roles that see the channels of every region.
    all_regions_roles: Roles = &.{},
    /// Roles that may select a channel at any hour.
    any_hour_roles: Roles = &.{},
    /// Roles that do not get anybody's contact data but their own.
    hidden_from: Roles = &.{},

    /// Reads the settings, which live as long as `arena`. Where they are refused, `why` names the
    /// setting.
    pub fn parse(arena: Allocator, json: []const u8, why: *[]const u8) Error!Settings {
        const reader: Reader = .{ .arena = arena, .why = why };
        return reader.settings(json);
    }

    pub fn hoursOf(self: Settings, region: []const u8) ?Hours {
        for (self.regions) |it| if (std.mem.eql(u8, it.name, region)) return it.hours;
        return null;
    }
};

pub fn contains(texts: []const []const u8, text: []const u8) bool {
    for (texts) |it| if (std.mem.eql(u8, it, text)) return true;
    return false;
}

const Reader = struct {
    arena: Allocator,
    why: *[]const u8,

    fn refuse(self: Reader, comptime format: []const u8, arguments: anytype) Error {
        self.why.* = try std.fmt.allocPrint(self.arena, format, arguments);
        return error.Refused;
    }

    fn settings(self: Reader, json: []const u8) Error!Settings {
        // Numbers stay as they are written, since a whole one may fit into no integer.
        const options: std.json.ParseOptions = .{ .parse_numbers = false };
        const value = std.json.parseFromSliceLeaky(Value, self.arena, json, options) catch |reason|
            return self.refuse("settings: {t}", .{reason});
        if (value != .object) return self.refuse("settings: must be an object", .{});
        var read: Settings = .{};
        var members = value.object.iterator();
        next: while (members.next()) |member| {
            const name = member.key_ptr.*;
            inline for (.{ "all_regions_roles", "any_hour_roles", "hidden_from" }) |known| {
                if (std.mem.eql(u8, name, known)) {
                    @field(read, known) = try self.roles(known, member.value_ptr.*);
                    continue :next;
                }
            }
            if (!std.mem.eql(u8, name, "regions")) return self.refuse(
                "settings.{s}: unknown; there are regions, all_regions_roles, any_hour_roles, " ++
                    "hidden_from",
                .{name},
            );
            read.regions = try self.regions(member.value_ptr.*);
        }
        return read;
    }

    fn roles(self: Reader, name: []const u8, value: Value) Error!Roles {
        if (value != .array) return self.refuse("{s}: must be a list of roles", .{name});
        const read = try self.arena.alloc([]const u8, value.array.items.len);
        for (read, value.array.items) |*role, item| {
            if (item != .string or item.string.len == 0) {
                return self.refuse("{s}: must be a list of roles", .{name});
            }
            role.* = item.string;
        }
        return read;
    }

    fn regions(self: Reader, value: Value) Error![]const Region {
        if (value != .object) return self.refuse(
            "regions: must be an object from a region to its working hours",
            .{},
        );
        const read = try self.arena.alloc(Region, value.object.count());
        for (read, value.object.keys(), value.object.values()) |*region, name, hours_of_it| {
            region.* = .{ .name = name, .hours = try self.hours(name, hours_of_it) };
        }
        return read;
    }

    fn hours(self: Reader, region: []const u8, value: Value) Error!Hours {
        if (value != .object) return self.refuse("regions.{s}: must be an object", .{region});
        for (value.object.keys()) |name| {
            if (!contains(&.{ "from", "to", "utc_offset" }, name)) return self.refuse(
                "regions.{s}.{s}: unknown; there are from, to, utc_offset",
                .{ region, name },
            );
        }
        const read: Hours = .{
            .from = try self.number(u8, region, "from", value.object.get("from"), 0, 23),
            .to = try self.number(u8, region, "to", value.object.get("to"), 1, 24),
            .utc_offset = if (value.object.get("utc_offset")) |offset|
                try self.number(i8, region, "utc_offset", offset, -12, 14)
            else
                0,
        };
        if (read.from == read.to) {
            return self.refuse("regions.{s}: from and to must differ", .{region});
        }
        return read;
    }

    fn number(
        self: Reader,
        comptime T: type,
        region: []const u8,
        key: []const u8,
        value: ?Value,
        least: T,
        most: T,
    ) Error!T {
        if (value) |given| if (given == .number_string) {
            // `8e0` and `8.0` are not taken for whole numbers.
            if (std.fmt.parseInt(T, given.number_string, 10)) |whole| {
                if (least <= whole and whole <= most) return whole;
            } else |_| {}
        };
        return self.refuse(
            "regions.{s}.{s}: must be a whole number from {d} to {d}",
            .{ region, key, least, most },
        );
    }
};

test "hours go past midnight, in the region's own time" {
    const day: Hours = .{ .from = 8, .to = 18, .utc_offset = 1 };
    const night: Hours = .{ .from = 18, .to = 4, .utc_offset = -6 };
    const hour = std.time.s_per_hour;
    for ([_]struct { u64, bool, bool }{
        .{ 6, false, true },
        .{ 7, true, true },
        .{ 9, true, true },
        .{ 10, true, false },
        .{ 16, true, false },
        .{ 17, false, false },
        .{ 23, false, false },
    }) |expected| {
        try std.testing.expectEqual(expected[1], day.openAt(expected[0] * hour));
        try std.testing.expectEqual(expected[2], night.openAt(expected[0] * hour));
    }
}

test "settings are read" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var why: []const u8 = "";
    const json =
        \\{"regions": {"eu": {"from": 8, "to": 18, "utc_offset": -1}}, "hidden_from": ["guest"]}
    ;
    const settings = try Settings.parse(arena.allocator(), json, &why);
    try std.testing.expectEqual(Hours{ .from = 8, .to = 18, .utc_offset = -1 }, settings.hoursOf("eu"));
    try std.testing.expectEqual(null, settings.hoursOf("us"));
    try std.testing.expect(contains(settings.hidden_from, "guest"));
    try std.testing.expect(!contains(settings.hidden_from, "gues"));
}

test "what is wrong is named" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    for ([_][2][]const u8{
        .{ "[]", "settings: must be an object" },
        .{ "{\"any_hour_roles\": [7]}", "any_hour_roles: must be a list of roles" },
        .{
            "{\"regions\": {\"eu\": {\"from\": 8, \"to\": 1e1}}}",
            "regions.eu.to: must be a whole number from 1 to 24",
        },
        .{
            "{\"regions\": {\"eu\": {\"from\": 8, \"to\": 9, \"until\": 1}}}",
            "regions.eu.until: unknown; there are from, to, utc_offset",
        },
    }) |wrong| {
        var why: []const u8 = "";
        const read = Settings.parse(arena.allocator(), wrong[0], &why);
        try std.testing.expectError(error.Refused, read);
        try std.testing.expectEqualStrings(wrong[1], why);
    }
}
