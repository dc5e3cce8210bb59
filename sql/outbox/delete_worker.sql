-- Forgets a worker that ends; by outbox_workers_pkey.
delete from outbox_workers
where name = $1
