// The rows. All are equally high, so where one stands is arithmetic, and only those near the screen exist: ten thousand of
// them cost what forty do.
import { html, useEffect, useLayoutEffect, useRef, useState } from "/vendor/preact.js";
import { compact, number, t } from "../../i18n.js";
import { Ago, StateChip, stateOf, Why } from "../../ui/clock.js";
import { Icon } from "../../ui/icon.js";
import { hashOf } from "../../ui/route.js";

const COLUMNS = ["key", "provider", "state", "weight", "requests", "tokens", "used"];
const SORTED_BY = { key: "label", provider: "provider", state: "state", weight: "weight" };
const USUAL_GROUP = "active"; // nearly every key is in it: saying so would only look like a state
const HEIGHT = { wide: 56, narrow: 138 }; // as in style.css

/** `here` is the query of the address, which a link to a key keeps. */
export function KeyTable({ pages, selection, query, here, change, act, busy }) {
  const { rows, total, stale } = pages;
  const height = useNarrow() ? HEIGHT.narrow : HEIGHT.wide;
  const body = useRef(null);
  const count = Math.max(total ?? 0, rows.length);
  const [first, last] = useWindow(body, count, height);
  useEffect(() => void pages.want(first, last), [first, last, count]);
  const visible = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  return html`<table class="keys" aria-rowcount=${count + 1} aria-busy=${stale} role="table">
    <caption class="sr">${t("keys.title")}</caption>
    <thead role="rowgroup"><tr role="row" aria-rowindex="1">
      <th scope="col" role="columnheader" class="pick"><${PickAll} selection=${selection} n=${rows.length} /></th>
      ${COLUMNS.map((name) => html`<${Heading} key=${name} name=${name} query=${query} change=${change} />`)}
      <th scope="col" role="columnheader"><span class="sr">${t("keys.col.actions")}</span></th>
    </tr></thead>
    <tbody ref=${body} role="rowgroup">
      <${Gap} rows=${first} height=${height} />
      ${visible.map((i) => (rows[i]
        ? html`<${Row} key=${rows[i].id} of=${rows[i]} index=${i} selection=${selection} here=${here} act=${act} busy=${busy === rows[i].id} />`
        : html`<tr key=${`blank-${i}`} class="blank" aria-hidden="true"><td></td></tr>`))}
      <${Gap} rows=${count - last} height=${height} />
    </tbody>
  </table>`;
}

const Gap = ({ rows, height }) => rows > 0 && html`<tr class="gap" aria-hidden="true"><td style=${{ height: `${rows * height}px` }}></td></tr>`;

function Heading({ name, query, change }) {
  const field = SORTED_BY[name];
  const label = t(`keys.col.${name}`);
  if (!field) return html`<th scope="col" role="columnheader" class=${name}>${label}</th>`;
  const order = query.sort === field ? "ascending" : query.sort === `-${field}` ? "descending" : undefined;
  return html`<th scope="col" role="columnheader" class=${name} aria-sort=${order}>
    <button type="button" class="sort" onClick=${() => change({ sort: order === "ascending" ? `-${field}` : field })}>${label}<span aria-hidden="true">${order === "ascending" ? " ↑" : order ? " ↓" : ""}</span></button>
  </th>`;
}

function PickAll({ selection, n }) {
  const box = useRef(null);
  const some = selection.count > 0 && !selection.all && !selection.everything;
  useEffect(() => void (box.current.indeterminate = some), [some]);
  return html`<label class="hit"><input ref=${box} type="checkbox" aria-label=${t("keys.pick_shown", { n })} disabled=${n === 0}
    checked=${selection.all || selection.everything} onChange=${(event) => selection.toggleAll(event.target.checked)} /></label>`;
}

function Row({ of: key, index, selection, here, act, busy }) {
  const name = key.label || key.key_masked;
  const picked = selection.has(key.id);
  const link = hashOf({ screen: "keys", id: key.id, query: here });
  const { attempts, failed, prompt_tokens, completion_tokens } = key.counters;
  return html`<tr class=${picked ? "picked" : ""} role="row" aria-rowindex=${index + 2}>
    <td role="cell" class="pick"><label class="hit"><input type="checkbox" aria-label=${t("keys.pick_one", { name })} checked=${picked}
      onClick=${(event) => selection.toggle(index, event.target.checked, event.shiftKey)} /></label></td>
    <th scope="row" role="rowheader" class="key"><a href=${link} title=${key.label || undefined}>${name}</a>${key.label && html`<code>${key.key_masked}</code>`}</th>
    <td role="cell" class="provider"><span>${key.provider}</span>${key.group !== USUAL_GROUP && html`<small>${key.group}</small>`}</td>
    <td role="cell" class="state"><${StateChip} value=${stateOf(key)} /><small><${Why} of=${key} /></small></td>
    <td role="cell" class="weight num" data-label=${t("keys.col.weight")}>${number(key.weight)}</td>
    <td role="cell" class="requests num" data-label=${t("keys.col.requests")}><span>${compact(attempts)}</span>${failed > 0 && html`<small>${t("keys.failed_n", { n: failed })}</small>`}</td>
    <td role="cell" class="tokens num" data-label=${t("keys.col.tokens")}>${compact(prompt_tokens + completion_tokens)}</td>
    <td role="cell" class="used" data-label=${t("keys.col.used")}><${Ago} at=${key.last_used} /></td>
    <td role="cell" class="acts">
      <${Act} icon="test" label=${t("keys.test_one", { name })} busy=${busy} onClick=${() => act.test(key)} />
      <${Act} icon="off" label=${t(key.enabled ? "keys.disable_one" : "keys.enable_one", { name })} pressed=${!key.enabled} onClick=${() => act.toggle(key)} />
      <a class="button icon" href=${hashOf({ screen: "keys", id: key.id, query: { ...here, edit: "1" } })} aria-label=${t("keys.edit_one", { name })} title=${t("edit")}><${Icon} name="edit" /></a>
    </td>
  </tr>`;
}

const Act = ({ icon, label, busy, pressed, onClick }) => html`<button type="button" class="icon" aria-label=${label} title=${label}
  aria-busy=${busy} aria-pressed=${pressed} disabled=${busy} onClick=${onClick}><${Icon} name=${icon} /></button>`;

const SPARE = 10;

/** Which of `count` rows of `height` px below `box` to draw: [first, last). */
export function useWindow(box, count, height) {
  const [range, setRange] = useState([0, 40]);
  const measure = () => {
    if (!box.current) return;
    const top = box.current.getBoundingClientRect().top;
    const first = clamp(Math.floor(-top / height) - SPARE, count);
    const last = clamp(Math.ceil((innerHeight - top) / height) + SPARE, count);
    setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
  };
  useLayoutEffect(measure, [count, height]);
  useEffect(() => {
    let frame = 0;
    const later = () => (frame ||= requestAnimationFrame(() => ((frame = 0), measure())));
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [count, height]);
  return range;
}

/** Whether the screen is as narrow as a phone's. */
export function useNarrow() {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const media = matchMedia(NARROW);
    const read = () => setNarrow(media.matches);
    media.addEventListener("change", read);
    return () => media.removeEventListener("change", read);
  }, []);
  return narrow;
}

const NARROW = "(max-width: 820px)";
const clamp = (n, max) => Math.max(0, Math.min(max, n));
