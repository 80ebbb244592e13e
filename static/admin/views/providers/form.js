// A new upstream, from a preset or by hand; or what may be changed about one.
import { html, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { t } from "../../i18n.js";
import { useAction } from "../../ui/ask.js";
import { Failure } from "../../ui/failure.js";
import { Check, Field, UsageMode } from "../../ui/form.js";
import { say } from "../../ui/toast.js";

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
  const save = useAction(async () => {
    if (provider) await api.changeProvider(provider.name, fields);
    else await api.addProvider(fields);
    say(t(provider ? "saved" : "provider.added", { name: form.name }));
    onSaved();
  });
  const submit = (event) => {
    event.preventDefault();
    save.start();
  };
  return html`<form onSubmit=${submit}>
    <div class="body">
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
      <${Failure} failure=${save.failure} title=${t("save_failed")} />
    </div>
    <footer>
      <button type="button" onClick=${onCancel}>${t("cancel")}</button>
      <button type="submit" class="primary" disabled=${save.pending || Object.keys(fields).length === 0} aria-busy=${save.pending}>${t(provider ? "save" : "add")}</button>
    </footer>
  </form>`;
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
