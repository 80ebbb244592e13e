// What the server understood of a paste, before anything is stored.
import { html, useEffect, useState } from "/vendor/preact.js";
import * as api from "../../api.js";
import { has, t } from "../../i18n.js";
import { Failure } from "../../ui/failure.js";
import { useResume } from "../../ui/poll.js";

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
