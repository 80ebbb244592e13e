// Copies a text, and says so only when the browser did it; and the few lines that point a program at this pool.
import { html, useEffect, useRef, useState } from "/vendor/preact.js";
import { t } from "../i18n.js";
import { Icon } from "./icon.js";
import { say } from "./toast.js";

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

const KINDS = { curl, python, node };
const NAMES = { curl: "curl", python: "Python", node: "Node.js" };

/** `clientKey` is shown as it is: pass a real one only where it is being shown anyway. */
export function Snippets({ base, clientKey, model }) {
  const [kind, setKind] = useState("curl");
  const code = KINDS[kind]({ base, clientKey, model });
  return html`<div class="snippets">
    <div class="tabs" role="group" aria-label=${t("connect.language")}>
      ${Object.entries(NAMES).map(([name, label]) => html`<button key=${name} type="button" aria-pressed=${name === kind} onClick=${() => setKind(name)}>${label}</button>`)}
      <${Copy} text=${code} label=${t("connect.copy_snippet")} wordy />
    </div>
    <pre tabindex="0" aria-label=${NAMES[kind]}><code>${code}</code></pre>
  </div>`;
}

function curl({ base, clientKey, model }) {
  return `curl ${base}/chat/completions \\
  -H "Authorization: Bearer ${clientKey}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": ${JSON.stringify(model)}, "messages": [{"role": "user", "content": "Hello"}]}'`;
}

function python({ base, clientKey, model }) {
  return `from openai import OpenAI

client = OpenAI(
    base_url="${base}",
    api_key="${clientKey}",
)
answer = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`;
}

function node({ base, clientKey, model }) {
  return `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "${base}",
  apiKey: "${clientKey}",
});
const answer = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);`;
}
