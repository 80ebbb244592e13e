// The few lines that point a program at this pool, with this page's own address filled in.
import { html, useState } from "/vendor/preact.js";
import { t } from "../i18n.js";
import { Copy } from "./copy.js";

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
