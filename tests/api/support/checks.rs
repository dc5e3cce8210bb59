//! Checks that many tests make.

use serde_json::Value;

use super::client::Answer;

/// The keys of an object, sorted.
#[track_caller]
pub fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().expect("this is an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Begins all of these at once; answers what they give, in their order.
pub async fn at_once<F>(tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let begun: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut outcomes = Vec::new();
    for task in begun {
        outcomes.push(task.await.expect("the task does not panic"));
    }
    outcomes
}

impl Answer {
    /// The same, if it is a problem document with this status and `error_code`.
    #[track_caller]
    pub fn problem(self, status: u16, error_code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.error_code(), error_code);
        answer
    }

    /// The same, if it is 422 and names these values and no others.
    #[track_caller]
    pub fn invalid(self, pointers: &[&str]) -> Self {
        let answer = self.problem(422, "validation_error");
        let document = answer.json();
        let errors = document["errors"].as_array().expect("a 422 has errors");
        let found: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
        assert_eq!(found, pointers);
        answer
    }

    /// The same, if it is the 401 of a missing or bad token.
    #[track_caller]
    pub fn unauthorized(self) -> Self {
        let answer = self.problem(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        answer
    }
}
