// The upstreams: where keys are sent, how they are presented, and how many of each are well; adding, changing and deleting them.
import { html, useState } from "/vendor/preact.js";
import * as api from "../api.js";
import { number, t } from "../i18n.js";
import { useAnswer } from "../ui/ask.js";
import { className, Countdown } from "../ui/clock.js";
import { Check, Confirm, Dialog, Field, Form, UsageMode } from "../ui/form.js";
import { Icon } from "../ui/icon.js";
import { hashOf, replaceHash } from "../ui/route.js";
import { Head, Table, Trash } from "../ui/screen.js";
import { complain, say } from "../ui/toast.js";

const STATES = ["active", "cooling", "disabled"];

export function Providers({ route }) {
  const { answer, failure, again } = useAnswer(api.providers);
  const [leaving, setLeaving] = useState(null);
  const leave = () => replaceHash({ screen: "providers" });
  const saved = () => (again(), leave());
  const change = async (provider, fields, news) => {
    try {
      await api.changeProvider(provider.name, fields);
      say(t(news, { name: provider.name }));
      again();
    } catch (problem) {
      complain(problem, provider.name);
    }
  };
  const edited = route.id && route.id !== "new" && answer?.providers.find(({ name }) => name === route.id);
  const open = route.id === "new" ? answer : edited;
  return html`
    <${Head} name="providers" failure=${failure} again=${again}>
      <a class="button primary" href=${hashOf({ screen: "providers", id: "new" })}><${Icon} name="add" />${t("providers.add")}</a>
    <//>
    ${answer?.providers.length === 0 && html`<div class="empty"><p>${t("providers.none")}</p></div>`}
    ${answer?.providers.length > 0 && html`<${Table} title=${t("providers.title")} columns=${["provider.name", "provider.base_url", "provider.keys"]}>
      ${answer.providers.map((provider) => html`<${Row} key=${provider.name} of=${provider} change=${change} leave=${() => setLeaving(provider)} />`)}
    <//>`}
    ${open && html`<${Dialog} key=${route.id} title=${edited ? t("provider.edit", { name: edited.name }) : t("providers.add")} onClose=${leave}>
      <${ProviderForm} of=${edited || null} presets=${answer.presets} taken=${answer.providers.map(({ name }) => name)} onSaved=${saved} onCancel=${leave} />
    <//>`}
    ${leaving && html`<${DeleteProvider} of=${leaving} onDone=${() => (setLeaving(null), again())} onClose=${() => setLeaving(null)} />`}`;
}

function Row({ of: provider, change, leave }) {
  const { name } = provider;
  return html`<tr>
    <th scope="row"><span class="row">${name}
      ${provider.default && html`<span class="chip plain">${t("provider.is_default")}</span>`}
      ${!provider.enabled && html`<span class="chip off">${t("state.off")}</span>`}</span></th>
    <td class="where"><code class="url">${provider.base_url}</code><small>${t(`auth.${provider.auth}`)}</small></td>
    <td><${KeyCounts} of=${provider} /></td>
    <td class="acts">
      ${!provider.default && html`<button type="button" class="small" aria-label=${t("provider.make_default", { name })}
        onClick=${() => change(provider, { default: true }, "provider.default_now")}><${Icon} name="star" />${t("provider.default")}</button>`}
      <button type="button" class="small" aria-label=${t(provider.enabled ? "keys.disable_one" : "keys.enable_one", { name })}
        onClick=${() => change(provider, { enabled: !provider.enabled }, provider.enabled ? "keys.disabled_one" : "keys.enabled_one")}><${Icon} name="off" />${t(provider.enabled ? "disable" : "enable")}</button>
      <a class="button small" href=${hashOf({ screen: "providers", id: name })} aria-label=${t("keys.edit_one", { name })}><${Icon} name="edit" />${t("edit")}</a>
      <${Trash} name=${name} onClick=${leave} />
    </td>
  </tr>
  ${provider.cooldowns.length > 0 && html`<tr class="rests"><td colspan="4">${provider.cooldowns.map((rest) => html`<${Rest} key=${rest.model} of=${rest} />`)}</td></tr>`}`;
}

/** What no key is to blame for rests the provider as a whole. */
const Rest = ({ of: { model, until, class: what, message } }) => html`<div class="note warn"><${Icon} name="warning" />
  <p><strong>${t("provider.rests")}</strong> ${className(what)} · ${model ?? t("why.all_models")} · <${Countdown} until=${until} />${message && html`<small>${message}</small>`}</p>
</div>`;

function KeyCounts({ of: { name, keys } }) {
  const filled = STATES.filter((state) => keys[state] > 0);
  if (filled.length === 0) return html`<span class="faint">${t("provider.no_keys")}</span>`;
  const link = (state) => hashOf({ screen: "keys", query: { provider: name, state } });
  const label = (state) => t("provider.count", { count: number(keys[state]), state: t(`state.${state}`) });
  return html`<span class="row">${filled.map((state) => html`<a key=${state} class=${`chip ${state}`} href=${link(state)}>${label(state)}</a>`)}</span>`;
}

const AUTHS = ["bearer", "x-api-key", "api-key"];
const BALANCE = ["balance_url", "balance_path"];
const TIMEOUTS = ["first_byte_timeout_ms", "answer_timeout_ms", "idle_timeout_ms", "overall_timeout_ms"];

/** `of` is the provider to change, or null for a new one. */
export function ProviderForm({ of: provider, presets, taken, onSaved, onCancel }) {
  const [before] = useState(() => formOf(provider));
  const [form, setForm] = useState(before);
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const choose = (name) => {
    const preset = presets.find((candidate) => candidate.name === name);
    set({ preset: name, name: free(name || "custom", taken), base_url: preset?.base_url ?? "" });
  };
  const fields = provider ? changesOf(before, form) : newOf(form, presets);
  const save = async () => {
    if (provider) await api.changeProvider(provider.name, fields);
    else await api.addProvider(fields);
    say(t(provider ? "saved" : "provider.added", { name: form.name }));
    onSaved();
  };
  return html`<${Form} run=${save} action=${t(provider ? "save" : "add")} failed=${t("save_failed")} ready=${Object.keys(fields).length > 0} onCancel=${onCancel}>
    ${!provider && html`
      <${Field} label=${t("provider.preset")} control="select" first value=${form.preset} onText=${choose}>
        <option value="">${t("provider.by_hand")}</option>
        ${presets.map(({ name, label }) => html`<option key=${name} value=${name}>${label}</option>`)}
      <//>
      <${Field} label=${t("provider.name")} hint=${t("provider.name_hint")} required maxlength="40" pattern="[a-z0-9\\-]+" spellcheck="false" value=${form.name} onText=${(name) => set({ name })} />`}
    <${Field} label=${t("provider.base_url")} hint=${t("provider.base_url_hint")} type="url" required spellcheck="false" class="mono" value=${form.base_url} onText=${(base_url) => set({ base_url })} />
    <${Field} label=${t("provider.auth")} control="select" value=${form.auth} onText=${(auth) => set({ auth })}>
      ${!provider && html`<option value="">${t("provider.auth_preset")}</option>`}
      ${AUTHS.map((name) => html`<option key=${name} value=${name}>${t(`auth.${name}`)}</option>`)}
    <//>
    <${Check} label=${t("provider.affinity")} checked=${form.affinity} onChange=${(affinity) => set({ affinity })} />
    <${UsageMode} value=${form.usage_mode} onText=${(usage_mode) => set({ usage_mode })} />
    <details open=${TIMEOUTS.some((name) => before[name] !== "")}>
      <summary>${t("provider.timeouts")}</summary>
      <div class="fields">${TIMEOUTS.map((name) => html`<${Field} key=${name} label=${t(`provider.${name}`)} suffix=${t("seconds")} type="number" min="0.1" max="3600" step="0.1" placeholder=${t("provider.as_global")}
        value=${form[name]} onText=${(value) => set({ [name]: value })} />`)}</div>
      <small>${t("provider.timeouts_hint")}</small>
    </details>
    <details open=${before.balance_url !== ""}>
      <summary>${t("balance")}</summary>
      <div class="fields">${BALANCE.map((name) => html`<${Field} key=${name} label=${t(`provider.${name}`)} spellcheck="false" class="mono" maxlength="200" value=${form[name]} onText=${(value) => set({ [name]: value })} />`)}</div>
      <small>${t("provider.balance_hint")}</small>
    </details>
  <//>`;
}

function formOf(provider) {
  const seconds = (name) => (provider?.[name] ? String(provider[name] / 1000) : "");
  return {
    preset: "",
    name: provider?.name ?? "",
    base_url: provider?.base_url ?? "",
    auth: provider?.auth ?? "",
    affinity: provider?.affinity ?? true,
    usage_mode: provider?.usage_mode ?? "as-is",
    ...Object.fromEntries(BALANCE.map((name) => [name, provider?.[name] ?? ""])),
    ...Object.fromEntries(TIMEOUTS.map((name) => [name, seconds(name)])),
  };
}

const millis = (seconds) => (seconds === "" ? null : Math.round(Number(seconds) * 1000));
function valueOf(name, form) {
  if (name === "affinity") return form.affinity;
  return TIMEOUTS.includes(name) ? millis(form[name]) : form[name].trim();
}

function changesOf(before, form) {
  const names = ["base_url", "auth", "affinity", "usage_mode", ...BALANCE, ...TIMEOUTS].filter((name) => form[name] !== before[name]);
  return Object.fromEntries(names.map((name) => [name, valueOf(name, form)]));
}

/** What holds anyway, or what the preset says, is left out. */
function newOf(form, presets) {
  const preset = presets.find(({ name }) => name === form.preset);
  const said = { affinity: true, usage_mode: "as-is", base_url: preset?.base_url };
  const names = ["name", "preset", "base_url", "auth", "affinity", "usage_mode", ...BALANCE, ...TIMEOUTS].filter((name) => form[name] !== "" && form[name] !== said[name]);
  return Object.fromEntries(names.map((name) => [name, valueOf(name, form)]));
}

function free(name, taken) {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    if (!taken.includes(candidate)) return candidate;
  }
}

export function DeleteProvider({ of: provider, onDone, onClose }) {
  const [keys, setKeys] = useState(null);
  const { name } = provider;
  const run = async () => {
    try {
      await api.deleteProvider(name, keys !== null);
    } catch (failure) {
      if (failure.code !== "provider_has_keys" || keys !== null) throw failure;
      return setKeys(await countKeys(name));
    }
    say(t(keys === null ? "provider.deleted" : "provider.deleted_with_keys", { name, n: keys ?? 0 }));
    onDone();
  };
  return html`<${Confirm} key=${keys === null} title=${t("provider.delete_title", { name })} danger run=${run} onClose=${onClose}
    action=${keys === null ? t("provider.delete") : t("provider.delete_with_keys", { n: keys })}>
    <p>${keys === null ? t("provider.delete_text") : t("provider.delete_keys_text", { n: keys })}</p>
  <//>`;
}

/** The number the reader agrees to is asked for now, not remembered from the list. */
const countKeys = async (name) => (await api.listKeys({ provider: name, limit: 1 })).total;
