-- The oldest transaction that is still writing, and the one that will be the next; by no index.
select
  txid_snapshot_xmin(txid_current_snapshot()) as oldest,
  txid_snapshot_xmax(txid_current_snapshot()) as next
