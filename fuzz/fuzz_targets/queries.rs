//! Query strings, forms and parameters of paths, read as every input type of the route table: never a panic, every refusal a
//! 422 that repeats nothing, and the same outcome however the text is percent-encoded.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use repduel_fuzz::{Input, bodies, parameters, queries, with_canaries};

static PAIRS: LazyLock<Vec<Input>> = LazyLock::new(|| {
    let forms = bodies("application/x-www-form-urlencoded");
    queries().into_iter().chain(forms).collect()
});
static PARAMETERS: LazyLock<Vec<Input>> = LazyLock::new(parameters);

fuzz_target!(|input: &[u8]| {
    let text = with_canaries(input);
    let pairs = form_urlencoded::parse(&text);
    let anew = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    for input in PAIRS.iter() {
        assert_eq!(input.takes_or_tells(&text), input.takes(anew.as_bytes()), "{}: {anew}", input.route);
    }
    for input in PARAMETERS.iter() {
        input.takes_or_tells(&text);
    }
});
