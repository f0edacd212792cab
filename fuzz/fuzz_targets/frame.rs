//! Fuzzes [`wardroom::fuzzing::frame`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wardroom::fuzzing::frame(input));
