-- Changes a routine's name ($2, unless it is null) and its picture; by routines_pkey.
update routines
set
  name = coalesce($2, name),
  image_url = $3
where id = $1
