// Fields, forms and native dialogs, and what went wrong in words. Hints and complaints are tied to the control for screen readers.
import { h, html, useLayoutEffect, useRef } from "/vendor/preact.js";
import { has, t } from "../i18n.js";
import { useAction } from "./ask.js";
import { Icon } from "./icon.js";

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

/** Fields, and what is done with them. Stays as it is, with the reason, when that could not be done. */
export function Form({ run, action, failed, danger, ready = true, onCancel, children }) {
  const { pending, failure, start } = useAction(run);
  const submit = (event) => {
    event.preventDefault();
    if (ready) start();
  };
  return html`<form onSubmit=${submit}>
    <div class="body">${children}<${Failure} failure=${failure} title=${failed} /></div>
    <footer>
      <button type="button" onClick=${onCancel}>${t("cancel")}</button>
      <button type="submit" class=${danger ? "danger" : "primary"} disabled=${pending || !ready} aria-busy=${pending}>${action}</button>
    </footer>
  </form>`;
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

/** One sentence for any failure: ours where we know better, the server's own otherwise. */
export function failureText(failure) {
  const name = `error.${failure.code}`;
  if (has(name)) return t(name, { n: failure.retryAfter ?? 0, detail: failure.message, status: String(failure.status) });
  if (failure.status) return t("error.status", { detail: failure.message || failure.code, status: String(failure.status) });
  return t("error.page", { detail: failure.message });
}

export function Failure({ failure, again, title }) {
  if (!failure) return null;
  return html`<div class="failure" role="alert">
    <${Icon} name="warning" />
    <p>${title && html`<strong>${title} </strong>`}${failureText(failure)}</p>
    ${again && html`<button type="button" class="small" onClick=${again}>${t("retry")}</button>`}
  </div>`;
}

/** `locked`: only the dialog's own buttons close it. `kind`: "", "wide" or "drawer". */
export function Dialog({ title, kind = "", locked = false, onClose, children }) {
  const box = useRef(null);
  const name = useRef(null);
  name.current ??= `dialog-${++count}`;
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    if (!locked) onClose();
  };
  // A browser lets a second Escape through whatever we say.
  const closed = () => (locked ? box.current.showModal() : onClose());
  return html`<dialog ref=${box} class=${kind} aria-labelledby=${name.current} onCancel=${cancel} onClose=${closed}
    onClick=${(event) => kind === "drawer" && !locked && event.target === box.current && onClose()}>
    <header>
      <h2 id=${name.current}>${title}</h2>
      ${!locked && html`<button type="button" class="icon" aria-label=${t("close")} onClick=${onClose}><${Icon} name="close" /></button>`}
    </header>
    ${children}
  </dialog>`;
}

/** Asks before something is done. */
export const Confirm = ({ title, onClose, ...form }) => html`<${Dialog} title=${title} onClose=${onClose}><${Form} ...${form} onCancel=${onClose} /><//>`;
