//! Fuzzes [`wardroom::fuzzing::packet`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| wardroom::fuzzing::packet(input));
