// Many keys are tried, a few at a time, until all are or the reader stops it; then what failed and why.
import { html, useEffect, useRef, useState } from "../../preact.js";
import * as api from "../../api.js";
import { list, t } from "../../i18n.js";
import { Dialog, Failure, useResume } from "../../ui/form.js";
import { className, Icon } from "../../ui/show.js";
import { FilterIs, useFreshTotal } from "./bulk.js";

const AT_ONCE = 4;
const NAMED = 3;
const PAGE = 1000;

/** `pick(keys)` selects those that failed. */
export function TestKeys({ selection, filter, pick, onDone, onClose }) {
  const scope = { everything: selection.everything, ids: selection.ids, filter };
  const total = useFreshTotal(scope, selection.count);
  const run = useTrial(scope);
  const { queue, all, tested, failed, running, failure } = run;
  const begun = queue !== null;
  const n = (begun ? all : total) ?? 0;
  const close = () => {
    run.stop();
    if (begun) onDone();
    onClose();
  };
  const reasons = [...Map.groupBy(failed, ({ why }) => why)].sort((a, b) => b[1].length - a[1].length);
  return html`<${Dialog} title=${t(begun ? "bulk.go" : "bulk.ask", { what: t("test"), n })} onClose=${close}>
    <div class="body">
      ${begun ? html`<progress max=${n} value=${tested} aria-label=${t("test")}></progress>
        <p class="num" role="status">${t("trial.so_far", { n: tested, all: n, ok: tested - failed.length, failed: failed.length })}</p>` : html`<p>${t("trial.text")}</p><${FilterIs} of=${scope} />`}
      ${reasons.length > 0 && html`<ul class="pool">${reasons.map(([why, keys]) => html`<li key=${why}><span><strong>${why}</strong> <small>${list(keys.slice(0, NAMED).map(nameOf))}${keys.length > NAMED && ` ${t("why.more", { n: keys.length - NAMED })}`}</small></span><span class="chip disabled">${keys.length}</span></li>`)}</ul>`}
      <${Failure} failure=${failure} title=${t("trial.halted")} />
    </div>
    <footer>
      <button type="button" onClick=${close}>${t(begun ? "close" : "cancel")}</button>
      ${!running && failed.length > 0 && html`<button type="button" onClick=${() => (close(), pick(failed.map(({ key }) => key)))}>${t("trial.pick", { n: failed.length })}</button>`}
      ${running ? html`<button type="button" class="danger" onClick=${run.stop}>${t("trial.stop")}</button>`
        : !(begun && queue.length === 0) && html`<button type="button" class="primary" disabled=${n === 0} onClick=${run.go}><${Icon} name="test" />${begun ? t("trial.go_on", { n: queue.length }) : t("bulk.go", { what: t("test"), n })}</button>`}
    </footer>
  <//>`;
}

const nameOf = ({ key }) => key.label || key.key_masked;

/** What is to be tested and came of it. An answer that tells nothing of the key halts it, and the key waits for another go. */
function useTrial({ everything, ids, filter }) {
  const [state, setState] = useState({ queue: null, all: 0, tested: 0, failed: [], running: false, failure: null });
  const now = useRef(state);
  const set = (change) => setState((now.current = { ...now.current, ...change }));
  const next = async () => {
    while (now.current.running && now.current.queue.length > 0) {
      const [id, ...queue] = now.current.queue;
      set({ queue });
      try {
        const { ok, status, class: what, key } = await api.actOnKey(id, "test");
        const why = [what && className(what), status].filter(Boolean).join(" · ") || t("key.no_status");
        set({ tested: now.current.tested + 1, failed: ok ? now.current.failed : [...now.current.failed, { key, why }] });
      } catch (failure) {
        if (failure.status === 404) set({ all: now.current.all - 1 }); // somebody deleted it meanwhile
        else set({ queue: [id, ...now.current.queue], running: false, failure });
      }
    }
  };
  const go = async () => {
    if (now.current.running) return;
    set({ running: true, failure: null });
    try {
      const queue = now.current.queue ?? (everything ? await idsOf(filter) : ids);
      set({ queue, all: now.current.all || queue.length });
    } catch (failure) {
      return set({ running: false, failure });
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    set({ running: false });
  };
  const stop = () => set({ running: false });
  useEffect(() => stop, []);
  useResume(() => now.current.failure && go());
  return { ...state, go, stop };
}

async function idsOf(filter) {
  const ids = [];
  for (let cursor = ""; cursor !== null; ) {
    const page = await api.listKeys({ ...filter, limit: PAGE, cursor });
    ids.push(...page.keys.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  return ids;
}
