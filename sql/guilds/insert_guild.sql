-- Makes a guild.
insert into guilds (id, name, icon_url, owner_id, created_at, updated_at)
values ($1, $2, $3, $4, $5, $5)
returning id, name, icon_url, owner_id, created_at, updated_at
