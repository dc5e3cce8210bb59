-- Ends all sessions of a lifter but $2, and all tokens that name none and were issued at $3 or before. The account comes
-- first, as it does in every statement that locks both; by users_pkey and sessions_user.
with account as (
  update users
  set sessions_ended_at = greatest(sessions_ended_at, $3)
  where id = $1
  returning id
)
update sessions
set
  ended_at = $4,
  end_reason = $5
where user_id = (select id from account)
  and id is distinct from $2
  and ended_at is null
