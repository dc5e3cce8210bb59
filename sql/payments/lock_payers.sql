-- Locks accounts in the order of their ids until the end of the transaction; by users_pkey. As strongly as a changed link needs,
-- so that the lock is not raised later.
select id, subscription_level, stripe_subscription_id, original_transaction_id
from users
where id = any($1)
order by id
for update
