//! Answers in memory, each under the state of the database that it was made of: it is given again while that is the state, and
//! never after.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::HeaderMap;

use super::reply::{Made, Reply, Response};
use super::reply_body::ReplyBody;
use crate::error::{Error, Result};

/// Bytes of all answers together, with their questions and states. When they are more, all go: what is asked for often is soon
/// back.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The answers of this process, by what was asked.
#[derive(Default)]
pub struct Answers(RwLock<ByQuestion>);

#[derive(Default)]
struct ByQuestion {
    answers: HashMap<String, Answer>,
    bytes: usize,
}

struct Answer {
    state: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// What it counts under this question: whatever differs from answer to answer. The headers hardly do.
    fn bytes(&self, question: &str) -> usize {
        question.len() + self.state.len() + self.body.len()
    }
}

impl ByQuestion {
    fn put(&mut self, question: String, answer: Answer) {
        let bytes = answer.bytes(&question);
        let before = self.answers.get(&question).map_or(0, |before| before.bytes(&question));
        self.bytes = self.bytes - before + bytes;
        if self.bytes > BYTES_MAX {
            self.answers.clear();
            self.bytes = bytes;
        }
        self.answers.insert(question, answer);
    }
}

impl Answers {
    /// The answer to this question in this state, if it was given before.
    pub fn get<R: Reply>(&self, question: &str, state: &str) -> Option<Made<R>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let answer = known.answers.get(question).filter(|answer| answer.state == state)?;
        let mut response = Response::new(ReplyBody::Whole(Full::new(answer.body.clone())));
        *response.headers_mut() = answer.headers.clone();
        Some(Made::new(response))
    }

    /// Keeps this answer, of which nothing may have been read before this was the state.
    ///
    /// # Errors
    /// `Internal` if it cannot be written.
    pub async fn keep<R: Reply>(&self, question: String, state: String, reply: R) -> Result<Made<R>> {
        let (head, body) = reply.reply()?.into_parts();
        let body = body.collect().await.map_err(Error::internal)?.to_bytes();
        let answer = Answer { state, headers: head.headers.clone(), body: body.clone() };
        self.0.write().unwrap_or_else(PoisonError::into_inner).put(question, answer);
        Ok(Made::new(Response::from_parts(head, ReplyBody::Whole(Full::new(body)))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Json;
    use super::*;

    #[tokio::test]
    async fn an_answer_is_of_its_state_and_all_have_a_bound() {
        let answers = Answers::default();
        let long = "a".repeat(BYTES_MAX / 10);
        for n in 0..100 {
            let (question, state) = (format!("question {n}"), format!("state {n}"));
            answers.keep(question.clone(), state.clone(), Json(long.clone())).await.unwrap();
            let again: Made<Json<String>> = answers.get(&question, &state).unwrap();
            assert_eq!(again.reply().unwrap().into_body().collect().await.unwrap().to_bytes().len(), long.len() + 2);
            assert!(answers.get::<Json<String>>(&question, "another state").is_none());
            let known = answers.0.read().unwrap();
            assert!(known.answers.len() < 10 && known.bytes <= BYTES_MAX);
            assert_eq!(known.bytes, counted(&known));
        }
    }

    /// The bytes of what is there.
    fn counted(known: &ByQuestion) -> usize {
        known.answers.iter().map(|(question, answer)| answer.bytes(question)).sum()
    }

    #[tokio::test]
    async fn what_was_replaced_counts_no_more() {
        let answers = Answers::default();
        for n in 0..1_000 {
            let (question, state) = (format!("question {}", n % 3), "s".repeat(n % 7));
            answers.keep(question, state, Json("a".repeat(n % 11))).await.unwrap();
            let known = answers.0.read().unwrap();
            assert_eq!((known.answers.len(), known.bytes), ((n + 1).min(3), counted(&known)));
        }
    }
}
