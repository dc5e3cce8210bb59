-- expand: the trigger that notes who comes to and goes from the exercises' boards.
-- It and the one on the other table are migrations of their own, because each waits for the writers of its table: holding one
-- table and waiting for the other they would meet everybody head on who writes a score and then an energy, or the other way.
create trigger personal_bests_noted after insert or delete on personal_bests
  for each row execute function note_best();

create trigger personal_bests_change_noted after update on personal_bests
  for each row
  when (
    (old.scenario_id, old.score_value, old.reached_at, old.score_id, old.lifter_active)
    is distinct from (new.scenario_id, new.score_value, new.reached_at, new.score_id, new.lifter_active)
  )
  execute function note_best();
