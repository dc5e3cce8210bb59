-- expand: email addresses and user names are unique whatever their case, from now on.
-- Old rows that differ by case only stay as they are: indexes.sql marks them, and its unique indexes leave them out. Marking
-- them here would keep everybody from the table for as long as it takes to compare all rows.
alter table users add column case_unique boolean not null default true;
comment on column users.case_unique is
  'False on rows whose email or name differed from another one by case only when the rule came.';
