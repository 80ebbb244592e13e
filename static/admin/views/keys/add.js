// The paste box. What was typed leaves it only once the server has said that it is stored.
import { html, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { t } from "../../i18n.js";
import { useAction } from "../../ui/ask.js";
import { Failure } from "../../ui/failure.js";
import { Field } from "../../ui/form.js";
import { say } from "../../ui/toast.js";
import { GroupField } from "./group.js";
import { Preview, usePreview } from "./preview.js";

const BLANK = { text: "", provider: "", group: "", weight: "" };
let draft = BLANK; // in memory only: it survives a look at another screen, never a reload

export function AddKeys({ providers, presets, groups, onAdded }) {
  const [paste, setPaste] = useState(draft);
  const keep = (change) => setPaste((old) => (draft = { ...old, ...change }));
  const preview = usePreview(paste.text.trim() ? orderOf(paste) : null);
  const action = useAction(async () => {
    const answer = await api.addKeys(orderOf(paste));
    const rest = refusedLines(paste.text, answer.refused);
    keep({ text: rest });
    report(answer);
    onAdded({ finished: rest === "", answer });
  });
  const submit = (event) => {
    event.preventDefault();
    action.start();
  };
  const n = preview.answer?.added.length;
  const nothing = !paste.text.trim() || (preview.answer && n === 0 && !preview.stale);
  return html`<form class="add" onSubmit=${submit}>
    <div class="body">
      <${Field} label=${t("add.keys")} hint=${t("add.hint")} control="textarea" class="mono" rows="8" value=${paste.text} onText=${(text) => keep({ text })}
        onKeyDown=${hurry} readOnly=${action.pending} spellcheck="false" autocomplete="off" autocapitalize="off" first placeholder=${EXAMPLE} />
      <div class="fields">
        <${ProviderField} value=${paste.provider} onText=${(provider) => keep({ provider })} providers=${providers} presets=${presets} />
        <${Field} label=${t("key.weight")} type="number" min="0" max="100" step="1" placeholder=${USUAL.weight} value=${paste.weight} onText=${(weight) => keep({ weight })} />
      </div>
      <${GroupField} groups=${groups} placeholder=${USUAL.group} value=${paste.group} onText=${(group) => keep({ group })} />
      <${Preview} ...${preview} />
      <${Failure} failure=${action.failure} title=${t("add.failed")} />
    </div>
    <footer><button type="submit" class="primary" disabled=${action.pending || nothing} aria-busy=${action.pending}>${n > 0 ? t("add.go_n", { n }) : t("add.go")}</button></footer>
  </form>`;
}

/** Ctrl+Enter or Cmd+Enter sends what is in the box. */
const hurry = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
};

const USUAL = { weight: "10", group: "active" }; // what the server takes when nothing is said
const EXAMPLE = "sk-...\nGEMINI_API_KEY_1=AIza...\ngsk_...|20|team-a";

function ProviderField({ value, onText, providers, presets }) {
  const unused = presets.filter(({ name }) => !providers.some((provider) => provider.name === name));
  return html`<${Field} label=${t("key.provider")} control="select" value=${value} onText=${onText}>
    <option value="">${t("add.guess")}</option>
    ${providers.length > 0 && html`<optgroup label=${t("add.configured")}>${providers.map(({ name }) => html`<option key=${name} value=${name}>${name}</option>`)}</optgroup>`}
    ${unused.length > 0 && html`<optgroup label=${t("add.presets")}>${unused.map(({ name, label }) => html`<option key=${name} value=${name}>${label}</option>`)}</optgroup>`}
  <//>`;
}

function orderOf({ text, provider, group, weight }) {
  const order = { text };
  if (provider) order.provider = provider;
  if (group.trim()) order.group = group.trim();
  if (weight !== "") order.weight = Number(weight);
  return order;
}

/** The lines that were not stored. Of a JSON array a part makes no sense: it stays whole. */
function refusedLines(text, refused) {
  if (refused.length === 0) return "";
  if (/^\s*[[{]/.test(text)) return text;
  const lines = text.split(/\r\n|\r|\n/);
  const kept = new Set(refused.map(({ line }) => line));
  return lines.filter((_, i) => kept.has(i + 1)).join("\n");
}

function report({ added, known, refused }) {
  if (added.length) say(t("add.added", { n: added.length }));
  if (known.length && !added.length && !refused.length) say(t("add.only_known", { n: known.length }), "warn");
  if (refused.length) say(t("add.some_refused", { n: refused.length }), "warn");
}
