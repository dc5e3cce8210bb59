//! Answers in memory, each under the state of the database that it was made of: it is given again while that is the state, and
//! never after.
//!
//! Who asks while somebody makes the answer to the same question waits, and then one of those who waited makes it for all of
//! them: a crowd costs two answers. Always holds: what is given was made wholly after it was asked for, or of a state that was
//! still the present one then.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::HeaderMap;

use super::reply::{Made, Reply, Response};
use super::reply_body::ReplyBody;
use crate::error::{Error, Problem, Result};

/// Bytes of all answers together, with their questions and states. When they are more, all go: what is asked for often is soon
/// back.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The answers of this process, by what was asked.
#[derive(Default)]
pub struct Answers {
    known: RwLock<ByQuestion>,
    making: Mutex<HashMap<String, Makers>>,
}

/// Those who have asked a question whose answer is not known.
#[derive(Default)]
struct Makers {
    count: usize,
    making: Arc<Making>,
}

/// The making of the answers to one question, by one at a time.
#[derive(Default)]
struct Making {
    /// How often it was begun.
    begun: AtomicU64,
    /// What came of it the last time, and the how-manieth that was.
    last: tokio::sync::Mutex<Option<(u64, Result<Answer>)>>,
}

/// The part in it of one who asks. The last to leave takes it away.
struct Part<'a> {
    answers: &'a Answers,
    question: &'a str,
    making: Arc<Making>,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut making = self.answers.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(makers) = making.get_mut(self.question) {
            makers.count -= 1;
            if makers.count == 0 {
                making.remove(self.question);
            }
        }
    }
}

#[derive(Default)]
struct ByQuestion {
    answers: HashMap<String, Answer>,
    bytes: usize,
}

#[derive(Clone)]
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

    fn give<R: Reply>(&self) -> Made<R> {
        let mut response = Response::new(ReplyBody::Whole(Full::new(self.body.clone())));
        *response.headers_mut() = self.headers.clone();
        Made::new(response)
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
    /// The answer to this question: the one that was given before in this state, or a new one. `state` asks for the state, of
    /// which nothing is true any more once something was committed; `make` makes the answer.
    ///
    /// # Errors
    /// Theirs, or `Internal` if the answer cannot be written.
    pub async fn answer<R: Reply, S: Future<Output = Result<String>>>(
        &self,
        question: &str,
        state: impl Fn() -> S,
        make: impl Future<Output = Result<R>>,
    ) -> Result<Made<R>> {
        let mut now = state().await?;
        if let Some(answer) = self.get(question, &now) {
            return Ok(answer.give());
        }
        let part = self.part(question);
        let begun_before = part.making.begun.load(Ordering::SeqCst);
        let (mut last, has_waited) = match part.making.last.try_lock() {
            Ok(last) => (last, false),
            Err(_) => (part.making.last.lock().await, true),
        };
        // Begun after this was asked; or the one that was waited for, where it says that there is nothing to be had just now.
        let is_away = |outcome: &Result<Answer>| {
            has_waited && outcome.as_ref().is_err_and(|error| error.problem() == Problem::Unavailable)
        };
        let serves = |number: u64, outcome| number > begun_before || (number == begun_before && is_away(outcome));
        if let Some((_, outcome)) = last.as_ref().filter(|(number, outcome)| serves(*number, outcome)) {
            return outcome.as_ref().map(Answer::give).map_err(Error::again);
        }
        let number = part.making.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let made: Result<Answer> = async {
            if has_waited {
                now = state().await?;
            }
            let (head, body) = make.await?.reply()?.into_parts();
            let body = body.collect().await.map_err(Error::internal)?.to_bytes();
            Ok(Answer { state: now, headers: head.headers, body })
        }
        .await;
        match made {
            Ok(answer) => {
                let given = answer.give();
                self.known.write().unwrap_or_else(PoisonError::into_inner).put(question.to_owned(), answer.clone());
                *last = Some((number, Ok(answer)));
                Ok(given)
            }
            Err(error) => {
                *last = Some((number, Err(error.again())));
                Err(error)
            }
        }
    }

    fn get(&self, question: &str, state: &str) -> Option<Answer> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.answers.get(question).filter(|answer| answer.state == state).cloned()
    }

    fn part<'a>(&'a self, question: &'a str) -> Part<'a> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let makers = making.entry(question.to_owned()).or_default();
        makers.count += 1;
        Part { answers: self, question, making: Arc::clone(&makers.making) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;
    use std::time::Duration;

    use super::super::Json;
    use super::*;

    async fn asked(answers: &Answers, question: &str, state: &str, text: &str) -> String {
        let state = async || Ok(state.to_owned());
        let made = answers.answer(question, state, async { Ok(Json(text.to_owned())) }).await.unwrap();
        let body = made.reply().unwrap().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap().trim_matches('"').to_owned()
    }

    #[tokio::test]
    async fn an_answer_is_of_its_state_and_all_have_a_bound() {
        let answers = Answers::default();
        let long = "a".repeat(BYTES_MAX / 10);
        for n in 0..100 {
            let (question, state) = (format!("question {n}"), format!("state {n}"));
            assert_eq!(asked(&answers, &question, &state, &long).await.len(), long.len());
            assert_eq!(asked(&answers, &question, &state, "another").await.len(), long.len());
            assert!(answers.get(&question, "another state").is_none());
            let known = answers.known.read().unwrap();
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
            asked(&answers, &question, &state, &"a".repeat(n % 11)).await;
            let known = answers.known.read().unwrap();
            assert_eq!((known.answers.len(), known.bytes), ((n + 1).min(3), counted(&known)));
        }
    }

    /// So many ask the same within a tenth of what an answer takes; answers how many were made, and what everybody was told.
    async fn crowd(answers: &Answers, outcome: impl Fn(i64) -> Result<i64>) -> (i64, Vec<Result<String>>) {
        let (made, states) = (AtomicI64::new(0), AtomicI64::new(0));
        let ask = async |_| {
            // Somebody commits all the while.
            let state = async || Ok(format!("state {}", states.fetch_add(1, Ordering::SeqCst)));
            let make = async {
                let number = made.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(Json(outcome(number)?))
            };
            let body = answers.answer("who is first", state, make).await?.reply()?.into_body();
            Ok(String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
        };
        let told = futures_util::future::join_all((0..32).map(ask)).await;
        assert!(answers.making.lock().unwrap().is_empty(), "nobody asks any more");
        (made.load(Ordering::SeqCst), told)
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_costs_two_answers_and_those_who_came_later_have_the_second() {
        let (made, told) = crowd(&Answers::default(), Ok).await;
        assert_eq!(made, 2);
        assert_eq!(told[0].as_ref().unwrap(), "0");
        assert!(told[1..].iter().all(|told| told.as_ref().is_ok_and(|told| told == "1")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_hears_of_a_failure_at_once() {
        let answers = Answers::default();
        let began = tokio::time::Instant::now();
        let (made, told) = crowd(&answers, |_| Err(Error::unavailable("away"))).await;
        assert_eq!(made, 1);
        assert!(told.iter().all(|told| told.as_ref().is_err_and(|error| error.problem() == Problem::Unavailable)));
        assert!(began.elapsed() < Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_lets_the_next_one_make_it() {
        let answers = Answers::default();
        let state = async || Ok("state".to_owned());
        let never = answers.answer::<Json<i64>, _>("who is first", state, std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        assert!(answers.making.lock().unwrap().is_empty());
        let first = tokio::time::timeout(Duration::from_millis(10), async {
            let never = answers.answer::<Json<i64>, _>("who is first", state, std::future::pending());
            tokio::time::timeout(Duration::from_millis(1), never).await
        });
        let (left, told) = tokio::join!(first, asked(&answers, "who is first", "state", "me"));
        assert!(left.unwrap().is_err());
        assert_eq!(told, "me");
    }
}
