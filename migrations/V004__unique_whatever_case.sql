-- expand: email addresses and user names are unique whatever their case, from now on.
-- Old rows that differ by case only stay as they are: they are marked, and the unique indexes of indexes.sql leave them out.
alter table users add column case_unique boolean not null default true;
comment on column users.case_unique is
  'False on rows whose email or name differed from another one by case only when the rule came.';

update users set case_unique = false
where id in (
  select id from (select id, count(*) over (partition by lower(email)) as same from users) as by_email where same > 1
  union
  select id from (select id, count(*) over (partition by lower(username)) as same from users) as by_name where same > 1
);
