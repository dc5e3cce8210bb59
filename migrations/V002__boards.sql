-- expand: two narrow tables that leaderboards read instead of scores and users, and what keeps them true.
-- Triggers, not the service, because the earlier server writes scores and energies into the same database while traffic
-- moves. They lock the lifter's row first, as the service does, so that a lifter's scores take effect one after another.

create table personal_bests (
  user_id uuid not null,
  scenario_id varchar not null,
  score_id integer not null,
  score_value float8 not null,
  weight_lifted float8 not null,
  reached_at timestamptz not null,
  lifter_active boolean not null,
  constraint personal_bests_pkey primary key (user_id, scenario_id),
  constraint personal_bests_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint personal_bests_scenario_id_fkey foreign key (scenario_id) references scenarios (id) on delete cascade
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
comment on table personal_bests is
  'One row per lifter and exercise: the best score, the first of equals. score_id has no foreign key: the triggers keep it.';

-- Everything the board shows of a best is in the index, so that a page reads one range of it and nothing else.
create index personal_bests_board on personal_bests (scenario_id, score_value desc, reached_at, score_id)
  include (user_id, weight_lifted) where lifter_active;

create table energy_standings (
  user_id uuid not null,
  energy float8 not null,
  reached_at timestamptz not null,
  lifter_active boolean not null,
  constraint energy_standings_pkey primary key (user_id),
  constraint energy_standings_user_id_fkey foreign key (user_id) references users (id) on delete cascade
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
comment on table energy_standings is 'One row per lifter: the present energy and when it was reached.';

create index energy_standings_board on energy_standings (energy desc, reached_at, user_id) where lifter_active;

-- A new score becomes the best if it is greater, or as great and of an earlier time: who reached a value first has the place.
create function raise_personal_best() returns trigger language plpgsql as $$
declare
  active boolean;
begin
  select is_active is not false into active from users where id = new.user_id for no key update;
  if not found then
    return null;
  end if;
  insert into personal_bests as best (user_id, scenario_id, score_id, score_value, weight_lifted, reached_at, lifter_active)
  values (new.user_id, new.scenario_id, new.id, new.score_value, new.weight_lifted, new.created_at, active)
  on conflict (user_id, scenario_id) do update
    set score_id = excluded.score_id,
        score_value = excluded.score_value,
        weight_lifted = excluded.weight_lifted,
        reached_at = excluded.reached_at
    where (excluded.score_value, best.reached_at, best.score_id) > (best.score_value, excluded.reached_at, excluded.score_id);
  return null;
end
$$;

-- Scores that are gone or changed: the bests that stood on them are found anew among what is left.
create function find_personal_bests_anew() returns trigger language plpgsql as $$
begin
  -- Who writes scores without our service has not locked their lifters: two who delete would each put back what the other took.
  perform from users where id in (select user_id from before) order by id for no key update;
  delete from personal_bests best using before
  where best.user_id = before.user_id and best.scenario_id = before.scenario_id and best.score_id = before.id;
  insert into personal_bests as best (user_id, scenario_id, score_id, score_value, weight_lifted, reached_at, lifter_active)
  select left_over.user_id, left_over.scenario_id, left_over.id, left_over.score_value, left_over.weight_lifted,
         left_over.created_at, users.is_active is not false
  from (select distinct user_id, scenario_id from before) as touched
  join users on users.id = touched.user_id
  cross join lateral (
    select id, user_id, scenario_id, score_value, weight_lifted, created_at
    from scores
    where scores.user_id = touched.user_id
      and scores.scenario_id = touched.scenario_id
      and score_value > '-Infinity' and score_value < 'Infinity'
    order by score_value desc, created_at, id
    limit 1
  ) as left_over
  on conflict (user_id, scenario_id) do update
    set score_id = excluded.score_id,
        score_value = excluded.score_value,
        weight_lifted = excluded.weight_lifted,
        reached_at = excluded.reached_at
    where (excluded.score_value, best.reached_at, best.score_id) > (best.score_value, excluded.reached_at, excluded.score_id);
  return null;
end
$$;

-- Users: their energy and whether they are active, as the boards see it.
create function keep_energy_standing() returns trigger language plpgsql as $$
begin
  insert into energy_standings as standing (user_id, energy, reached_at, lifter_active)
  values (
    new.id,
    case when new.energy > '-Infinity' and new.energy < 'Infinity' then new.energy else 0 end,
    clock_timestamp(),
    new.is_active is not false
  )
  on conflict (user_id) do update
    set energy = excluded.energy,
        reached_at = case when excluded.energy = standing.energy then standing.reached_at else excluded.reached_at end,
        lifter_active = excluded.lifter_active;
  if tg_op = 'UPDATE' and new.is_active is distinct from old.is_active then
    update personal_bests set lifter_active = new.is_active is not false where user_id = new.id;
  end if;
  return null;
end
$$;

create trigger users_inserted_energy_standing after insert on users
  for each row execute function keep_energy_standing();

create trigger users_changed_energy_standing after update of energy, is_active on users
  for each row
  when (new.energy is distinct from old.energy or new.is_active is distinct from old.is_active)
  execute function keep_energy_standing();
