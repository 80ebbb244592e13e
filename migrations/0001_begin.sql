-- What people and machines note: one row a record, see src/record/mod.rs. A deleted record keeps its row for two days
-- with no body, so that every isolate learns of it.
create table records (
  kind text not null,
  id text not null,
  body text check (body is null or json_valid(body)),
  changed integer not null,
  revision integer not null,
  primary key (kind, id)
);

create index records_by_revision on records (revision);

-- What is cleared away when it is old, so that the cron never walks the whole table.
create index records_to_trim on records (changed) where body is null or kind in ('cooldown', 'revoked');

-- `revision` counts the writes to `records`; an isolate reads what came after the one it knows.
create table meta (
  name text primary key,
  value integer not null
) without rowid;

insert into meta (name, value) values ('revision', 1);

-- Counts that isolates flushed and no cron has folded yet. A body is a JSON array of src/usage/count.rs's rows.
create table journal (
  id text primary key,
  body text not null
) without rowid;

create table totals (
  key text primary key,
  attempts integer not null default 0,
  ok integer not null default 0,
  failed integer not null default 0,
  prompt_tokens integer not null default 0,
  completion_tokens integer not null default 0,
  last_used integer not null default 0
) without rowid;
