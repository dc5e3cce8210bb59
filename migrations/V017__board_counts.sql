-- expand: how many stand on each stretch of a board, so that a place is counted without walking down to it.
--
-- A board is cut into blocks of some hundred entries, and these into groups of some dozen blocks. What stands ahead of a place is
-- what stands ahead of its group, plus the blocks before it in the group, plus the entries before it in its block, which are
-- counted in the board itself. Blocks are cut by the whole order, the time and the id included: a million equal scores are many
-- blocks as well.
--
-- Writers only add rows to board_changes and never wait for each other; whoever counts adds up what is not folded yet. One worker
-- at a time folds the changes into the blocks, and is the only one who writes those. Always holds, in every snapshot:
-- entries of a block = what stands in its stretch of the board - the changes of that stretch.

create table board_groups (
  id bigint generated always as identity,
  board varchar collate "C" not null,
  depth float8 not null,
  reached_at timestamptz not null,
  tie uuid not null,
  entries integer not null,
  ahead bigint not null,
  constraint board_groups_pkey primary key (id),
  constraint board_groups_place_key unique (board, depth, reached_at, tie)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table board_groups is 'Where each group of blocks begins (with a block), its entries, and those of all groups ahead.';
comment on column board_groups.board is 'energy, or scenario: and its id.';
comment on column board_groups.depth is 'The negated value, so that the order of a board is ascending in all of its parts.';
comment on column board_groups.tie is 'The last part of the order: the lifter, or tie_of_score of the score.';

create table board_blocks (
  group_id bigint not null,
  depth float8 not null,
  reached_at timestamptz not null,
  tie uuid not null,
  entries integer not null,
  constraint board_blocks_pkey primary key (group_id, depth, reached_at, tie),
  constraint board_blocks_group_id_fkey foreign key (group_id) references board_groups (id) on delete cascade
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table board_blocks is 'Where each block begins, and how many entries it has: those up to where the next one begins.';

-- No primary key: rows are added, added up and deleted, and nobody ever means one of them.
create table board_changes (
  board varchar collate "C" not null,
  depth float8 not null,
  reached_at timestamptz not null,
  tie uuid not null,
  change smallint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = 10000);
comment on table board_changes is 'Entries that came (1) and went (-1), and are not in the blocks yet.';
create index board_changes_board on board_changes (board, depth, reached_at, tie);

-- Ids of scores in the shape of the other board's ids, in the same order.
create function tie_of_score(id integer) returns uuid language sql immutable parallel safe as $$
  select lpad(to_hex(id::bigint + 2147483648), 32, '0')::uuid
$$;

create function score_of_tie(tie uuid) returns integer language sql immutable parallel safe as $$
  select ((('x' || substr(tie::text, 29))::bit(32)::bigint & 4294967295) - 2147483648)::integer
$$;

-- Entries of an exercise's board from one place up to another one, which is not among them. Three ranges of
-- personal_bests_board: the rest of the first value, the values between, the beginning of the last value.
create function scenario_entries(
  of_scenario varchar,
  from_depth float8, from_at timestamptz, from_tie uuid, to_depth float8, to_at timestamptz, to_tie uuid
) returns table (depth float8, reached_at timestamptz, tie uuid) language sql stable as $$
  select -best.score_value, best.reached_at, tie_of_score(best.score_id)
  from personal_bests as best
  where best.lifter_active and best.scenario_id = of_scenario and from_depth < to_depth and best.score_value = -from_depth
    and (best.reached_at, best.score_id) >= (from_at, score_of_tie(from_tie))
  union all
  select -best.score_value, best.reached_at, tie_of_score(best.score_id)
  from personal_bests as best
  where best.lifter_active and best.scenario_id = of_scenario and best.score_value < -from_depth and best.score_value > -to_depth
  union all
  select -best.score_value, best.reached_at, tie_of_score(best.score_id)
  from personal_bests as best
  where best.lifter_active and best.scenario_id = of_scenario and best.score_value = -to_depth
    and (best.reached_at, best.score_id) < (to_at, score_of_tie(to_tie))
    and (best.reached_at, best.score_id) >= (
      case when from_depth < to_depth then '-infinity' else from_at end,
      case when from_depth < to_depth then -2147483648 else score_of_tie(from_tie) end
    )
$$;

-- The same of the energy board, by energy_standings_board.
create function energy_entries(
  from_depth float8, from_at timestamptz, from_tie uuid, to_depth float8, to_at timestamptz, to_tie uuid
) returns table (depth float8, reached_at timestamptz, tie uuid) language sql stable as $$
  select -standing.energy, standing.reached_at, standing.user_id
  from energy_standings as standing
  where standing.lifter_active and from_depth < to_depth and standing.energy = -from_depth
    and (standing.reached_at, standing.user_id) >= (from_at, from_tie)
  union all
  select -standing.energy, standing.reached_at, standing.user_id
  from energy_standings as standing
  where standing.lifter_active and standing.energy < -from_depth and standing.energy > -to_depth
  union all
  select -standing.energy, standing.reached_at, standing.user_id
  from energy_standings as standing
  where standing.lifter_active and standing.energy = -to_depth
    and (standing.reached_at, standing.user_id) < (to_at, to_tie)
    and (standing.reached_at, standing.user_id) >= (
      case when from_depth < to_depth then '-infinity' else from_at end,
      case when from_depth < to_depth then '00000000-0000-0000-0000-000000000000' else from_tie end
    )
$$;

-- The same of whichever board.
create function board_entries(
  of_board varchar,
  from_depth float8, from_at timestamptz, from_tie uuid, to_depth float8, to_at timestamptz, to_tie uuid
) returns table (depth float8, reached_at timestamptz, tie uuid) language plpgsql stable as $$
begin
  if of_board = 'energy' then
    return query select * from energy_entries(from_depth, from_at, from_tie, to_depth, to_at, to_tie);
  else
    return query
      select * from scenario_entries(substr(of_board, 10)::varchar, from_depth, from_at, from_tie, to_depth, to_at, to_tie);
  end if;
end
$$;

-- Where the block of a place begins, and how many entries stand ahead of that block. Stable, as all that counts is: it sees what
-- the statement sees that calls it, blocks and changes and board as of one instant. A board without blocks is one block.
create function count_before_block(
  of_board varchar, at_depth float8, at_time timestamptz, at_tie uuid,
  out entries bigint, out depth float8, out reached_at timestamptz, out tie uuid
) language plpgsql stable as $$
declare
  own_group bigint;
  before_group bigint;
begin
  select g.id, g.ahead into own_group, before_group
  from board_groups as g
  where g.board = of_board and (g.depth, g.reached_at, g.tie) <= (at_depth, at_time, at_tie)
  order by g.depth desc, g.reached_at desc, g.tie desc
  limit 1;
  if not found then
    entries := 0;
    depth := '-Infinity';
    reached_at := '-infinity';
    tie := '00000000-0000-0000-0000-000000000000';
    return;
  end if;
  select b.depth, b.reached_at, b.tie, before_group + sum(b.entries) over () - b.entries into depth, reached_at, tie, entries
  from board_blocks as b
  where b.group_id = own_group and (b.depth, b.reached_at, b.tie) <= (at_depth, at_time, at_tie)
  order by b.depth desc, b.reached_at desc, b.tie desc
  limit 1;
  entries := entries + (
    select coalesce(sum(c.change), 0)
    from board_changes as c
    where c.board = of_board
      and (c.depth, c.reached_at, c.tie) < (count_before_block.depth, count_before_block.reached_at, count_before_block.tie)
  );
end
$$;

-- How many stand ahead of this place of an exercise's board, whether or not somebody stands there. What has to be walked of
-- personal_bests_board is a block at most: the rest of its first value, the values between, the beginning of the last value.
create function count_ahead_on_scenario(of_scenario varchar, score float8, at_time timestamptz, id integer) returns bigint
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
  block record := count_before_block('scenario:' || of_scenario, -score, at_time, tie_of_score(id));
  from_score float8 := -block.depth;
  from_id integer := score_of_tie(block.tie);
begin
  if from_score = score then
    return block.entries + (
      select count(*)
      from personal_bests as best
      where best.scenario_id = of_scenario and best.lifter_active and best.score_value = score
        and (best.reached_at, best.score_id) >= (block.reached_at, from_id)
        and (best.reached_at, best.score_id) < (at_time, id)
    );
  end if;
  return block.entries + (
    select count(*)
    from personal_bests as best
    where best.scenario_id = of_scenario and best.lifter_active and best.score_value = from_score
      and (best.reached_at, best.score_id) >= (block.reached_at, from_id)
  ) + (
    select count(*)
    from personal_bests as best
    where best.scenario_id = of_scenario and best.lifter_active and best.score_value < from_score and best.score_value > score
  ) + (
    select count(*)
    from personal_bests as best
    where best.scenario_id = of_scenario and best.lifter_active and best.score_value = score
      and (best.reached_at, best.score_id) < (at_time, id)
  );
end
$$;

-- The same of the energy board, by energy_standings_board.
create function count_ahead_on_energy(of_energy float8, at_time timestamptz, at_tie uuid) returns bigint
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
  block record := count_before_block('energy', -of_energy, at_time, at_tie);
  from_energy float8 := -block.depth;
begin
  if from_energy = of_energy then
    return block.entries + (
      select count(*)
      from energy_standings as standing
      where standing.lifter_active and standing.energy = of_energy
        and (standing.reached_at, standing.user_id) >= (block.reached_at, block.tie)
        and (standing.reached_at, standing.user_id) < (at_time, at_tie)
    );
  end if;
  return block.entries + (
    select count(*)
    from energy_standings as standing
    where standing.lifter_active and standing.energy = from_energy
      and (standing.reached_at, standing.user_id) >= (block.reached_at, block.tie)
  ) + (
    select count(*)
    from energy_standings as standing
    where standing.lifter_active and standing.energy < from_energy and standing.energy > of_energy
  ) + (
    select count(*)
    from energy_standings as standing
    where standing.lifter_active and standing.energy = of_energy
      and (standing.reached_at, standing.user_id) < (at_time, at_tie)
  );
end
$$;

-- How many stand on a board.
create function count_board(of_board varchar) returns bigint language plpgsql stable as $$
begin
  return coalesce((
    select ahead + entries
    from board_groups
    where board = of_board
    order by depth desc, reached_at desc, tie desc
    limit 1
  ), 0) + (
    select coalesce(sum(change), 0)
    from board_changes
    where board = of_board
  );
end
$$;

-- A stretch of a board cut into blocks: how many stand in each, and how many of them have been noted and not folded.
create function cut_board(
  of_board varchar,
  from_depth float8, from_at timestamptz, from_tie uuid, to_depth float8, to_at timestamptz, to_tie uuid
) returns table (depth float8, reached_at timestamptz, tie uuid, standing bigint, unfolded bigint) language sql stable as $$
  with numbered as (
    select e.depth, e.reached_at, e.tie, row_number() over (order by e.depth, e.reached_at, e.tie) - 1 as n
    from board_entries(of_board, from_depth, from_at, from_tie, to_depth, to_at, to_tie) as e
  ), cuts as (
    select from_depth as depth, from_at as reached_at, from_tie as tie
    union all
    select c.depth, c.reached_at, c.tie from numbered as c where c.n > 0 and c.n % 128 = 0
  ), pieces as (
    select
      c.depth, c.reached_at, c.tie,
      row_number() over places - 1 as nth,
      lead(c.depth, 1, to_depth) over places as next_depth,
      lead(c.reached_at, 1, to_at) over places as next_at,
      lead(c.tie, 1, to_tie) over places as next_tie
    from cuts as c
    window places as (order by c.depth, c.reached_at, c.tie)
  ), counted as (
    select n / 128 as nth, count(*) as standing from numbered group by 1
  )
  select
    p.depth, p.reached_at, p.tie,
    coalesce(counted.standing, 0),
    (
      select coalesce(sum(c.change), 0)
      from board_changes as c
      where c.board = of_board
        and (c.depth, c.reached_at, c.tie) >= (p.depth, p.reached_at, p.tie)
        and (c.depth, c.reached_at, c.tie) < (p.next_depth, p.next_at, p.next_tie)
    )
  from pieces as p
  left join counted on counted.nth = p.nth
$$;

-- A key of the advisory lock under which blocks are written: one folds, the others have nothing to do.
create function lock_board_counts() returns boolean language sql as $$
  select pg_try_advisory_xact_lock(x'626f61726473'::bigint)
$$;

-- Makes the groups and blocks of a board from what stands there. Under the lock.
create function build_board(of_board varchar) returns void language plpgsql as $$
declare
  first_group bigint;
begin
  delete from board_groups where board = of_board;
  insert into board_groups (board, depth, reached_at, tie, entries, ahead)
  values (of_board, '-Infinity', '-infinity', '00000000-0000-0000-0000-000000000000', 0, 0)
  returning id into first_group;
  -- One statement, so that what is counted and what is forgotten are of one instant.
  with forgotten as (
    delete from board_changes where board = of_board
  )
  insert into board_blocks (group_id, depth, reached_at, tie, entries)
  select first_group, depth, reached_at, tie, standing
  from cut_board(
    of_board,
    '-Infinity', '-infinity', '00000000-0000-0000-0000-000000000000',
    'Infinity', 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'
  );
  update board_groups
  set entries = (select sum(entries) from board_blocks where group_id = first_group)
  where id = first_group;
  perform split_group(first_group);
  perform add_up_groups(of_board);
end
$$;

-- Writes how many stand ahead of each group.
create function add_up_groups(of_board varchar) returns void language sql as $$
  update board_groups as g
  set ahead = summed.ahead
  from (
    select id, sum(entries) over (order by depth, reached_at, tie) - entries as ahead
    from board_groups
    where board = of_board
  ) as summed
  where g.id = summed.id and g.ahead <> summed.ahead
$$;

-- Cuts a group that has become long.
create function split_group(of_group bigint) returns void language plpgsql as $$
declare
  part record;
  part_group bigint;
begin
  if (select count(*) from board_blocks where group_id = of_group) <= 128 then
    return;
  end if;
  for part in
    select array_agg(depth order by n) as depths, array_agg(reached_at order by n) as times, array_agg(tie order by n) as ties,
           sum(entries) as entries
    from (
      select depth, reached_at, tie, entries, row_number() over (order by depth, reached_at, tie) - 1 as n
      from board_blocks
      where group_id = of_group
    ) as numbered
    where n >= 64
    group by n / 64
  loop
    insert into board_groups (board, depth, reached_at, tie, entries, ahead)
    select board, part.depths[1], part.times[1], part.ties[1], part.entries, 0
    from board_groups
    where id = of_group
    returning id into part_group;
    update board_blocks as b
    set group_id = part_group
    from unnest(part.depths, part.times, part.ties) as moved (depth, reached_at, tie)
    where b.group_id = of_group and b.depth = moved.depth and b.reached_at = moved.reached_at and b.tie = moved.tie;
    update board_groups set entries = entries - part.entries where id = of_group;
  end loop;
end
$$;

-- Cuts a block that has become long, and its group if that has become long by this.
create function split_block(of_board varchar, of_group bigint, at_depth float8, at_time timestamptz, at_tie uuid) returns void
language plpgsql as $$
declare
  until record;
begin
  -- Up to the next block of the group, or to the next group, or to the end.
  select depth, reached_at, tie into until
  from (
    (
      select depth, reached_at, tie
      from board_blocks
      where group_id = of_group and (depth, reached_at, tie) > (at_depth, at_time, at_tie)
      order by depth, reached_at, tie
      limit 1
    )
    union all
    (
      select depth, reached_at, tie
      from board_groups
      where board = of_board and (depth, reached_at, tie) > (at_depth, at_time, at_tie)
      order by depth, reached_at, tie
      limit 1
    )
    union all
    select 'Infinity', 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'
  ) as ends
  order by depth, reached_at, tie
  limit 1;
  with added as (
    insert into board_blocks (group_id, depth, reached_at, tie, entries)
    select of_group, depth, reached_at, tie, standing - unfolded
    from cut_board(of_board, at_depth, at_time, at_tie, until.depth, until.reached_at, until.tie)
    where (depth, reached_at, tie) <> (at_depth, at_time, at_tie)
    returning entries
  )
  update board_blocks
  set entries = entries - (select coalesce(sum(entries), 0) from added)
  where group_id = of_group and depth = at_depth and reached_at = at_time and tie = at_tie;
  perform split_group(of_group);
end
$$;

-- Adds a block that has become short to the one before it. A group's first block stays while the group does.
create function merge_block(of_group bigint, at_depth float8, at_time timestamptz, at_tie uuid) returns void
language plpgsql as $$
declare
  before record;
begin
  select depth, reached_at, tie, entries into before
  from board_blocks
  where group_id = of_group and (depth, reached_at, tie) < (at_depth, at_time, at_tie)
  order by depth desc, reached_at desc, tie desc
  limit 1;
  if before.entries <= 128 then
    with gone as (
      delete from board_blocks
      where group_id = of_group and depth = at_depth and reached_at = at_time and tie = at_tie
      returning entries
    )
    update board_blocks
    set entries = entries + (select coalesce(sum(entries), 0) from gone)
    where group_id = of_group and depth = before.depth and reached_at = before.reached_at and tie = before.tie;
  end if;
end
$$;

-- Takes away groups in which nobody stands any more, but for the first one: the group before goes on to where they ended.
create function drop_empty_groups(of_board varchar) returns void language sql as $$
  delete from board_groups as g
  where g.board = of_board and g.entries = 0 and g.depth > '-Infinity'
    and not exists (select from board_blocks as b where b.group_id = g.id and b.entries <> 0)
$$;

-- Folds up to so many changes of a board into its blocks. Under the lock; answers how many they were.
create function fold_board(of_board varchar, at_most bigint) returns bigint language plpgsql as $$
declare
  block record;
  folded bigint := 0;
begin
  if not exists (select from board_groups where board = of_board) then
    perform build_board(of_board);
  end if;
  for block in
    with taken as (
      delete from board_changes
      where ctid = any(array(select ctid from board_changes where board = of_board limit at_most))
      returning depth, reached_at, tie, change
    ), by_block as (
      select g.id, b.depth, b.reached_at, b.tie, sum(taken.change) as change, count(*) as changes
      from taken
      cross join lateral (
        select id
        from board_groups
        where board = of_board and (depth, reached_at, tie) <= (taken.depth, taken.reached_at, taken.tie)
        order by depth desc, reached_at desc, tie desc
        limit 1
      ) as g
      cross join lateral (
        select depth, reached_at, tie
        from board_blocks
        where group_id = g.id and (depth, reached_at, tie) <= (taken.depth, taken.reached_at, taken.tie)
        order by depth desc, reached_at desc, tie desc
        limit 1
      ) as b
      group by 1, 2, 3, 4
    ), written as (
      update board_groups as g
      set entries = g.entries + by_group.change
      from (select id, sum(change) as change from by_block group by 1) as by_group
      where g.id = by_group.id and by_group.change <> 0
    )
    update board_blocks as b
    set entries = b.entries + by_block.change
    from by_block
    where b.group_id = by_block.id
      and b.depth = by_block.depth and b.reached_at = by_block.reached_at and b.tie = by_block.tie
    returning b.group_id, b.depth, b.reached_at, b.tie, b.entries, by_block.changes
  loop
    folded := folded + block.changes;
    if block.entries > 256 then
      -- The block may have come into another group by what was cut before it.
      perform split_block(of_board, b.group_id, b.depth, b.reached_at, b.tie)
      from board_blocks as b
      join board_groups as g on g.id = b.group_id
      where g.board = of_board and b.depth = block.depth and b.reached_at = block.reached_at and b.tie = block.tie;
    elsif block.entries < 32 then
      perform merge_block(block.group_id, block.depth, block.reached_at, block.tie);
    end if;
  end loop;
  perform drop_empty_groups(of_board);
  perform add_up_groups(of_board);
  return folded;
end
$$;

-- Folds up to so many changes, board by board; answers how many they were, none if another worker is at it.
create function fold_boards(at_most bigint) returns bigint language plpgsql as $$
declare
  next_board varchar := '';
  folded bigint := 0;
begin
  if not lock_board_counts() then
    return 0;
  end if;
  while folded < at_most loop
    select board into next_board from board_changes where board > next_board order by board limit 1;
    exit when not found;
    folded := folded + fold_board(next_board, at_most - folded);
  end loop;
  return folded;
end
$$;

-- What is kept and what is true, where these differ; no rows are what it should answer. It reads whole boards: for tests, and for
-- operators who doubt. `select build_board('energy') where lock_board_counts()` makes a board's blocks anew.
create function find_board_drift() returns table (board varchar, stretch text, kept bigint, standing bigint)
language sql stable as $$
  with places as (
    select g.board, b.depth, b.reached_at, b.tie, 1 as begins, b.entries as kept, 0 as standing
    from board_blocks as b
    join board_groups as g on g.id = b.group_id
    union all
    select c.board, c.depth, c.reached_at, c.tie, 0, c.change, 0
    from board_changes as c
    union all
    select 'scenario:' || scenario_id, -score_value, best.reached_at, tie_of_score(score_id), 0, 0, 1
    from personal_bests as best
    where lifter_active
    union all
    select 'energy', -energy, standing.reached_at, user_id, 0, 0, 1
    from energy_standings as standing
    where lifter_active
  ), blocks as (
    select p.*, sum(begins) over (partition by p.board order by p.depth, p.reached_at, p.tie, begins desc) as nth
    from places as p
  ), groups as (
    select
      g.*,
      sum(g.entries) over places - g.entries as before,
      lead(g.depth, 1, 'Infinity') over places as next_depth,
      lead(g.reached_at, 1, 'infinity') over places as next_at,
      lead(g.tie, 1, 'ffffffff-ffff-ffff-ffff-ffffffffffff') over places as next_tie
    from board_groups as g
    window places as (partition by g.board order by g.depth, g.reached_at, g.tie)
  ), compared as (
    select b.board, format('block %s', nth) as stretch, sum(b.kept) as kept, sum(b.standing) as standing
    from blocks as b
    group by b.board, nth
    union all
    select g.board, format('ahead of group %s', g.id), g.ahead, g.before
    from groups as g
    union all
    select g.board, format('group %s', g.id), g.entries, sum(b.entries)
    from groups as g
    left join board_blocks as b on b.group_id = g.id
      and (b.depth, b.reached_at, b.tie) >= (g.depth, g.reached_at, g.tie)
      and (b.depth, b.reached_at, b.tie) < (g.next_depth, g.next_at, g.next_tie)
    group by g.board, g.id, g.entries
    union all
    select g.board, format('first block of group %s', g.id), 1, count(b.group_id)
    from groups as g
    left join board_blocks as b on b.group_id = g.id and b.depth = g.depth and b.reached_at = g.reached_at and b.tie = g.tie
    group by g.board, g.id
    union all
    select boards.board, 'all of it', count_board(boards.board), boards.standing
    from (select p.board, sum(p.standing) as standing from places as p group by p.board) as boards
  )
  select board, stretch, kept::bigint, standing::bigint
  from compared
  where kept is distinct from standing
$$;

-- Entries that come and go, whoever writes them.
create function note_best() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' and old.lifter_active then
    insert into board_changes (board, depth, reached_at, tie, change)
    values ('scenario:' || old.scenario_id, -old.score_value, old.reached_at, tie_of_score(old.score_id), -1);
  end if;
  if tg_op <> 'DELETE' and new.lifter_active then
    insert into board_changes (board, depth, reached_at, tie, change)
    values ('scenario:' || new.scenario_id, -new.score_value, new.reached_at, tie_of_score(new.score_id), 1);
  end if;
  return null;
end
$$;

create function note_standing() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' and old.lifter_active then
    insert into board_changes (board, depth, reached_at, tie, change)
    values ('energy', -old.energy, old.reached_at, old.user_id, -1);
  end if;
  if tg_op <> 'DELETE' and new.lifter_active then
    insert into board_changes (board, depth, reached_at, tie, change)
    values ('energy', -new.energy, new.reached_at, new.user_id, 1);
  end if;
  return null;
end
$$;
