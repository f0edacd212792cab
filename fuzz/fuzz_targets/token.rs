//! Fuzzes [`wardroom::fuzzing::token`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wardroom::fuzzing::token(input));
