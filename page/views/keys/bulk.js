// What can be done to many keys at once. The dialog names how many; the news afterwards is the server's count, with a way back
// where there is one.
import { html, useEffect, useState } from "../../preact.js";
import * as api from "../../api.js";
import { list, t } from "../../i18n.js";
import { complain, Confirm, Field, saveFile, say } from "../../ui/form.js";
import { Control } from "../../ui/screen.js";
import { Act, className, Icon } from "../../ui/show.js";
import { groupField, WEIGHT } from "./key.js";
import { STANDBY } from "./table.js";

const SLICE = 500;
const MANY = 25; // deleting more than this asks for the number to be typed
const ACTIONS = { test: "test", enable: "check", disable: "off", reset: "reset", weight: "edit", group: "edit", export: "down" };
const FIELDS = ["weight", "group"];

const wordOf = (action) => t(FIELDS.includes(action) ? `field.${action}` : action);

export function BulkBar({ selection, shown, total, promotes, open }) {
  if (!selection.count) return null;
  const more = selection.all && !selection.everything && total > shown;
  const actions = promotes ? { promote: "up", ...ACTIONS } : ACTIONS;
  return html`<section class="bulk" aria-label=${t("bulk.title")}>
    <p><strong class="num">${t(selection.everything ? "bulk.everything" : "bulk.selected", { n: selection.count })}</strong>
      ${more && html` <button type="button" class="link" onClick=${selection.takeEverything}>${t("bulk.take_everything", { n: total })}</button>`}
    </p>
    <div class="acts">
      ${Object.entries(actions).map(([name, icon]) => html`<button key=${name} type="button" class="small" onClick=${() => open(name)}><${Icon} name=${icon} />${wordOf(name)}</button>`)}
      <span class="apart"></span>
      <button type="button" class="small danger-quiet" onClick=${() => open("delete")}><${Icon} name="trash" />${t("delete")}</button>
      <${Act} icon="close" label=${t("bulk.clear")} onClick=${selection.clear} />
    </div>
  </section>`;
}

export function BulkDialog({ action, selection, filter, groups, onPart, onDone, onClose }) {
  const [value, setValue] = useState({ weight: "10", export: "lines" }[action] ?? "");
  const [typed, setTyped] = useState("");
  const scope = scopeOf(action, selection, filter);
  const total = useFreshTotal(scope, action === "promote" ? 0 : selection.count);
  const n = scope.everything ? total : scope.ids.length;
  const careful = action === "delete" && n > MANY;
  const ready = n > 0 && (!careful || typed.replace(/\D/g, "") === String(n)) && (action !== "group" || value.trim());
  const run = async () => {
    if (action === "export") return onDone(await exported(scope, value, n));
    const back = scope.everything ? [] : wayBack(action, selection.keys.filter(({ id }) => scope.ids.includes(id)));
    const { done, missing } = await order(scope, orderOf(action, value), onPart);
    if (done.length) say(t(`bulk.${action}.done`, { n: done.length }), "good", back.length ? () => undo(back, onPart) : null);
    if (missing.length || !done.length) say(t("bulk.missing", { n: missing.length }), "warn");
    onDone(action);
  };
  const words = (own, common) => (FIELDS.includes(action) ? t(`bulk.${action}.${own}`, { n: n ?? 0 }) : t(`bulk.${common}`, { what: t(action), n: n ?? 0 }));
  return html`<${Confirm} title=${words("title", "ask")} action=${words("go", "go")} danger=${action === "delete"}
    ready=${Boolean(ready)} run=${run} onClose=${onClose}>
    <p>${t(`bulk.${action}.text`, { n: n ?? 0 })}</p>
    <${FilterIs} of=${scope} />
    ${action === "weight" && html`<${Control} of=${{ ...WEIGHT, required: true }} value=${value} onText=${setValue} />`}
    ${action === "group" && html`<${Control} of=${{ ...groupField(groups), required: true }} value=${value} onText=${setValue} />`}
    ${action === "export" && html`<${Control} of=${{ name: "format", options: ["lines", "json"] }} value=${value} onText=${setValue} />`}
    ${careful && html`<${Field} label=${t("bulk.type_count", { n })} inputmode="numeric" autocomplete="off" value=${typed} onText=${setTyped} />`}
  <//>`;
}

/** For "all that match" the number is asked for when the dialog opens: the list may be seconds old. */
export function useFreshTotal({ everything, filter }, known) {
  const [total, setTotal] = useState(known);
  useEffect(() => {
    if (everything) api.listKeys({ ...filter, limit: 1 }).then((answer) => setTotal(answer.total), complain);
  }, []);
  return total;
}

/** What is touched: of what was selected, a promotion takes only the keys on standby. */
const scopeOf = (action, { everything, ids, standby }, filter) =>
  action === "promote" ? { everything, ids: standby, filter: { ...filter, group: STANDBY } } : { everything, ids, filter };

const orderOf = (action, value) => {
  if (action === "weight") return { action: "set", weight: Number(value) };
  if (action === "promote") return { action: "set", group: "active" };
  if (action === "group") return { action: "set", group: value.trim() };
  return { action };
};

async function order({ everything, ids, filter }, what, onPart) {
  if (everything) return api.bulk({ filter, ...what });
  const done = [];
  const missing = [];
  try {
    for (let i = 0; i < ids.length; i += SLICE) {
      const answer = await api.bulk({ ids: ids.slice(i, i + SLICE), ...what });
      done.push(...answer.done);
      missing.push(...answer.missing);
    }
  } catch (failure) {
    if (done.length) onPart();
    throw failure;
  }
  return { done, missing };
}

const BACK = {
  enable: ({ enabled }) => !enabled && { action: "disable" },
  disable: ({ enabled }) => enabled && { action: "set", enabled: true }, // which wakes nothing that rests
  weight: ({ weight }) => ({ action: "set", weight }),
  group: ({ group }) => ({ action: "set", group }),
};
BACK.promote = BACK.group;

/** The orders that make the keys what they are now. */
function wayBack(action, keys) {
  const what = BACK[action];
  const alike = Map.groupBy(what ? keys.filter(what) : [], (key) => JSON.stringify(what(key)));
  return [...alike].map(([order, keys]) => ({ ids: keys.map(({ id }) => id), what: JSON.parse(order) }));
}

async function undo(orders, onPart) {
  try {
    for (const { ids, what } of orders) await order({ ids }, what, onPart);
    say(t("bulk.undone"));
  } catch (failure) {
    complain(failure, t("bulk.not_undone"), () => undo(orders, onPart));
  }
  onPart();
}

async function exported({ everything, ids, filter }, format, n) {
  const file = await api.exportKeys({ ...(everything ? { filter } : { ids }), format });
  saveFile(file, `keypool-keys-${new Date().toISOString().slice(0, 10)}.${format === "json" ? "json" : "txt"}`);
  say(t("bulk.export.done", { n }));
}

export const FilterIs = ({ of: { everything, filter } }) => everything && html`<p class="quote">${t("bulk.filter_is", { filter: describe(filter) })}</p>`;

function describe(filter) {
  const word = { state: (value) => t(`state.${value}`), reason: className };
  const parts = Object.entries(filter).filter(([, value]) => value);
  return parts.length ? list(parts.map(([name, value]) => t("bulk.filter_part", { name: t(`field.${name}`), value: word[name]?.(value) ?? value }))) : t("bulk.no_filter");
}
