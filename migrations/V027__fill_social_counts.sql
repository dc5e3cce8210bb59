-- expand: counts of the edges that are already there.
-- A procedure, which the migrate step calls and then drops; see V004. Every lifter is counted, those too whom a trigger counted
-- before the other triggers were there. It commits after every few lifters, whose accounts cannot go meanwhile; whoever writes
-- edges of theirs waits for as long. It can be run again from wherever it was stopped.
create procedure backfill_social_counts() language plpgsql as $$
declare
  -- The lifter whom the part before ended with: the range begins with them, so that it has one index condition from the start.
  reached uuid := coalesce(
    nullif(current_setting('repduel.social_counted_to', true), ''), '00000000-0000-0000-0000-000000000000');
  last_done uuid;
  lifters uuid[];
begin
  loop
    select array_agg(id order by id) into lifters
    from (
      select id from users where id >= reached order by id limit 200 for key share
    ) as locked;
    exit when lifters is null or lifters[cardinality(lifters)] = last_done;
    -- Whoever neither follows nor is followed, and was not counted yet, needs no row.
    perform lock_social_counts(array(
      select id
      from unnest(lifters) as id
      where exists (select from social_edges where follower_id = id)
        or exists (select from social_edges where followee_id = id)
        or exists (select from social_counts where user_id = id)
    ));
    perform count_edges_anew(lifters);
    last_done := lifters[cardinality(lifters)];
    reached := last_done;
    perform set_config('repduel.social_counted_to', reached::text, false);
    commit;
  end loop;
  analyze social_counts;
end
$$;
