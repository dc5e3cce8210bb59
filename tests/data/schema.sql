-- The schema of the database as lines, one a thing: a column, a constraint, an index that belongs to no constraint.
with tables as (
  select oid, relname::text as name
  from pg_class
  where relnamespace = 'public'::regnamespace and relkind = 'r'
), words as (
  select tables.name,
         attname,
         attnotnull,
         pg_get_expr(adbin, adrelid) as value,
         replace(replace(replace(format_type(atttypid, atttypmod), 'character varying', 'varchar'),
                         'timestamp with time zone', 'timestamptz'), 'double precision', 'float8') as type
  from tables
  join pg_attribute on attrelid = tables.oid and attnum > 0 and not attisdropped
  left join pg_attrdef on adrelid = tables.oid and adnum = attnum
)
select name || ' column ' || attname || ' '
       || case when value like 'nextval(%' then 'serial' else type end
       || case when attnotnull then ' not null' else '' end
       || case when value is null or value like 'nextval(%' then ''
               else ' default ' || replace(value, '::character varying', '') end as line
from words
union all
select tables.name
       || case contype when 'p' then ' primary key ' when 'f' then ' foreign key ' when 'u' then ' unique ' else ' check ' end
       || conname || ': '
       -- PostgreSQL keeps `x in ('a', 'b')` as a comparison with an array.
       || case when contype = 'c' and pg_get_constraintdef(pg_constraint.oid) like '%ANY (%' then
            (select attname from pg_attribute where attrelid = tables.oid and attnum = conkey[1]) || ' in ('
            || (select string_agg(word[1], ', ') from regexp_matches(pg_get_constraintdef(pg_constraint.oid), '''[a-z_]+''', 'g') as word)
            || ')'
          else regexp_replace(pg_get_constraintdef(pg_constraint.oid), '^(PRIMARY KEY|FOREIGN KEY|UNIQUE|CHECK) ', '') end
from tables
join pg_constraint on conrelid = tables.oid and contype in ('p', 'f', 'u', 'c')
union all
select tables.name || ' index ' || index.relname || ': '
       || case when indisunique then 'unique ' else '' end
       || regexp_replace(pg_get_indexdef(indexrelid), '^.* USING btree ', '')
from tables
join pg_index on indrelid = tables.oid
join pg_class as index on index.oid = indexrelid
where not exists (select 1 from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))
order by 1
