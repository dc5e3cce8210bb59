-- expand: how many follow a lifter, so that a page of followers counts none of them.
--
-- Writers lock in one order, so that none waits in a circle: accounts, edges, gates, counts. A gate is an advisory lock that
-- some lifters share. Whoever changes edges holds the gates of both lifters with everybody else who does; whoever changes
-- whether a lifter is active holds that gate alone: either they see the edge, or the other one sees that the lifter is not
-- active. Rows of counts are locked in the order of the ids before anything is looked at, so that of two who follow each other
-- at once the second one sees the first.

create table social_counts (
  user_id uuid not null,
  followers integer not null default 0,
  following integer not null default 0,
  friends integer not null default 0,
  constraint social_counts_pkey primary key (user_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table social_counts is
  'Active lifters who follow one, whom one follows, and both. No row is none. Without a foreign key, whose check would lock
accounts after counts: forget_edges takes the row with the account.';

-- Waits until nobody changes whether these lifters are active. So few gates that a crowd of lifters fits into the table of locks.
create function enter_social_gates(lifters uuid[]) returns void language sql as $$
  select pg_advisory_xact_lock_shared(x'736f6369'::integer, gate)
  from (select distinct get_byte(uuid_send(id), 15) & 63 as gate from unnest(lifters) as id order by gate) as gates
$$;

-- Waits until nobody changes edges of this lifter.
create function close_social_gate(lifter uuid) returns void language sql as $$
  select pg_advisory_xact_lock(x'736f6369'::integer, get_byte(uuid_send(lifter), 15) & 63)
$$;

-- Locks the counts of these lifters, and makes those that are missing; answers whose. An update that is never done locks as well,
-- row by row in the order of the ids.
create function lock_social_counts(lifters uuid[]) returns uuid[] language plpgsql as $$
declare
  made uuid[];
begin
  with missing as (
    insert into social_counts as counts (user_id)
    select distinct id from unnest(lifters) as id order by id
    on conflict (user_id) do update set followers = counts.followers where false
    returning user_id
  )
  select coalesce(array_agg(user_id), '{}') into made from missing;
  return made;
end
$$;

-- Counts all edges of these lifters, whose counts are locked.
create function count_edges_anew(lifters uuid[]) returns void language plpgsql as $$
begin
  if cardinality(lifters) = 0 then
    return;
  end if;
  update social_counts as counts
  set followers = truth.followers, following = truth.following, friends = truth.friends
  from unnest(lifters) as lifter (id)
  cross join lateral (
    select
      (
        select count(*)
        from social_edges as edges
        join users on users.id = edges.follower_id
        where edges.followee_id = lifter.id and edges.status = 'active' and users.is_active is not false
      ) as followers,
      count(*) as following,
      count(*) filter (where exists (
        select from social_edges as back
        where back.follower_id = edges.followee_id and back.followee_id = edges.follower_id and back.status = 'active'
      )) as friends
    from social_edges as edges
    join users on users.id = edges.followee_id
    where edges.follower_id = lifter.id and edges.status = 'active' and users.is_active is not false
  ) as truth
  where counts.user_id = lifter.id
    and (counts.followers, counts.following, counts.friends) <> (truth.followers, truth.following, truth.friends);
end
$$;

-- Counts edges that came (were not) or went (were).
create function count_changed_edges(follower_ids uuid[], followee_ids uuid[], were boolean[]) returns void language plpgsql as $$
declare
  made uuid[];
begin
  perform enter_social_gates(follower_ids || followee_ids);
  made := lock_social_counts(follower_ids || followee_ids);
  -- Each lifter's side of each pair, with the edges that lead forth and back: as they were, and as they are. The status is
  -- no condition, lest an index of all who follow one be walked for it.
  with changed as (
    select * from unnest(follower_ids, followee_ids, were) as edge (follower_id, followee_id, was)
  ), sides as (
    select one, other, bool_or(forth_was) as forth_was, bool_or(back_was) as back_was
    from (
      select follower_id, followee_id, was, null from changed
      union all
      select followee_id, follower_id, null, was from changed
    ) as both_sides (one, other, forth_was, back_was)
    group by one, other
  ), states as materialized (
    select
      one,
      forth.is_now as forth_is,
      back.is_now as back_is,
      coalesce(forth_was, forth.is_now) as forth_was,
      coalesce(back_was, back.is_now) as back_was
    from sides
    join users on users.id = other and users.is_active is not false
    cross join lateral (
      select coalesce((select status = 'active' from social_edges where follower_id = one and followee_id = other), false)
    ) as forth (is_now)
    cross join lateral (
      select coalesce((select status = 'active' from social_edges where follower_id = other and followee_id = one), false)
    ) as back (is_now)
  ), differences as (
    select
      one,
      sum(back_is::integer - back_was::integer) as followers,
      sum(forth_is::integer - forth_was::integer) as following,
      sum((forth_is and back_is)::integer - (forth_was and back_was)::integer) as friends
    from states
    where one <> all(made)
    group by one
  )
  update social_counts as counts
  set followers = counts.followers + differences.followers,
      following = counts.following + differences.following,
      friends = counts.friends + differences.friends
  from differences
  where counts.user_id = differences.one;
  perform count_edges_anew(made);
end
$$;

-- Edges as they are written, whoever does; the triggers follow in V026.
create function count_edges() returns trigger language plpgsql as $$
declare
  follower_ids uuid[];
  followee_ids uuid[];
  were boolean[];
begin
  if tg_op = 'INSERT' then
    select array_agg(follower_id), array_agg(followee_id), array_agg(false) into follower_ids, followee_ids, were
    from after
    where status = 'active';
  elsif tg_op = 'DELETE' then
    select array_agg(follower_id), array_agg(followee_id), array_agg(true) into follower_ids, followee_ids, were
    from before
    where status = 'active';
  else
    select array_agg(follower_id), array_agg(followee_id), array_agg(was) into follower_ids, followee_ids, were
    from (
      select follower_id, followee_id, coalesce(before.status = 'active', false), coalesce(after.status = 'active', false)
      from before full join after using (follower_id, followee_id)
    ) as edges (follower_id, followee_id, was, is_now)
    where was <> is_now;
  end if;
  if follower_ids is not null then
    perform count_changed_edges(follower_ids, followee_ids, were);
  end if;
  return null;
end
$$;

-- A lifter who becomes active counts for everybody whom they follow or who follows them; one who is active no more does not.
create function count_active_lifter() returns trigger language plpgsql as $$
declare
  change constant integer := case when new.is_active is not false then 1 else -1 end;
  others uuid[];
  made uuid[];
begin
  perform close_social_gate(new.id);
  others := array(
    select followee_id from social_edges where follower_id = new.id and status = 'active'
    union
    select follower_id from social_edges where followee_id = new.id and status = 'active'
  );
  made := lock_social_counts(others);
  update social_counts as counts
  set followers = counts.followers + change * other.is_followed,
      following = counts.following + change * other.follows,
      friends = counts.friends + change * other.is_followed * other.follows
  from (
    select id, sum(is_followed) as is_followed, sum(follows) as follows
    from (
      select followee_id, 1, 0 from social_edges where follower_id = new.id and status = 'active'
      union all
      select follower_id, 0, 1 from social_edges where followee_id = new.id and status = 'active'
    ) as edges (id, is_followed, follows)
    group by id
  ) as other
  where counts.user_id = other.id
    and other.id <> all(made);
  perform count_edges_anew(made);
  return null;
end
$$;

-- An account that goes takes its edges with it before the foreign keys would, in one order and at once: two friends who go at
-- the same time would each hold an edge that the other one waits for.
create function forget_edges() returns trigger language plpgsql as $$
begin
  perform from social_edges
  where follower_id = old.id or followee_id = old.id
  order by follower_id, followee_id
  for update;
  delete from social_edges where follower_id = old.id or followee_id = old.id;
  delete from social_counts where user_id = old.id;
  return old;
end
$$;

create function forget_counts() returns trigger language plpgsql as $$
begin
  delete from social_counts;
  return null;
end
$$;

create trigger users_active_counted after update of is_active on users
  for each row
  when ((old.is_active is not false) <> (new.is_active is not false))
  execute function count_active_lifter();

create trigger users_deleted_edges before delete on users
  for each row execute function forget_edges();
