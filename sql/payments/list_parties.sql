-- Everybody whose level can depend on these subscriptions or on what these users have: whom they were said of, whose they are,
-- whose account names them, and to whom all of those passed purchases on; by entitlement_events_entitlement, entitlements_pkey,
-- ix_users_original_transaction_id and entitlement_transfers_from.
with recursive parties (user_id) as (
  (
    select unnest($3::uuid[])
    union
    select user_id from entitlement_events where source = $1 and reference = any($2)
    union
    select user_id from entitlements where source = $1 and reference = any($2) and user_id is not null
    union
    select id from users where $1 = 'revenuecat' and original_transaction_id = any($2)
  )
  union
  select moved.to_user
  from parties
  join entitlement_transfers as moved on moved.from_user = parties.user_id
  where $1 = 'revenuecat'
    and moved.to_user is not null
)
select user_id
from parties
order by user_id
