-- expand: words inside of names can be looked up by their trigrams.
-- The extension is one that PostgreSQL trusts, so the database's owner may add it; its indexes stand in indexes.sql.
create extension if not exists pg_trgm;
