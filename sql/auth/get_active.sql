-- The account if it is there and active and the token counts; by users_pkey and sessions_pkey.
select id
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
