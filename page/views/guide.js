// The first run, by the hand: provider, keys, a test, a client key, a snippet. Where it stands follows from what the server knows, so
// it goes on after a reload. Gone once the pool has served a call, or when the reader says so.
import { html, useEffect, useRef, useState } from "../preact.js";
import * as api from "../api.js";
import { remember, remembered, t } from "../i18n.js";
import { complain, Failure, Field, Go, resume, useAction, useAnswer } from "../ui/form.js";
import { Control } from "../ui/screen.js";
import { Act, className, Icon } from "../ui/show.js";
import { NewKey, Snippets } from "../ui/snippets.js";

const STEPS = { provider: Provider, keys: Keys, test: Test, client: Client, connect: Connect };
const NAMES = Object.keys(STEPS);
const CONTROLS = "input, select, textarea, button, a";
const TESTED = 20; // keys; all of them can be tested on their own screen
let made = null; // the new client key, as long as this page is open: the server cannot tell it again

/** `Paste` is the form that keys are pasted into. */
export function Guide({ route, Paste }) {
  const [over, setOver] = useState(() => remembered("guide") === "done");
  return over || route.id ? null : html`<${Steps} Paste=${Paste} hide=${() => (remember("guide", "done"), setOver(true))} />`;
}

function Steps({ Paste, hide }) {
  const { answer, again } = useAnswer(look, 5000);
  const [passed, setPassed] = useState({ test: remembered("guide") === "tested" });
  const now = answer ? NAMES.findIndex((name) => !answer.done[name] && !passed[name]) : null;
  const was = useRef(null);
  const list = useRef(null);
  useEffect(() => {
    if (now === null) return;
    const begins = was.current === null;
    was.current = now;
    if (begins && now < 0) return hide();
    if (!begins || answer.size === 0) list.current.querySelector(".now")?.querySelector(CONTROLS)?.focus();
  }, [now]);
  if (now === null || (now < 0 && was.current === null)) return null;
  // Whatever the screen below shows is asked for anew, too.
  const next = (name) => (setPassed((old) => ({ ...old, [name]: true })), resume());
  return html`<section class="guide card" aria-label=${t("guide.title")}>
    <header><h2>${t(now < 0 ? "guide.over" : now > 2 ? "guide.go_on" : "guide.title")}</h2><button type="button" class="small" onClick=${hide}>${t(now < 0 ? "close" : "guide.dismiss")}</button></header>
    <ol ref=${list}>
      ${NAMES.map((name, i) => {
        const state = now < 0 || i < now ? "done" : i === now ? "now" : "";
        return html`<li key=${name} class=${state} aria-current=${i === now ? "step" : undefined}>
          <span class="step num">${state === "done" ? html`<${Icon} name="check" />` : i + 1}</span>
          <div class="stack"><div><h3>${t(`guide.${name}`)}${state === "done" && html`<span class="sr"> (${t("guide.done")})</span>`}</h3>${state !== "done" && html`<p>${t(`guide.${name}_text`)}</p>`}</div>
            ${i === now && html`<${STEPS[name]} of=${answer} Paste=${Paste} next=${() => next(name)} look=${() => api.flush().then(again, complain)} />`}</div>
        </li>`;
      })}
    </ol>
  </section>`;
}

/** What there is, and which steps it makes superfluous. */
async function look() {
  const [setup, { keys, counts, groups }, { clients, env_client: given }] = await Promise.all([api.providers.list(), api.listKeys({ limit: 200 }), api.clients.list()]);
  const size = counts.active + counts.cooling + counts.disabled;
  const used = keys.some((key) => key.last_used);
  return { ...setup, keys, groups, size, done: { provider: setup.providers.length > 0 || size > 0, keys: size > 0, test: used, client: clients.length > 0 || given, connect: used } };
}

const GUESS = "guess";
const OTHER = "other";

function Provider({ of: { presets }, next }) {
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const preset = presets.find((one) => one.name === name);
  const action = useAction(async () => {
    if (name !== GUESS) await api.providers.add(preset ? { name, preset: name } : { name: "custom", base_url: url });
    next();
  });
  const open = presets.filter(({ base_url: address }) => !address.includes("{"));
  return html`<form class="stack" onSubmit=${action.submit}>
    <div class="fields"><${Field} label=${t("field.provider")} control="select" required value=${name} onText=${setName}>
      <option value="">${t("guide.choose")}</option><option value=${GUESS}>${t("add.guess")}</option>
      ${open.map((one) => html`<option value=${one.name}>${one.label}</option>`)}<option value=${OTHER}>${t("guide.other")}</option>
    <//>${name === OTHER && html`<${Control} of=${{ name: "base_url", type: "url", required: true, class: "mono" }} value=${url} onText=${setUrl} />`}</div>
    <${Failure} failure=${action.failure} />
    <p class="acts"><${Go} submit of=${action} ready=${name}>${t("guide.next")}<//>
      <a href="#/providers/new">${t("guide.more_providers")}</a></p>
  </form>`;
}

function Keys({ of: { providers, presets, groups }, Paste, next }) {
  return html`<${Paste} providers=${providers} presets=${presets} groups=${groups} provider=${providers.length === 1 ? providers[0].name : ""} onAdded=${({ answer }) => answer.added.length + answer.known.length > 0 && next()} />`;
}

function Test({ of: { keys }, next }) {
  const [results, setResults] = useState([]);
  const tested = keys.slice(0, TESTED);
  const action = useAction(async () => {
    setResults([]);
    let good = false;
    for (const key of tested) {
      const answer = await api.actOnKey(key.id, "test");
      good ||= answer.ok;
      setResults((old) => [...old, { ...answer, name: key.label || key.key_masked }]);
    }
    if (good) skip();
  });
  const skip = () => {
    remember("guide", "tested");
    next();
  };
  return html`<div class="stack">
    ${results.length > 0 && html`<ul class="lines" aria-live="polite">${results.map(({ name, ok, status, class: what, message }, i) => html`<li key=${i}><span class=${`chip ${ok ? "active" : "disabled"}`}>${ok ? t("timeline.ok") : [status, what && className(what)].filter(Boolean).join(" · ")}</span><code>${name}</code>${message && html`<span>${message}</span>`}</li>`)}</ul>`}
    <${Failure} failure=${action.failure} />
    <p class="acts"><${Go} of=${action}><${Icon} name="test" />${t("guide.test_n", { n: tested.length })}<//>
      ${results.length > 0 && !action.pending && html`<a class="button" href="#/keys/add">${t("keys.add")}</a><button type="button" class="quiet" onClick=${skip}>${t("guide.skip")}</button>`}</p>
  </div>`;
}

function Client({ next }) {
  const [label, setLabel] = useState("");
  const action = useAction(async () => {
    made = await api.clients.add({ label: label.trim() });
    next();
  });
  return html`<form class="stack" onSubmit=${action.submit}>
    <${Control} of=${{ name: "label", required: true, maxlength: 200, hint: t("client.label_hint") }} value=${label} onText=${setLabel} />
    <${Failure} failure=${action.failure} />
    <p><${Go} submit of=${action} ready=${label.trim()}>${t("client.make")}<//></p>
  </form>`;
}

function Connect({ look }) {
  const { answer } = useAnswer(api.models.list, 60_000);
  const models = answer?.models.map(({ id }) => id);
  return html`<div class="stack">
    ${made ? html`<${NewKey} of=${made} models=${models} />` : html`<p>${t("guide.lost")} <a href="#/clients/new">${t("clients.add")}</a></p><${Snippets} models=${models} />`}
    <p class="row"><span class="chip cooling">${t("guide.waiting")}</span><${Act} icon="refresh" label=${t("refresh")} onClick=${look} /><a href="#/playground">${t("guide.try")}</a></p>
  </div>`;
}
