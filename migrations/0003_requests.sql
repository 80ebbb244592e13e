-- The request log: a row is what one flush of an isolate writes, many entries in a text of src/usage/requests.rs. Ids
-- begin with the time that is left until the year 2286, so the newest comes first.
create table requests (
  id text primary key,
  entries integer not null,
  body text not null
) without rowid;
