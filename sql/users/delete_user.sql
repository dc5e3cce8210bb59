-- Deletes an account and, by its foreign keys, everything that belongs to it; by users_pkey.
delete from users
where id = $1
