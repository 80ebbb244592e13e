// The key screen: what is in the pool, how it is doing, and everything that can be done to it.
import { html, useEffect, useState } from "../preact.js";
import * as api from "../api.js";
import { compact, t } from "../i18n.js";
import { complain, Dialog, Failure, say, Segments, useAnswer } from "../ui/form.js";
import { hashOf, replaceHash, Search } from "../ui/screen.js";
import { Act, AsOf, className, Icon } from "../ui/show.js";
import { AddKeys } from "./keys/add.js";
import { BulkBar, BulkDialog } from "./keys/bulk.js";
import { KeyDetail } from "./keys/key.js";
import { KeyTable, STANDBY, useKeyPages, useSelection } from "./keys/table.js";
import { TestKeys } from "./keys/trial.js";

const FILTERS = ["state", "reason", "provider", "group", "balance_max"];
const SLOW_MS = 30_000;

export function Keys({ route }) {
  const [search, setSearch] = useState(route.query.q ?? "");
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
  const bulkDone = (action) => {
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
      ${pages.total > 0 && ["test", "export"].map((action) => html`<${Act} key=${action} icon=${action === "test" ? "test" : "down"} label=${t("bulk.go", { what: t(action), n: pages.total })} onClick=${() => setBulk({ action, filter, of: { everything: true, ids: [], count: pages.total } })} />`)}
      ${!empty && html`<a class="button primary" href=${hashOf({ screen: "keys", id: "add", query: shown })}><${Icon} name="add" />${t("keys.add")}</a>`}
    </header>
    <${Failure} failure=${pages.failure ?? setup.failure} title=${t("load_failed")} again=${() => (pages.refresh(), setup.again())} />
    ${empty && html`<div class="empty"><p>${t("keys.none")}</p><a class="button" href=${hashOf({ screen: "keys", id: "add" })}><${Icon} name="add" />${t("keys.add")}</a></div>`}
    ${size > 0 && html`
      <${Filters} query=${query} change=${change} counts=${pages.counts} rich=${pages.rows.some((key) => key.balance)} providers=${setup.answer?.providers ?? []} groups=${groups} search=${search} setSearch=${setSearch} />
      ${pages.total !== null && Object.keys(filter).length > 0 && html`<p class="matches"><span class="num">${t("keys.matches", { n: pages.total, all: size })}</span> <button type="button" class="link" onClick=${clear}>${t("keys.clear_filter")}</button></p>`}
      ${pages.total === 0 ? html`<div class="empty"><p>${t("keys.nothing")}</p></div>`
        : html`<${KeyTable} pages=${pages} selection=${selection} query=${query} here=${shown} change=${change} act=${act} busy=${busy} />`}`}
    <${BulkBar} selection=${selection} shown=${pages.rows.length} total=${pages.total} promotes=${promotes} open=${(action) => setBulk({ action, of: selection, filter })} />
    ${bulk && html`<${bulk.action === "test" ? TestKeys : BulkDialog} action=${bulk.action} selection=${bulk.of} filter=${bulk.filter} groups=${groups} onPart=${() => pages.reload()} onDone=${bulkDone} pick=${selection.pick} onClose=${() => setBulk(null)} />`}
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
const REASONS = { disabled: ["key_dead", "key_broke", "forbidden", "expired", "manual"], cooling: ["rate_limited", "day_quota", "model_busy", "key_lacks_model", "transient", "timeout", "ip_throttle"] };
const SORTS = ["-created", "created", "label", "-label", "provider", "state", "-weight", "weight"];

function Filters({ query, change, counts, rich, providers, groups, search, setSearch }) {
  const all = counts && STATES.reduce((sum, state) => sum + counts[state], 0);
  const segment = (state, n) => [state, html`${t(state ? `state.${state}` : "keys.all")}${counts && html` <span class="num faint">${compact(n)}</span>`}`];
  return html`<div class="filters" role="search" aria-label=${t("keys.filter")}>
    <${LateSearch} value=${search} onSearch=${setSearch} />
    <${Segments} label=${t("field.state")} value=${query.state ?? ""} options=${[segment("", all), ...STATES.map((state) => segment(state, counts?.[state]))]} choose=${(state) => change({ state, reason: "" })} />
    ${(REASONS[query.state] || query.reason) && html`<${Choice} name="reason" query=${query} change=${change} word=${className} options=${(REASONS[query.state] ?? []).map((name) => [name, className(name)])} />`}
    <${Choice} name="provider" query=${query} change=${change} options=${providers.map(({ name }) => [name, name])} />
    <${Choice} name="group" query=${query} change=${change} options=${groups.map((name) => [name, name])} />
    ${(rich || query.balance_max) && html`<input class=${`small ${query.balance_max ? "chosen" : ""}`} type="number" step="any" aria-label=${t("field.balance_max")} placeholder=${t("field.balance_max")} value=${query.balance_max ?? ""} onChange=${(event) => change({ balance_max: event.target.value })} />`}
    <${Choice} name="sort" query=${query} change=${change} options=${SORTS.map((name) => [name, t(`sort.${name}`)])} />
  </div>`;
}

function Choice({ name, query, change, options, word = (value) => value }) {
  const value = query[name] ?? "";
  const missing = value && !options.some(([option]) => option === value);
  return html`<select class=${`small ${value && name !== "sort" ? "chosen" : ""}`} aria-label=${t(`field.${name}`)} value=${value}
    onChange=${(event) => change({ [name]: event.target.value })}>
    ${name !== "sort" && html`<option value="">${t(`keys.any_${name}`)}</option>`}
    ${missing && html`<option value=${value}>${word(value)}</option>`}
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
