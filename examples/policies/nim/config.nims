# Nim writes C, and zig compiles it for WebAssembly.
import std/os

let here = thisDir()
switch("cc", "clang")
switch("clang.path", here / "build/tools/bin")
switch("clang.exe", "zigcc")
switch("clang.linkerexe", "zigcc")
switch("nimcache", here / "build/nim")
switch("os", "any")
switch("cpu", "wasm32")

# Memory is counted and not collected. Index, overflow and range are checked, which `danger` would give
# up.
switch("mm", "arc")
switch("define", "release")
switch("opt", "size")
switch("define", "useMalloc")
switch("define", "noSignalHandler")
switch("noMain", "on")
switch("hints", "off")

switch("passC", "--target=wasm32-wasi -I" & quoteShell(here))
# Reading and writing through nil is a trap: WebAssembly can do both.
switch("passC", "-fsanitize=null -fsanitize-trap=null")
# zig puts the stack first, so that one that overflows traps instead of writing over data.
switch("passL", "--target=wasm32-wasi -mexec-model=reactor -Wl,-z,stack-size=131072 -Wl,--strip-all")
# `wardroom.nim` has what stands around these.
switch("passL", "-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc")
