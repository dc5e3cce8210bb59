-- The account of this email address, else the only one whose address differs by case; by ix_users_email and
-- users_email_folded.
select id, hashed_password, is_active is not false as is_active
from users
where email = $1
  or (
    lower(email) = lower($1)
    and not exists (select 1 from users as exact where exact.email = $1)
    and 1 = (select count(*) from users as folded where lower(folded.email) = lower($1))
  )
