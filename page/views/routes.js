// How a request finds its way: providers, the models that they serve under which names, and rules that mend what is sent.
import { html, useState } from "../preact.js";
import * as api from "../api.js";
import { has, list, number, t } from "../i18n.js";
import { Confirm, Failure, say, useAnswer, useLater } from "../ui/form.js";
import { Control, hashOf, Search, Table, Things } from "../ui/screen.js";
import { Act, Ago, className, Countdown, Icon } from "../ui/show.js";

const STATES = ["active", "cooling", "disabled"];
const AUTHS = ["bearer", "x-api-key", "api-key", "query"];
const TIMEOUTS = ["first_byte_timeout_ms", "answer_timeout_ms", "idle_timeout_ms", "overall_timeout_ms"];
const CODE = { class: "mono", maxlength: 200 };

const PROVIDERS = {
  name: "providers",
  ask: api.providers.list,
  rows: ({ providers }) => providers,
  id: ({ name }) => name,
  label: ({ name }) => name,
  columns: ["field.name", "field.base_url", "field.models", "keys.title"],
  cells: (provider, does) => html`
    <th scope="row"><span class="row">${provider.name}
      ${provider.default && html`<span class="chip plain">${t("provider.is_default")}</span>`}
      ${!provider.enabled && html`<span class="chip off">${t("state.off")}</span>`}</span>
      ${(provider.priority > 0 || provider.weight < 10 || provider.weight > 10) && html`<small>${t("provider.order", { priority: provider.priority, weight: provider.weight })}</small>`}</th>
    <td class="where"><code class="url">${provider.base_url}</code><small>${[has(`field.auth.${provider.auth}`) ? t(`field.auth.${provider.auth}`) : provider.auth, provider.layout === "azure" && t("field.layout.azure"), provider.api_version].filter(Boolean).join(" · ")}</small></td>
    <td class="where"><${ModelCount} of=${provider} does=${does} /></td>
    <td><${KeyCounts} of=${provider} /></td>`,
  acts: (provider, does) => !provider.default && html`<${Act} icon="star" label=${t("provider.make_default", { name: provider.name })}
    onClick=${() => does(provider, () => api.providers.change(provider.name, { default: true }), "provider.default_now")} />`,
  rests: ({ cooldowns }) => cooldowns.length > 0 && cooldowns.map((rest) => html`<${Rest} key=${rest.model} of=${rest} />`),
  fields: (now, provider, { presets, providers }) => {
    const fresh = !provider.name;
    const preset = presets.find(({ name }) => name === now.preset);
    const choose = (name, set) => {
      const chosen = presets.find((candidate) => candidate.name === name);
      set({ name: free(name || "custom", providers), base_url: chosen?.base_url ?? "", layout: chosen?.layout ?? "openai" });
    };
    return [
      fresh && { name: "preset", options: presets.map(({ name, label }) => [name, label]), blank: t("provider.by_hand"), then: choose, first: true },
      fresh && { name: "name", required: true, maxlength: 40, pattern: "[a-z0-9\\-]+" },
      { name: "base_url", ...CODE, type: "url", required: true, pattern: "[^\\{\\}]+", hint: preset?.base_url?.includes("{") ? t("provider.braces") : undefined },
      [
        { name: "auth", options: AUTHS, blank: fresh && t("provider.auth_preset") },
        { name: "layout", options: ["openai", "azure"], usual: "openai" },
        now.layout === "azure" && { name: "api_version", kind: "maybe", ...CODE, required: !preset, placeholder: "2024-10-21" },
      ],
      [{ name: "priority", kind: "number", usual: 0, max: 1000, required: true }, { name: "weight", kind: "number", usual: 10, max: 100, required: true }],
      { name: "models", kind: "lines", hint: t("provider.models_hint") },
      { name: "affinity", kind: "check", usual: true },
      { name: "usage_mode", options: ["as-is", "ask", "ask-and-hide"], usual: "as-is" },
      { name: "headers_fold", fields: [{ name: "headers", kind: "headers" }] },
      { name: "timeouts", fields: [TIMEOUTS.map((name) => ({ name, kind: "seconds", min: 0.1, max: 3600, step: 0.1, placeholder: t("default") }))] },
      { name: "balance", fields: [[{ name: "balance_url", ...CODE }, { name: "balance_path", ...CODE }]] },
    ];
  },
  add: (changed) => api.providers.add(Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== ""))),
  change: ({ name }, fields) => api.providers.change(name, fields),
  remove: true,
};

export const Providers = ({ route }) => html`<${Things} of=${PROVIDERS} route=${route} Leave=${LeaveProvider} />`;

/** What its list says or a person typed, and a button to ask for the list now. */
function ModelCount({ of: { name, models = [], fetched }, does }) {
  const ask = () => does({ name }, async () => {
    const fresh = await api.providers.fetchModels(name);
    if (fresh.fetched?.error) throw new api.ApiError({ code: "list_failed", message: fresh.fetched.error });
    return fresh;
  }, (fresh) => t("provider.fetched", { name, n: fresh.fetched?.count ?? 0 }));
  return html`<span class="row">${models.length > 0 ? t("provider.typed", { n: models.length }) : fetched?.at ? t("provider.listed", { n: fetched.count }) : t("provider.unlisted")}
    <${Act} icon="refresh" label=${t("provider.fetch", { name })} onClick=${ask} /></span>
    ${fetched?.error ? html`<small class="bad">${fetched.error}</small>` : fetched?.at && html`<small><${Ago} at=${fetched.at} /></small>`}`;
}

/** What no key is to blame for rests the provider as a whole. */
const Rest = ({ of: { model, until, class: what, message } }) => html`<div class="note warn"><${Icon} name="warning" />
  <p><strong>${t("provider.rests")}</strong> ${className(what)} · ${model ?? t("why.all_models")} · <${Countdown} until=${until} />${message && html`<small>${message}</small>`}</p>
</div>`;

function KeyCounts({ of: { name, keys } }) {
  const filled = STATES.filter((state) => keys[state] > 0);
  if (filled.length === 0) return html`<span class="faint">${t("none")}</span>`;
  const link = (state) => hashOf({ screen: "keys", query: { provider: name, state } });
  const label = (state) => t("provider.count", { count: number(keys[state]), state: t(`state.${state}`) });
  return html`<span class="row">${filled.map((state) => html`<a key=${state} class=${`chip ${state}`} href=${link(state)}>${label(state)}</a>`)}</span>`;
}

function free(name, taken) {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    if (!taken.some((provider) => provider.name === candidate)) return candidate;
  }
}

function LeaveProvider({ name, onDone, onClose }) {
  const [keys, setKeys] = useState(null);
  const run = async () => {
    try {
      await api.providers.remove(name, { with_keys: keys !== null || null });
    } catch (failure) {
      if (failure.code !== "provider_has_keys" || keys !== null) throw failure;
      return setKeys(await countKeys(name));
    }
    say(t(keys === null ? "deleted" : "provider.deleted_with_keys", { name, n: keys ?? 0 }));
    onDone();
  };
  return html`<${Confirm} key=${keys === null} title=${t("delete_title", { name })} danger run=${run} onClose=${onClose}
    action=${keys === null ? t("delete") : t("provider.delete_with_keys", { n: keys })}>
    <p>${keys === null ? t("provider.delete_text") : t("provider.delete_keys_text", { n: keys })}</p>
  <//>`;
}

/** The number the reader agrees to is asked for now, not remembered from the list. */
const countKeys = async (name) => (await api.listKeys({ provider: name, limit: 1 })).total;

const WHEN = ["exhausted", "not_found", "refused"];
const GLOB = { class: "mono", maxlength: 200, pattern: "\\S+", required: true };
const SHOWN = 100;

const MODELS = {
  name: "models",
  ask: api.models.list,
  rows: ({ aliases }) => aliases,
  id: ({ name }) => name,
  label: ({ name }) => name,
  columns: ["field.name", "model.way", "field.fallback_on", "field.economy"],
  cells: ({ name, target, fallbacks, economy, fallback_on }) => html`
    <th scope="row"><code>${name}</code></th>
    <td class="where"><span class="way">${[target ?? name, ...fallbacks].map((step, i) => html`<span key=${i}>${i > 0 && html`<span aria-hidden="true">→</span>`}<code>${step}</code></span>`)}</span></td>
    <td data-label=${t("field.fallback_on")}>${fallbacks.length > 0 ? list(fallback_on.map((when) => t(`field.fallback_on.${when}`)), "disjunction") : "–"}</td>
    <td data-label=${t("field.economy")}>${economy ? html`<code>${economy}</code>` : "–"}</td>`,
  fields: (_, { name }, { models, providers = [] }) => {
    const known = [...models.map(({ id }) => id), ...new Set(models.flatMap(({ providers }) => providers.map((provider) => `${provider}/*`)))].slice(0, 500);
    return [
      { name: "name", hint: t("model.name_hint"), ...GLOB, readonly: Boolean(name), first: !name },
      { name: "target", as: "model", hint: t("model.target_hint"), kind: "maybe", ...GLOB, required: false, list: known },
      { name: "fallbacks", kind: "lines" },
      { name: "fallback_on", kind: "checks", options: WHEN, usual: WHEN.slice(0, 2) },
      { name: "economy", kind: "maybe", ...GLOB, required: false, list: known },
    ];
  },
  add: (_, whole) => api.models.put(whole),
  change: (_, __, whole) => api.models.put(whole),
  remove: ({ name }) => api.models.remove({ name }),
};

export const Models = ({ route }) => html`<${Things} of=${MODELS} route=${route}>${(answer) => answer && html`<${Merged} models=${answer.models} />`}<//>`;

function Merged({ models }) {
  const [search, setSearch] = useState("");
  const found = models.filter(({ id, providers }) => `${id} ${providers.join(" ")}`.toLowerCase().includes(search.trim().toLowerCase()));
  return html`<section class="stack"><div class="head"><h2>${t("models.all", { n: models.length })}</h2></div>
    ${models.length === 0 ? html`<div class="empty"><p>${t("models.unlisted")}</p></div>` : html`<${Search} value=${search} onText=${setSearch} />
    <${Table} title=${t("models.all", { n: models.length })} acts=${false} columns=${["field.model", "providers.title"]}>
      ${found.slice(0, SHOWN).map(({ id, providers }) => html`<tr key=${id}><th scope="row"><code>${id}</code></th><td><span class="row">${providers.map((name) => html`<a key=${name} class="chip plain" href=${hashOf({ screen: "providers", id: name })}>${name}</a>`)}</span></td></tr>`)}
    <//>
    ${found.length > SHOWN && html`<p class="faint">${t("preview.more", { n: found.length - SHOWN })}</p>`}`}
  </section>`;
}

const ACTIONS = ["drop", "rename", "force", "default", "set_header", "drop_header"];
const VALUED = { force: "json", default: "json", set_header: "text" };

const RULES = {
  name: "rules",
  ask: api.rules.list,
  rows: ({ rules }) => rules,
  label: ({ action, name, provider, model }) => `${t(`field.action.${action}`)} ${name} (${provider} / ${model})`,
  sought: ({ provider, model, name, about }) => [provider, model, name, about].join(" "),
  columns: ["rule.what", "field.about", "field.state"],
  fixed: ({ shipped }) => (shipped ? ["fields", "remove"] : []),
  cells: ({ action, name, to, value, provider, model, about, source, shipped, enabled }) => html`
    <th scope="row"><span class="row">${t(`field.action.${action}`)} <code>${name}</code>${to && html`<span aria-hidden="true">→</span><code>${to}</code>`}${value != null && html`<span aria-hidden="true">=</span><code>${typeof value === "string" ? value : JSON.stringify(value)}</code>`}</span><small>${provider} / ${model}</small></th>
    <td class="where">${about}${source && html` <a href=${source} target="_blank" rel="noreferrer">${t("rule.source")}</a>`}</td>
    <td class="whole"><span class=${`chip ${enabled ? "active" : "off"}`}>${t(enabled ? "state.active" : "state.off")}</span>${shipped && html` <span class="chip plain">${t("rule.shipped")}</span>`}</td>`,
  fields: (now, { id }) => {
    const action = now.action ?? "drop";
    return [
      { name: "action", options: ACTIONS, usual: "drop", first: !id },
      [
        { name: "name", as: action.endsWith("header") ? "header" : "parameter", ...GLOB },
        action === "rename" && { name: "to", kind: "maybe", ...GLOB },
        VALUED[action] && { name: "value", hint: action === "set_header" ? "" : undefined, kind: VALUED[action], class: "mono", required: true, maxlength: 2000 },
      ],
      [{ name: "provider", ...GLOB, usual: "*" }, { name: "model", ...GLOB, usual: "*" }],
      { name: "about", maxlength: 200 },
    ];
  },
  size: "wide",
  below: ({ whole }, { id }) => html`<${Trial} rule=${whole.name && whole.to !== null && whole.value !== null ? { ...whole, ...(id && { id }) } : null} draft />`,
  add: (_, whole) => api.rules.add(whole),
  change: ({ id }, changed) => api.rules.change(id, changed),
  remove: ({ id }) => api.rules.remove(id),
};

export const Rules = ({ route }) => html`<${Things} of=${RULES} route=${route} above=${() => html`<${TrialCard} />`} />`;

function TrialCard() {
  const [open, setOpen] = useState(false);
  return html`<details class="card" onToggle=${({ target }) => setOpen(target.open)}><summary>${t("rule.try")}</summary>${open && html`<${Trial} />`}</details>`;
}

const EXAMPLE = '{\n  "model": "gpt-4o-mini",\n  "max_tokens": 100,\n  "messages": [{"role": "user", "content": "Hello"}]\n}';

/** What the rules make of a body. `draft`: together with `rule`, which is being written. */
function Trial({ rule, draft }) {
  const { answer: setup } = useAnswer(api.providers.list, 60_000);
  const [typed, type] = useState({ provider: "", body: EXAMPLE });
  const names = (setup?.providers ?? []).map(({ name }) => name);
  const provider = typed.provider || names.find((name) => rule && matches(rule.provider, name)) || setup?.default_provider || names[0];
  const { answer, failure, stale, again } = useLater(provider && (!draft || rule) ? { provider, body: typed.body, ...(rule && { rule }) } : null, api.rules.test);
  const field = (name, rest) => html`<${Control} of=${{ name, ...rest }} value=${name === "provider" ? provider : typed[name]} onText=${(value) => type((old) => ({ ...old, [name]: value }))} />`;
  const parts = answer && differences(answer.before, answer.after);
  return html`<section class="stack" aria-label=${t("rule.try")}>
    ${draft && html`<h3>${t("rule.try")}</h3>`}
    ${field("provider", { as: "trial_provider", options: names })}
    ${field("body", { as: "trial_body", control: "textarea", class: "mono", rows: 5 })}
    <${Failure} failure=${failure} again=${again} />
    ${answer && html`<div class="trial" aria-busy=${stale} aria-live="polite">
      <p>${answer.applied.length ? t("rule.applied", { n: answer.applied.length }) : t("rule.untouched")}</p>
      ${answer.applied.length > 0 && ["before", "after"].map((side, i) => html`<figure key=${side}><figcaption>${t(`rule.${side}`)}</figcaption><pre tabindex="0">${parts[i]}</pre></figure>`)}
      <${Headers} of=${answer.headers} />
    </div>`}
  </section>`;
}

const Headers = ({ of: { set, dropped } }) => html`${Object.entries(set).map(([name, value]) => html`<p key=${name}><ins><code>${name}: ${value}</code></ins></p>`)}${dropped.map((name) => html`<p key=${name}><del><code>${name}</code></del></p>`)}`;

const matches = (glob, name) => new RegExp(`^${glob.replace(/[^*\w]/g, "\\$&").replaceAll("*", ".*")}$`).test(name);

const MANY = 1500; // words: from there on nothing is marked, as finding it would take seconds

/** Both texts, with what only one of them has marked. */
function differences(before, after) {
  const [a, b] = [before, after].map((text) => text.match(/"(?:[^"\\]|\\.)*"|\s+|[{}[\],:]|[^\s{}[\],:"]+|"/g) ?? []);
  if (a.length > MANY || b.length > MANY) return [before, after];
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const [left, right] = [[], []];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && a[i] === b[j]) left.push(a[i++]), right.push(b[j++]);
    else if (j < b.length && (i === a.length || common[i][j + 1] > common[i + 1][j])) right.push(html`<ins>${b[j++]}</ins>`);
    else left.push(html`<del>${a[i++]}</del>`);
  }
  return [left, right];
}
