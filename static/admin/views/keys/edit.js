// What a person may change about a key. Only what was changed is sent.
import { html, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { t } from "../../i18n.js";
import { Check, Field, Form } from "../../ui/form.js";
import { say } from "../../ui/toast.js";

export const CAPS = ["rpm", "tpm", "concurrency"];

export function KeyForm({ of: key, groups, onSaved, onCancel }) {
  const [before] = useState(() => formOf(key)); // as it was when the form opened, not as a refresh has it
  const [form, setForm] = useState(before);
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const changes = changesOf(before, form);
  const save = async () => {
    const fresh = await api.changeKey(key.id, changes);
    say(t("saved"));
    onSaved(fresh);
  };
  return html`<${Form} run=${save} action=${t("save")} failed=${t("save_failed")} ready=${Object.keys(changes).length > 0} onCancel=${onCancel}>
    <${Field} label=${t("key.label")} maxlength="200" first value=${form.label} onText=${(label) => set({ label })} />
    <${Field} label=${t("key.weight")} hint=${t("key.weight_hint")} type="number" min="0" max="100" step="1" required value=${form.weight} onText=${(weight) => set({ weight })} />
    <${GroupField} groups=${groups} required value=${form.group} onText=${(group) => set({ group })} />
    <${Field} label=${t("key.models")} hint=${t("key.models_hint")} control="textarea" class="mono" rows="4" spellcheck="false" value=${form.models} onText=${(models) => set({ models })} />
    <details open=${CAPS.some((name) => before[name] !== "")}>
      <summary>${t("key.caps")}</summary>
      <div class="tiles">${CAPS.map((name) => html`<${Field} key=${name} label=${t(`cap.${name}`)} type="number" min="1" step="1" value=${form[name]} onText=${(value) => set({ [name]: value })} />`)}</div>
      <small>${t("key.caps_hint")}</small>
    </details>
    <${Check} label=${t("key.enabled")} checked=${form.enabled} onChange=${(enabled) => set({ enabled })} />
  <//>`;
}

const formOf = (key) => ({
  label: key.label ?? "",
  weight: String(key.weight),
  group: key.group,
  models: key.models.join("\n"),
  enabled: key.enabled,
  ...Object.fromEntries(CAPS.map((name) => [name, String(key[name] ?? "")])),
});

const cap = (text) => (text === "" ? null : Number(text));
const READ = {
  label: (text) => text.trim(),
  weight: Number,
  group: (text) => text.trim(),
  models: (text) => text.split(/[\s,]+/).filter(Boolean),
  enabled: Boolean,
  rpm: cap,
  tpm: cap,
  concurrency: cap,
};

function changesOf(before, form) {
  const changed = Object.keys(READ).filter((name) => form[name] !== before[name]);
  return Object.fromEntries(changed.map((name) => [name, READ[name](form[name])]));
}

export const STANDBY = "standby";
const KNOWN = ["active", STANDBY];

export function GroupField({ groups, ...rest }) {
  const names = [...new Set([...KNOWN, ...groups])];
  return html`<${Field} label=${t("key.group")} hint=${t("key.group_hint")} title=${t("key.group_hint")} list="groups" maxlength="40" pattern="[a-z0-9_\\-]+" ...${rest} />
    <datalist id="groups">${names.map((name) => html`<option key=${name} value=${name} />`)}</datalist>`;
}
