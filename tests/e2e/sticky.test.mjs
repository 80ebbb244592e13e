// Ids that remember their key: what lies in one key's account is asked for with that key, by whichever isolate.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { exchange, leaveEarly } from "./exchange.mjs";
import { clientKey, startWorker, storages, storeFolder } from "./harness.mjs";
import { authorization, json, startStage } from "./pool.mjs";
import { assertOurs, parsed, sse } from "./rows.mjs";

const tag = /_kp[0-9a-f]{24}/g;
const plain = (text) => text.replace(tag, "");
const model = "gpt-4o-mini";

for (const storage of storages) {
  describe(`ids that remember their key, on ${storage}`, () => {
    const folder = storeFolder();
    let stage, other, sdk, elsewhere, made = 0;
    const connect = (worker, options) =>
      new OpenAI({ apiKey: clientKey, baseURL: `${worker.url}/v1`, maxRetries: 0, ...options });
    const keys = (count) => Array.from({ length: count }, () => `mock-good-${String((made += 1)).padStart(8, "0")}`);
    /** A pool of so many keys; answers their secrets and ids. */
    const fresh = async (count, settings) => {
      const secrets = keys(count);
      const { ids } = await stage.pool(secrets, settings);
      // An admin's call sees what is new.
      await other.api("GET", "/keys", undefined, 200);
      return { secrets, ids, id: (secret) => ids[secrets.indexOf(secret)] };
    };
    const upload = async (session, client = sdk) =>
      client.files.create(
        { file: await toFile(Buffer.from('{"custom_id":"a"}\n'), "lines.jsonl"), purpose: "batch" },
        session === undefined ? {} : { headers: { "x-session-id": String(session) } },
      );
    const used = () => new Set(stage.mock.ledger.map((call) => call.key));
    const ask = (path, init = {}) =>
      exchange(`${stage.worker.url}/v1/${path}`, { method: "GET", ...init, headers: { authorization, ...init.headers } });
    const post = (path, body, headers = {}) =>
      ask(path, { method: "POST", headers: { ...json, ...headers }, body: JSON.stringify(body) });
    const refused = (answer) => ({ ...answer, error: parsed(answer.body.toString())?.error, text: answer.body.toString() });

    before(async () => {
      const options = { storage, persist: folder, shared: true };
      stage = await startStage(options);
      other = await startWorker(options);
      [sdk, elsewhere] = [connect(stage.worker), connect(other)];
    });
    after(async () => {
      await other.close();
      await stage.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test("a file, its batch and the result are one key's, over 5 keys, in two processes", async () => {
      const { secrets } = await fresh(5);
      const owners = new Set();
      for (let session = 0; session < 40; session += 1) {
        stage.mock.ledger.length = 0;
        const [one, two] = session % 2 ? [sdk, elsewhere] : [elsewhere, sdk];
        const file = await upload(session, one);
        assert.match(file.id, /^file-mock\d+_kp[0-9a-f]{24}$/);
        const ask = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" };
        const batch = await two.batches.create({ ...ask, metadata: { file_id: "file-1" } });
        assert.equal(batch.input_file_id, file.id);
        assert.deepEqual(batch.metadata, { file_id: "file-1" });
        const done = await one.batches.retrieve(batch.id);
        assert.deepEqual(done, batch);
        const result = await (await two.files.content(done.output_file_id)).json();
        assert.deepEqual([...used()], [result.by]);
        for (const call of stage.mock.ledger) assert.doesNotMatch(`${call.path}${call.query}${call.body}`, tag);
        await one.files.delete(file.id);
        owners.add(result.by);
      }
      assert.ok(owners.size > 2 && [...owners].every((key) => secrets.includes(key)), `${owners.size} keys`);
    });

    test("the files of one client key go to one key, and can be used in one call", async () => {
      await fresh(5);
      const files = [await upload(), await upload(), await upload()];
      const content = files.map(({ id }) => ({ type: "input_file", file_id: id }));
      const answer = await sdk.responses.create({ model, input: [{ role: "user", content }] });
      assert.match(answer.id, tag);
      assert.equal(used().size, 1);
      assert.equal(stage.mock.ledger.length, 4);
    });

    for (const streamed of [false, true])
      test(`a response's followers go to its key, ${streamed ? "streamed" : "whole"}, over 5 keys`, async () => {
        const { secrets } = await fresh(5, { affinity: false });
        const say = async (client, before) => {
          const answer = await client.responses.create({ model, input: "hi", previous_response_id: before, stream: streamed });
          if (!streamed) return answer;
          const ids = [];
          let last;
          for await (const event of answer) {
            if (event.response) ids.push(event.response.id);
            last = event;
          }
          assert.equal(last.type, "response.completed");
          assert.equal(new Set(ids).size, 1);
          return last.response;
        };
        const owners = new Set();
        for (let n = 0; n < 15; n += 1) {
          stage.mock.ledger.length = 0;
          const one = await say(sdk);
          const two = await say(elsewhere, one.id);
          const three = await say(sdk, two.id);
          assert.deepEqual([two.previous_response_id, three.previous_response_id], [one.id, two.id]);
          assert.equal((await elsewhere.responses.retrieve(three.id)).id, three.id);
          assert.equal(three.output[0].content[0].text, "You said: hi");
          assert.deepEqual([used().size, stage.mock.ledger.length], [1, 4]);
          owners.add([...used()][0]);
        }
        assert.ok(owners.size > 1 && [...owners].every((key) => secrets.includes(key)));
      });

    test("in a stream nothing but the tags is added, and no event waits for the next one", async () => {
      await fresh(2);
      const events = [
        ": hello\n\n",
        'event: response.created\r\ndata: {"response" : {"id":"resp_9", "output": []}}\r\n\r\n',
        'data: {"delta":"\\"id\\":\\"resp_9\\" resp_9","item_id":"msg_1"}\n\n',
        "data: [DONE]\n\n",
      ];
      stage.mock.script("*", { headers: sse, chunks: events });
      const answer = await post("responses", { model, input: "x", stream: true });
      const text = answer.body.toString();
      assert.equal(plain(text), events.join(""));
      assert.equal(text.match(tag).length, 1);
      assert.match(text, /"id":"resp_9_kp[0-9a-f]{24}", "output"/);
      // The provider falls silent after its first event.
      stage.mock.script("*", { headers: sse, chunks: events.slice(1), hang: 1 });
      const body = JSON.stringify({ model, input: "y", stream: true });
      const first = await leaveEarly(`${stage.worker.url}/v1/responses`, { headers: { ...json, authorization }, body });
      assert.equal(plain(first.toString()), events[1]);
    });

    test("a list shows every object of 5 keys once, however long its pages are", async () => {
      await fresh(5, { affinity: false });
      const ids = [];
      for (let n = 0; n < 23; n += 1) ids.push((await upload(undefined, n % 2 ? sdk : elsewhere)).id);
      assert.ok(used().size > 2);
      const batch = (id) => ({ input_file_id: id, endpoint: "/v1/chat/completions", completion_window: "24h" });
      const batches = [];
      for (const id of ids) batches.push((await sdk.batches.create(batch(id))).id);
      for (const limit of [undefined, 1, 3, 5, 23, 100]) {
        const seen = { files: [], batches: [] };
        for (const kind of ["files", "batches"]) {
          const first = await sdk[kind].list({ limit });
          assert.ok(first.data.length <= (limit ?? 1000));
          for await (const { id } of first) seen[kind].push(id);
        }
        const inputs = seen.files.filter((id) => !/out/.test(id));
        assert.deepEqual(inputs.sort(), [...ids].sort(), `limit ${limit}`);
        assert.equal(seen.files.length, 46);
        assert.deepEqual(seen.batches.sort(), [...batches].sort(), `limit ${limit}`);
      }
      const whole = (await elsewhere.files.list({ limit: 100 })).data.map((file) => file.created_at);
      assert.deepEqual(whole, whole.toSorted((a, b) => b - a));
    });

    test("a page is filled with ten calls, and a key that fails is left out", async () => {
      const { secrets } = await fresh(14, { affinity: false });
      for (let n = 0; n < 60; n += 1) await upload();
      const full = new Set((await Array.fromAsync(sdk.files.list())).map((file) => file.id));
      assert.equal(full.size, 60);
      const failing = stage.mock.ledger[0].key;
      stage.mock.ledger.length = 0;
      const page = parsed((await ask("files")).body.toString());
      assert.ok(page.has_more);
      assert.equal(stage.mock.ledger.length, 10);
      stage.mock.script(failing, "500");
      const left = await Array.fromAsync(sdk.files.list());
      assert.ok(left.length < 60 && left.length > 0);
      for (const secret of secrets) stage.mock.script(secret, { status: 503, body: "all down" });
      const down = await ask("files");
      assert.deepEqual([down.status, down.body.toString()], [503, "all down"]);
    });

    test("keys that may not list, or whose lists fail, are not blamed for it, and a few are asked", async () => {
      const { secrets, ids } = await fresh(5);
      const states = async () => (await stage.states(ids)).map((key) => key.state);
      const well = ids.map(() => "active");
      const scopes = { status: 403, body: { error: { message: "Missing scopes: api.files.read", type: "invalid_request_error" } } };
      for (const secret of secrets) stage.mock.script(secret, scopes);
      for (let n = 0; n < 4; n += 1) {
        const answer = refused(await ask("files"));
        assert.deepEqual([answer.status, answer.error.message], [403, "Missing scopes: api.files.read"]);
      }
      assert.deepEqual(await states(), well);
      for (const secret of secrets) stage.mock.script(secret, "500");
      stage.mock.ledger.length = 0;
      assert.equal((await ask("batches")).status, 500);
      assert.equal(stage.mock.ledger.length, 2);
      assert.deepEqual(await states(), well);
      for (const secret of secrets) stage.mock.script(secret, "good");
      const chat = await post("chat/completions", { model, messages: [{ role: "user", content: "hi" }] });
      assert.equal(chat.status, 200);
    });

    test("a list of a provider that does not answer asks one key, and ends", async () => {
      const { secrets, ids } = await fresh(5, { answer_timeout_ms: 300 });
      for (const secret of secrets) stage.mock.script(secret, "hang");
      stage.mock.ledger.length = 0;
      assertOurs(refused(await ask("files")), { status: 502, code: "upstream_failed" });
      assert.equal(stage.mock.ledger.length, 1);
      assert.deepEqual((await stage.states(ids)).map((key) => key.state), ids.map(() => "active"));
    });

    test("an id that was tampered with leads nowhere", async () => {
      await fresh(5);
      const { id } = await upload();
      for (const at of [6, -1, -20]) {
        const letters = [...id];
        letters.splice(at, 1, letters.at(at) === "0" ? "1" : "0");
        const wrong = letters.join("");
        await assert.rejects(sdk.files.retrieve(wrong), OpenAI.NotFoundError);
        assert.ok(stage.mock.ledger.at(-1).path.endsWith(`/files/${wrong}`), "it goes out as it is");
      }
    });

    test("what a key that is gone or switched off made is not looked for with another one", async () => {
      const { id } = await fresh(3);
      const file = await upload();
      const owner = id(stage.mock.ledger[0].key);
      stage.mock.ledger.length = 0;
      await stage.worker.api("PATCH", `/keys/${owner}`, { enabled: false }, 200);
      assertOurs(refused(await ask(`files/${file.id}`)), { status: 409, code: "key_disabled" });
      await stage.worker.api("PATCH", `/keys/${owner}`, { enabled: true }, 200);
      assert.equal((await ask(`files/${file.id}`)).status, 200);
      stage.mock.ledger.length = 0;
      await stage.worker.api("DELETE", `/keys/${owner}`, undefined, 204);
      assertOurs(refused(await ask(`files/${file.id}`)), { status: 404, code: "key_gone" });
      assertOurs(refused(await post("batches", { input_file_id: file.id })), { status: 404, code: "key_gone" });
      assert.equal(stage.mock.ledger.length, 0);
    });

    test("a key that a machine disabled is asked all the same, and that it is dead is no word on the client's", async () => {
      const { id } = await fresh(3);
      const file = await upload();
      const { key } = stage.mock.ledger[0];
      stage.mock.script(key, { status: 401, body: '{"error":{"message":"no such key"}}' });
      for (let n = 0; n < 2; n += 1) {
        const answer = await ask(`files/${file.id}`);
        assertOurs(refused(answer), { status: 502, code: "upstream_auth_failed" });
        assert.match(answer.body.toString(), /no such key/);
      }
      assert.equal((await stage.states([id(key)]))[0].state, "disabled");
      stage.mock.script(key, "good");
      assert.equal((await ask(`files/${file.id}`)).status, 200);
      assert.equal(used().size, 1);
    });

    test("what may pass is tried again with the same key, three times at the most", async () => {
      await fresh(3);
      const file = await upload();
      const { key } = stage.mock.ledger[0];
      stage.mock.ledger.length = 0;
      stage.mock.script(key, ["500", "500", "good"]);
      assert.equal((await ask(`files/${file.id}`)).status, 200);
      stage.mock.script(key, { status: 500, body: "broken" });
      const answer = await ask(`files/${file.id}`);
      assert.deepEqual([answer.status, answer.body.toString()], [500, "broken"]);
      assert.equal(stage.mock.ledger.length, 6);
      assert.equal(used().size, 1);
    });

    test("ids of two keys in one call are a mistake, and nobody is called", async () => {
      await fresh(5);
      const files = [];
      for (let n = 0; n < 20; n += 1) files.push((await upload(`two ${n}`)).id);
      assert.ok(used().size > 1);
      stage.mock.ledger.length = 0;
      assertOurs(refused(await post("vector_stores", { file_ids: files })), { status: 400, code: "ids_of_two_keys" });
      assert.equal(stage.mock.ledger.length, 0);
    });

    test("a client key reaches what lies with a key that it may use, and no more", async () => {
      await stage.pool(keys(2).map((key) => ({ key, group: "mine" })));
      const client = async (groups) => {
        const { body } = await stage.worker.api("POST", "/clients", { label: "c", groups }, 201);
        return connect(stage.worker, { apiKey: body.key, defaultHeaders: { "x-gray-group": "mine" } });
      };
      const [mine, none] = [await client(["mine"]), await client([])];
      const { id } = await upload(undefined, mine);
      assert.equal((await mine.files.retrieve(id)).id, id);
      const bare = connect(stage.worker);
      for (const stranger of [none, bare])
        await assert.rejects(stranger.files.retrieve(id), (e) => e.status === 403 && e.code === "group_not_allowed");
    });

    test("a call goes to the provider where the thing lies, whatever the model's way is", async () => {
      await fresh(2);
      const name = `second-${made}`;
      const base_url = `http://127.0.0.1:${stage.mock.port}/${name}/v1`;
      await stage.worker.api("POST", "/providers", { name, base_url }, 201);
      const rows = keys(2).map((key) => ({ provider: name, key }));
      await stage.worker.api("POST", "/keys", { keys: rows }, 201);
      const { id } = await upload(undefined, new OpenAI({ apiKey: clientKey, baseURL: `${stage.worker.url}/${name}/v1` }));
      const input = [{ role: "user", content: [{ type: "input_file", file_id: id }] }];
      for (const wanted of [model, `${name}/${model}`]) {
        await sdk.responses.create({ model: wanted, input });
        const { path, body, key } = stage.mock.ledger.at(-1);
        assert.deepEqual([path, JSON.parse(body).model], [`/${name}/v1/responses`, model]);
        assert.equal(key, stage.mock.ledger[0].key);
      }
      const calls = stage.mock.ledger.length;
      const { body } = await stage.worker.api("GET", "/providers", undefined, 200);
      const first = body.providers.find((provider) => provider.name !== name && provider.default).name;
      const answer = await exchange(`${stage.worker.url}/${first}/v1/files/${id}`, { headers: { authorization } });
      assertOurs(refused(answer), { status: 400, code: "id_of_another_provider" });
      assert.equal(stage.mock.ledger.length, calls);
    });

    test("with one key nothing is changed", async () => {
      await fresh(1);
      const body = '{ "id": "file-1",\n "object":"file" }';
      stage.mock.script("*", { headers: json, body });
      for (const path of ["files/file-1", "files", "responses/resp_1"])
        assert.equal((await ask(path)).body.toString(), body);
      const stream = 'data: {"response":{"id":"resp_1"}}\n\n';
      stage.mock.script("*", { headers: sse, chunks: [stream] });
      assert.equal((await post("responses", { model, input: "x", stream: true })).body.toString(), stream);
    });

    test("an answer of many megabytes gets its tags on the way", async () => {
      await fresh(2);
      const item = (n) => `{"id":"file-${n}","object":"vector_store.file","pad":"${"x".repeat(1000)}"}`;
      const data = Array.from({ length: 6000 }, (_, n) => item(n)).join(",");
      const body = `{"object":"list","data":[${data}],"has_more":false}`;
      stage.mock.script("*", { headers: { ...json, "content-length": body.length }, body });
      const text = (await ask("vector_stores/vs_1/files")).body.toString();
      assert.equal(text.match(tag).length, 6000);
      assert.equal(plain(text) === body, true);
    });

    test("a chat about a file goes to its key, and its answer is not changed", async () => {
      await fresh(5);
      const { id } = await upload("chat");
      const { key } = stage.mock.ledger[0];
      for (let n = 0; n < 5; n += 1) {
        const content = [{ type: "file", file: { file_id: id } }, { type: "text", text: `what is in ${n}` }];
        const answer = await post("chat/completions", { model, messages: [{ role: "user", content }] });
        assert.doesNotMatch(answer.body.toString(), tag);
        const last = stage.mock.ledger.at(-1);
        assert.equal(last.key, key);
        assert.equal(JSON.parse(last.body).messages[0].content[0].file.file_id, plain(id));
      }
    });
  });
}
