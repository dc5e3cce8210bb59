//! JSON bodies, read as every input type of the route table: never a panic, every refusal a 422 that repeats nothing, and
//! nothing accepted that the OpenAPI document forbids.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use repduel_fuzz::{Input, bodies, with_canaries};

static BODIES: LazyLock<Vec<Input>> = LazyLock::new(|| bodies("application/json"));

fuzz_target!(|input: &[u8]| {
    let body = with_canaries(input);
    let value = serde_json::from_slice(&body).ok();
    for input in BODIES.iter().filter(|input| input.takes_or_tells(&body)) {
        input.assert_declared(value.as_ref().expect("only JSON is accepted"));
    }
});
