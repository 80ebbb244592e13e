// Native dialogs. Escape closes them unless something must be read first; focus returns to where it was.
import { html, useLayoutEffect, useRef } from "/vendor/preact.js";
import { t } from "../i18n.js";
import { useAction } from "./ask.js";
import { Failure } from "./failure.js";
import { Icon } from "./icon.js";

let count = 0;

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

/** Asks before something is done. Stays open with the reason when it could not be done. */
export function Confirm({ title, action, danger = false, ready = true, run, onClose, children }) {
  const { pending, failure, start } = useAction(run);
  const submit = (event) => {
    event.preventDefault();
    if (ready) start();
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <div class="body">${children}<${Failure} failure=${failure} /></div>
      <footer>
        <button type="button" onClick=${onClose}>${t("cancel")}</button>
        <button type="submit" class=${danger ? "danger" : "primary"} disabled=${pending || !ready} aria-busy=${pending}>${action}</button>
      </footer>
    </form>
  <//>`;
}
