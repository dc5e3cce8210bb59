-- What paying needs of an account; by users_pkey.
select email, stripe_customer_id
from users
where id = $1
