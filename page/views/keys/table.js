// The rows of the key list: those that are loaded, page after page, those that are chosen, and those that are drawn. All are equally
// high, so where one stands is arithmetic, and only those near the screen exist: ten thousand of them cost what forty do.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../preact.js";
import * as api from "../../api.js";
import { compact, number, spoken, t } from "../../i18n.js";
import { usePoll } from "../../ui/form.js";
import { hashOf } from "../../ui/screen.js";
import { Act, Ago, Icon, setServerTime, StateChip, stateOf, Why } from "../../ui/show.js";

export const STANDBY = "standby";
const COLUMNS = ["key", "provider", "state", "weight", "requests", "balance", "tokens", "used"];
const SORTED_BY = { key: "label", provider: "provider", state: "state", weight: "weight" };
const USUAL_GROUP = "active"; // nearly every key is in it: saying so would only look like a state
const HEIGHT = { wide: 56, narrow: 138 }; // as in style.css

/** `here` is the query of the address, which a link to a key keeps. */
export function KeyTable({ pages, selection, query, here, change, act, busy }) {
  const { rows, total, stale } = pages;
  const height = useNarrow() ? HEIGHT.narrow : HEIGHT.wide;
  const body = useRef(null);
  const count = Math.max(total ?? 0, rows.length);
  const [first, last] = useWindow(body, count, height);
  useEffect(() => void pages.want(first, last), [first, last, count]);
  const rich = rows.some((key) => key.balance);
  const live = useRef(null); // what a row's buttons do, without drawing the row anew for it
  live.current = { selection, act };
  const visible = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  return html`<table class="keys" aria-rowcount=${count + 1} aria-busy=${stale} role="table">
    <caption class="sr">${t("keys.title")}</caption>
    <thead role="rowgroup"><tr role="row" aria-rowindex="1">
      <th scope="col" role="columnheader" class="pick"><${PickAll} selection=${selection} n=${rows.length} /></th>
      ${COLUMNS.filter((name) => name !== (rich ? "tokens" : "balance")).map((name) => html`<${Heading} key=${name} name=${name} query=${query} change=${change} />`)}
      <th scope="col" role="columnheader"><span class="sr">${t("field.actions")}</span></th>
    </tr></thead>
    <tbody ref=${body} role="rowgroup">
      <${Gap} rows=${first} height=${height} />
      ${visible.map((i) => (rows[i]
        ? html`<${Row} key=${rows[i].id} of=${rows[i]} rich=${rich} index=${i} picked=${selection.has(rows[i].id)} here=${here} live=${live} busy=${busy === rows[i].id} />`
        : html`<tr key=${`blank-${i}`} class="blank" aria-hidden="true"><td></td></tr>`))}
      <${Gap} rows=${count - last} height=${height} />
    </tbody>
  </table>`;
}

const Gap = ({ rows, height }) => rows > 0 && html`<tr class="gap" aria-hidden="true"><td style=${{ height: `${rows * height}px` }}></td></tr>`;

function Heading({ name, query, change }) {
  const field = SORTED_BY[name];
  const label = t(`field.${name === "used" ? "last_used" : name}`);
  if (!field) return html`<th scope="col" role="columnheader" class=${name}>${label}</th>`;
  const order = query.sort === field ? "ascending" : query.sort === `-${field}` ? "descending" : undefined;
  return html`<th scope="col" role="columnheader" class=${name} aria-sort=${order}>
    <button type="button" class="sort" onClick=${() => change({ sort: order === "ascending" ? `-${field}` : field })}>${label}<span aria-hidden="true">${order === "ascending" ? " ↑" : order ? " ↓" : ""}</span></button>
  </th>`;
}

function PickAll({ selection, n }) {
  const box = useRef(null);
  const some = selection.count > 0 && !selection.all && !selection.everything;
  useEffect(() => void (box.current.indeterminate = some), [some]);
  return html`<label class="hit"><input ref=${box} type="checkbox" aria-label=${t("keys.pick_shown", { n })} disabled=${n === 0}
    checked=${selection.all || selection.everything} onChange=${(event) => selection.toggleAll(event.target.checked)} /></label>`;
}

/** Drawn anew only when something of it has changed. */
function Row({ of: key, rich, index, picked, here, live, busy }) {
  return useMemo(() => drawn(key, rich, index, picked, here, live, busy), [key, rich, index, picked, JSON.stringify(here), busy, spoken()]);
}

function drawn(key, rich, index, picked, here, live, busy) {
  const name = key.label || key.key_masked;
  const link = hashOf({ screen: "keys", id: key.id, query: here });
  const { attempts, failed, prompt_tokens, completion_tokens } = key.counters;
  return html`<tr class=${picked ? "picked" : ""} role="row" aria-rowindex=${index + 2}>
    <td role="cell" class="pick"><label class="hit"><input type="checkbox" aria-label=${t("keys.pick_one", { name })} checked=${picked}
      onClick=${(event) => live.current.selection.toggle(index, event.target.checked, event.shiftKey)} /></label></td>
    <th scope="row" role="rowheader" class="key"><a href=${link} title=${key.label || undefined}>${name}</a>${key.label && html`<code>${key.key_masked}</code>`}</th>
    <td role="cell" class="provider"><span>${key.provider}</span>${key.group !== USUAL_GROUP && html`<small>${key.group}</small>`}</td>
    <td role="cell" class="state"><${StateChip} value=${stateOf(key)} /><small><${Why} of=${key} /></small></td>
    <td role="cell" class="weight num" data-label=${t("field.weight")}>${number(key.weight)}</td>
    <td role="cell" class="requests num" data-label=${t("field.requests")}><span>${compact(attempts)}</span>${failed > 0 && html`<small>${t("keys.failed_n", { n: failed })}</small>`}</td>
    ${rich ? html`<td role="cell" class="balance num" data-label=${t("field.balance")}>${key.balance && balanceOf(key.balance)}</td>`
      : html`<td role="cell" class="tokens num" data-label=${t("field.tokens")}>${compact(prompt_tokens + completion_tokens)}</td>`}
    <td role="cell" class="used" data-label=${t("field.last_used")}><${Ago} at=${key.last_used} /></td>
    <td role="cell" class="acts">
      <${Act} icon="test" label=${t("keys.test_one", { name })} aria-busy=${busy} disabled=${busy} onClick=${() => live.current.act.test(key)} />
      <${Act} icon="off" label=${t(key.enabled ? "disable_one" : "enable_one", { name })} aria-pressed=${!key.enabled} onClick=${() => live.current.act.toggle(key)} />
      <a class="button icon" href=${hashOf({ screen: "keys", id: key.id, query: { ...here, edit: "1" } })} aria-label=${t("edit_one", { name })} title=${t("edit")}><${Icon} name="edit" /></a>
    </td>
  </tr>`;
}

/** What is left on an account; a dash while the provider has not told. */
export const balanceOf = ({ amount, currency }) => (amount === null ? "–" : `${number(amount)} ${currency ?? ""}`);

const SPARE = 6;

/** Which of `count` rows of `height` px below `box` to draw: [first, last). */
function useWindow(box, count, height) {
  const [range, setRange] = useState([0, 40]);
  const measure = () => {
    if (!box.current) return;
    const top = box.current.getBoundingClientRect().top;
    const first = clamp(Math.floor(-top / height) - SPARE, count);
    const last = clamp(Math.ceil((innerHeight - top) / height) + SPARE, count);
    setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
  };
  useLayoutEffect(measure, [count, height]);
  useEffect(() => {
    let frame = 0;
    const later = () => (frame ||= requestAnimationFrame(() => ((frame = 0), measure())));
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [count, height]);
  return range;
}

/** Whether the screen is as narrow as a phone's. */
function useNarrow() {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const media = matchMedia(NARROW);
    const read = () => setNarrow(media.matches);
    media.addEventListener("change", read);
    return () => media.removeEventListener("change", read);
  }, []);
  return narrow;
}

const NARROW = "(max-width: 820px)";
const clamp = (n, max) => Math.max(0, Math.min(max, n));

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
  const [named, setNamed] = useState([]); // picked by what was found out about them, in the table or not
  const [everything, setEverything] = useState(false);
  const anchor = useRef(null);
  const choose = (keys, kept = []) => {
    setPicked(new Set(keys.map(({ id }) => id)));
    setNamed(kept);
    setEverything(false);
  };
  const clear = () => {
    choose([]);
    anchor.current = null;
  };
  useEffect(clear, [filterName]);

  const keys = useMemo(() => {
    const loaded = new Set(rows.map(({ id }) => id));
    return [...rows, ...named.filter(({ id }) => !loaded.has(id))].filter(({ id }) => picked.has(id));
  }, [rows, picked, named]);
  const ids = keys.map(({ id }) => id);
  const toggle = (index, on, stretch) => {
    const from = stretch && anchor.current !== null ? anchor.current : index;
    const next = new Set(everything ? rows.map(({ id }) => id) : ids);
    for (const { id } of rows.slice(Math.min(from, index), Math.max(from, index) + 1)) on ? next.add(id) : next.delete(id);
    anchor.current = index;
    setEverything(false);
    setPicked(next);
  };
  const toggleAll = (on) => choose(on ? rows : []);
  return {
    ids,
    keys,
    pick: (keys) => choose(keys, keys),
    standby: keys.filter(({ group }) => group === STANDBY).map(({ id }) => id),
    everything,
    count: everything ? total : ids.length,
    all: ids.length > 0 && rows.every(({ id }) => picked.has(id)),
    has: (id) => everything || picked.has(id),
    toggle,
    toggleAll,
    takeEverything: () => setEverything(true),
    clear,
  };
}
