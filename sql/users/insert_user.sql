-- Makes an account.
insert into users (
  id, username, email, hashed_password, display_name, avatar_url, preferred_unit, weight_multiplier, is_active,
  subscription_level, energy, rank, created_at, updated_at, case_unique
)
values ($1, $2, $3, $4, $5, $6, $7, $8, true, 'free', 0, 'Unranked', $9, $9, true)
returning
  id,
  username,
  email,
  is_active is not false as is_active,
  coalesce(created_at, updated_at, 'epoch') as created_at,
  coalesce(updated_at, created_at, 'epoch') as updated_at,
  avatar_url,
  display_name,
  weight,
  gender,
  subscription_level,
  energy,
  rank,
  original_transaction_id,
  preferred_unit
