-- Whether this number is ours until the end of the transaction, or somebody has it; without any table.
select pg_try_advisory_xact_lock($1) as is_ours
