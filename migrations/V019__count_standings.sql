-- expand: the trigger that notes who comes to and goes from the energy board.
create trigger energy_standings_noted after insert or delete on energy_standings
  for each row execute function note_standing();

create trigger energy_standings_change_noted after update on energy_standings
  for each row
  when (
    (old.user_id, old.energy, old.reached_at, old.lifter_active)
    is distinct from (new.user_id, new.energy, new.reached_at, new.lifter_active)
  )
  execute function note_standing();
