-- expand: every process keeps the list of exercises in memory, and hears of a change at once.
create function notify_scenarios() returns trigger language plpgsql as $$
begin
  perform pg_notify('scenarios', '');
  return null;
end
$$;
create trigger scenarios_changed
  after insert or update or delete or truncate on scenarios
  for each statement execute function notify_scenarios();
