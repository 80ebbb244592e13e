// A chat through the pool, as a program would have it, with the attempts behind each answer shown.
import { html, useEffect, useRef, useState } from "../preact.js";
import * as api from "../api.js";
import { duration, remember, remembered, t } from "../i18n.js";
import { Copy, Failure, useAnswer } from "../ui/form.js";
import { Control, Head } from "../ui/screen.js";
import { Icon } from "../ui/show.js";
import { Timeline } from "../ui/timeline.js";

const CHATTY = /mini|flash|chat|turbo|haiku/; // of many models, a likely one to begin with
let talk = { text: "", turns: [], live: false }; // in memory only: it survives a look at another screen, never a reload
let publish = () => {};
let leaving = null;

const keep = (change) => publish((talk = { ...talk, ...change }));

export function Playground() {
  const [now, setNow] = useState(talk);
  useEffect(() => {
    publish = setNow;
    setNow(talk);
    return () => void (publish = () => {});
  }, []);
  const { answer, failure, again } = useAnswer(around, 300_000);
  const { models = [], keys = {}, groups = [] } = answer ?? {};
  const model = now.model ?? remembered("model") ?? models.find((id) => CHATTY.test(id)) ?? models[0] ?? "";
  const field = (name, rest) => html`<${Control} of=${{ name, ...rest }} value=${now[name] ?? ""} onText=${(value) => keep({ [name]: value })} />`;
  const send = (event) => {
    event.preventDefault();
    const content = now.text.trim();
    if (!content || now.live) return;
    remember("model", model);
    keep({ model, text: "" });
    ask([...now.turns, { role: "user", content }]);
  };
  const hurry = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    event.target.form.requestSubmit(); // which says if there is no model yet
  };
  useFollow();
  return html`
    <${Head} name="playground" failure=${failure} again=${again}>
      ${now.turns.length > 0 && html`<button type="button" onClick=${clear}><${Icon} name="trash" />${t("playground.clear")}</button>`}
    <//>
    <div class="talk" role="log" aria-label=${t("playground.talk")} aria-busy=${now.live}>
      ${now.turns.map((turn, i) => html`<${Turn} key=${i} of=${turn} names=${keys} retry=${i === now.turns.length - 1 && !now.live && (() => ask(now.turns.slice(0, i)))} />`)}
    </div>
    <form class="card stack composer" onSubmit=${send}>
      ${field("text", { as: "message", control: "textarea", rows: 3, first: true, onKeyDown: hurry })}
      <div class="fields">
        <${Control} of=${{ name: "model", required: true, class: "mono", list: models }} value=${model} onText=${(model) => keep({ model })} />
        ${now.live ? html`<button type="button" onClick=${() => leaving.abort()}><${Icon} name="close" />${t("playground.stop")}</button>`
          : html`<button type="submit" class="primary" disabled=${!now.text.trim()}><${Icon} name="up" />${t("playground.send")}</button>`}
      </div>
      <details><summary>${t("playground.more")}</summary><div class="stack">
        ${field("system", { control: "textarea", rows: 2 })}
        <div class="fields">${field("temperature", { kind: "number", max: 2, step: "any" })}${field("max_tokens", { kind: "number", min: 1 })}</div>
        <div class="fields">${field("group", { as: "ask_group", list: groups })}${field("key", { as: "force_key", list: Object.keys(keys) })}</div>
      </div></details>
    </form>`;
}

async function around() {
  const [{ data }, { key: keys }, { groups }] = await Promise.all([api.poolModels(), api.names(), api.listKeys({ limit: 1 })]);
  return { models: data.map(({ id }) => id), keys, groups };
}

function clear() {
  leaving?.abort();
  leaving = null; // what it still has to say is not heard
  keep({ turns: [], live: false });
}

/** Follows the answer down the page for as long as the reader is at its end. */
function useFollow() {
  const height = useRef(0);
  useEffect(() => {
    const { scrollHeight } = document.documentElement;
    if (height.current - scrollY - innerHeight < 60) scrollTo(0, scrollHeight);
    height.current = scrollHeight;
  });
}

/** Asks for what follows on these turns. It goes on when the reader looks at another screen. */
async function ask(turns) {
  const stop = (leaving = new AbortController());
  const began = performance.now();
  const since = () => Math.round(performance.now() - began);
  let answer = { role: "assistant", content: "", thought: "" };
  const show = (change) => {
    answer = { ...answer, ...change };
    if (leaving === stop) keep({ live: true, turns: [...turns, answer] });
  };
  show();
  try {
    const { trace, chunks } = await api.chat(orderOf(turns), talk.key ? { "x-keypool-key": talk.key } : {}, stop.signal);
    show({ trace });
    for await (const { choices: [{ delta, message } = {}] = [], usage = answer.usage } of chunks) {
      const { content, reasoning_content: thought, reasoning = thought } = delta ?? message ?? {};
      show({ usage, content: answer.content + (content ?? ""), thought: answer.thought + (reasoning ?? ""), first: answer.first ?? (content || reasoning ? since() : undefined) });
    }
  } catch (failure) {
    if (failure.name === "AbortError") show({ stopped: true });
    else show({ failure, trace: failure.trace ?? answer.trace });
  }
  show({ total: since() });
  if (leaving === stop) keep({ live: false });
}

function orderOf(turns) {
  const { model, group, system, temperature, max_tokens } = talk;
  const messages = turns.filter(({ content }) => content).map(({ role, content }) => ({ role, content }));
  const order = { model: group ? `${model}@${group}` : model, messages, stream: true, stream_options: { include_usage: true } };
  if (system?.trim()) order.messages.unshift({ role: "system", content: system });
  if (temperature) order.temperature = Number(temperature);
  if (max_tokens) order.max_tokens = Number(max_tokens);
  return order;
}

function Turn({ of: { role, content, thought, failure, stopped, trace, first, total, usage }, names, retry }) {
  const nameOf = (id) => names[id] ?? id;
  const done = total !== undefined;
  const facts = [first && t("playground.first", { ms: duration(first) }), done && t("playground.total", { ms: duration(total) }), usage && t("requests.tokens", { prompt: usage.prompt_tokens, completion: usage.completion_tokens }), trace && t("playground.attempts", { n: trace.length }), stopped && t("playground.stopped")];
  return html`<article class=${`turn ${role}`}>
    <h2 class="sr">${t(`playground.${role}`)}</h2>
    ${thought && html`<details class="faint"><summary>${t("playground.thought")}</summary><p>${thought}</p></details>`}
    ${content ? html`<p>${content}</p>` : role === "assistant" && !done && html`<p class="faint">${t("playground.waiting")}</p>`}
    <${Failure} failure=${failure} again=${retry} />
    ${done && html`<details open=${Boolean(failure) || trace?.length > 1}><summary class="num">${facts.filter(Boolean).join(" · ")}</summary>${trace && html`<${Timeline} attempts=${trace} total=${total} first=${first} nameOf=${nameOf} />`}</details>
      ${content && html`<p><${Copy} text=${content} /></p>`}`}
  </article>`;
}
