-- Whether an email address and a name belong to somebody (but this one), whatever their case; by users_email_folded and
-- users_username_folded.
select
  exists (select 1 from users where lower(users.email) = lower($1) and users.id is distinct from $3) as email,
  exists (select 1 from users where lower(users.username) = lower($2) and users.id is distinct from $3) as username
