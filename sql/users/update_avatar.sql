-- Gives an account another picture; by users_pkey.
update users
set
  avatar_url = $2,
  updated_at = $3
where id = $1
