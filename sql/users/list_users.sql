-- Several accounts, in no order that matters; by users_pkey.
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
where id = any($1)
order by id
