-- expand: the counts of V017 as functions that PostgreSQL puts in place of their calls, so that a statement which asks for a place
-- has one plan, made once; a call into plpgsql sets itself up anew in each transaction, which costs more than what it counts.
-- What they replace stays for the processes that still run while this is deployed.

-- The block of a place: how many stand ahead of it, and where it begins. A board without blocks is one block.
create function block_of_place(of_board varchar, at_depth float8, at_time timestamptz, at_tie uuid)
returns table (ahead bigint, depth float8, reached_at timestamptz, tie uuid) language sql stable as $$
  select
    coalesce(part.ahead, 0) + (
      select coalesce(sum(b.entries), 0)
      from board_blocks as b
      where b.group_id = part.id
        and (b.depth, b.reached_at, b.tie) < (block.depth, block.reached_at, block.tie)
    ) + (
      select coalesce(sum(c.change), 0)
      from board_changes as c
      where c.board = of_board
        and (c.depth, c.reached_at, c.tie) < (block.depth, block.reached_at, block.tie)
    ),
    coalesce(block.depth, '-Infinity'),
    coalesce(block.reached_at, '-infinity'),
    coalesce(block.tie, '00000000-0000-0000-0000-000000000000')
  from (values (null)) as always
  left join lateral (
    select g.id, g.ahead
    from board_groups as g
    where g.board = of_board
      and (g.depth, g.reached_at, g.tie) <= (at_depth, at_time, at_tie)
    order by g.depth desc, g.reached_at desc, g.tie desc
    limit 1
  ) as part on true
  left join lateral (
    select b.depth, b.reached_at, b.tie
    from board_blocks as b
    where b.group_id = part.id
      and (b.depth, b.reached_at, b.tie) <= (at_depth, at_time, at_tie)
    order by b.depth desc, b.reached_at desc, b.tie desc
    limit 1
  ) as block on true
$$;

-- How many stand ahead of this place of an exercise's board, whether or not somebody stands there. What has to be walked of
-- personal_bests_board is a block at most: the rest of its first value, the values between, the beginning of the last value.
create function places_ahead_on_scenario(of_scenario varchar, score float8, at_time timestamptz, id integer)
returns table (ahead bigint) language sql stable as $$
  select block.ahead + case
    when block.depth = -score then (
      select count(*)
      from personal_bests as best
      where best.scenario_id = of_scenario
        and best.lifter_active
        and best.score_value = score
        and (best.reached_at, best.score_id) >= (block.reached_at, score_of_tie(block.tie))
        and (best.reached_at, best.score_id) < (at_time, id)
    )
    else (
      select count(*)
      from personal_bests as best
      where best.scenario_id = of_scenario
        and best.lifter_active
        and best.score_value = -block.depth
        and (best.reached_at, best.score_id) >= (block.reached_at, score_of_tie(block.tie))
    ) + (
      select count(*)
      from personal_bests as best
      where best.scenario_id = of_scenario
        and best.lifter_active
        and best.score_value < -block.depth
        and best.score_value > score
    ) + (
      select count(*)
      from personal_bests as best
      where best.scenario_id = of_scenario
        and best.lifter_active
        and best.score_value = score
        and (best.reached_at, best.score_id) < (at_time, id)
    )
  end
  from block_of_place('scenario:' || of_scenario, -score, at_time, tie_of_score(id)) as block
$$;

-- The same of the energy board, by energy_standings_board.
create function places_ahead_on_energy(of_energy float8, at_time timestamptz, at_tie uuid)
returns table (ahead bigint) language sql stable as $$
  select block.ahead + case
    when block.depth = -of_energy then (
      select count(*)
      from energy_standings as standing
      where standing.lifter_active
        and standing.energy = of_energy
        and (standing.reached_at, standing.user_id) >= (block.reached_at, block.tie)
        and (standing.reached_at, standing.user_id) < (at_time, at_tie)
    )
    else (
      select count(*)
      from energy_standings as standing
      where standing.lifter_active
        and standing.energy = -block.depth
        and (standing.reached_at, standing.user_id) >= (block.reached_at, block.tie)
    ) + (
      select count(*)
      from energy_standings as standing
      where standing.lifter_active
        and standing.energy < -block.depth
        and standing.energy > of_energy
    ) + (
      select count(*)
      from energy_standings as standing
      where standing.lifter_active
        and standing.energy = of_energy
        and (standing.reached_at, standing.user_id) < (at_time, at_tie)
    )
  end
  from block_of_place('energy', -of_energy, at_time, at_tie) as block
$$;

-- How many stand on a board.
create function places_on_board(of_board varchar) returns table (total bigint) language sql stable as $$
  select coalesce((
    select ahead + entries
    from board_groups
    where board = of_board
    order by depth desc, reached_at desc, tie desc
    limit 1
  ), 0) + (
    select coalesce(sum(change), 0)
    from board_changes
    where board = of_board
  )
$$;
