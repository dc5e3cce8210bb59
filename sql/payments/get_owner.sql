-- Whose a purchase in a store is; by entitlements_pkey.
select user_id
from entitlements
where source = 'revenuecat'
  and reference = $1
