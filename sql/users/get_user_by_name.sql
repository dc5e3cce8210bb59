-- The account of this name, else the only one whose name differs by case; by users_username_key and users_username_folded.
select
  id,
  username,
  email,
  is_active is not false as is_active,
  coalesce(created_at, updated_at, 'epoch') as created_at,
  coalesce(updated_at, created_at, 'epoch') as updated_at,
  avatar_url,
  display_name,
  weight,
  gender,
  subscription_level,
  energy,
  rank,
  original_transaction_id,
  preferred_unit
from users
where username = $1
  or (
    lower(username) = lower($1)
    and not exists (select 1 from users as exact where exact.username = $1)
    and 1 = (select count(*) from users as folded where lower(folded.username) = lower($1))
  )
