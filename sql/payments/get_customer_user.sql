-- The account of a customer; by ix_users_stripe_customer_id.
select id
from users
where stripe_customer_id = $1
