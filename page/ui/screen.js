// What screens have in common: the address, a head, a table, fields that are described as data, and whole screens of things
// that are listed, added, changed and deleted.
import { html, useEffect, useRef, useState } from "../preact.js";
import { t, word } from "../i18n.js";
import { Check, complain, Confirm, Dialog, Failure, Field, Form, say, useAnswer } from "./form.js";
import { Act, Icon } from "./show.js";

/** What stands after "#": "#/keys/k1?state=disabled" -> { screen: "keys", id: "k1", query: { state: "disabled" } } */
function readHash(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [screen = "", id = null] = path.split("/").filter(Boolean).map(plain);
  return { screen, id, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** It survives a reload and can be shared. */
export function hashOf({ screen, id = null, query = {} }) {
  const filled = Object.entries(query).filter(([, value]) => value);
  const tail = filled.length ? `?${new URLSearchParams(filled)}` : "";
  return `#/${screen}${id ? `/${encodeURIComponent(id)}` : ""}${tail}`;
}

export function useRoute() {
  const [route, setRoute] = useState(() => readHash(location.hash));
  useEffect(() => {
    const read = () => setRoute(readHash(location.hash));
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  return route;
}

/** Another address in place of this one: filters do not fill the history. */
export function replaceHash(route) {
  history.replaceState(null, "", hashOf(route));
  dispatchEvent(new Event("hashchange"));
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What a screen is called and for, by its `name`, and why it could not be loaded. The children stand beside its title. */
export const Head = ({ name, about, failure, again, children }) => html`
  <header class="head"><h1>${t(`${name}.title`)}</h1>${children}</header>
  <p class="lead">${t(`${name}.lead`, about)}</p>
  <${Failure} failure=${failure} title=${t("load_failed")} again=${again} />`;

/** `acts`: the rows end with buttons. */
export const Table = ({ title, columns, acts = true, kind = "", children }) => html`<table class=${`plain cards ${kind}`}>
  <caption class="sr">${title}</caption>
  <thead><tr>${columns.map((name) => html`<th key=${name} scope="col">${t(name)}</th>`)}${acts && html`<th scope="col"><span class="sr">${t("field.actions")}</span></th>`}</tr></thead>
  <tbody>${children}</tbody>
</table>`;

export const Search = ({ label = t("field.q"), value, onText }) => html`<label class="search"><${Icon} name="search" /><input type="search" aria-label=${label} placeholder=${label}
  autocomplete="off" spellcheck=${false} value=${value} onInput=${(event) => onText(event.target.value)} /></label>`;

const scaled = (by) => [(value) => (value == null ? "" : String(value / by)), (text) => (text === "" ? null : Math.round(text * by))];
const words = (gap, between) => [(value) => (value ?? []).join(gap), (text) => text.split(between).filter(Boolean)];

/** How a field of each kind is put into a text and read from it again; checks stay as they are. */
const KINDS = {
  text: [(value) => value ?? "", (text) => text.trim()],
  maybe: [(value) => value ?? "", (text) => text.trim() || null],
  number: [(value) => String(value ?? ""), (text) => (text === "" ? null : Number(text))],
  seconds: scaled(1000),
  dollars: scaled(1e6),
  check: [Boolean, Boolean],
  checks: words(" ", " "),
  words: words(", ", /[\s,，]+/),
  lines: words("\n", /[\s,，]+/),
  json: [(value) => (value == null ? "" : JSON.stringify(value)), (text) => (text === "" ? null : jsonOf(text))],
  time: [(ms) => (ms ? new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : ""), (text) => (text ? new Date(text).getTime() : null)],
  headers: [(value) => Object.entries(value ?? {}).map((pair) => pair.join(": ")).join("\n"), headersOf],
};

const LOOKS = {
  number: { type: "number", min: 0, step: 1 },
  seconds: { type: "number", min: 0, step: "any", suffix: () => t("seconds") },
  dollars: { type: "number", min: 0, step: "any", suffix: () => "$" },
  time: { type: "datetime-local" },
  lines: { control: "textarea", class: "mono", rows: 3 },
  headers: { control: "textarea", class: "mono", rows: 2 },
};

function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text; // a word without its quotes
  }
}

/** Only what is not as it was is sent: a value that is shown masked stays. A line that is gone is null. */
function headersOf(text, was = {}) {
  const is = Object.fromEntries(text.split("\n").map((line) => line.split(/:(.*)/s, 2).map((part) => part.trim())).filter(([name]) => name).map(([name, value = ""]) => [name, value]));
  const gone = Object.keys(was).filter((name) => !(name in is)).map((name) => [name, null]);
  return Object.fromEntries([...Object.entries(is).filter(([name, value]) => value !== was[name]), ...gone]);
}

/** One field, as `of` describes it: { name, kind, as, options, blank, usual, list, ... }. Its words are those of `field.{as}`. */
export function Control({ of: { name, kind = "text", as = name, options, blank, list, usual, then, hint: said, ...rest }, value, onText }) {
  const label = t(`field.${as}`);
  const hint = said ?? word(`field.${as}.hint`);
  const named = (option) => word(`field.${as}.${option}`, option);
  if (kind === "check") return html`<${Check} label=${label} checked=${value} onChange=${onText} ...${rest} />`;
  if (kind === "checks") {
    const picked = new Set(value.split(" "));
    const pick = (option, on) => onText(options.filter((other) => (other === option ? on : picked.has(other))).join(" "));
    return html`<fieldset><legend>${label}</legend>${options.map((option) => html`<${Check} key=${option} label=${named(option)} checked=${picked.has(option)} onChange=${(on) => pick(option, on)} />`)}</fieldset>`;
  }
  const about = { label, hint, value, onText, title: rest.pattern && hint, spellcheck: false, list: list && `list-${name}`, ...LOOKS[kind], ...rest, suffix: rest.suffix ?? LOOKS[kind]?.suffix?.() };
  if (!options) return html`<${Field} ...${about} />${list && html`<datalist id=${about.list}>${list.map((option) => html`<option value=${option} />`)}</datalist>`}`;
  const choices = options.map((option) => (typeof option === "string" ? [option, named(option)] : option));
  return html`<${Field} ...${about} control="select">${blank && html`<option value="">${blank}</option>`}${choices.map(([option, text]) => html`<option value=${option}>${text}</option>`)}<//>`;
}

const flat = (fields) => fields.flat(Infinity).flatMap((field) => (field?.fields ? flat(field.fields) : field || []));

/**
 * What was typed into fields. `fieldsOf(now)` describes them, for what they now say of `of`, as it was when the form opened:
 * a list stands side by side, `{ name, fields }` can be folded away. `changed` is what is not as it was, `whole` is everything.
 */
export function useFields(fieldsOf, of = {}) {
  const [before] = useState(of);
  const [edits, edit] = useState({});
  const now = { ...before, ...edits };
  const fields = fieldsOf(now);
  const was = ({ name, kind = "text", usual }) => KINDS[kind][0](before[name] ?? usual);
  const text = (field) => edits[field.name] ?? was(field);
  const set = (change) => edit((old) => ({ ...old, ...change }));
  const read = (list) => Object.fromEntries(list.map((field) => [field.name, KINDS[field.kind ?? "text"][1](text(field), before[field.name])]));
  const one = (field) => {
    if (!field) return null;
    if (Array.isArray(field)) return html`<div class="fields">${field.map(one)}</div>`;
    if (field.fields) return html`<details key=${field.name} open=${flat(field.fields).some((inner) => was(inner) !== KINDS[inner.kind ?? "text"][0](inner.usual))}>
      <summary>${t(`field.${field.name}`)}</summary><div class="stack">${field.fields.map(one)}${word(`field.${field.name}.hint`) && html`<small>${word(`field.${field.name}.hint`)}</small>`}</div>
    </details>`;
    return html`<${Control} key=${field.name} of=${field} value=${text(field)} onText=${(value) => (set({ [field.name]: value }), field.then?.(value, set))} />`;
  };
  const all = flat(fields);
  return { changed: read(all.filter((field) => text(field) !== was(field))), whole: read(all), now, set, reset: () => edit({}), shown: fields.map(one) };
}

/** A form of fields. `save` gets what was changed, and everything. `children(form)` stands below the fields. */
export function FieldsForm({ of, fields, save, action = t("save"), ready = true, onCancel, children }) {
  const form = useFields(fields, of);
  const run = () => save(form.changed, form.whole);
  return html`<${Form} run=${run} action=${action} failed=${t("save_failed")} ready=${ready && Object.keys(form.changed).length > 0} onCancel=${onCancel}>${form.shown}${children?.(form)}<//>`;
}

export const Trash = ({ name, onClick }) => html`<${Act} icon="trash" kind="danger-quiet" label=${t("delete_one", { name })} onClick=${onClick} />`;

/**
 * A screen of things. `of`: { name, ask, every, rows(answer), id(row), label(row), columns, kind, about(answer), sought(row),
 * cells(row, does), acts(row, does), rests(row), fields(now, row, answer), below(form, row), add(changed, whole), change(row, changed, whole),
 * remove(row), fixed(row) }; `fixed` names what a row does not allow: "fields", "remove". `above(answer)` and `children(answer)`
 * stand around the list, `made` in the place of the form once something was added.
 */
export function Things({ of: what, route, above, children, made, Leave = LeaveThing }) {
  const { name, id = (row) => row.id, label = (row) => row.label } = what;
  const { answer, failure, again } = useAnswer(what.ask, what.every);
  const [leaving, leave] = useState(null);
  const [added, setAdded] = useState(null);
  const [search, setSearch] = useState("");
  const fresh = route.id === "new";
  const all = answer ? what.rows(answer) : [];
  const rows = what.sought ? all.filter((row) => what.sought(row).toLowerCase().includes(search.trim().toLowerCase())) : all;
  const held = useRef(null); // somebody else may delete it meanwhile: what was typed stays
  held.current = all.find((row) => id(row) === route.id) ?? (held.current && id(held.current) === route.id ? held.current : null);
  const opened = fresh ? answer && {} : held.current;
  const close = () => (setAdded(null), replaceHash({ screen: name }));
  const does = async (row, work, news) => {
    try {
      const done = await work();
      say(typeof news === "string" ? t(news, { name: label(row) }) : news(done));
      again();
    } catch (problem) {
      complain(problem, label(row));
    }
  };
  const save = async (changed, whole) => {
    const done = await (fresh ? what.add(changed, whole) : what.change(opened, changed, whole));
    again();
    if (fresh && made) return setAdded(done);
    say(fresh ? t("added", { name: label(done) }) : t("saved"));
    close();
  };
  return html`
    <${Head} name=${name} about=${what.about?.(answer)} failure=${failure} again=${again}>
      <a class="button primary" href=${hashOf({ screen: name, id: "new" })}><${Icon} name="add" />${t(`${name}.add`)}</a>
    <//>
    ${above?.(answer)}
    ${answer && all.length === 0 && what.none?.(answer) !== false && html`<div class="empty"><p>${t(`${name}.none`)}</p></div>`}
    ${what.sought && answer && html`<${Search} value=${search} onText=${setSearch} />`}
    ${all.length > 0 && html`<${Table} title=${t(`${name}.title`)} kind=${what.kind} columns=${what.columns}>
      ${rows.map((row) => html`<${Row} key=${id(row)} of=${row} what=${what} name=${label(row)} link=${hashOf({ screen: name, id: id(row) })} does=${does} leave=${() => leave(row)} />`)}
    <//>`}
    ${children?.(answer)}
    ${added && made(added, close)}
    ${opened && !added && html`<${Dialog} key=${route.id} kind=${what.size} title=${fresh ? t(`${name}.add`) : t("edit_one", { name: label(opened) })} onClose=${close}>
      <${FieldsForm} of=${opened} fields=${(now) => what.fields(now, opened, answer)} save=${save} action=${fresh ? t(what.action ?? "add") : t("save")} onCancel=${close}>${(form) => what.below?.(form, opened, answer)}<//>
    <//>`}
    ${leaving && html`<${Leave} of=${leaving} name=${label(leaving)} screen=${name} remove=${what.remove} onDone=${() => (leave(null), again())} onClose=${() => leave(null)} />`}`;
}

function Row({ of: row, what, name, link, does, leave }) {
  const allowed = (act) => what[act] && (what.fixed?.(row) ?? []).includes(act) === false;
  const below = what.rests?.(row);
  return html`<tr>
    ${what.cells(row, does)}
    <td class="acts">
      ${what.acts?.(row, does)}
      ${"enabled" in row && html`<button type="button" class="small" aria-label=${t(row.enabled ? "disable_one" : "enable_one", { name })}
        onClick=${() => does(row, () => what.change(row, { enabled: !row.enabled }), row.enabled ? "disabled_one" : "enabled_one")}><${Icon} name="off" />${t(row.enabled ? "disable" : "enable")}</button>`}
      ${allowed("fields") && html`<a class="button small" href=${link} aria-label=${t("edit_one", { name })}><${Icon} name="edit" />${t("edit")}</a>`}
      ${allowed("remove") && html`<${Trash} name=${name} onClick=${leave} />`}
    </td>
  </tr>
  ${below && html`<tr class="rests"><td colspan=${what.columns.length + 1}>${below}</td></tr>`}`;
}

const LeaveThing = ({ of, name, screen, remove, onDone, onClose }) => html`<${Confirm} title=${t("delete_title", { name })} action=${t("delete")} danger onClose=${onClose}
  run=${async () => (await remove(of), say(t("deleted", { name })), onDone())}><p>${t(`${screen}.delete_text`, { name })}</p><//>`;
