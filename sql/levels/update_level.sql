-- Stores the level of a lifter; by user_xp_pkey.
update user_xp
set level = $2
where user_id = $1
