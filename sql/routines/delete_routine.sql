-- Deletes a routine and, by its foreign keys, its exercises and who hides it; by routines_pkey.
delete from routines
where id = $1
