-- The account if it is active and the token counts; by users_pkey and sessions_pkey.
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
where id = $1
  and users.is_active is not false
  and case
    when $2::uuid is null then users.sessions_ended_at is null or users.sessions_ended_at < $3
    else exists (
      select 1
      from sessions
      where sessions.id = $2
        and sessions.user_id = users.id
        and sessions.ended_at is null
    )
  end
