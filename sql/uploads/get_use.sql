-- Whether anything shows the stored picture with this random name, as a key or within an old address; by users_avatar_picture,
-- routines_picture, routine_share_snapshots_picture and guilds_icon_picture.
select
  exists (select 1 from users where substring(avatar_url from '[0-9a-f]{32}') = $1)
  or exists (select 1 from routines where substring(image_url from '[0-9a-f]{32}') = $1)
  or exists (select 1 from routine_share_snapshots where substring(image_url from '[0-9a-f]{32}') = $1)
  or exists (select 1 from guilds where substring(icon_url from '[0-9a-f]{32}') = $1)
  as in_use
