-- What isolates counted and no cron has folded yet; see src/usage/row.rs for a line of a body. Nothing that is no JSON
-- gets in, so that a fold cannot stumble. The tables `journal` and `totals` are not written any more.
create table entries (
  id text primary key,
  body text not null check (json_valid(body))
) without rowid;

-- Sums by minute (m), hour (h), day (d), and ever by key (k) and by model (e); `at` counts in its period. One row holds
-- all lines of its time, because rows that are written are what a plan counts; a large pool's are in several parts.
-- Also the ids of the entries that were folded lately (f), so that one which is written again is not counted again.
create table rollups (
  period text not null,
  at integer not null,
  part text not null,
  body text not null check (json_valid(body)),
  primary key (period, at, part)
) without rowid;
