// What a person may change about a key. Only what was changed is sent.
import { html, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { t } from "../../i18n.js";
import { useAction } from "../../ui/ask.js";
import { Failure } from "../../ui/failure.js";
import { Check, Field } from "../../ui/form.js";
import { say } from "../../ui/toast.js";
import { GroupField } from "./group.js";

export const CAPS = ["rpm", "tpm", "concurrency"];

export function KeyForm({ of: key, groups, onSaved, onCancel }) {
  const [before] = useState(() => formOf(key)); // as it was when the form opened, not as a refresh has it
  const [form, setForm] = useState(before);
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const changes = changesOf(before, form);
  const save = useAction(async () => {
    const fresh = await api.changeKey(key.id, changes);
    say(t("saved"));
    onSaved(fresh);
  });
  const submit = (event) => {
    event.preventDefault();
    save.start();
  };
  return html`<form onSubmit=${submit}>
    <div class="body">
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
      <${Failure} failure=${save.failure} title=${t("save_failed")} />
    </div>
    <footer>
      <button type="button" onClick=${onCancel}>${t("cancel")}</button>
      <button type="submit" class="primary" disabled=${save.pending || Object.keys(changes).length === 0} aria-busy=${save.pending}>${t("save")}</button>
    </footer>
  </form>`;
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
