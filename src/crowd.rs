//! Those who want the same kind of thing at the same time: one of them has it done for all, because much of what a short piece of
//! work costs is that it is done at all.
//!
//! Who comes while nobody is served is served at once, with all who come before the turn begins; who comes later waits until the
//! turn is over, and is then served with all the others that waited. Always holds: a turn begins after everybody in it came, and
//! nobody is in it who has waited for longer than [`WAIT_MAX`], or twice; nobody waits for a turn that is lost; and where the
//! database cannot answer, all who wait hear so, rather than trying one after another.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::{Error, Problem, Result};

/// Who is served in one turn. A turn of most reads takes a millisecond then, one of places on boards or of lifts a dozen.
const TOGETHER_MAX: usize = 64;
/// Time after which whoever waits is turned away: what is left of their request's time is for the turn, so that little is done
/// for somebody who was told meanwhile that it was not.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// What is asked of a crowd.
pub trait Asks {
    /// Whom only one question of may be in a turn, if there is somebody.
    fn once_for(&self) -> Option<Uuid> {
        None
    }
}

/// Those who ask `Q` and wait for `A`.
pub struct Crowd<Q, A>(Mutex<Asking<Q, A>>);

/// The crowds of one process, by what they ask and wait for.
#[derive(Default)]
pub struct Crowds(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

struct Asking<Q, A> {
    is_under_way: bool,
    waiting: Vec<Question<Q, A>>,
}

struct Question<Q, A> {
    what: Q,
    since: Instant,
    answer: oneshot::Sender<Result<A>>,
}

/// What somebody will hear.
pub struct Answered<A>(oneshot::Receiver<Result<A>>);

/// The part of whoever serves others. When it is lost on the way, all who wait hear so.
pub struct Turn<Q, A>(Option<Arc<Crowd<Q, A>>>);

impl Crowds {
    /// Those who ask `Q` and wait for `A`.
    pub fn of<Q: Send + 'static, A: Send + 'static>(&self) -> Arc<Crowd<Q, A>> {
        let mut crowds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let crowd = crowds.entry(TypeId::of::<Crowd<Q, A>>());
        let crowd = Arc::clone(crowd.or_insert_with(|| Arc::new(Crowd::<Q, A>::default())));
        crowd.downcast().unwrap_or_else(|_| Arc::default()) // it is of the type that it stands under
    }
}

impl<Q, A> Crowd<Q, A> {
    /// Joins. Whoever is given a turn has to serve it.
    pub fn join(self: &Arc<Self>, what: Q) -> (Option<Turn<Q, A>>, Answered<A>) {
        let (answer, answered) = oneshot::channel();
        let mut asking = self.asking();
        asking.waiting.push(Question { what, since: Instant::now(), answer });
        let is_free = !std::mem::replace(&mut asking.is_under_way, true);
        drop(asking);
        (is_free.then(|| Turn(Some(Arc::clone(self)))), Answered(answered))
    }

    fn asking(&self) -> MutexGuard<'_, Asking<Q, A>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, A> Default for Crowd<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q, A> Default for Asking<Q, A> {
    fn default() -> Self {
        Self { is_under_way: false, waiting: Vec::new() }
    }
}

impl<A> Answered<A> {
    /// The answer.
    ///
    /// # Errors
    /// Those of the work, for everybody in the turn; `Unavailable` where the turn was lost.
    pub async fn get(self) -> Result<A> {
        self.0.await.unwrap_or_else(|lost| Err(Error::unavailable(lost)))
    }
}

impl<Q: Asks, A> Turn<Q, A> {
    /// Serves until nobody waits. The work answers everybody it is given, in their order.
    pub async fn serve(mut self, work: impl AsyncFn(Vec<Q>) -> Result<Vec<A>>) {
        while let Some(questions) = self.next() {
            let (all, waiting): (Vec<_>, Vec<_>) =
                questions.into_iter().map(|question| (question.what, question.answer)).unzip();
            let outcomes = match work(all).await {
                Ok(answers) => answers.into_iter().map(Ok).collect(),
                Err(error) => {
                    let behind = if error.problem() == Problem::Unavailable { self.waiting() } else { Vec::new() };
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

    /// Those who are next, without who has left or waited too long; the turn is over if there are none.
    fn next(&mut self) -> Option<Vec<Question<Q, A>>> {
        let crowd = self.0.take()?;
        let (mut asking, now) = (crowd.asking(), Instant::now());
        asking.waiting.retain(|question| !question.answer.is_closed());
        for late in asking.waiting.extract_if(.., |question| now - question.since > WAIT_MAX) {
            let _ = late.answer.send(Err(Error::unavailable("there was no turn in time")));
        }
        let (mut room, mut once) = (TOGETHER_MAX, HashSet::new());
        let is_next = |question: &mut Question<Q, A>| {
            let is_next = room > 0 && question.what.once_for().is_none_or(|who| once.insert(who));
            room -= usize::from(is_next);
            is_next
        };
        let next: Vec<_> = asking.waiting.extract_if(.., is_next).collect();
        asking.is_under_way = !next.is_empty();
        drop(asking);
        if next.is_empty() {
            return None;
        }
        self.0 = Some(crowd);
        Some(next)
    }

    /// Those who wait for the next one.
    fn waiting(&self) -> Vec<Question<Q, A>> {
        self.0.as_ref().map(|crowd| std::mem::take(&mut crowd.asking().waiting)).unwrap_or_default()
    }
}

impl<Q, A> Drop for Turn<Q, A> {
    fn drop(&mut self) {
        if let Some(crowd) = &self.0 {
            *crowd.asking() = Asking::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Crowd<usize, usize>;

    impl Asks for usize {}

    /// Of whom, and a number.
    struct Own(Uuid, usize);

    impl Asks for Own {
        fn once_for(&self) -> Option<Uuid> {
            Some(self.0)
        }
    }

    /// So many join; answers the turns that they are given, and what they will hear.
    fn join(crowd: &Arc<Numbers>, count: usize) -> (Vec<Turn<usize, usize>>, Vec<Answered<usize>>) {
        let (turns, answered): (Vec<_>, Vec<_>) = (0..count).map(|number| crowd.join(number)).unzip();
        (turns.into_iter().flatten().collect(), answered)
    }

    /// Says ten times what was asked.
    async fn tenfold(all: Vec<usize>) -> Result<Vec<usize>> {
        Ok(all.into_iter().map(|number| 10 * number).collect())
    }

    #[test]
    fn one_serves_all_and_so_many_at_once() {
        let crowd = Arc::<Numbers>::default();
        let (mut turns, _first) = join(&crowd, TOGETHER_MAX + 6);
        assert_eq!(turns.len(), 1);
        let mut turn = turns.remove(0);
        assert_eq!(turn.next().unwrap().len(), TOGETHER_MAX);
        let (turns, _later) = join(&crowd, 3);
        assert!(turns.is_empty(), "the turn goes on");
        assert_eq!(turn.next().unwrap().len(), 6 + 3);
        assert!(turn.next().is_none() && turn.next().is_none());
        // Whoever comes then is given a turn, which the one that is over does not take away.
        let (mut turns, mut next) = join(&crowd, 1);
        drop(turn);
        assert!(next[0].0.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
        assert_eq!(turns.remove(0).next().unwrap().len(), 1);
    }

    #[test]
    fn nobody_is_in_a_turn_twice_nor_overtaken() {
        let crowd = Arc::<Crowd<Own, usize>>::default();
        let [ada, bob] = [1, 2].map(Uuid::from_u128);
        let (turns, _waiting): (Vec<_>, Vec<_>) = [(ada, 1), (ada, 2), (bob, 3), (ada, 4)]
            .map(|(who, number)| crowd.join(Own(who, number)))
            .into_iter()
            .unzip();
        let mut turn = turns.into_iter().flatten().next().unwrap();
        let mut numbers = || Some(turn.next()?.iter().map(|question| question.what.1).collect::<Vec<_>>());
        assert_eq!(
            [numbers(), numbers(), numbers(), numbers()],
            [Some(vec![1, 3]), Some(vec![2]), Some(vec![4]), None]
        );
    }

    #[tokio::test]
    async fn who_has_waited_too_long_is_turned_away() {
        let crowd = Arc::<Numbers>::default();
        let (mut turns, mut waiting) = join(&crowd, 3);
        crowd.asking().waiting[1].since = Instant::now().checked_sub(2 * WAIT_MAX).unwrap();
        turns.remove(0).serve(tenfold).await;
        assert_eq!(waiting.remove(1).get().await.unwrap_err().problem(), Problem::Unavailable);
        assert_eq!(waiting.remove(1).get().await.unwrap(), 20);
        assert!(join(&crowd, 1).0.len() == 1);
    }

    #[test]
    fn who_asks_the_same_is_of_the_same_crowd() {
        let crowds = Crowds::default();
        let crowd = crowds.of::<usize, usize>();
        assert!(Arc::ptr_eq(&crowd, &crowds.of()));
        assert_eq!((join(&crowd, 2).0.len(), crowds.of::<usize, String>().join(0).0.is_some()), (1, true));
    }

    #[tokio::test]
    async fn everybody_hears_what_they_asked() {
        let crowd = Arc::<Numbers>::default();
        let (mut turns, waiting) = join(&crowd, TOGETHER_MAX + 3);
        turns.remove(0).serve(tenfold).await;
        for (number, answered) in waiting.into_iter().enumerate() {
            assert_eq!(answered.get().await.unwrap(), 10 * number);
        }
    }

    #[tokio::test]
    async fn a_failure_is_that_of_the_turn_and_a_lost_database_that_of_all_who_wait() {
        for (problem, behind) in
            [(Problem::NotFound, Ok(10 * TOGETHER_MAX)), (Problem::Unavailable, Err(Problem::Unavailable))]
        {
            let crowd = Arc::<Numbers>::default();
            let (mut turns, mut waiting) = join(&crowd, TOGETHER_MAX + 1);
            let fails = |all: Vec<usize>| async move {
                if all.contains(&0) { Err(Error::new(problem)) } else { tenfold(all).await }
            };
            turns.remove(0).serve(fails).await;
            let last = waiting.pop().unwrap().get().await;
            assert_eq!(last.map_err(|error| error.problem()), behind);
            for answered in waiting {
                assert_eq!(answered.get().await.unwrap_err().problem(), problem);
            }
        }
    }

    #[tokio::test]
    async fn a_turn_that_is_lost_leaves_nobody_waiting() {
        let crowd = Arc::<Numbers>::default();
        let (mut turns, waiting) = join(&crowd, 2 * TOGETHER_MAX);
        let mut turn = turns.remove(0);
        let under_way = turn.next();
        drop((turn, under_way));
        for answered in waiting {
            assert_eq!(answered.get().await.unwrap_err().problem(), Problem::Unavailable);
        }
        assert_eq!(join(&crowd, 1).0.len(), 1, "the next one serves again");
    }
}
