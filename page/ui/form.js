// Asking the server, saying how it went, and asking the reader: news, failures, fields, forms and native dialogs.
import { h, html, useCallback, useEffect, useLayoutEffect, useRef, useState } from "../preact.js";
import { has, t } from "../i18n.js";
import { Act, Icon } from "./show.js";

/** What `ask` answered last, kept fresh; asked anew when `about` changes. A failure leaves the last answer standing. */
export function useAnswer(ask, every = 10_000, about = "") {
  const [state, setState] = useState({ answer: null, failure: null, loading: true });
  const turn = useRef(0);
  const latest = useRef(ask);
  latest.current = ask;
  const again = useCallback(async () => {
    const mine = ++turn.current;
    const settle = (change) => mine === turn.current && setState((old) => ({ ...old, loading: false, ...change }));
    try {
      settle({ answer: await latest.current(), failure: null });
    } catch (failure) {
      settle({ failure });
    }
  }, []);
  useEffect(() => {
    again();
    return () => void ++turn.current;
  }, [about]);
  usePoll(again, every);
  return { ...state, again };
}

/** One thing the user starts. A second click while it runs does nothing; a failure is kept until the next try. */
export function useAction(run) {
  const [state, setState] = useState({ pending: false, failure: null });
  const running = useRef(false);
  const start = async (...args) => {
    if (running.current) return;
    running.current = true;
    setState({ pending: true, failure: null });
    try {
      await run(...args);
      setState({ pending: false, failure: null });
    } catch (failure) {
      setState({ pending: false, failure });
    } finally {
      running.current = false;
    }
  };
  const submit = (event) => {
    event.preventDefault();
    start();
  };
  const forget = () => setState((old) => ({ ...old, failure: null }));
  return { ...state, start, submit, forget };
}

const PAUSE_MS = 350;

/** What `ask` answers to `order` a moment after its last change; null asks nothing. */
export function useLater(order, ask) {
  const [state, setState] = useState({ answer: null, failure: null, stale: false });
  const [turn, again] = useState(0);
  useEffect(() => {
    if (!order) return setState({ answer: null, failure: null, stale: false });
    const leaving = new AbortController();
    setState((old) => ({ ...old, stale: true }));
    const timer = setTimeout(async () => {
      try {
        const answer = await ask(order, leaving.signal);
        setState({ answer, failure: null, stale: false });
      } catch (failure) {
        if (failure.name !== "AbortError") setState({ answer: null, failure, stale: false });
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [JSON.stringify(order), turn]);
  useResume(() => state.failure && again(turn + 1));
  return { ...state, again: () => again(turn + 1) };
}

const RESUME = "keypool:resume";

export const resume = () => dispatchEvent(new Event(RESUME));

/** Calls `again` after a new login, for what failed because the session had ended. */
export function useResume(again) {
  const latest = useRef(again);
  latest.current = again;
  useEffect(() => {
    const now = () => latest.current();
    addEventListener(RESUME, now);
    return () => removeEventListener(RESUME, now);
  }, []);
}

let pace = 1;
/** KV has a thousand lists a day, and each look at counts takes one: ask six times more rarely. */
export const askRarely = () => (pace = 6);

/** Calls `ask` every `every` ms (see `askRarely`) while the page is visible, and when it becomes visible, online or logged in again. */
export function usePoll(ask, every) {
  const latest = useRef(ask);
  latest.current = ask;
  useResume(ask);
  useEffect(() => {
    let last = Date.now();
    const now = () => {
      if (document.hidden) return;
      last = Date.now();
      latest.current();
    };
    const due = () => Date.now() - last >= every * pace - 50 && now();
    const timer = setInterval(due, every * pace);
    document.addEventListener("visibilitychange", due);
    addEventListener("online", now);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", due);
      removeEventListener("online", now);
    };
  }, [every]);
}

const STAY_MS = { good: 6000, warn: 12_000, bad: 20_000 };
let next = 1;
let shown = [];
let publish = () => {};

/** `undo` takes back what is said to be done. */
export const say = (text, kind = "good", undo = null) => push({ text, kind, undo });
export const complain = (failure, what, undo) => push({ text: failureText(failure), title: what, kind: "bad", undo });

/** The page's one status region and one alert region. */
export function Toasts() {
  const [toasts, setToasts] = useState(shown);
  useEffect(() => void (publish = setToasts), []);
  const of = (bad) => toasts.filter(({ kind }) => (kind === "bad") === bad).map((toast) => html`<${Toast} key=${toast.id} ...${toast} />`);
  return html`<div class="toasts">
    <div role="alert">${of(true)}</div>
    <div role="status">${of(false)}</div>
  </div>`;
}

function Toast({ id, text, title, kind, undo }) {
  return html`<div class=${`toast ${kind}`}>
    <${Icon} name=${kind === "good" ? "check" : "warning"} />
    <p>${title && html`<strong>${title} </strong>`}${text}</p>
    ${undo && html`<button type="button" class="link" onClick=${() => (drop(id), undo())}>${t("undo")}</button>`}
    <${Act} icon="close" label=${t("dismiss")} onClick=${() => drop(id)} />
  </div>`;
}

function push(toast) {
  const id = next++;
  shown = [...shown.slice(-3), { ...toast, id }];
  publish(shown);
  setTimeout(() => drop(id), STAY_MS[toast.undo ? "bad" : toast.kind]);
}

function drop(id) {
  shown = shown.filter((toast) => toast.id !== id);
  publish(shown);
}

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

/** The button that starts an action; with `submit`, its form does. */
export const Go = ({ of: { pending, start }, submit, ready = true, kind = "primary", children }) => html`<button type=${submit ? "submit" : "button"} class=${kind} disabled=${pending || !ready} aria-busy=${pending} onClick=${submit ? null : () => start()}>${children}</button>`;

/** Fields, and what is done with them. Stays as it is, with the reason, when that could not be done. */
export function Form({ run, action, failed, danger, ready = true, onCancel, children }) {
  const { pending, failure, start } = useAction(run);
  const submit = (event) => {
    event.preventDefault();
    if (ready) start();
  };
  return html`<form onSubmit=${submit} onInvalidCapture=${unfold}>
    <div class="body">${children}<${Failure} failure=${failure} title=${failed} /></div>
    <footer>
      <button type="button" onClick=${onCancel}>${t("cancel")}</button>
      <${Go} submit of=${{ pending }} kind=${danger ? "danger" : "primary"} ready=${ready}>${action}<//>
    </footer>
  </form>`;
}

/** A browser cannot show what is wrong with a field that is folded away. */
const unfold = ({ target }) => target.closest("details")?.setAttribute("open", "");

export const Segments = ({ label, value, options, choose }) => html`<div class="segments" role="group" aria-label=${label}>
  ${options.map(([name, text]) => html`<button key=${name} type="button" aria-pressed=${name === value} class=${name} onClick=${() => choose(name)}>${text}</button>`)}
</div>`;

export const Check = ({ label, checked, onChange, ...rest }) =>
  html`<label class="check"><input type="checkbox" checked=${checked} onChange=${(event) => onChange(event.target.checked)} ...${rest} /><span>${label}</span></label>`;

/** One sentence for any failure: ours where we know better, the server's own otherwise. */
export function failureText(failure) {
  const own = `error.${failure.code}`;
  const name = failure.status === 404 ? "error.gone" : own;
  if (!failure.quoted && has(name)) return t(name, { n: failure.retryAfter ?? 0, detail: failure.message, status: String(failure.status) });
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
      ${!locked && html`<${Act} icon="close" label=${t("close")} onClick=${onClose} />`}
    </header>
    ${children}
  </dialog>`;
}

/** What the server gave is saved as a file. */
export function saveFile(blob, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(blob), download: name }).click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const Confirm = ({ title, onClose, ...form }) => html`<${Dialog} title=${title} onClose=${onClose}><${Form} ...${form} onCancel=${onClose} /><//>`;

export function Copy({ text, label, wordy = false }) {
  const [done, setDone] = useState(false);
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return say(t("copy.failed"), "warn");
    }
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), 2000);
  };
  const name = done ? t("copy.done") : label ?? t("copy");
  return html`<button type="button" class=${wordy ? "small" : "icon"} aria-label=${wordy ? undefined : name} title=${wordy ? undefined : name} onClick=${copy}>
    <${Icon} name=${done ? "check" : "copy"} />${wordy && name}
  </button>`;
}
