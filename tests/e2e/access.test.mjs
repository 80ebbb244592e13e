// Cloudflare Access in front of the admin API: its tokens, and nothing else, open the door.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { clientKey, password, started, storages } from "./harness.mjs";

const audience = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });

/** What stands at a team's address: its public keys, which may change or fail. */
async function startTeam() {
  const team = { keys: {}, asked: 0, status: 200 };
  const server = http.createServer((request, response) => {
    team.asked += 1;
    const keys = Object.entries(team.keys).map(([kid, { publicKey }]) => ({ kid, alg: "RS256", use: "sig", ...publicKey.export({ format: "jwk" }) }));
    response.writeHead(request.url === "/cdn-cgi/access/certs" ? team.status : 404, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  team.url = `http://127.0.0.1:${server.address().port}`;
  team.close = () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections());
  const now = () => Math.floor(Date.now() / 1000);
  team.claims = (more) => ({ aud: [audience], email: "ada@example.com", iss: team.url, iat: now() - 5, nbf: now() - 5, exp: now() + 600, sub: "1", type: "app", ...more });
  team.token = (claims = {}, { kid = "one", alg = "RS256", key = team.keys.one } = {}) => {
    const signed = `${part({ alg, kid, typ: "JWT" })}.${part(team.claims(claims))}`;
    return `${signed}.${sign("sha256", Buffer.from(signed), key.privateKey).toString("base64url")}`;
  };
  return team;
}

for (const storage of storages)
  describe(`Cloudflare Access, on ${storage}`, () => {
    let team;
    before(async () => {
      team = await startTeam();
      team.keys.one = pair();
    });
    after(() => team.close());
    const open = (t, more = {}) =>
      started(t, { storage, vars: { KEYPOOL_ACCESS_TEAM: team.url, KEYPOOL_ACCESS_AUD: audience, ...more } });
    const ask = async (worker, path, token, { headers = {}, ...init } = {}) => {
      const answer = await fetch(`${worker.url}/admin/api${path}`, { ...init, headers: { ...(token ? { "cf-access-jwt-assertion": token } : {}), ...headers } });
      const text = await answer.text();
      return { status: answer.status, code: text.startsWith("{") ? JSON.parse(text).error?.code : undefined, body: text ? JSON.parse(text) : null };
    };

    test("whoever it lets in is the admin, without a password, and is named in the audit log", async (t) => {
      const worker = await open(t);
      const token = team.token();
      const session = await ask(worker, "/session", token);
      assert.deepEqual([session.status, session.body.who, session.body.by], [200, "ada@example.com", "access"]);
      const body = JSON.stringify({ text: "sk-access-0000000001", provider: "openai" });
      assert.equal((await ask(worker, "/providers", token, { method: "POST", body: JSON.stringify({ name: "openai", preset: "openai" }) })).status, 201);
      assert.equal((await ask(worker, "/keys", token, { method: "POST", body })).status, 201);
      const { entries } = (await ask(worker, "/audit", token)).body;
      assert.deepEqual(entries.map(({ action, who }) => [action, who]), [["key.add", "ada@example.com"], ["provider.add", "ada@example.com"]]);
      // A service token has no address.
      const service = await ask(worker, "/session", team.token({ email: undefined, common_name: "deploy.access" }));
      assert.deepEqual([service.status, service.body.who], [200, "deploy.access"]);
    });

    test("nobody else gets in, with the password neither", async (t) => {
      const worker = await open(t);
      const stranger = pair();
      const good = team.token();
      const [head, body, signature] = good.split(".");
      for (const [what, token] of [
        ["no token", undefined],
        ["rubbish", "a.b.c"],
        ["one part", "abc"],
        ["a foreign signature", team.token({}, { key: stranger })],
        ["an unknown key", team.token({}, { kid: "two", key: stranger })],
        ["a name that every object has", team.token({}, { kid: "constructor", key: stranger })],
        ["changed claims", `${head}.${part(team.claims({ email: "eve@example.com" }))}.${signature}`],
        ["alg none", `${part({ alg: "none", kid: "one" })}.${body}.`],
        ["alg HS256", `${part({ alg: "HS256", kid: "one" })}.${body}.${signature}`],
        ["no signature", `${head}.${body}.`],
        ["a fourth part", `${good}.x`],
        ["another application's", team.token({ aud: ["another"] })],
        ["no audience", team.token({ aud: undefined })],
        ["another team's", team.token({ iss: "https://other.cloudflareaccess.com" })],
        ["an expired one", team.token({ exp: Math.floor(Date.now() / 1000) - 1 })],
        ["no expiry", team.token({ exp: undefined })],
        ["one of the future", team.token({ iat: Math.floor(Date.now() / 1000) + 600 })],
        ["one that is not valid yet", team.token({ nbf: Math.floor(Date.now() / 1000) + 600 })],
      ]) {
        const { status, code } = await ask(worker, "/keys", token);
        assert.deepEqual([status, code], [403, "access_required"], what);
      }
      const login = await ask(worker, "/login", undefined, { method: "POST", body: JSON.stringify({ password }) });
      assert.deepEqual([login.status, login.code], [403, "access_required"]);
      assert.equal((await ask(worker, "/keys", good)).status, 200);
    });

    test("a change that another site asks for is refused", async (t) => {
      const worker = await open(t);
      const init = { method: "POST", headers: { "sec-fetch-site": "cross-site" } };
      const { status, code } = await ask(worker, "/flush", team.token(), init);
      assert.deepEqual([status, code], [403, "cross_site"]);
    });

    test("a logout ends the session of that token, and logging out everywhere all before", async (t) => {
      const worker = await open(t);
      const [one, two] = [team.token(), team.token({ sub: "2" })];
      assert.equal((await ask(worker, "/logout", one, { method: "POST" })).status, 204);
      assert.deepEqual([(await ask(worker, "/session", one)).status, (await ask(worker, "/session", two)).status], [401, 200]);
      const everywhere = { method: "POST", body: JSON.stringify({ everywhere: true }) };
      assert.equal((await ask(worker, "/logout", two, everywhere)).status, 204);
      assert.equal((await ask(worker, "/session", two)).status, 401);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      const later = team.token({ iat: Math.floor(Date.now() / 1000) });
      assert.equal((await ask(worker, "/session", later)).status, 200);
    });

    test("the playground and the proxy go on: Access guards the admin API alone", async (t) => {
      const worker = await open(t);
      const lists = await ask(worker, "/v1/models", team.token());
      assert.notEqual(lists.code, "access_required");
      assert.equal((await ask(worker, "/v1/models")).code, "access_required");
      const proxy = await fetch(`${worker.url}/v1/models`, { headers: { authorization: `Bearer ${clientKey}` } });
      assert.notEqual(proxy.status, 403);
    });

    test("keys are read once, and made-up ids make no flood", async (t) => {
      const worker = await open(t);
      const before = team.asked;
      for (let i = 0; i < 5; i++) assert.equal((await ask(worker, "/session", team.token({ sub: `${i}` }))).status, 200);
      for (let i = 0; i < 5; i++) assert.equal((await ask(worker, "/session", team.token({}, { kid: `made-up-${i}` }))).status, 403);
      assert.equal(team.asked - before, 1);
    });

    test("keys that cannot be had are said, and let nobody in", async (t) => {
      const worker = await open(t);
      team.status = 500;
      t.after(() => (team.status = 200));
      const { status, code } = await ask(worker, "/session", team.token());
      assert.deepEqual([status, code], [503, "access_unavailable"]);
    });

    test("half a configuration, or an address that is not safe, is an error that names it", async (t) => {
      for (const vars of [{ KEYPOOL_ACCESS_AUD: null }, { KEYPOOL_ACCESS_TEAM: null }, { KEYPOOL_ALLOW_PRIVATE_UPSTREAMS: null }]) {
        const worker = await open(t, vars);
        const { status, code, body } = await ask(worker, "/session", team.token());
        assert.deepEqual([status, code], [500, "bad_settings"]);
        assert.match(body.error.message, /KEYPOOL_ACCESS_TEAM/);
      }
    });
  });
