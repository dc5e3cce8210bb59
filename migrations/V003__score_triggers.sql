-- expand: the triggers on scores that keep personal_bests true.
-- A migration of its own, because it waits for the writers of scores: holding users at the same time, as making the tables
-- does, it would meet everybody head on who writes a score and then an energy.
-- Values that are not finite never stand on a board: in PostgreSQL's order NaN is above infinity.
create trigger scores_raise_personal_best after insert on scores
  for each row
  when (new.score_value > '-Infinity' and new.score_value < 'Infinity')
  execute function raise_personal_best();

create trigger scores_deleted_personal_best after delete on scores
  referencing old table as before
  for each statement execute function find_personal_bests_anew();

create trigger scores_changed_raise_personal_best after update of user_id, scenario_id, score_value on scores
  for each row
  when (new.score_value > '-Infinity' and new.score_value < 'Infinity')
  execute function raise_personal_best();

create trigger scores_changed_personal_best after update on scores
  referencing old table as before
  for each statement execute function find_personal_bests_anew();
