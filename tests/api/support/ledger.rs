//! What is true of recorded lifts whatever happened before: who raced, who was killed, what was deleted.

use repduel_backend::config::LevelConfig;
use repduel_backend::domain::energy::rules::{CORE_LIFTS, CoreBests, standing};
use repduel_backend::domain::levels::rules::level;
use repduel_backend::domain::standards::Unit;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{Answer, Lifter, Request, TestApp};

/// The best of each lifter and exercise is the first of the greatest scores, and knows whether its lifter is active.
const BESTS: &str = "
    with truth as (
      select distinct on (user_id, scenario_id) user_id, scenario_id, scores.id, score_value, weight_lifted,
             scores.created_at, is_active is not false as active
      from scores join users on users.id = user_id
      where score_value > '-Infinity' and score_value < 'Infinity'
      order by user_id, scenario_id, score_value desc, scores.created_at, scores.id
    )
    select format('best of %s on %s: %s, stored %s', user_id, scenario_id, truth, best)
    from truth full join personal_bests as best using (user_id, scenario_id)
    where (truth.id, truth.score_value, truth.weight_lifted, truth.created_at, truth.active)
      is distinct from (best.score_id, best.score_value, best.weight_lifted, best.reached_at, best.lifter_active)";

/// Replayed in the order of their ids, which is the order of their commits, the scores that rose above all before them are
/// the events, one by one.
const EVENTS: &str = "
    with replay as (
      select *, max(score_value) over (
        partition by user_id, scenario_id order by id rows between unbounded preceding and 1 preceding
      ) as before
      from scores
    ), rising as (
      select *, row_number() over (partition by user_id, scenario_id order by id) as n
      from replay where before is null or score_value > before
    ), events as (
      select *, row_number() over (partition by user_id, scenario_id order by id) as n from personal_best_events
    )
    select format('event %s of %s on %s: %s, stored %s', n, user_id, scenario_id, rising.score_value, events.score_value)
    from rising full join events using (user_id, scenario_id, n)
    where (rising.score_value, rising.weight_lifted, rising.reps, rising.created_at)
      is distinct from (events.score_value, events.weight_lifted, events.reps, events.created_at)";

/// Totals are the sums of their events.
const TOTALS: &str = "
    with sums as (select user_id, sum(amount) as points from xp_events group by user_id)
    select format('points of %s: %s, stored %s', user_id, points, total_xp)
    from sums full join user_xp using (user_id)
    where points is distinct from total_xp";

/// Of the scores that are there, those that rose have the award for it, and no others.
const AWARDS: &str = "
    with replay as (
      select *, max(score_value) over (
        partition by user_id, scenario_id order by id rows between unbounded preceding and 1 preceding
      ) as before
      from scores
    )
    select format('award for score %s', replay.id)
    from replay left join xp_events as award
      on award.user_id = replay.user_id and source_type = 'score_pr' and source_id = replay.id::text
    where (before is null or score_value > before) <> (award.id is not null) or award.amount <> 10";

/// The energy that is shown, the board's and the newest of the history are one number.
const STANDINGS: &str = "
    select format('energy of %s: %s, on the board %s, in the history %s', users.id, users.energy, standing.energy, newest)
    from users
    left join energy_standings as standing on standing.user_id = users.id
    left join lateral (
      select energy from energy_history where user_id = users.id order by created_at desc limit 1
    ) as history (newest) on true
    where standing.energy is distinct from coalesce(users.energy, 0) or newest <> users.energy
      or standing.lifter_active is distinct from (users.is_active is not false)";

/// What the counts of the boards add up to is what stands there, block by block.
const COUNTS: &str =
    "select format('%s, %s: %s are kept, %s stand there', board, stretch, kept, standing) from find_board_drift()";

/// What the counts say of a place is what numbering the whole board says.
const POSITIONS: &str = "
    select format('%s of %s', score_id, scenario_id)
    from (
      select *, row_number() over (partition by scenario_id order by score_value desc, reached_at, score_id) as position
      from personal_bests where lifter_active
    ) as best
    cross join lateral places_ahead_on_scenario(scenario_id, score_value, reached_at, score_id) as place
    where place.ahead + 1 <> position
    union all
    select format('energy of %s', user_id)
    from (
      select *, row_number() over (order by energy desc, reached_at, user_id) as position
      from energy_standings where lifter_active
    ) as standing
    cross join lateral places_ahead_on_energy(energy, reached_at, user_id) as place
    where place.ahead + 1 <> position";

/// What is kept of followers, followed and friends is what counting the edges says, and nothing is kept of who is gone.
const FOLLOWS: &str = "
    with truth as (
      select users.id as user_id,
        (select count(*) from social_edges as edges join users as other on other.id = edges.follower_id
         where edges.followee_id = users.id and edges.status = 'active' and other.is_active is not false) as followers,
        (select count(*) from social_edges as edges join users as other on other.id = edges.followee_id
         where edges.follower_id = users.id and edges.status = 'active' and other.is_active is not false) as following,
        (select count(*) from social_edges as edges
         join social_edges as back on back.follower_id = edges.followee_id and back.followee_id = edges.follower_id
         join users as other on other.id = edges.followee_id
         where edges.follower_id = users.id and edges.status = 'active' and back.status = 'active'
           and other.is_active is not false) as friends
      from users
    )
    select format('follows of %s: %s, stored %s', user_id, truth, counts)
    from truth full join social_counts as counts using (user_id)
    where (truth.followers, truth.following, truth.friends) is distinct from
      (coalesce(counts.followers, 0), coalesce(counts.following, 0), coalesce(counts.friends, 0))";

async fn none_of(pg: &Client, query: &str) {
    let rows = pg.query(query, &[]).await.unwrap();
    let wrong: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Holds the personal bests against the scores, and the counts against the boards. True whoever writes.
pub async fn assert_bests(pg: &Client) {
    for query in [BESTS, COUNTS, POSITIONS] {
        none_of(pg, query).await;
    }
}

/// Holds the counts of followers, followed and friends against the edges. True whoever writes.
pub async fn assert_follows(pg: &Client) {
    none_of(pg, FOLLOWS).await;
}

/// Holds everything that follows from the scores against them, and the counts of edges. True where the service alone writes.
pub async fn assert_books(pg: &Client) {
    for query in [BESTS, COUNTS, POSITIONS, FOLLOWS, EVENTS, TOTALS, AWARDS, STANDINGS] {
        none_of(pg, query).await;
    }
    for row in pg.query("select user_id, total_xp, level from user_xp", &[]).await.unwrap() {
        let (user, points, stored): (Uuid, i32, i32) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(stored, level(points, &LevelConfig { base: 100, max_level: 100 }), "level of {user}");
    }
    let users = "select id, weight, gender, preferred_unit, energy, rank from users";
    for row in pg.query(users, &[]).await.unwrap() {
        let (user, unit): (Uuid, String) = (row.get(0), row.get(3));
        let mut bests = [0.0; 3];
        for (best, lift) in bests.iter_mut().zip(CORE_LIFTS) {
            let query = "select coalesce(max(score_value), 0) from scores where user_id = $1 and scenario_id = $2";
            *best = pg.query_one(query, &[&user, &lift]).await.unwrap().get(0);
        }
        let follows = standing(CoreBests(bests), row.get(1), row.get(2), Unit::of(&unit));
        let stored: (f64, String) = (row.get(4), row.get(5));
        assert_eq!(stored, (follows.energy, follows.rank_name().to_owned()), "energy of {user} with {bests:?}");
    }
}

/// A request that records a lift.
pub fn lift_request(app: &TestApp, lifter: &Lifter, scenario: &str, lift: &Value) -> Request {
    app.request("POST", &format!("/api/v1/scores/scenario/{scenario}")).bearer(&lifter.token).json(lift)
}

/// A request that deletes all scores of this lifter.
pub fn delete_request(app: &TestApp, lifter: &Lifter) -> Request {
    app.request("DELETE", &format!("/api/v1/scores/user/{}", lifter.id)).bearer(&lifter.token)
}

/// Sends all of them at once; answers in the order of the requests.
pub async fn together(requests: Vec<Request>) -> Vec<Answer> {
    let sent: Vec<_> = requests.into_iter().map(|request| tokio::spawn(async move { request.send().await })).collect();
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// A lift without anything but its weight.
pub fn of_weight(kg: f64) -> Value {
    json!({ "weight_lifted": kg })
}

/// How many of the server's connections wait for a lock in this database.
pub async fn waiting(pg: &Client) -> i64 {
    let query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    // Inside a transaction PostgreSQL would go on telling what it told first.
    pg.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
    pg.query_one(query, &[]).await.unwrap().get(0)
}

/// Numbers that look random and are the same for the same seed (Knuth's MMIX generator).
pub struct Dice(pub u64);

impl Dice {
    /// Dice whose seed is printed when the test fails.
    pub fn thrown() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = u64::from(now.subsec_nanos()) + now.as_secs();
        println!("the seed is {seed}");
        Self(seed)
    }

    /// A number below this one.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// A whole number of kilograms below this one.
    pub fn kg(&mut self, end: u32) -> f64 {
        f64::from(u32::try_from(self.below(u64::from(end))).unwrap())
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}
