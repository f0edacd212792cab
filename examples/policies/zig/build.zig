//! Builds the policy: `zig build`. Puts wasm-tools into `build/tools`, with python3.

const builtin = @import("builtin");
const std = @import("std");

comptime {
    // Each version of Zig is a little different.
    if (!std.mem.startsWith(u8, builtin.zig_version_string, "0.17.")) @compileError(
        "this policy is written for Zig 0.17: `pip install ziglang==0.17.1` has it",
    );
}

pub fn build(b: *std.Build) void {
    const target = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .wasi });
    const bindings = b.addTranslateC(.{
        .root_source_file = b.path("bindings/policy.h"),
        .target = target,
        .optimize = .safe,
    });
    const policy = b.createModule(.{
        .root_source_file = b.path("src/main.zig"),
        .target = target,
        .optimize = .safe,
        .link_libc = true,
        .single_threaded = true,
        .strip = true,
        // It would ask for random numbers.
        .stack_protector = false,
        .sanitize_c = .off,
        .imports = &.{.{ .name = "bindings", .module = bindings.createModule() }},
    });
    policy.addCSourceFile(.{ .file = b.path("bindings/policy.c") });
    const module = b.addExecutable(.{ .name = "module", .root_module = policy });
    module.wasi_exec_model = .reactor;
    module.entry = .disabled;
    // The stack lies first, so that one that overflows traps instead of writing over data.
    module.stack_size = 64 << 10;

    const install_tools = b.addSystemCommand(&.{"python3"});
    install_tools.addFileArg(b.path("tools.py"));
    install_tools.has_side_effects = true;

    const embed = b.addSystemCommand(&.{ "build/tools/bin/wasm-tools", "component", "embed" });
    embed.setCwd(b.path("."));
    // The files in `wit` are not followed one by one.
    embed.has_side_effects = true;
    embed.step.dependOn(&install_tools.step);
    embed.addDirectoryArg(b.path("wit"));
    embed.addArgs(&.{ "--world", "house-rules" });
    embed.addArtifactArg(module);
    embed.addArg("-o");
    const embedded = embed.addOutputFileArg("embedded.wasm");

    const componentize = b.addSystemCommand(&.{ "build/tools/bin/wasm-tools", "component", "new" });
    componentize.setCwd(b.path("."));
    componentize.addFileArg(embedded);
    componentize.addArg("-o");
    const component = componentize.addOutputFileArg("house-rules.wasm");
    const install = b.addInstallFile(component, "house-rules.wasm");
    b.getInstallStep().dependOn(&install.step);

    const tests = b.addTest(.{ .root_module = b.createModule(.{
        .root_source_file = b.path("src/settings.zig"),
        .target = b.graph.host,
    }) });
    const test_step = b.step("test", "Test the settings on this machine");
    test_step.dependOn(&b.addRunArtifact(tests).step);
}
