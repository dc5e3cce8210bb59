-- Makes a routine, without exercises.
insert into routines (id, name, image_url, user_id, is_share_template, created_at)
values ($1, $2, $3, $4, false, $5)
