-- Changes a routine's name ($2, unless it is null) and its picture ($4, if $3 says so); by routines_pkey.
update routines
set
  name = coalesce($2, name),
  image_url = case when $3 then $4 else image_url end
where id = $1
