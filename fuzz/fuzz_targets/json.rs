//! Fuzzes [`wardroom::fuzzing::json`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wardroom::fuzzing::json(input));
