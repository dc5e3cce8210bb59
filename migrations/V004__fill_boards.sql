-- expand: the boards of the scores and users that are already there.
-- A procedure, which the migrate step calls when the indexes are there, and drops when it has come to its end. It commits after
-- every few lifters, whose rows it locks as the triggers do: nobody waits for longer than a few lifters take, and whatever is
-- written meanwhile comes either before or after them. It can be run again from wherever it was stopped.
create procedure backfill_boards() language plpgsql as $$
declare
  last_done uuid := nullif(current_setting('repduel.boards_filled_to', true), '');
  lifters uuid[];
begin
  loop
    select array_agg(id order by id) into lifters
    from (
      select id from users where last_done is null or id > last_done order by id limit 200 for no key update
    ) as locked;
    exit when lifters is null;

    insert into personal_bests as best (user_id, scenario_id, score_id, score_value, weight_lifted, reached_at, lifter_active)
    select scores.user_id, scores.scenario_id, scores.id, scores.score_value, scores.weight_lifted, scores.created_at,
           users.is_active is not false
    from (
      select distinct on (user_id, scenario_id) id, user_id, scenario_id, score_value, weight_lifted, created_at
      from scores
      where user_id = any(lifters) and score_value > '-Infinity' and score_value < 'Infinity'
      order by user_id, scenario_id, score_value desc, created_at, id
    ) as scores
    join users on users.id = scores.user_id
    on conflict (user_id, scenario_id) do update
      set score_id = excluded.score_id,
          score_value = excluded.score_value,
          weight_lifted = excluded.weight_lifted,
          reached_at = excluded.reached_at
      where best.score_id <> excluded.score_id;

    insert into energy_standings (user_id, energy, reached_at, lifter_active)
    select users.id,
           case when users.energy > '-Infinity' and users.energy < 'Infinity' then users.energy else 0 end,
           coalesce((select max(created_at) from energy_history where user_id = users.id), users.updated_at, users.created_at, now()),
           users.is_active is not false
    from users
    where id = any(lifters)
    on conflict (user_id) do nothing;

    last_done := lifters[cardinality(lifters)];
    perform set_config('repduel.boards_filled_to', last_done::text, false);
    commit;
  end loop;
  analyze personal_bests;
  analyze energy_standings;
end
$$;
