// Labelled fields. The hint and the complaint are tied to the control for screen readers.
import { h, html, useLayoutEffect, useRef } from "/vendor/preact.js";
import { t } from "../i18n.js";

let count = 0;

/** `control`: "input", "select" or "textarea"; other properties go to it. With `first`, the reader starts here. */
export function Field({ label, hint, control = "input", children, onText, suffix, first, ...rest }) {
  const name = useRef(null);
  name.current ??= `field-${++count}`;
  const id = rest.id ?? name.current;
  useLayoutEffect(() => first && document.getElementById(id).focus(), []);
  const hintId = hint ? `${id}-hint` : undefined;
  const onInput = rest.onInput ?? (onText && ((event) => onText(event.target.value)));
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <div class="control">${h(control, { ...rest, id, autofocus: first, onInput, "aria-describedby": hintId }, children)}${suffix && html`<span class="suffix">${suffix}</span>`}</div>
    ${hint && html`<small id=${hintId}>${hint}</small>`}
  </div>`;
}

/** One of a few: `options` are [value, label]. */
export const Segments = ({ label, value, options, choose }) => html`<div class="segments" role="group" aria-label=${label}>
  ${options.map(([name, text]) => html`<button key=${name} type="button" aria-pressed=${name === value} class=${name} onClick=${() => choose(name)}>${text}</button>`)}
</div>`;

export const Check = ({ label, checked, onChange, ...rest }) =>
  html`<label class="check"><input type="checkbox" checked=${checked} onChange=${(event) => onChange(event.target.checked)} ...${rest} /><span>${label}</span></label>`;

/** What is done so that a stream tells its tokens; a client key may leave it to the provider. */
export const UsageMode = ({ inherits, ...rest }) => html`<${Field} label=${t("usage_mode")} hint=${t("usage_mode.hint")} control="select" ...${rest}>
  ${inherits && html`<option value="">${t("usage_mode.provider")}</option>`}
  ${["as-is", "ask", "ask-and-hide"].map((name) => html`<option key=${name} value=${name}>${t(`usage_mode.${name}`)}</option>`)}
<//>`;
