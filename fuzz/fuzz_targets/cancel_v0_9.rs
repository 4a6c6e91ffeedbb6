#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::run("cancel_v0_9", data));
