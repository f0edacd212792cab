//! Fuzzes [`wardroom::fuzzing::component`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wardroom::fuzzing::component(input));
