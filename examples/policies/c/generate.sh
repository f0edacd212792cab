#!/bin/sh
# Writes bindings/ again from wit/, which is needed only when the WIT has changed.
# wit-bindgen: cargo install wit-bindgen-cli --version 0.61.1
set -eu
cd "$(dirname "$0")"
wit-bindgen c wit --world house-rules --rename-world policy --no-object-file \
  --autodrop-borrows yes \
  --rename wardroom:policy/types@1.0.0=types \
  --rename wardroom:policy/context@1.0.0=context \
  --rename wardroom:policy/log@1.0.0=log \
  --rename wardroom:policy/lifecycle@1.0.0=lifecycle \
  --rename wardroom:policy/admission@1.0.0=admission \
  --rename wardroom:policy/channel-visibility@1.0.0=visibility \
  --rename wardroom:policy/commands@1.0.0=commands \
  --rename wardroom:policy/events@1.0.0=events \
  --rename wasi:clocks/wall-clock@0.2.0=clock \
  --out-dir bindings
# The types are embedded by wasm-tools, so there is no object file to be linked.
sed -i '/^\/\/ Ensure that the .*_component_type.o/,$d' bindings/policy.c
