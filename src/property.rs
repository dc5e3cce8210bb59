//! How properties are tested: a rule is held against what must be true of it for whatever values chance brings. A value that
//! breaks it is made as small as it can be and told; it becomes a case of an ordinary test, so no file remembers it.

use std::fmt::Debug;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// Checks the property for 256 values; `PROPTEST_CASES` in the environment says how many else.
#[track_caller]
pub fn holds<S: Strategy<Value: Debug>>(values: S, property: impl Fn(S::Value)) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&values, |value| {
        property(value);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
