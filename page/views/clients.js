// Client keys: what our users' programs show to this pool, what each may do and how much.
import { html } from "../preact.js";
import * as api from "../api.js";
import { compact, day, money, moment, span, t } from "../i18n.js";
import { Dialog } from "../ui/form.js";
import { Things } from "../ui/screen.js";
import { Icon } from "../ui/show.js";
import { NewKey } from "../ui/snippets.js";

const RIGHTS = ["see_attempts", "force_key", "paced", "cache"];
const BUDGETS = ["day_tokens", "month_tokens", "day_micros", "month_micros"];
const COUNT = { kind: "number", min: 1 };

const CLIENTS = {
  name: "clients",
  ask: api.clients.list,
  rows: ({ clients }) => clients,
  none: ({ env_client: given }) => !given,
  columns: ["field.label", "field.key", "client.may", "client.limits", "field.state"],
  cells: (client) => html`
    <th scope="row">${client.label}</th>
    <td class="whole"><code>${client.key_masked}</code><small>${day(client.created)}</small></td>
    <td class="where"><${May} of=${client} /></td>
    <td class="limits"><${Limits} of=${client} /></td>
    <td><${State} of=${client} /></td>`,
  fields: (now, { used = {} }, { limit_presets: presets = [] }) => {
    const preset = presets.find(({ requests, window_s }) => requests === Number(now.requests) && window_s === Number(now.window_s));
    const spent = (name) => (name in used ? { hint: t("client.used", { used: amount(name, used[name]) }) } : {});
    return [
      { name: "label", hint: t("client.label_hint"), required: true, maxlength: 200, first: true },
      { name: "rights", kind: "checks", options: RIGHTS, usual: ["see_attempts"] },
      { name: "expires", kind: "time" },
      { name: "limits", fields: [
        presets.length > 0 && { name: "limit_preset", as: "preset", options: presets.map(({ name }) => name), blank: t("client.no_preset"), usual: preset?.name,
          then: (name, set) => set({ ...windowOf(presets.find((one) => one.name === name)), limit_preset: undefined }) },
        [{ name: "requests", as: "window_requests", ...COUNT }, { name: "window_s", ...COUNT, suffix: t("seconds") }],
        [{ name: "rpm", ...COUNT }, { name: "tpm", ...COUNT }],
        BUDGETS.slice(0, 2).map((name) => ({ name, ...COUNT, ...spent(name) })),
        BUDGETS.slice(2).map((name) => ({ name, kind: "dollars", ...spent(name) })),
      ] },
      { name: "access", fields: [
        { name: "models", kind: "lines" },
        { name: "providers", as: "client_providers", kind: "lines" },
        { name: "group", as: "own_group", kind: "maybe", pattern: "[a-z0-9_\\-]*", maxlength: 40 },
        { name: "groups", kind: "words", pattern: "[a-z0-9_\\-*,，\\s]*" },
        { name: "ips", kind: "lines" },
      ] },
      { name: "answers", fields: [
        [{ name: "pace", options: ["off", "batch", "character"], usual: "off" }, { name: "cache_s", ...COUNT, suffix: t("seconds"), placeholder: t("client.uncached") }],
        [{ name: "usage_mode", kind: "maybe", options: ["as-is", "ask", "ask-and-hide"], blank: t("client.as_provider") }, { name: "log", as: "request_log", options: [["default", t("default")], "off", "meta", "bodies"], usual: "default" }],
      ] },
    ];
  },
  action: "client.make",
  add: (changed) => api.clients.add(changed),
  change: ({ id }, changed) => api.clients.change(id, changed),
  remove: ({ id }) => api.clients.remove(id),
};

/** A preset fills in two fields; which one it is, they tell. */
const windowOf = (preset) => ({ requests: String(preset?.requests ?? ""), window_s: String(preset?.window_s ?? "") });
const amount = (name, n) => (name.endsWith("micros") ? money(n) : compact(n));

export const Clients = ({ route }) => html`<${Things} of=${CLIENTS} route=${route} made=${(client, close) => html`<${Made} of=${client} onClose=${close} />`}
  above=${(answer) => answer?.env_client && html`<p class="note"><${Icon} name="keys" /><span>${t("clients.env")} <code>PROXY_API_KEY</code></span></p>`} />`;

function May({ of: { rights, group, groups, models = [], providers = [], ips = [] } }) {
  const lists = Object.entries({ models, providers, groups: group ? [group, ...groups] : groups, ips }).filter(([, list]) => list.length > 0);
  if (rights.length + lists.length === 0) return "–";
  return html`${rights.map((name) => html`<small key=${name}>${t(`field.rights.${name}`)}</small>`)}
    ${lists.map(([name, list]) => html`<small key=${name}>${t(`client.${name}_are`, { list: list.join(", ") })}</small>`)}`;
}

function Limits({ of: client }) {
  const rates = ["rpm", "tpm"].filter((name) => client[name]).map((name) => t(`client.${name}`, { n: client[name] }));
  if (client.requests) rates.push(t("client.window", { n: client.requests, time: span(client.window_s) }));
  const budgets = BUDGETS.filter((name) => client[name]);
  if (rates.length + budgets.length === 0) return "–";
  return html`${rates.map((text) => html`<small key=${text}>${text}</small>`)}
    ${budgets.map((name) => html`<${Budget} key=${name} name=${name} used=${client.used?.[name] ?? 0} of=${client[name]} />`)}`;
}

function Budget({ name, used, of: limit }) {
  const text = t(`client.${name.split("_")[0]}`, { used: amount(name, used), limit: amount(name, limit) });
  return html`<small>${text}<meter aria-label=${text} min="0" max=${limit} high=${limit * 0.9} value=${Math.min(used, limit)}></meter></small>`;
}

function State({ of: { enabled, expires } }) {
  const late = expires && expires < Date.now();
  return html`<span class=${`chip ${!enabled ? "off" : late ? "disabled" : "active"}`}>${t(!enabled ? "state.off" : late ? "client.expired" : "state.active")}</span>
    ${expires && html`<small title=${moment(expires)}>${t("client.until", { day: day(expires) })}</small>`}`;
}

/** While the key is on the screen only a deliberate click closes the dialog: it cannot be shown again. */
function Made({ of: client, onClose }) {
  return html`<${Dialog} key="made" kind="wide" title=${t("client.made", { name: client.label })} locked onClose=${onClose}>
    <div class="body"><${NewKey} of=${client} /></div>
    <footer><button type="button" class="primary" onClick=${onClose}>${t("client.kept")}</button></footer>
  <//>`;
}
