-- The accounts of these callers that are active and whose tokens count; by users_pkey and sessions_pkey.
select
  users.id,
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
  preferred_unit,
  caller.asked
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) with ordinality as caller (user_id, session_id, issued_at, asked)
join users on users.id = caller.user_id
where users.is_active is not false
  and case
    when caller.session_id is null then users.sessions_ended_at is null or users.sessions_ended_at < caller.issued_at
    else exists (
      select 1
      from sessions
      where sessions.id = caller.session_id
        and sessions.user_id = users.id
        and sessions.ended_at is null
    )
  end
