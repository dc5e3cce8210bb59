-- Deletes a lifter's scores; the trigger scores_deleted_personal_best does the rest. By scores_user_scenario_best.
delete from scores
where user_id = $1
