-- Notes that a lifter followed somebody.
insert into rate_limit_events (user_id, action, occurred_at)
values ($1, 'follow', $2)
