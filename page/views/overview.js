// The first screen: what needs a person, the rates now, how the keys are, what happens next. Below it, what was counted.
import { html } from "../preact.js";
import * as api from "../api.js";
import { compact, duration, money, number, percent, t } from "../i18n.js";
import { Failure, useAnswer } from "../ui/form.js";
import { hashOf, replaceHash } from "../ui/screen.js";
import { AsOf, className, Countdown, Icon, setServerTime } from "../ui/show.js";
import { Usage, useUsage } from "./overview/usage.js";

const STATES = ["active", "cooling", "disabled", "off"];

export function Overview({ route }) {
  const health = useAnswer(ask);
  const usage = useUsage(route.query);
  const again = () => (health.again(), usage.again());
  const times = [health, usage].flatMap(({ answer }) => answer?.as_of ?? []);
  const go = (change) => replaceHash({ screen: "overview", query: { ...route.query, ...change } });
  return html`
    <header class="head"><h1>${t("overview.title")}</h1><${AsOf} asOf=${times.length ? Math.min(...times) : null} refresh=${again} /></header>
    <${Failure} failure=${health.failure ?? usage.failure} title=${t("load_failed")} again=${again} />
    ${health.answer && html`<${Attention} of=${health.answer.attention} />`}
    ${usage.answer && html`<${Tiles} of=${usage.answer.total} />`}
    ${health.answer && html`<div class="halves"><${Pool} of=${health.answer} /><${Next} of=${health.answer.next} /></div>`}
    ${usage.answer && html`<${Usage} of=${usage.answer} query=${route.query} go=${go} />`}`;
}

async function ask() {
  const answer = await api.overview();
  setServerTime(answer.as_of);
  return answer;
}

const keysAt = (query) => hashOf({ screen: "keys", query });
/** Where each is mended. */
const PLACES = {
  no_keys: () => "#/keys/add",
  no_usable_key: () => "#/keys",
  provider_down: ([provider]) => keysAt({ provider }),
  keys_dead: () => keysAt({ state: "disabled", reason: "key_dead" }),
  balance_empty: () => keysAt({ balance_max: "0" }),
  keys_expiring: ([q]) => keysAt({ q }),
  no_clients: () => "#/clients/new",
  clients_expiring: () => "#/clients",
  budget: () => "#/clients",
  unpriced: () => "#/prices",
};

function Attention({ of: needs }) {
  if (needs.length === 0) return html`<p class="note good"><${Icon} name="check" />${t("attention.none")}</p>`;
  return html`<section class="needs" aria-label=${t("attention.title")}>${needs.map(({ kind, level, count: n, names }) => {
    const more = n > names.length ? [t("why.more", { n: n - names.length })] : [];
    const place = PLACES[kind]?.(names);
    return html`<${place ? "a" : "p"} key=${kind} class=${`note ${level}`} href=${place}><${Icon} name="warning" /><span>${t(`attention.${kind}`, { n })}${names.length > 0 && html` <small>${[...names, ...more].join(", ")}</small>`}</span>${place && html`<${Icon} name="go" />`}<//>`;
  })}</section>`;
}

function Tiles({ of: { rpm, tpm, rpd, tpd, today } }) {
  const both = ({ p50, p95 }) => `${duration(p50)} / ${duration(p95)}`;
  const figures = { rpm: number(rpm), tpm: compact(tpm), rpd: number(rpd), tpd: compact(tpd), success: today.success_rate === null ? "–" : percent(today.success_rate), latency_today: both(today.latency_ms), first_byte: both(today.first_byte_ms), spend: money(today.cost_micros) };
  return html`<dl class="tiles wide">${Object.entries(figures).map(([name, value]) => html`<div key=${name} class="tile"><dt>${t(`usage.${name}`)}</dt><dd class="num">${value}</dd></div>`)}</dl>`;
}

const MOST = 8;
const troubled = ({ enabled, active, cooling, disabled, rests_until: rests }) => enabled && (rests || disabled + cooling > active);

/** The keys by state, as a whole and at each provider: those that are badly off come first. */
function Pool({ of: { keys, reasons, providers } }) {
  const sorted = providers.toSorted((a, b) => troubled(b) - troubled(a) || b.disabled - a.disabled || b.active - a.active);
  return html`<section class="card stack"><h2>${t("overview.keys")}</h2>
    <div class="bar" aria-hidden="true">${STATES.map((state) => keys[state] > 0 && html`<i key=${state} class=${state} style=${{ flexGrow: keys[state] }}></i>`)}</div>
    <p class="row">${STATES.map((state) => html`<a key=${state} class=${`chip ${state}`} href=${keysAt(filterOf(state))}>${said(keys, state)}</a>`)}</p>
    ${reasons.length > 0 && html`<ul class="pool">${reasons.map(({ state, class: reason, count }) => html`<li key=${state + reason}><a href=${keysAt({ state, reason })}>${className(reason)}</a> <span class=${`chip ${state}`}>${number(count)}<span class="sr">${t(`state.${state}`)}</span></span></li>`)}</ul>`}
    <h3>${t("providers.title")}</h3>
    <ul class="pool">${sorted.slice(0, MOST).map((provider) => html`<li key=${provider.name}>
      <a href=${hashOf({ screen: "providers", id: provider.name })}>${provider.name}</a>
      ${!provider.enabled && html`<span class="chip off">${t("state.off")}</span>`}
      ${provider.rests_until && html`<span class="why">${t("provider.rests")} <${Countdown} until=${provider.rests_until} /></span>`}
      <span class="row">${!STATES.some((state) => provider[state]) && html`<span class="faint">${t("none")}</span>`}${STATES.map((state) => provider[state] > 0 && html`<a key=${state} class=${`chip ${state}`} href=${keysAt({ provider: provider.name, ...filterOf(state) })} aria-label=${said(provider, state)}>${number(provider[state])}</a>`)}</span>
    </li>`)}</ul>
    ${sorted.length > MOST && html`<a href="#/providers">${t("preview.more", { n: sorted.length - MOST })}</a>`}
  </section>`;
}

const said = (counts, state) => t("provider.count", { count: number(counts[state]), state: t(`state.${state}`) });
/** For the list, a key that a person switched off is a disabled one. */
const filterOf = (state) => (state === "off" ? { state: "disabled", reason: "manual" } : { state });

const SCREEN_OF = { provider_back: "providers", client_expires: "clients" };

/** What happens by itself, soonest first. */
function Next({ of: events }) {
  return html`<section class="card stack"><h2>${t("overview.next")}</h2>
    ${events.length === 0 ? html`<p class="faint">${t("overview.no_next")}</p>` : html`<ul class="pool" tabindex="0" aria-label=${t("overview.next")}>${events.map(({ at, event, id, name, provider, model }, i) => html`<li key=${i}>
      <span><a href=${hashOf({ screen: SCREEN_OF[event] ?? "keys", id: id ?? provider })}>${name}</a> <small>${[t(`next.${event}`), model, event === "provider_back" ? null : provider].filter(Boolean).join(" · ")}</small></span>
      <${Countdown} until=${at} /></li>`)}</ul>`}
  </section>`;
}
