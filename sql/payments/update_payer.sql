-- Stores a level and the links that the earlier server reads. A link that somebody else has stays theirs; by users_pkey,
-- users_stripe_subscription_id_key and ix_users_original_transaction_id.
update users
set
  subscription_level = $2,
  stripe_subscription_id = case
    when exists (select 1 from users as other where other.stripe_subscription_id = $3 and other.id <> $1)
      then users.stripe_subscription_id
    else $3
  end,
  original_transaction_id = case
    when exists (select 1 from users as other where other.original_transaction_id = $4 and other.id <> $1)
      then users.original_transaction_id
    else $4
  end
where id = $1
