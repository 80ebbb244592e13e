// The paste box. What was typed leaves it only once the server has said that it is stored.
import { html, useEffect, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { has, t } from "../../i18n.js";
import { useAction, useResume } from "../../ui/ask.js";
import { Failure, Field } from "../../ui/form.js";
import { say } from "../../ui/toast.js";
import { GroupField } from "./edit.js";

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

const PAUSE_MS = 350;
const SHOWN = 100;

/** A dry run of `order` a moment after the last change; null asks nothing. */
export function usePreview(order) {
  const [state, setState] = useState({ answer: null, failure: null, stale: false });
  const [turn, again] = useState(0);
  const name = JSON.stringify(order);
  useEffect(() => {
    if (!order) return setState({ answer: null, failure: null, stale: false });
    const leaving = new AbortController();
    setState((old) => ({ ...old, stale: true }));
    const timer = setTimeout(async () => {
      try {
        const answer = await api.addKeys({ ...order, dry_run: true }, leaving.signal);
        setState({ answer, failure: null, stale: false });
      } catch (failure) {
        if (failure.name !== "AbortError") setState({ answer: null, failure, stale: false });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [name, turn]);
  useResume(() => state.failure && again(turn + 1));
  return { ...state, again: () => again(turn + 1) };
}

export function Preview({ answer, failure, stale, again }) {
  if (failure) return html`<${Failure} failure=${failure} title=${t("preview.failed")} again=${again} />`;
  if (!answer) return null;
  const { added, known, refused } = answer;
  return html`<section class="preview" aria-busy=${stale} aria-label=${t("preview.title")}>
    <p class="sums" aria-live="polite">
      <span class="chip active">${t("preview.new", { n: added.length })}</span>
      ${known.length > 0 && html`<span class="chip off">${t("preview.known", { n: known.length })}</span>`}
      ${refused.length > 0 && html`<span class="chip disabled">${t("preview.refused", { n: refused.length })}</span>`}
    </p>
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
