// The rows of the key list: those that are loaded, page after page, and those that are chosen.
import { useEffect, useMemo, useRef, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { usePoll } from "../../ui/ask.js";
import { setServerTime } from "../../ui/clock.js";
import { STANDBY } from "./edit.js";

const PAGE = 200;
const LEAP = 1000; // the API's most, for someone who jumps far down
const EVERY_MS = 10_000;
const EMPTY = { rows: [], total: null, counts: null, groups: [], asOf: null, failure: null, stale: true };

/** `query` is what the API understands. A new query starts over; until it is answered the old rows stay, `stale`. */
export function useKeyPages(query) {
  const [view, setView] = useState(EMPTY);
  const book = useRef(null);
  const name = JSON.stringify(query);
  const open = ([first, last]) => {
    book.current?.close();
    book.current = openBook(query, (change) => setView((old) => ({ ...old, ...change })));
    return book.current.want(last, first);
  };
  useEffect(() => {
    setView((old) => ({ ...old, stale: true }));
    open([0, 0]);
    if (scrollY > 0) scrollTo(0, 0);
    return () => book.current.close();
  }, [name]);
  usePoll(() => book.current.refresh(), EVERY_MS);
  return {
    ...view,
    /** Rows up to `last` are needed, from `first` on they are on the screen. */
    want: (first, last) => book.current?.want(last, first),
    /** Asks anew for everything down to what is on the screen. */
    reload: () => open(book.current.seen()),
    refresh: () => book.current.refresh(),
    put: (key) => book.current.put(key),
  };
}

function openBook(query, tell) {
  const closing = new AbortController();
  let pages = [];
  let seen = [0, 0];
  let wanted = 0;
  let reading = null;

  const rows = () => {
    const known = new Map();
    for (const page of pages) for (const key of page.keys) if (!known.has(key.id)) known.set(key.id, key);
    return [...known.values()];
  };
  const ask = async (cursor, limit) => {
    const answer = await api.listKeys({ ...query, limit, cursor }, closing.signal);
    setServerTime(answer.as_of);
    return { cursor, limit, keys: answer.keys, next: answer.next_cursor, answer };
  };
  const show = ({ total, counts, groups, as_of }) => tell({ rows: rows(), total, counts, groups, asOf: as_of, failure: null, stale: false });
  const careful = async (work) => {
    try {
      await work();
    } catch (failure) {
      if (failure.name !== "AbortError") tell({ failure, stale: false });
    }
  };

  const readOn = async () => {
    for (;;) {
      const last = pages.at(-1);
      const { length } = rows();
      if (last && (!last.next || length > wanted)) return;
      const page = await ask(last?.next ?? "", wanted - length > 2 * PAGE ? LEAP : PAGE);
      pages = [...pages, page];
      show(page.answer);
    }
  };
  const want = (last, first = 0) => {
    seen = [first, last];
    wanted = Math.max(wanted, last);
    reading ??= careful(readOn).finally(() => (reading = null));
    return reading;
  };
  const refresh = async () => {
    if (reading) return reading;
    if (pages.length === 0) return want(0);
    reading = careful(async () => {
      for (const page of onScreen(pages, seen)) {
        const fresh = await ask(page.cursor, page.limit);
        pages = pages.map((old) => (old === page ? fresh : old));
        show(fresh.answer);
      }
      await readOn(); // what an earlier failure left out
    }).finally(() => (reading = null));
    return reading;
  };
  const put = (key) => {
    pages = pages.map((page) => ({ ...page, keys: page.keys.map((old) => (old.id === key.id ? key : old)) }));
    tell({ rows: rows() });
  };
  return { want, refresh, put, seen: () => seen, close: () => closing.abort() };
}

function onScreen(pages, [first, last]) {
  let end = 0;
  const shown = pages.filter((page) => {
    const start = end;
    end += page.keys.length;
    return start <= last && end >= first;
  });
  return shown.length ? shown : pages.slice(0, 1);
}

/** A new filter starts with nothing selected. A row that left the table is not selected either. */
export function useSelection(rows, total, filterName) {
  const [picked, setPicked] = useState(() => new Set());
  const [everything, setEverything] = useState(false);
  const anchor = useRef(null);
  const clear = () => {
    setPicked(new Set());
    setEverything(false);
    anchor.current = null;
  };
  useEffect(clear, [filterName]);

  const keys = useMemo(() => rows.filter(({ id }) => picked.has(id)), [rows, picked]);
  const ids = keys.map(({ id }) => id);
  const toggle = (index, on, stretch) => {
    const from = stretch && anchor.current !== null ? anchor.current : index;
    const next = new Set(everything ? rows.map(({ id }) => id) : ids);
    for (const { id } of rows.slice(Math.min(from, index), Math.max(from, index) + 1)) on ? next.add(id) : next.delete(id);
    anchor.current = index;
    setEverything(false);
    setPicked(next);
  };
  const toggleAll = (on) => {
    setEverything(false);
    setPicked(new Set(on ? rows.map(({ id }) => id) : []));
  };
  return {
    ids,
    standby: keys.filter(({ group }) => group === STANDBY).map(({ id }) => id),
    everything,
    count: everything ? total : ids.length,
    all: ids.length > 0 && ids.length === rows.length,
    has: (id) => everything || picked.has(id),
    toggle,
    toggleAll,
    takeEverything: () => setEverything(true),
    clear,
  };
}
