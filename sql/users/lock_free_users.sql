-- Locks until the end of the transaction those of the accounts that are active, whose token counts and that nobody holds; waits
-- for none, so that no lifter keeps another one waiting. `asked` counts the callers from 1. By users_pkey and sessions_pkey.
select caller.asked
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
for no key update of users skip locked
