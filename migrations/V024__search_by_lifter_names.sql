-- contract: the trigrams of names on users are gone, which each update of users had to write into.
-- A procedure, so that they go when lifter_names is filled and not before; its name puts it behind the other one. From then on a
-- search of the build before reads all of users: it finds the same and only becomes slower, 0.4 to 0.7 s where there are a
-- million lifters (the index: 4 ms), well within the time that a statement may take. Should that build be started again, it
-- makes both indexes anew, beside the traffic; they then serve nobody but it, and `drop index concurrently` takes them away.
create procedure backfill_lifter_names_in_place() language plpgsql as $$
begin
  drop index if exists users_username_trigrams, users_display_name_trigrams;
end
$$;
