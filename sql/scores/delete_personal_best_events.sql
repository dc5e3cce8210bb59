-- Deletes what a lifter's personal bests were; by personal_best_events_user_newest.
delete from personal_best_events
where user_id = $1
