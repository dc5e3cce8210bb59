-- Stores a changed account. With $4 it comes under the rule that none differs from another by case only; by users_pkey.
update users
set
  username = $2,
  email = $3,
  case_unique = case_unique or $4,
  hashed_password = coalesce($5, hashed_password),
  display_name = $6,
  avatar_url = $7,
  weight = $8,
  gender = $9,
  preferred_unit = $10,
  weight_multiplier = $11,
  updated_at = $12
where id = $1
