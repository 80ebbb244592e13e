// The key screen: what is in the pool, how it is doing, and everything that can be done to it.
import { html, useEffect, useState } from "../preact.js";
import * as api from "../api.js";
import { compact, list, t } from "../i18n.js";
import { complain, Confirm, Dialog, Failure, Field, say, Segments, useAnswer } from "../ui/form.js";
import { Control, hashOf, replaceHash, Search } from "../ui/screen.js";
import { Act, AsOf, className, Icon } from "../ui/show.js";
import { AddKeys, groupField, KeyDetail, WEIGHT } from "./keys/key.js";
import { KeyTable, STANDBY, useKeyPages, useSelection } from "./keys/table.js";

const FILTERS = ["state", "reason", "provider", "group"];
const SLOW_MS = 30_000;

export function Keys({ route }) {
  const [search, setSearch] = useState("");
  const filter = filterOf(route.query, search);
  const query = { ...filter, sort: route.query.sort || "-created" };
  const pages = useKeyPages(query);
  const selection = useSelection(pages.rows, pages.total, JSON.stringify(filter));
  const setup = useAnswer(api.providers.list, SLOW_MS);
  const { groups } = pages;
  const promotes = selection.everything ? groups.includes(STANDBY) && [undefined, STANDBY].includes(filter.group) : selection.standby.length > 0;
  const [bulk, setBulk] = useState(null);
  const { act, busy } = useRowActs(pages);

  const shown = Object.fromEntries([...FILTERS, "sort"].map((name) => [name, route.query[name]]));
  const go = (id, change = {}) => replaceHash({ screen: "keys", id, query: { ...shown, ...change } });
  const change = (part) => replaceHash({ screen: "keys", query: { ...shown, ...part } });
  const clear = () => {
    setSearch("");
    replaceHash({ screen: "keys", query: { sort: shown.sort } });
  };
  const added = ({ finished }) => {
    pages.reload();
    setup.again();
    if (finished && route.id === "add") go(null);
  };
  const bulkDone = (done, action) => {
    setBulk(null);
    if (action === "delete") selection.clear();
    pages.reload();
  };

  const size = pages.counts && pages.counts.active + pages.counts.cooling + pages.counts.disabled;
  const empty = size === 0;
  const form = html`<${AddKeys} providers=${setup.answer?.providers ?? []} presets=${setup.answer?.presets ?? []} groups=${groups} onAdded=${added} />`;
  return html`
    <header class="head">
      <h1>${t("keys.title")}</h1>
      <${AsOf} asOf=${pages.asOf} refresh=${pages.refresh} />
      ${!empty && html`<a class="button primary" href=${hashOf({ screen: "keys", id: "add", query: shown })}><${Icon} name="add" />${t("keys.add")}</a>`}
    </header>
    <${Failure} failure=${pages.failure ?? setup.failure} title=${t("load_failed")} again=${() => (pages.refresh(), setup.again())} />
    ${empty && html`<div class="empty"><p>${t("keys.none")}</p><a class="button" href=${hashOf({ screen: "keys", id: "add" })}><${Icon} name="add" />${t("keys.add")}</a></div>`}
    ${size > 0 && html`
      <${Filters} query=${query} change=${change} counts=${pages.counts} providers=${setup.answer?.providers ?? []} groups=${groups} search=${search} setSearch=${setSearch} />
      ${pages.total !== null && Object.keys(filter).length > 0 && html`<p class="matches"><span class="num">${t("keys.matches", { n: pages.total, all: size })}</span> <button type="button" class="link" onClick=${clear}>${t("keys.clear_filter")}</button></p>`}
      ${pages.total === 0 ? html`<div class="empty"><p>${t("keys.nothing")}</p></div>`
        : html`<${KeyTable} pages=${pages} selection=${selection} query=${query} here=${shown} change=${change} act=${act} busy=${busy} />`}`}
    <${BulkBar} selection=${selection} shown=${pages.rows.length} total=${pages.total} promotes=${promotes} open=${setBulk} />
    ${bulk && html`<${BulkDialog} action=${bulk} selection=${selection} filter=${filter} groups=${groups} onPart=${() => pages.reload()} onDone=${bulkDone} onClose=${() => setBulk(null)} />`}
    ${route.id === "add" && html`<${Dialog} title=${t("keys.add")} kind="wide" onClose=${() => go(null)}>${form}<//>`}
    ${route.id && route.id !== "add" && html`<${KeyDetail} key=${route.id} id=${route.id} edit=${route.query.edit === "1"} groups=${groups}
      setEdit=${(on) => go(route.id, { edit: on ? "1" : "" })} onChange=${(key) => (pages.put(key), pages.refresh())} onDeleted=${() => (go(null), pages.reload())} onClose=${() => go(null)} />`}`;
}

function filterOf(query, search) {
  const filter = Object.fromEntries(FILTERS.filter((name) => query[name]).map((name) => [name, query[name]]));
  return search.trim() ? { ...filter, q: search.trim() } : filter;
}

function useRowActs(pages) {
  const [busy, setBusy] = useState(null);
  const doing = (work) => async (key) => {
    setBusy(key.id);
    try {
      await work(key, key.label || key.key_masked);
    } catch (failure) {
      complain(failure, key.label || key.key_masked);
    }
    setBusy(null);
  };
  const test = doing(async (key, name) => {
    const { ok, status, class: what, message, key: fresh } = await api.actOnKey(key.id, "test");
    pages.put(fresh);
    if (ok) return say(t("keys.test_ok", { name }));
    say(t("keys.test_failed", { name, why: [status, what && className(what), message].filter(Boolean).join(" · ") }), "bad");
  });
  const toggle = doing(async (key, name) => {
    const fresh = await api.changeKey(key.id, { enabled: !key.enabled });
    pages.put(fresh);
    say(t(fresh.enabled ? "enabled_one" : "disabled_one", { name }));
  });
  return { act: { test, toggle }, busy };
}

const STATES = ["active", "cooling", "disabled"];
const REASONS = ["key_dead", "key_broke", "forbidden", "manual"];
const SORTS = ["-created", "created", "label", "-label", "provider", "state", "-weight", "weight"];

function Filters({ query, change, counts, providers, groups, search, setSearch }) {
  const all = counts && STATES.reduce((sum, state) => sum + counts[state], 0);
  const segment = (state, n) => [state, html`${t(state ? `state.${state}` : "keys.all")}${counts && html` <span class="num faint">${compact(n)}</span>`}`];
  return html`<div class="filters" role="search" aria-label=${t("keys.filter")}>
    <${LateSearch} value=${search} onSearch=${setSearch} />
    <${Segments} label=${t("field.state")} value=${query.state ?? ""} options=${[segment("", all), ...STATES.map((state) => segment(state, counts?.[state]))]} choose=${(state) => change({ state, reason: "" })} />
    ${query.state === "disabled" && html`<${Choice} name="reason" query=${query} change=${change} options=${REASONS.map((name) => [name, className(name)])} />`}
    <${Choice} name="provider" query=${query} change=${change} options=${providers.map(({ name }) => [name, name])} />
    <${Choice} name="group" query=${query} change=${change} options=${groups.map((name) => [name, name])} />
    <${Choice} name="sort" query=${query} change=${change} options=${SORTS.map((name) => [name, t(`sort.${name}`)])} />
  </div>`;
}

function Choice({ name, query, change, options }) {
  const value = query[name] ?? "";
  const missing = value && !options.some(([option]) => option === value);
  return html`<select class=${`small ${value && name !== "sort" ? "chosen" : ""}`} aria-label=${t(`field.${name}`)} value=${value}
    onChange=${(event) => change({ [name]: event.target.value })}>
    ${name !== "sort" && html`<option value="">${t(`keys.any_${name}`)}</option>`}
    ${missing && html`<option value=${value}>${value}</option>`}
    ${options.map(([option, label]) => html`<option value=${option}>${label}</option>`)}
  </select>`;
}

function LateSearch({ value, onSearch }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    const timer = setTimeout(() => text !== value && onSearch(text), 250);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<${Search} label=${t("keys.search")} value=${text} onText=${setText} />`;
}

// What can be done to many keys at once. The dialog names how many; the news afterwards is the server's count.
const SLICE = 500;
const MANY = 25; // deleting more than this asks for the number to be typed
const ACTIONS = { enable: "check", disable: "off", reset: "reset", weight: "edit", group: "edit" };
const FIELDS = ["weight", "group"];

const wordOf = (action) => t(FIELDS.includes(action) ? `field.${action}` : action);

function BulkBar({ selection, shown, total, promotes, open }) {
  if (!selection.count) return null;
  const more = selection.all && !selection.everything && total > shown;
  const actions = promotes ? { promote: "up", ...ACTIONS } : ACTIONS;
  return html`<section class="bulk" aria-label=${t("bulk.title")}>
    <p><strong class="num">${t(selection.everything ? "bulk.everything" : "bulk.selected", { n: selection.count })}</strong>
      ${more && html` <button type="button" class="link" onClick=${selection.takeEverything}>${t("bulk.take_everything", { n: total })}</button>`}
    </p>
    <div class="acts">
      ${Object.entries(actions).map(([name, icon]) => html`<button key=${name} type="button" class="small" onClick=${() => open(name)}><${Icon} name=${icon} />${wordOf(name)}</button>`)}
      <span class="apart"></span>
      <button type="button" class="small danger-quiet" onClick=${() => open("delete")}><${Icon} name="trash" />${t("delete")}</button>
      <${Act} icon="close" label=${t("bulk.clear")} onClick=${selection.clear} />
    </div>
  </section>`;
}

function BulkDialog({ action, selection, filter, groups, onPart, onDone, onClose }) {
  const [value, setValue] = useState(action === "weight" ? "10" : "");
  const [typed, setTyped] = useState("");
  const scope = scopeOf(action, selection, filter);
  const total = useFreshTotal(scope, action === "promote" ? 0 : selection.count);
  const n = scope.everything ? total : scope.ids.length;
  const careful = action === "delete" && n > MANY;
  const ready = n > 0 && (!careful || typed.replace(/\D/g, "") === String(n)) && (action !== "group" || value.trim());
  const run = async () => {
    const { done, missing } = await order(scope, orderOf(action, value), onPart);
    if (done.length) say(t(`bulk.${action}.done`, { n: done.length }));
    if (missing.length || !done.length) say(t("bulk.missing", { n: missing.length }), "warn");
    onDone(done, action);
  };
  const words = (own, common) => (FIELDS.includes(action) ? t(`bulk.${action}.${own}`, { n: n ?? 0 }) : t(`bulk.${common}`, { what: t(action), n: n ?? 0 }));
  return html`<${Confirm} title=${words("title", "ask")} action=${words("go", "go")} danger=${action === "delete"}
    ready=${Boolean(ready)} run=${run} onClose=${onClose}>
    <p>${t(`bulk.${action}.text`, { n: n ?? 0 })}</p>
    ${scope.everything && html`<p class="quote">${t("bulk.filter_is", { filter: describe(scope.filter) })}</p>`}
    ${action === "weight" && html`<${Control} of=${{ ...WEIGHT, required: true }} value=${value} onText=${setValue} />`}
    ${action === "group" && html`<${Control} of=${{ ...groupField(groups), required: true }} value=${value} onText=${setValue} />`}
    ${careful && html`<${Field} label=${t("bulk.type_count", { n })} inputmode="numeric" autocomplete="off" value=${typed} onText=${setTyped} />`}
  <//>`;
}

/** For "all that match" the number is asked for when the dialog opens: the list may be seconds old. */
function useFreshTotal({ everything, filter }, known) {
  const [total, setTotal] = useState(known);
  useEffect(() => {
    if (everything) api.listKeys({ ...filter, limit: 1 }).then((answer) => setTotal(answer.total), complain);
  }, []);
  return total;
}

/** What is touched: of what was selected, a promotion takes only the keys on standby. */
const scopeOf = (action, { everything, ids, standby }, filter) =>
  action === "promote" ? { everything, ids: standby, filter: { ...filter, group: STANDBY } } : { everything, ids, filter };

const orderOf = (action, value) => {
  if (action === "weight") return { action: "set", weight: Number(value) };
  if (action === "promote") return { action: "set", group: "active" };
  if (action === "group") return { action: "set", group: value.trim() };
  return { action };
};

async function order({ everything, ids, filter }, what, onPart) {
  if (everything) return api.bulk({ filter, ...what });
  const done = [];
  const missing = [];
  try {
    for (let i = 0; i < ids.length; i += SLICE) {
      const answer = await api.bulk({ ids: ids.slice(i, i + SLICE), ...what });
      done.push(...answer.done);
      missing.push(...answer.missing);
    }
  } catch (failure) {
    if (done.length) onPart(done);
    throw failure;
  }
  return { done, missing };
}

function describe(filter) {
  const parts = Object.entries(filter).filter(([, value]) => value);
  return parts.length ? list(parts.map(([name, value]) => t("bulk.filter_part", { name: t(`field.${name}`), value: name === "state" ? t(`state.${value}`) : value }))) : t("bulk.no_filter");
}
