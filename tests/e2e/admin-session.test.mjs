// Who gets into the admin API, for how long, and what a stranger learns.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { password, started, storages, storeFolder } from "./harness.mjs";
import { startStage } from "./pool.mjs";

const jwtSecret = "e2e-jwt-secret-of-more-than-32-bytes";

for (const storage of storages) {
  describe(`admin sessions, on ${storage}`, () => {
    let stage, worker;
    const api = (...args) => worker.api(...args);
    const bare = (path, init) => fetch(`${worker.url}/admin/api${path}`, init);
    const login = (body) =>
      bare("/login", { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
    const withToken = (token) => bare("/session", { headers: { authorization: `Bearer ${token}` } });
    before(async () => {
      stage = await startStage({ storage, secrets: { JWT_SECRET: jwtSecret } });
      ({ worker } = stage);
    });
    after(() => stage.close());

    describe("a session", () => {
      test("begins with the password, in a cookie that scripts and other sites cannot use", async () => {
        const answer = await login({ password });
        assert.equal(answer.status, 200);
        const { token, expires_at } = await answer.json();
        assert.ok(expires_at > Date.now());
        const cookies = answer.headers.getSetCookie();
        assert.equal(cookies.length, 1);
        const [pair, ...attributes] = cookies[0].split("; ");
        assert.equal(pair, `keypool_session=${token}`);
        for (const attribute of ["HttpOnly", "Secure", "SameSite=Strict", "Path=/admin"])
          assert.ok(attributes.includes(attribute), attribute);
        const session = await bare("/session", { headers: { cookie: `other=1; ${pair}` } });
        assert.equal(session.status, 200);
        const body = await session.json();
        assert.deepEqual([body.storage, body.encrypted, body.expires_at], [storage, false, expires_at]);
      });

      test("does not begin with anything else", async () => {
        for (const [body, status, code] of [
          [{ password: "wrong" }, 401, "wrong_password"],
          [{ password: "" }, 401, "wrong_password"],
          ["{", 400, "invalid_json"],
          ["", 400, "invalid_json"],
          [{}, 400, "invalid_request"],
          [{ password: 1 }, 400, "invalid_request"],
          ["[]", 400, "invalid_request"],
        ]) {
          const answer = await login(body);
          assert.deepEqual([answer.status, (await answer.json()).error.code], [status, code], JSON.stringify(body));
          assert.deepEqual(answer.headers.getSetCookie(), []);
        }
      });

      test("is needed for every call", async () => {
        for (const [method, path] of [
          ["GET", "/keys"],
          ["POST", "/keys"],
          ["GET", "/session"],
          ["POST", "/logout"],
          ["GET", "/providers"],
          ["GET", "/clients"],
          ["GET", "/settings"],
          ["POST", "/flush"],
          ["GET", "/no/such/route"],
          ["PUT", "/keys"],
        ]) {
          const answer = await bare(path, { method });
          assert.deepEqual(
            [answer.status, (await answer.json()).error.code],
            [401, "login_required"],
            `${method} ${path}`,
          );
        }
      });

      test("is no use of a token that somebody else made", async () => {
        const { token } = await (await login({ password })).json();
        const [head, payload, signature] = token.split(".");
        const header = JSON.parse(Buffer.from(head, "base64url"));
        const claims = JSON.parse(Buffer.from(payload, "base64url"));
        assert.equal(header.alg, "HS256");
        // The forger below works: with the right secret it makes the very token the Worker made.
        assert.equal(sign(head, payload, jwtSecret), signature);

        const old = { ...claims, exp: Math.floor(Date.now() / 1000) - 10 };
        const none = part({ ...header, alg: "none" });
        for (const [what, forged] of [
          ["alg none", `${none}.${payload}.`],
          ["alg none with the old signature", `${none}.${payload}.${signature}`],
          ["a foreign secret", `${head}.${payload}.${sign(head, payload, "another secret of more than 32 bytes")}`],
          ["an empty secret", `${head}.${payload}.${sign(head, payload, "")}`],
          ["changed claims", `${head}.${part({ ...claims, exp: claims.exp + 1000 })}.${signature}`],
          ["an expired token", `${head}.${part(old)}.${sign(head, part(old), jwtSecret)}`],
          [
            "no expiry",
            `${head}.${part({ ...claims, exp: undefined })}.${sign(head, part({ ...claims, exp: undefined }), jwtSecret)}`,
          ],
          ["HS512", forge({ ...header, alg: "HS512" }, claims, "sha512")],
          ["a truncated token", token.slice(0, -2)],
          ["rubbish", "a.b.c"],
          ["nothing", ""],
        ]) {
          assert.equal((await withToken(forged)).status, 401, what);
        }
        assert.equal((await withToken(token)).status, 200);
      });

      test("is renewed by its use, in the cookie, and on demand for scripts; and ends all the same one day", async () => {
        const { token } = await (await login({ password })).json();
        const [head, payload] = token.split(".");
        const claims = JSON.parse(Buffer.from(payload, "base64url"));
        assert.ok(claims.exp - claims.iat <= 3600);
        const second = Math.floor(Date.now() / 1000);
        const aged = (iat, exp) => {
          const body = part({ ...claims, iat, exp });
          return `${head}.${body}.${sign(head, body, jwtSecret)}`;
        };
        const visit = (token) => bare("/session", { headers: { cookie: `keypool_session=${token}` } });
        const renewed = async (token) => {
          const answer = await visit(token);
          assert.equal(answer.status, 200);
          return answer.headers.get("set-cookie")?.match(/^keypool_session=([^;]+); Path=\/admin; Max-Age=(\d+); HttpOnly; Secure; SameSite=Strict$/);
        };
        assert.equal(await renewed(token), undefined);
        const old = aged(second - 3000, second + 600);
        const [, fresh, seconds] = await renewed(old);
        assert.ok(Number(seconds) > 3500 && Number(seconds) <= 3600, seconds);
        const now = JSON.parse(Buffer.from(fresh.split(".")[1], "base64url"));
        assert.deepEqual([now.jti, now.iat, now.exp > second + 3500], [claims.jti, second - 3000, true]);
        // A script asks for it; its own token says until when it holds.
        const script = await bare("/session", { method: "POST", headers: { authorization: `Bearer ${old}` } });
        assert.equal(script.status, 200);
        const told = await script.json();
        assert.ok(told.expires_at > Date.now() + 3500_000 && told.token !== old);
        assert.equal((await withToken(told.token)).status, 200);
        assert.equal((await bare("/session", { headers: { authorization: `Bearer ${old}` } })).headers.get("set-cookie"), null);
        // Twelve hours after the login is the end.
        const [, last, left] = await renewed(aged(second - 11.9 * 3600, second + 60));
        assert.ok(Number(left) > 300 && Number(left) <= 360, left);
        assert.equal(await renewed(aged(second - 12 * 3600 + 30, second + 30)), undefined);
        // A logout ends all of them: they are one session.
        assert.equal((await bare("/logout", { method: "POST", headers: { authorization: `Bearer ${last}` } })).status, 204);
        for (const each of [token, old, fresh, told.token]) assert.equal((await withToken(each)).status, 401);
      });

      test("ends with a new password, though JWT_SECRET stays", async (t) => {
        const persist = storeFolder();
        const tokenOf = async (word) => {
          const house = await started(t, {
            storage,
            persist,
            secrets: { JWT_SECRET: jwtSecret, ADMIN_PASSWORD: word },
          });
          return { house, token: await house.token() };
        };
        const before = await tokenOf("the first password");
        await before.house.close();
        const { house, token } = await tokenOf("the second password");
        const ask = (bearer) =>
          fetch(`${house.url}/admin/api/session`, { headers: { authorization: `Bearer ${bearer}` } });
        assert.deepEqual([(await ask(before.token)).status, (await ask(token)).status], [401, 200]);
      });

      test("ends with the logout, for this token alone", async () => {
        const [one, other] = [
          (await (await login({ password })).json()).token,
          (await (await login({ password })).json()).token,
        ];
        assert.notEqual(one, other);
        const answer = await bare("/logout", { method: "POST", headers: { authorization: `Bearer ${one}` } });
        assert.equal(answer.status, 204);
        assert.equal((await withToken(one)).status, 401);
        assert.equal((await withToken(other)).status, 200);
      });
    });

    describe("every answer", () => {
      test("to an unknown route is a 404, to a wrong method a 405 that names the right ones", async () => {
        const lost = await api("GET", "/no/such/route");
        assert.deepEqual([lost.status, lost.body.error.code], [404, "unknown_route"]);
        for (const [method, path, allowed] of [
          ["PUT", "/keys", "GET"],
          ["GET", "/flush", "POST"],
          ["GET", "/login", "POST"],
          ["DELETE", "/session", "GET"],
        ]) {
          const wrong = await api(method, path);
          assert.deepEqual([wrong.status, wrong.body.error.code], [405, "method_not_allowed"], `${method} ${path}`);
          assert.ok(wrong.headers.get("allow").includes(allowed));
        }
      });

      test("may not be kept by a cache", async () => {
        assert.match((await api("GET", "/keys")).headers.get("cache-control") ?? "", /no-store/);
      });
    });

    test("the eleventh wrong password in a row is not looked at", async () => {
      let answer;
      for (let i = 0; i < 12; i++) answer = await login({ password: `guess ${i}` });
      assert.deepEqual([answer.status, (await answer.json()).error.code], [429, "too_many_logins"]);
      assert.ok(Number(answer.headers.get("retry-after")) > 0);
      assert.equal((await login({ password })).status, 429);
    });
  });
}

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function sign(head, payload, secret, hash = "sha256") {
  return createHmac(hash, secret).update(`${head}.${payload}`).digest("base64url");
}

function forge(header, claims, hash) {
  return `${part(header)}.${part(claims)}.${sign(part(header), part(claims), jwtSecret, hash)}`;
}
