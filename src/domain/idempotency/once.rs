//! Doing something once per key: a handler takes [`Once`], after the body, and does what it does inside of [`Once::tx`].

use aws_lc_rs::digest::{Context, SHA256};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use uuid::Uuid;

use super::sql::{self, AnswerRow};
use crate::app::App;
use crate::db::Tx;
use crate::domain::auth::{self, Caller};
use crate::error::{Error, Problem, Result};
use crate::http::extract::IdempotencyKey;
use crate::http::reply::{Response, stored_json};
use crate::http::{Cx, FromCx, Made, Operation, Reply};
use crate::time::Timestamp;

/// How long answers are kept: a phone that was without a net over the weekend still learns what became of its request.
const KEPT_S: i64 = 72 * 3600;
/// Answers that are forgotten with each that is stored: more than one, so that old ones become fewer, and few, because somebody
/// waits.
const FORGOTTEN_MAX: i64 = 8;
/// When to ask again for the answer of a request that still runs: most take milliseconds.
const RUNNING_RETRY_S: u32 = 1;
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The request's `Idempotency-Key`, if it has one, and what the key stands for. To be taken after the body.
pub struct Once(Option<Keyed>);

struct Keyed {
    key: String,
    /// Of method, path, query and body: requests that want the same have the same.
    fingerprint: [u8; 32],
}

impl FromCx for Once {
    async fn from_cx(cx: &mut Cx) -> Result<Self> {
        let key = IdempotencyKey::from_cx(cx).await?.0;
        let path = cx.head.uri.path().trim_end_matches('/');
        let query = cx.head.uri.query().unwrap_or_default();
        let parts = [cx.head.method.as_str(), path, query].map(str::as_bytes);
        Ok(Self(key.map(|key| Keyed { key, fingerprint: hash(parts.into_iter().chain([cx.sent().as_ref()])) })))
    }

    fn describe(operation: &mut Operation) {
        IdempotencyKey::describe(operation);
        operation.replays = true;
        operation.failures.insert(Problem::IdempotencyKeyReused.status());
    }
}

/// A hash of these parts, in which no part can pass for the end of another.
fn hash<'a>(parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

impl Once {
    /// Does the work in a transaction and answers what it replies. If the request has a key and was served before, it is not
    /// done again: the answer is the one that was given then.
    ///
    /// # Errors
    /// 401 if the caller's session is over, 409 if the key stands for another request or this one still runs; else the work's.
    pub async fn tx<R: Reply, F>(&self, app: &App, caller: Caller, work: impl Fn(Tx) -> F) -> Result<Made<R>>
    where
        F: Future<Output = Result<R>>,
    {
        let response = match &self.0 {
            None => app.db.tx(work).await?.reply()?,
            Some(keyed) => app.db.tx(|tx| keyed.once(tx, caller, app.clock.now(), &work)).await?,
        };
        Ok(Made::new(response))
    }

    /// The same where the work of a request without a key is done in some other way.
    ///
    /// # Errors
    /// As [`Once::tx`].
    pub async fn tx_or<R: Reply, F>(
        &self,
        app: &App,
        caller: Caller,
        work: impl Fn(Tx) -> F,
        without_key: impl AsyncFnOnce() -> Result<R>,
    ) -> Result<Made<R>>
    where
        F: Future<Output = Result<R>>,
    {
        match &self.0 {
            None => Made::of(without_key().await?),
            Some(_) => Box::pin(self.tx(app, caller, work)).await, // rare, and large
        }
    }

    /// The same for work that somebody else does: no connection is held meanwhile. Who does it learns a name that is the same for
    /// requests that want the same under one key, and has to do it once for each name.
    ///
    /// # Errors
    /// As [`Once::tx`].
    pub async fn apart<R: Reply, F>(&self, app: &App, caller: Caller, work: impl FnOnce(String) -> F) -> Result<Made<R>>
    where
        F: Future<Output = Result<R>>,
    {
        let Some(keyed) = &self.0 else {
            let response = work(Uuid::new_v4().to_string()).await?.reply()?;
            return Ok(Made::new(response));
        };
        let now = app.clock.now();
        let since = now.minus_s(KEPT_S);
        if let Some(answer) = app.db.tx(async |tx| keyed.stored(&tx, caller, since).await).await? {
            return again(answer).map(Made::new);
        }
        let (status, text) = text_of(work(keyed.name(caller)).await?.reply()?).await?;
        let first = async |tx| {
            // Nobody held the key meanwhile: whoever stored an answer first has it, and another request must not take its place.
            let stored = keyed.stored(&tx, caller, since).await?;
            if stored.is_none() {
                keyed.keep(&tx, caller, now, status, &text).await?;
            }
            Ok(stored)
        };
        let response = match app.db.tx(first).await? {
            Some(answer) => again(answer)?,
            None => stored_json(status, text.into_bytes()),
        };
        Ok(Made::new(response))
    }
}

/// Status and body of an answer that is to be stored.
async fn text_of(response: Response) -> Result<(StatusCode, String)> {
    let status = response.status();
    let body = response.into_body().collect().await.map_err(Error::internal)?.to_bytes();
    Ok((status, String::from_utf8(body.into()).map_err(Error::internal)?))
}

impl Keyed {
    async fn once<R: Reply, F>(
        &self,
        tx: Tx,
        caller: Caller,
        now: Timestamp,
        work: &impl Fn(Tx) -> F,
    ) -> Result<Response>
    where
        F: Future<Output = Result<R>>,
    {
        match self.stored(&tx, caller, now.minus_s(KEPT_S)).await? {
            Some(answer) => again(answer),
            None => {
                let (status, text) = text_of(work(tx.clone()).await?.reply()?).await?;
                self.keep(&tx, caller, now, status, &text).await?;
                Ok(stored_json(status, text.into_bytes()))
            }
        }
    }

    /// The answer that was given before, with the key locked for this transaction.
    async fn stored(&self, tx: &Tx, caller: Caller, since: Timestamp) -> Result<Option<AnswerRow>> {
        // Nothing of this waits. What was stored is read when the lock is there, so the last holder's answer is seen.
        let ((), lock, stored) = tokio::try_join!(
            biased;
            auth::check(tx, caller),
            sql::lock_key(tx, self.number(caller)),
            sql::get_answer(tx, caller.user, &self.key, &self.fingerprint, since),
        )?;
        if !lock.is_ours {
            return Err(Error::new(Problem::IdempotencyKeyInUse).with_retry_after_s(RUNNING_RETRY_S));
        }
        Ok(stored)
    }

    /// What the request is called where it is done elsewhere.
    fn name(&self, caller: Caller) -> String {
        let parts = [caller.user.0.as_bytes().as_slice(), self.key.as_bytes(), &self.fingerprint];
        hash(parts.into_iter()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The number that stands for the lifter's key among locks.
    fn number(&self, caller: Caller) -> i64 {
        let hash = hash([b"idempotency".as_slice(), caller.user.0.as_bytes(), self.key.as_bytes()].into_iter());
        hash.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
    }

    /// Stores the answer.
    async fn keep(&self, tx: &Tx, caller: Caller, now: Timestamp, status: StatusCode, text: &str) -> Result<()> {
        tokio::try_join!(
            biased;
            sql::upsert_answer(tx, caller.user, &self.key, &self.fingerprint, status.as_u16().into(), text, now),
            sql::delete_answers(tx, now.minus_s(KEPT_S), FORGOTTEN_MAX),
        )?;
        Ok(())
    }
}

/// The answer that was stored, if it is one to this request.
fn again(answer: AnswerRow) -> Result<Response> {
    if !answer.is_same {
        return Err(Error::new(Problem::IdempotencyKeyReused));
    }
    let status = u16::try_from(answer.status).map_err(Error::internal)?;
    let status = StatusCode::from_u16(status).map_err(Error::internal)?;
    let mut response = stored_json(status, answer.body.into_bytes());
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
