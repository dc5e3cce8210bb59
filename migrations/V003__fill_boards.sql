-- expand: the boards of the scores and users that are already there.
-- Nothing is blocked but deletions of scores: whatever else is written meanwhile meets the triggers of V002 at the same
-- primary keys, and the better score wins on both sides.
select pg_advisory_xact_lock(hashtext('personal_bests.fill'));

insert into personal_bests as best (user_id, scenario_id, score_id, score_value, weight_lifted, reached_at, lifter_active)
select scores.user_id, scores.scenario_id, scores.id, scores.score_value, scores.weight_lifted, scores.created_at,
       users.is_active is not false
from (
  select distinct on (user_id, scenario_id) id, user_id, scenario_id, score_value, weight_lifted, created_at
  from scores
  where score_value > '-Infinity' and score_value < 'Infinity'
  order by user_id, scenario_id, score_value desc, created_at, id
) as scores
join users on users.id = scores.user_id
on conflict (user_id, scenario_id) do update
  set score_id = excluded.score_id,
      score_value = excluded.score_value,
      weight_lifted = excluded.weight_lifted,
      reached_at = excluded.reached_at
  where (excluded.score_value, best.reached_at, best.score_id) > (best.score_value, excluded.reached_at, excluded.score_id);

insert into energy_standings (user_id, energy, reached_at, lifter_active)
select users.id,
       case when users.energy > '-Infinity' and users.energy < 'Infinity' then users.energy else 0 end,
       coalesce(reached.at, users.updated_at, users.created_at, now()),
       users.is_active is not false
from users
left join (select user_id, max(created_at) as at from energy_history group by user_id) as reached on reached.user_id = users.id
on conflict (user_id) do nothing;

analyze personal_bests;
analyze energy_standings;
