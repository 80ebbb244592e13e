// A log that is read from its newest entry on: how it is asked for, what narrows it down, and its frame.
import { html, useEffect, useRef, useState } from "../preact.js";
import { t } from "../i18n.js";
import { usePoll } from "./form.js";
import { Table } from "./screen.js";

const BLANK = { rows: [], next: null, failure: null, from: undefined, loaded: false, pending: false };
const LOOKS = 8; // pages in one go as long as nothing on them fits the filter

/** A log from its newest entry on, kept fresh, and back in time as far as it was asked for. `ask(query)`: { rows, next }. */
export function useLog(ask, filter, every = 10_000) {
  const name = JSON.stringify(filter);
  const [state, setState] = useState(BLANK);
  const wanted = useRef(name);
  wanted.current = name;
  const read = async (from) => {
    const settle = (change) => wanted.current === name && setState((old) => ({ ...old, pending: false, loaded: true, ...change(old) }));
    setState((old) => ({ ...old, pending: Boolean(from) }));
    try {
      let page = { rows: [], next: from };
      for (let looks = 0; page.rows.length === 0 && page.next !== null && looks < LOOKS; looks++) page = await ask({ ...filter, cursor: page.next });
      settle((old) => ({ ...(from ? { rows: [...old.rows, ...page.rows], next: page.next } : renewed(old, page)), failure: null, from: undefined }));
    } catch (failure) {
      settle(() => ({ failure, from }));
    }
  };
  useEffect(() => {
    setState(BLANK);
    read();
  }, [name]);
  usePoll(() => read(), every);
  return { ...state, again: () => read(state.from), more: () => read(state.next) };
}

/** Between two looks more may have come than one page holds: then what is older does not join on. */
function renewed({ rows, next }, page) {
  const ids = new Set(page.rows.map(({ id }) => id));
  if (!rows.some(({ id }) => ids.has(id))) return page;
  return { rows: [...page.rows, ...rows.filter(({ id }) => !ids.has(id))], next };
}

/** A choice beside others that filter a list; `options`: [value, word]. Without a `value` all are shown, which `blank` says. */
export const Choose = ({ label, value = "", blank, options, choose }) => html`<select class=${`small ${value ? "chosen" : ""}`} aria-label=${label} value=${value} onChange=${(event) => choose(event.target.value)}>
  <option value="">${blank}</option>
  ${value && !options.some(([option]) => option === value) && html`<option value=${value}>${value}</option>`}
  ${options.map(([option, word]) => html`<option value=${option}>${word}</option>`)}
</select>`;

/** The entries of `useLog`, drawn by `row`; `none` is said when there are none. */
export const Entries = ({ of: { rows, next, failure, loaded, pending, more }, title, kind, columns, row, none }) => html`
  ${rows.length > 0 ? html`<${Table} title=${title} kind=${kind} acts=${false} columns=${columns}>${rows.map(row)}<//>` : loaded && !failure && none && html`<div class="empty"><p>${t(none)}</p></div>`}
  ${next && html`<p class="acts"><button type="button" disabled=${pending} aria-busy=${pending} onClick=${more}>${t("more")}</button></p>`}`;
