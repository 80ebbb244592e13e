// What tokens cost, what else may be set while it runs, and the end of all logins.
import { html, useState } from "../preact.js";
import * as api from "../api.js";
import { money, number, span, t, word } from "../i18n.js";
import { Confirm, Failure, Go, say, useAction, useAnswer } from "../ui/form.js";
import { Head, Things, useFields } from "../ui/screen.js";
import { Icon } from "../ui/show.js";

const RATES = ["input", "cached_input", "output"];

/** The reader's own prices, which win, and the shipped ones. Dollars here, micro-dollars in the API. */
const PRICES = {
  name: "prices",
  ask: api.prices.list,
  every: 60_000,
  about: (answer) => ({ date: answer?.shipped.date ?? "" }),
  rows: ({ prices, shipped }) => [...prices.map((price) => ({ ...price, own: true })), ...shipped.prices],
  id: ({ own, provider, model }) => `${own ? "own" : "shipped"} ${provider}/${model}`,
  label: ({ model }) => model,
  sought: ({ provider, model }) => `${provider}/${model}`,
  kind: "figures num dense",
  columns: ["field.model", ...RATES.map((name) => `field.${name}`)],
  fixed: ({ own }) => (own ? [] : ["remove"]),
  cells: (price) => html`
    <th scope="row"><span class="row">${price.model}${price.own && html`<span class="chip plain">${t("price.own")}</span>`}
      <small>${price.source ? html`<a href=${price.source} target="_blank" rel="noreferrer">${price.provider}</a>` : price.provider}</small></span></th>
    ${RATES.map((name) => html`<td key=${name} data-label=${t(`field.${name}`)}>${money(price[name])}</td>`)}`,
  fields: (_, { own, model }) => [
    ...["provider", "model"].map((name) => ({ name, required: true, maxlength: 200, readonly: own, class: "mono", usual: name === "provider" ? "*" : "", first: name === "model" && !model })),
    RATES.map((name) => ({ name, kind: "dollars", max: 10_000, required: name !== "cached_input" })),
  ],
  below: () => html`<small>${t("price.hint")}</small>`,
  // Of a shipped price this makes one's own.
  add: (_, whole) => api.prices.put(whole),
  change: (_, __, whole) => api.prices.put(whole),
  remove: ({ provider, model }) => api.prices.remove({ provider, model }),
};

export const Prices = ({ route }) => html`<${Things} of=${PRICES} route=${route} />`;

const GROUPS = {
  tries: ["max_attempts", "retry_after_timeout", "failover_deadline_ms", "wait_budget_ms", "standby_percent"],
  timeouts: ["first_byte_timeout_ms", "answer_timeout_ms", "idle_timeout_ms", "overall_timeout_ms"],
  logs: ["request_log", "request_log_days", "request_log_rows", "audit_days", "audit_rows", "log_level"],
  counts: ["flush_interval_ms", "snapshot_age_ms", "retention_minutes_days", "retention_days", "time_zone"],
  access: ["session_ms", "cors_origins", "models_hours", "cache_mb"],
};
const OPTIONS = { log_level: ["debug", "info", "warn", "error"], request_log: ["off", "meta", "bodies"], retry_after_timeout: ["1", "0"] };

/** An empty field is left to the var or the default, which it shows. */
export function Settings() {
  const { answer, failure, again } = useAnswer(api.settings.list, 60_000);
  const [round, next] = useState(0);
  const saved = async () => (await again(), next(round + 1));
  return html`<${Head} name="settings" failure=${failure} again=${again} />${answer && html`<${SettingsForm} key=${round} of=${answer} saved=${saved} />`}<${Sessions} />`;
}

function SettingsForm({ of: { settings, defaults }, saved }) {
  const names = Object.keys(defaults).filter((name) => typeof defaults[name] !== "boolean");
  const known = Object.values(GROUPS).flat();
  const groups = { ...GROUPS, others: names.filter((name) => !known.includes(name)) };
  const form = useFields(() => names.map((name) => fieldOf(name, defaults[name], name in settings)), settings);
  const shown = Object.fromEntries(names.map((name, i) => [name, form.shown[i]]));
  const save = useAction(async () => {
    await api.settings.change(form.changed);
    say(t("saved"));
    await saved();
  });
  const nothing = Object.keys(form.changed).length === 0;
  return html`<form class="stack" onSubmit=${save.submit}>
    ${Object.entries(groups).map(([group, list]) => list.length > 0 && html`<section key=${group} class="card stack"><h2>${t(`settings.${group}`)}</h2><div class="settings">${list.map((name) => shown[name])}</div></section>`)}
    <${Failure} failure=${save.failure} title=${t("save_failed")} />
    <p class=${nothing ? "acts" : "acts stuck"}><${Go} submit of=${save} ready=${!nothing}>${t("save")}<//>
      <button type="button" disabled=${nothing} onClick=${() => (form.reset(), save.forget())}>${t("cancel")}</button></p>
  </form>`;
}

/** Times are typed in seconds. */
function fieldOf(name, usual, stored) {
  const kind = name.endsWith("_ms") ? "seconds" : typeof usual === "number" ? "number" : "maybe";
  const placeholder = kind === "seconds" ? String(usual / 1000) : String(usual);
  const value = word(`field.${name}.${usual}`, kind === "seconds" ? span(usual / 1000) : kind === "number" ? number(usual) : usual);
  const said = t("settings.default", { value });
  return { name, kind, options: OPTIONS[name], blank: said, placeholder, class: stored ? "chosen" : "", hint: OPTIONS[name] ? "" : said, ...(kind === "number" && { step: "any" }) };
}

function Sessions() {
  const [sure, setSure] = useState(false);
  const run = () => api.logout(true);
  return html`<section class="card stack"><h2>${t("session.title")}</h2>
    <p><button type="button" class="danger-quiet" onClick=${() => setSure(true)}><${Icon} name="exit" />${t("session.end_all")}</button></p>
    ${sure && html`<${Confirm} title=${t("session.ask")} action=${t("session.end_all")} danger run=${run} onClose=${() => setSure(false)}><p>${t("session.sure")}</p><//>`}
  </section>`;
}
