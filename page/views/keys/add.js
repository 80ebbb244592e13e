// The paste box, for keys and for what other tools export. What was typed leaves it only once the server has said that it is stored.
import { html, useRef, useState } from "../../preact.js";
import * as api from "../../api.js";
import { has, list, t } from "../../i18n.js";
import { complain, Failure, Field, Go, say, useAction, useLater } from "../../ui/form.js";
import { Control } from "../../ui/screen.js";
import { Icon } from "../../ui/show.js";
import { groupField, WEIGHT } from "./key.js";

const BLANK = { text: "", from: "", provider: "", group: "", weight: "" };
let draft = BLANK; // in memory only: it survives a look at another screen, never a reload

/** `provider`: whose they are unless the reader says otherwise. */
export function AddKeys({ providers, presets, groups, provider = "", onAdded }) {
  const [paste, setPaste] = useState({ ...draft, provider: draft.provider || provider });
  const keep = (change) => setPaste((old) => (draft = { ...old, ...change }));
  const seen = useLater(paste.text.trim() ? orderOf(paste) : null, preview);
  const action = useAction(async () => {
    const answer = await send(orderOf(paste));
    const rest = refusedLines(paste, answer.refused);
    keep({ text: rest });
    if (rest === paste.text) seen.again(); // what was new is known now
    report(answer);
    onAdded({ finished: rest === "", answer });
  });
  const read = async ([file]) => {
    if (!file) return;
    try {
      const text = await file.text();
      keep({ text: paste.text.trim() ? `${paste.text}\n${text}` : text });
    } catch (failure) {
      complain(failure, file.name);
    }
  };
  const chosen = useRef(null);
  const n = seen.answer?.added.length;
  const nothing = !paste.text.trim() || (seen.answer && n === 0 && !seen.stale);
  return html`<form class="add" onSubmit=${action.submit} onDragOver=${(event) => event.preventDefault()} onDrop=${(event) => drop(event, read)}>
    <div class="body">
      <${Field} label=${t("add.keys")} hint=${t("add.hint")} control="textarea" class="mono" rows="8" value=${paste.text} onText=${(text) => keep({ text })}
        onKeyDown=${hurry} readOnly=${action.pending} spellcheck=${false} autocomplete="off" autocapitalize="off" first placeholder=${EXAMPLE} />
      <div class="fields">
        <${Control} of=${{ name: "from", as: "paste_from", options: ["export"], blank: t("keys.title") }} value=${paste.from} onText=${(from) => keep({ from })} />
        <button type="button" onClick=${() => chosen.current.click()}><${Icon} name="up" />${t("add.file")}</button>
        <input type="file" hidden ref=${chosen} onChange=${({ target }) => (read(target.files), (target.value = ""))} />
      </div>
      <div class="fields">
        <${ProviderField} value=${paste.provider} onText=${(provider) => keep({ provider })} providers=${providers} presets=${presets} />
        ${!paste.from && html`<${Control} of=${{ ...WEIGHT, hint: "", placeholder: USUAL.weight }} value=${paste.weight} onText=${(weight) => keep({ weight })} />`}
      </div>
      ${!paste.from && html`<${Control} of=${{ ...groupField(groups), placeholder: USUAL.group }} value=${paste.group} onText=${(group) => keep({ group })} />`}
      <${Preview} ...${seen} />
      <${Failure} failure=${action.failure} title=${t("add.failed")} />
    </div>
    <footer><${Go} submit of=${action} ready=${!nothing}>${n > 0 ? t("add.go_n", { n }) : t("keys.add")}<//></footer>
  </form>`;
}

const hurry = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
};

/** Files only: a dropped text goes where the browser puts it. */
function drop(event, read) {
  if (event.dataTransfer.files.length === 0) return;
  event.preventDefault();
  read(event.dataTransfer.files);
}

const send = (order, signal) => ("data" in order ? api.importKeys : api.addKeys)(order, signal);
const preview = (order, signal) => send({ ...order, dry_run: true }, signal);
const USUAL = { weight: "10", group: "active" }; // what the server takes when nothing is said
const EXAMPLE = "sk-...\nGEMINI_API_KEY_1=AIza...\ngsk_...|20|team-a";

function ProviderField({ value, onText, providers, presets }) {
  const unused = presets.filter(({ name, base_url: url }) => !url.includes("{") && !providers.some((provider) => provider.name === name));
  return html`<${Field} label=${t("field.provider")} control="select" value=${value} onText=${onText}>
    <option value="">${t("add.guess")}</option>
    ${providers.length > 0 && html`<optgroup label=${t("add.configured")}>${providers.map(({ name }) => html`<option value=${name}>${name}</option>`)}</optgroup>`}
    ${unused.length > 0 && html`<optgroup label=${t("add.presets")}>${unused.map(({ name, label }) => html`<option value=${name}>${label}</option>`)}</optgroup>`}
  <//>`;
}

function orderOf({ text, from, provider, group, weight }) {
  if (from) return { data: text, ...(provider && { provider }) };
  const order = { text };
  if (provider) order.provider = provider;
  if (group.trim()) order.group = group.trim();
  if (weight !== "") order.weight = Number(weight);
  return order;
}

/** The lines that were not stored. Of JSON and of another tool's file a part makes no sense: it stays whole. */
function refusedLines({ text, from }, refused) {
  if (refused.length === 0) return "";
  if (from || /^\s*[[{]/.test(text)) return text;
  const lines = text.split(/\r\n|\r|\n/);
  const kept = new Set(refused.map(({ line }) => line));
  return lines.filter((_, i) => kept.has(i + 1)).join("\n");
}

function report({ added, known, refused }) {
  if (added.length) say(t("add.added", { n: added.length }));
  if (known.length && !added.length && !refused.length) say(t("add.only_known", { n: known.length }), "warn");
  if (refused.length) say(t("add.some_refused", { n: refused.length }), "warn");
}

const SHOWN = 100;

function Preview({ answer, failure, stale, again }) {
  if (failure) return html`<${Failure} failure=${failure} title=${t("preview.failed")} again=${again} />`;
  if (!answer) return null;
  const { added, known, refused, providers = [] } = answer;
  return html`<section class="preview" aria-busy=${stale} aria-label=${t("preview.title")}>
    <p class="sums" aria-live="polite">
      <span class="chip active">${t("preview.new", { n: added.length })}</span>
      ${known.length > 0 && html`<span class="chip off">${t("preview.known", { n: known.length })}</span>`}
      ${refused.length > 0 && html`<span class="chip disabled">${t("preview.refused", { n: refused.length })}</span>`}
    </p>
    ${providers.length > 0 && html`<p>${t("add.makes", { n: providers.length, names: list(providers) })}</p>`}
    <div class="lines" tabindex="0" role="group" aria-label=${t("preview.title")}>
      <${Lines} items=${refused} kind="disabled" row=${(item) => html`<code>${item.shown}</code><span>${refusal(item)}</span>`} />
      <${Lines} items=${added} kind="active" row=${(key) => html`<code>${key.key_masked}</code><span>${key.provider}${key.label && ` · ${key.label}`} · ${t("preview.weight", { n: key.weight })}</span>`} />
      <${Lines} items=${known} kind="off" row=${(item) => html`<code>${item.key_masked}</code><span>${t("preview.is_known")}</span>`} />
    </div>
  </section>`;
}

const refusal = ({ reason, message }) => (has(`refused.${reason}`) ? t(`refused.${reason}`) : message || reason);

function Lines({ items, kind, row }) {
  if (items.length === 0) return null;
  return html`<ul class=${kind}>
    ${items.slice(0, SHOWN).map((item, i) => html`<li key=${i}>${item.line > 0 && html`<span class="line num">${t("preview.line", { n: item.line })}</span>`}${row(item)}</li>`)}
    ${items.length > SHOWN && html`<li class="faint">${t("preview.more", { n: items.length - SHOWN })}</li>`}
  </ul>`;
}

