-- The audit log: a row is one thing that was done through the admin API, written in the batch that does it. Ids begin with
-- the time that is left until the year 2286, so the newest comes first, and end with the action. A body is an object of
-- src/admin/audit.rs; it names what was changed and never to what. Only old rows are deleted, by cron. `entries` is always
-- 1, so that it is read and cleared away as the request log is.
create table audit (
  id text primary key,
  entries integer not null default 1,
  body text not null check (json_valid(body))
) without rowid;
