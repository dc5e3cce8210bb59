-- Wakes the workers of all processes.
select pg_notify('outbox', '')::text as sent
