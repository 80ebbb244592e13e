// Search, filters and order of the key list. All but the search live in the address.
import { html, useEffect, useState } from "/vendor/preact.js";
import { compact, t } from "../../i18n.js";
import { Icon } from "../../ui/icon.js";
import { className } from "../../ui/clock.js";

const STATES = ["active", "cooling", "disabled"];
const REASONS = ["key_dead", "key_broke", "forbidden", "manual"];
const SORTS = ["-created", "created", "label", "-label", "provider", "state", "-weight", "weight"];

export function Filters({ query, change, counts, providers, groups, search, setSearch }) {
  const all = counts && STATES.reduce((sum, state) => sum + counts[state], 0);
  const segment = (state, n) => html`<button key=${state} type="button" aria-pressed=${(query.state ?? "") === state} class=${state}
    onClick=${() => change({ state, reason: "" })}>${t(state ? `state.${state}` : "keys.all")}${counts && html` <span class="num faint">${compact(n)}</span>`}</button>`;
  return html`<div class="filters" role="search" aria-label=${t("keys.filter")}>
    <${Search} value=${search} onSearch=${setSearch} />
    <div class="segments" role="group" aria-label=${t("keys.by_state")}>
      ${segment("", all)}${STATES.map((state) => segment(state, counts?.[state]))}
    </div>
    ${query.state === "disabled" && html`<${Choice} name="reason" query=${query} change=${change} options=${REASONS.map((name) => [name, className(name)])} />`}
    <${Choice} name="provider" query=${query} change=${change} options=${providers.map(({ name }) => [name, name])} />
    <${Choice} name="group" query=${query} change=${change} options=${groups.map((name) => [name, name])} />
    <${Choice} name="sort" query=${query} change=${change} options=${SORTS.map((name) => [name, t(`sort.${name}`)])} />
  </div>`;
}

function Choice({ name, query, change, options }) {
  const value = query[name] ?? "";
  const missing = value && !options.some(([option]) => option === value);
  return html`<select class=${`small ${value && name !== "sort" ? "chosen" : ""}`} aria-label=${t(`keys.by_${name}`)} value=${value}
    onChange=${(event) => change({ [name]: event.target.value })}>
    ${name !== "sort" && html`<option value="">${t(`keys.any_${name}`)}</option>`}
    ${missing && html`<option value=${value}>${value}</option>`}
    ${options.map(([option, label]) => html`<option key=${option} value=${option}>${label}</option>`)}
  </select>`;
}

function Search({ value, onSearch }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    const timer = setTimeout(() => text !== value && onSearch(text), 250);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<label class="search"><${Icon} name="search" /><input type="search" aria-label=${t("keys.search")} placeholder=${t("keys.search")} value=${text}
    autocomplete="off" spellcheck="false" onInput=${(event) => setText(event.target.value)} /></label>`;
}
