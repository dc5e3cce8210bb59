-- expand: the names of lifters in a table of their own, which the search by name reads instead of users.
-- An account changes with each lift that raises its energy and with each login; earlier code indexed its energy and its last
-- change, so each of these writes into every index of users, however little it has to do with them. Here a row changes with what
-- the search asks for and with nothing else, and so do the indexes that serve it.
-- Triggers, not the service, because the earlier server writes names into the same database while traffic moves.

create table lifter_names (
  user_id uuid not null,
  username varchar not null,
  username_folded text not null,
  display_name_folded text,
  lifter_active boolean not null,
  constraint lifter_names_pkey primary key (user_id),
  constraint lifter_names_user_id_fkey foreign key (user_id) references users (id) on delete cascade
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
comment on table lifter_names is 'One row per lifter: what the search by name looks at. Triggers on users keep it.';
comment on column lifter_names.username is 'As it is written, for the order of what is found.';
comment on column lifter_names.username_folded is 'Lowered, as a text that is looked for is.';

-- Words inside of either name, by their trigrams.
create index lifter_names_trigrams on lifter_names
  using gin (username_folded gin_trgm_ops, display_name_folded gin_trgm_ops);

-- The names in their order, with all that a text without a trigram is held against.
create index lifter_names_in_order on lifter_names (username)
  include (user_id, username_folded, display_name_folded, lifter_active);

create function keep_lifter_names() returns trigger language plpgsql as $$
begin
  insert into lifter_names (user_id, username, username_folded, display_name_folded, lifter_active)
  values (new.id, new.username, lower(new.username), lower(new.display_name), new.is_active is not false)
  on conflict (user_id) do update
    set username = excluded.username,
        username_folded = excluded.username_folded,
        display_name_folded = excluded.display_name_folded,
        lifter_active = excluded.lifter_active;
  return null;
end
$$;

create trigger users_inserted_lifter_names after insert on users
  for each row execute function keep_lifter_names();

-- Statements often write columns with the values they had.
create trigger users_changed_lifter_names after update of username, display_name, is_active on users
  for each row
  when (
    new.username <> old.username
    or new.display_name is distinct from old.display_name
    or (new.is_active is false) <> (old.is_active is false)
  )
  execute function keep_lifter_names();

-- The lifters who are already there. A procedure, which the migrate step calls and then drops; see V004. It commits after every
-- few lifters, whom it keeps from being deleted or renamed meanwhile and from nothing else. A row that is there is the triggers',
-- and stays: they are in place before anything is read here, so whatever changes behind that read is written by them. It can be
-- run again from wherever it was stopped.
create procedure backfill_lifter_names() language plpgsql as $$
declare
  -- The lifter whom the part before ended with: the range begins with them, so that it has one index condition from the start.
  reached uuid := coalesce(
    nullif(current_setting('repduel.names_filled_to', true), ''), '00000000-0000-0000-0000-000000000000');
  last_done uuid;
begin
  loop
    with lifters as (
      select id, username, display_name, is_active from users where id >= reached order by id limit 200 for key share
    ), filled as (
      insert into lifter_names (user_id, username, username_folded, display_name_folded, lifter_active)
      select id, username, lower(username), lower(display_name), is_active is not false
      from lifters
      on conflict (user_id) do nothing
    )
    select (array_agg(id order by id desc))[1] into last_done from lifters;
    exit when last_done is null or last_done = reached;
    reached := last_done;
    perform set_config('repduel.names_filled_to', reached::text, false);
    commit;
  end loop;
  -- Putting entries off to add many at once made the fill five times as fast. From now on nobody who registers tidies up for
  -- others, and no search reads through what was put off.
  alter index lifter_names_trigrams set (fastupdate = off);
  perform gin_clean_pending_list('lifter_names_trigrams');
  analyze lifter_names;
end
$$;
