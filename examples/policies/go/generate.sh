#!/bin/sh
# Writes the bindings again from wit/, which is needed only when the WIT has changed.
# wit-bindgen: cargo install wit-bindgen-cli --version 0.61.1
set -eu
cd "$(dirname "$0")"
wit-bindgen go wit --world house-rules --out-dir build/bindings
rm -rf wardroom_policy_*
cp -r build/bindings/wardroom_policy_* build/bindings/wit_exports.go .
sed -i 's/"wit_component\//"example.com\/house-rules\//' wit_exports.go wardroom_policy_*/*.go
"$(go env GOROOT)/bin/gofmt" -w wit_exports.go wardroom_policy_*
