//! Reads that go to PostgreSQL together: one statement answers all who ask the same thing at the same time, because much of what
//! a short read costs is the statement, whatever it reads.
//!
//! Who asks while nobody else does is asked for at once, with all whose turn on the thread comes before that; who comes later
//! waits until the answers are back, and is then asked for with all the others that waited. Always holds: a statement begins
//! after each of its questions was asked, so the database shows it whatever was committed before; nobody waits for one that is
//! lost; and where the database cannot answer, all who wait hear so, rather than trying one after another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::oneshot;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::pool::Db;
use super::statement::{Conn, Statement};
use crate::error::{Error, Problem, Result};
use crate::threads;

/// Questions in one statement. Most keep those behind them waiting for a millisecond then, places on boards for a dozen.
const TOGETHER_MAX: usize = 64;

/// What somebody gives for one parameter.
#[derive(Debug)]
pub struct Value(Box<dyn ToSql + Sync + Send>);

impl Value {
    /// This value.
    pub fn new(value: impl ToSql + Sync + Send + 'static) -> Self {
        Self(Box::new(value))
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
    }

    /// What is in it knows better, and checks.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Those who ask, by what they ask: for each thread of connections and, in the last place, for everywhere else.
pub(super) struct Gathered(Vec<Mutex<HashMap<&'static str, Arc<Queue>>>>);

/// Those who ask the same in the same place.
#[derive(Default)]
struct Queue(Mutex<Asking>);

#[derive(Default)]
struct Asking {
    is_under_way: bool,
    waiting: Vec<Question>,
}

struct Question {
    values: Vec<Value>,
    answer: oneshot::Sender<Result<Vec<Row>>>,
}

impl Gathered {
    /// Nobody, on so many threads and everywhere else.
    pub(super) fn new(threads: usize) -> Self {
        Self((0..=threads).map(|_| Mutex::default()).collect())
    }

    /// The rows for these values.
    ///
    /// # Errors
    /// Those of the statement, for everybody who is in it.
    pub(super) async fn rows(&self, db: &Db, statement: &'static Statement, values: Vec<Value>) -> Result<Vec<Row>> {
        let queue = self.queue(statement)?;
        let (answer, answered) = oneshot::channel();
        if queue.join(Question { values, answer }) {
            tokio::spawn(answer_all(Turn(Some(queue)), db.clone(), statement));
        }
        answered.await.unwrap_or_else(|lost| Err(Error::unavailable(lost)))
    }

    fn queue(&self, statement: &'static Statement) -> Result<Arc<Queue>> {
        let place = threads::place().and_then(|place| self.0.get(place)).or(self.0.last());
        let queues = place.ok_or_else(|| Error::internal("nothing is gathered anywhere"))?;
        Ok(Arc::clone(queues.lock().unwrap_or_else(PoisonError::into_inner).entry(statement.file).or_default()))
    }
}

impl Queue {
    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the question; answers whether nobody asks for those in the queue, so that its caller has to.
    fn join(&self, question: Question) -> bool {
        let mut asking = self.asking();
        asking.waiting.push(question);
        !std::mem::replace(&mut asking.is_under_way, true)
    }
}

/// The part of whoever asks for a queue. When it is lost on the way, all who wait hear so.
struct Turn(Option<Arc<Queue>>);

impl Turn {
    /// The questions that are next, without those of who has left; the turn is over if there are none.
    fn next(&mut self) -> Option<Vec<Question>> {
        let queue = self.0.take()?;
        let mut asking = queue.asking();
        asking.waiting.retain(|question| !question.answer.is_closed());
        let count = asking.waiting.len().min(TOGETHER_MAX);
        asking.is_under_way = count > 0;
        let questions: Vec<Question> = asking.waiting.drain(..count).collect();
        drop(asking);
        if questions.is_empty() {
            return None;
        }
        self.0 = Some(queue);
        Some(questions)
    }

    /// Those who wait for the next one.
    fn waiting(&self) -> Vec<Question> {
        self.0.as_ref().map(|queue| std::mem::take(&mut queue.asking().waiting)).unwrap_or_default()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            *queue.asking() = Asking::default();
        }
    }
}

/// Asks until nobody waits.
async fn answer_all(mut turn: Turn, db: Db, statement: &'static Statement) {
    while let Some(questions) = turn.next() {
        let (values, waiting): (Vec<_>, Vec<_>) =
            questions.into_iter().map(|question| (question.values, question.answer)).unzip();
        let outcomes = match together(&db, statement, values).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) => {
                let behind = if error.problem() == Problem::Unavailable { turn.waiting() } else { Vec::new() };
                for question in behind {
                    let _ = question.answer.send(Err(error.again()));
                }
                waiting.iter().map(|_| Err(error.again())).collect::<Vec<_>>()
            }
        };
        for (answer, outcome) in waiting.into_iter().zip(outcomes) {
            let _ = answer.send(outcome); // who has left needs none
        }
    }
}

/// Runs it for all of these values, and answers the rows for each of them.
pub(super) async fn together(
    conn: &impl Conn,
    statement: &'static Statement,
    values: Vec<Vec<Value>>,
) -> Result<Vec<Vec<Row>>> {
    let mut answers: Vec<Vec<Row>> = values.iter().map(|_| Vec::new()).collect();
    let mut params: Vec<Vec<Value>> = statement.params.iter().map(|_| Vec::with_capacity(values.len())).collect();
    for values in values {
        if values.len() != params.len() {
            return Err(Error::internal(format!("{} is asked with too few values or too many", statement.file)));
        }
        params.iter_mut().zip(values).for_each(|(param, value)| param.push(value));
    }
    let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
    for row in conn.rows(statement, &params).await? {
        let asked: i64 = row.try_get(statement.fields.len()).map_err(Error::internal)?;
        let answer = usize::try_from(asked - 1).ok().and_then(|asked| answers.get_mut(asked));
        answer.ok_or_else(|| Error::internal(format!("{} answers what nobody asked", statement.file)))?.push(row);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answered = oneshot::Receiver<Result<Vec<Row>>>;

    /// So many join the queue; answers whether the first one has to ask, and what they will hear.
    fn join(queue: &Arc<Queue>, count: usize) -> (bool, Vec<Answered>) {
        let mut joined = Vec::new();
        for _ in 0..count {
            let (answer, answered) = oneshot::channel();
            joined.push((queue.join(Question { values: Vec::new(), answer }), answered));
        }
        let (asks, answered): (Vec<bool>, Vec<Answered>) = joined.into_iter().unzip();
        assert!(asks[1..].iter().all(|asks| !asks), "one asks for all");
        (asks[0], answered)
    }

    #[test]
    fn one_asks_for_all_and_for_so_many_at_once() {
        let queue = Arc::<Queue>::default();
        let (asks, _first) = join(&queue, TOGETHER_MAX + 6);
        assert!(asks);
        let mut turn = Turn(Some(Arc::clone(&queue)));
        assert_eq!(turn.next().unwrap().len(), TOGETHER_MAX);
        let (asks, _later) = join(&queue, 3);
        assert!(!asks, "the turn goes on");
        assert_eq!(turn.next().unwrap().len(), 6 + 3);
        assert!(turn.next().is_none() && turn.next().is_none());
        // Whoever comes then asks anew, and the turn that is over does not take that away.
        let (asks, mut next) = join(&queue, 1);
        assert!(asks);
        drop(turn);
        assert!(next[0].try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
        assert_eq!(Turn(Some(queue)).next().unwrap().len(), 1);
    }

    #[test]
    fn a_turn_that_is_lost_leaves_nobody_waiting() {
        let queue = Arc::<Queue>::default();
        let (_, waiting) = join(&queue, 2 * TOGETHER_MAX);
        let mut turn = Turn(Some(Arc::clone(&queue)));
        let under_way = turn.next();
        drop((turn, under_way));
        for mut answered in waiting {
            assert!(answered.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
        }
        assert!(join(&queue, 1).0, "the next one asks again");
    }
}
