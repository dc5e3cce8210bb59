-- Who has a subscription at Stripe: by the ledger, else by the account that names it; by entitlements_pkey, users_pkey and
-- users_stripe_subscription_id_key.
select id
from users
where id = (select user_id from entitlements where source = 'stripe' and reference = $1)
   or stripe_subscription_id = $1
order by stripe_subscription_id is not distinct from $1, id
limit 1
