// The key screen: what is in the pool, how it is doing, and everything that can be done to it.
import { html, useRef, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { t } from "../i18n.js";
import { useAnswer } from "../ui/ask.js";
import { AsOf, className } from "../ui/clock.js";
import { Dialog, Failure } from "../ui/form.js";
import { Icon } from "../ui/icon.js";
import { hashOf, replaceHash } from "../ui/route.js";
import { complain, say } from "../ui/toast.js";
import { AddKeys } from "./keys/add.js";
import { BulkBar, BulkDialog } from "./keys/bulk.js";
import { KeyDetail } from "./keys/detail.js";
import { STANDBY } from "./keys/edit.js";
import { Filters } from "./keys/filters.js";
import { Guide } from "./keys/guide.js";
import { useKeyPages, useSelection } from "./keys/pages.js";
import { KeyTable } from "./keys/table.js";

const FILTERS = ["state", "reason", "provider", "group"];
const SLOW_MS = 30_000;

export function Keys({ route }) {
  const [search, setSearch] = useState("");
  const filter = filterOf(route.query, search);
  const query = { ...filter, sort: route.query.sort || "-created" };
  const pages = useKeyPages(query);
  const selection = useSelection(pages.rows, pages.total, JSON.stringify(filter));
  const setup = useAnswer(api.providers, SLOW_MS);
  const clients = useAnswer(api.clients, SLOW_MS);
  const { groups } = pages;
  const promotes = selection.everything ? groups.includes(STANDBY) && [undefined, STANDBY].includes(filter.group) : selection.standby.length > 0;
  const used = useEver(pages.rows.some((key) => key.last_used));
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
    <${Failure} failure=${pages.failure ?? setup.failure} title=${t("keys.failed")} again=${() => (pages.refresh(), setup.again())} />
    ${size !== null && clients.answer && html`<${Guide} done=${stepsDone(size, clients.answer, used)}>${empty && form}<//>`}
    ${size > 0 && html`
      <${Filters} query=${query} change=${change} counts=${pages.counts} providers=${setup.answer?.providers ?? []} groups=${groups} search=${search} setSearch=${setSearch} />
      ${pages.total !== null && Object.keys(filter).length > 0 && html`<p class="matches"><span class="num">${t("keys.matches", { n: pages.total, all: size })}</span> <button type="button" class="link" onClick=${clear}>${t("keys.clear_filter")}</button></p>`}
      ${pages.total === 0 ? html`<div class="empty"><p>${t("keys.nothing")}</p></div>`
        : html`<${KeyTable} pages=${pages} selection=${selection} query=${query} here=${shown} change=${change} act=${act} busy=${busy} />`}`}
    <${BulkBar} selection=${selection} shown=${pages.rows.length} total=${pages.total} promotes=${promotes} open=${setBulk} />
    ${bulk && html`<${BulkDialog} action=${bulk} selection=${selection} filter=${filter} groups=${groups} onPart=${() => pages.reload()} onDone=${bulkDone} onClose=${() => setBulk(null)} />`}
    ${route.id === "add" && !empty && html`<${Dialog} title=${t("keys.add")} kind="wide" onClose=${() => go(null)}>${form}<//>`}
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
    const { ok, status, class: what, message, key: fresh } = await api.testKey(key.id);
    pages.put(fresh);
    if (ok) return say(t("keys.test_ok", { name }));
    say(t("keys.test_failed", { name, why: [status, what && className(what), message].filter(Boolean).join(" · ") }), "bad");
  });
  const toggle = doing(async (key, name) => {
    const fresh = await api.changeKey(key.id, { enabled: !key.enabled });
    pages.put(fresh);
    say(t(fresh.enabled ? "keys.enabled_one" : "keys.disabled_one", { name }));
  });
  return { act: { test, toggle }, busy };
}

/** True from the first time on that `now` was: a filter that hides the used keys changes nothing. */
function useEver(now) {
  const ever = useRef(false);
  return (ever.current ||= now);
}

const stepsDone = (size, { clients, env_client: given }, used) => {
  if (size === 0) return 0;
  if (clients.length === 0 && !given) return 1;
  return used ? 3 : 2;
};
