-- The accounts of these callers that are there and active and whose tokens count; by users_pkey and sessions_pkey.
select users.id, caller.asked
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
