// How a program is told about this pool: a table of programs, each with the words of its own settings or code.
import { html, useState } from "../preact.js";
import { t } from "../i18n.js";
import { Copy } from "./form.js";
import { Control } from "./screen.js";
import { Icon } from "./show.js";

/** Stands where a client key belongs that is not known. */
export const PLACEHOLDER = "kp-your-client-key";

// $B is the address, $R the same without /v1, $K the client key and $M the model.
const env = (base) => `${base}\nOPENAI_API_KEY=$K`;
const PROGRAMS = {
  curl: `curl $B/chat/completions \\
  -H "Authorization: Bearer $K" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "$M", "messages": [{"role": "user", "content": "Hello"}]}'`,
  Python: `from openai import OpenAI

client = OpenAI(
    base_url="$B",
    api_key="$K",
)
answer = client.chat.completions.create(
    model="$M",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
  "Node.js": `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "$B",
  apiKey: "$K",
});
const answer = await client.chat.completions.create({
  model: "$M",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);`,
  LangChain: `from langchain_openai import ChatOpenAI

chat = ChatOpenAI(
    base_url="$B",
    api_key="$K",
    model="$M",
)
print(chat.invoke("Hello").content)`,
  ".env": env("OPENAI_BASE_URL=$B"),
  "Open WebUI": env("OPENAI_API_BASE_URL=$B"),
  LobeChat: env("OPENAI_PROXY_URL=$B"),
  NextChat: `${env("BASE_URL=$R")}\nCUSTOM_MODELS=+$M`,
  aider: `${env("OPENAI_API_BASE=$B")}\n\naider --model openai/$M`,
  "Cherry Studio": `Provider Type: OpenAI
API Host: $R
API Key: $K
Model ID: $M`,
  Continue: `# ~/.continue/config.yaml
name: keypool
version: 0.0.1
schema: v1
models:
  - name: keypool
    provider: openai
    model: $M
    apiBase: $B
    apiKey: $K`,
  "Cline, Roo Code": `API Provider: OpenAI Compatible
Base URL: $B
API Key: $K
Model ID: $M`,
  Cursor: `Settings > Models
OpenAI API Key: $K
Override OpenAI Base URL: $B
Add Custom Model: $M`,
  Zed: `// The key: KEYPOOL_API_KEY in the environment
{
  "language_models": {
    "openai_compatible": {
      "keypool": {
        "api_url": "$B",
        "available_models": [{ "name": "$M", "max_tokens": 128000 }]
      }
    }
  }
}`,
};

/** `clientKey` is shown as it is: pass a real one only where it is being shown anyway. `models`: what there is to choose from. */
export function Snippets({ base = `${location.origin}/v1`, clientKey = PLACEHOLDER, models }) {
  const [kind, setKind] = useState("curl");
  const [model, setModel] = useState("gpt-4o-mini");
  const holes = { B: base, R: base.replace(/\/v1$/, ""), K: clientKey, M: JSON.stringify(model).slice(1, -1) };
  const code = PROGRAMS[kind].replace(/\$([BRKM])/g, (_, name) => holes[name]);
  return html`<${Control} of=${{ name: "model", class: "mono", list: models }} value=${model} onText=${setModel} />
    <div class="snippets">
      <div class="tabs" role="group" aria-label=${t("connect.language")}>
        ${Object.keys(PROGRAMS).map((name) => html`<button key=${name} type="button" aria-pressed=${name === kind} onClick=${() => setKind(name)}>${name}</button>`)}
        <${Copy} text=${code} label=${t("connect.copy_snippet")} wordy />
      </div>
      <pre tabindex="0" aria-label=${kind}><code>${code}</code></pre>
    </div>`;
}

/** A client key that was just made, and how it is used. */
export const NewKey = ({ of: { key }, models }) => html`<p class="note warn"><${Icon} name="warning" /><span><strong>${t("client.once")}</strong> ${t("client.once_why")}</span></p>
  <div class="command secret"><code>${key}</code><${Copy} text=${key} label=${t("client.copy")} wordy /></div>
  <${Snippets} clientKey=${key} models=${models} />`;
