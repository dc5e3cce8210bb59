-- expand: email addresses and user names are unique whatever their case, from now on.
-- The rule binds the accounts that this service makes or renames: they are marked, and the unique indexes of indexes.sql hold
-- the marked ones. Accounts of the earlier server stay unmarked, whichever differ by case only, and so do those that it still
-- makes while traffic moves; a new name is held against all of them.
alter table users add column case_unique boolean not null default false;
comment on column users.case_unique is 'Whether no other marked account may have this address or name in another case.';
