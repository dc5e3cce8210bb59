-- A routine as it was when it was shared; by routine_share_snapshots_pkey. As text: the earlier server's JSON may be such
-- that no parser but PostgreSQL's takes it.
select code, name, image_url, scenarios::text as scenarios, created_at
from routine_share_snapshots
where code = $1
