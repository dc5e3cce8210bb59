-- Links an account to a customer unless it has another one than $3, which is gone; answers whom it has; by users_pkey.
update users
set stripe_customer_id = coalesce(nullif(stripe_customer_id, $3), $2)
where id = $1
returning coalesce(stripe_customer_id, $2) as stripe_customer_id
