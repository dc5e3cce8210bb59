-- expand: blocks of the boards that are already there.
-- A procedure, which the migrate step calls and then drops; see V004. It locks no row of anybody: a board's blocks are what
-- stands there without the changes that are noted, as of one instant, so it does not matter who writes meanwhile. It commits
-- after each board, and passes over those that have blocks. Its name puts it behind backfill_boards, which fills what it counts.
create procedure backfill_counts() language plpgsql as $$
declare
  next_board varchar;
begin
  for next_board in
    with recursive scenarios_done (id) as (
      (select scenario_id from personal_bests where lifter_active order by scenario_id limit 1)
      union all
      select (
        select scenario_id from personal_bests
        where lifter_active and scenario_id > scenarios_done.id
        order by scenario_id limit 1
      )
      from scenarios_done
      where scenarios_done.id is not null
    )
    select 'scenario:' || id from scenarios_done where id is not null
    union all
    select 'energy'
  loop
    perform pg_advisory_xact_lock(x'626f61726473'::bigint);
    if not exists (select from board_groups where board = next_board) then
      perform build_board(next_board);
    end if;
    commit;
  end loop;
  analyze board_groups;
  analyze board_blocks;
end
$$;
