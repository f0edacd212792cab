//! Fuzzes [`wardroom::fuzzing::configuration`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wardroom::fuzzing::configuration(input));
