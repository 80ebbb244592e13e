-- Answers that are kept for who asks the same again. `id` is a digest of the question and of who asked; times are in Unix
-- milliseconds; `head` and `body` are those of src/cached/answer.rs. No index: a trim looks at all rows, once in a while.
create table cache (
  id text primary key,
  at integer not null,
  expires integer not null,
  bytes integer not null,
  head text not null,
  body text not null
) without rowid;
