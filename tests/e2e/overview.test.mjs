// The pool at a glance: what the page shows first, and what needs a person.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { started, storages } from "./harness.mjs";
import { assertBetween, hour, minute, model, rowStage, second } from "./rows.mjs";

const day = 24 * hour;
const none = { active: 0, cooling: 0, disabled: 0, off: 0 };

for (const storage of storages) {
  describe(`the overview, on ${storage}`, () => {
    const stage = rowStage(storage);
    let n = 0;
    before(() => stage.api("PUT", "/prices", { provider: "mock*", model, input: 1, cached_input: 1, output: 1 }, 200));
    const overview = async (worker = stage.worker) => (await worker.api("GET", "/overview", undefined, 200)).body;
    /** Bodies that differ: three alike would be an incident. */
    const dead = () => ({ status: 401, body: { error: { message: `Key ${(n += 1)} is not known` } } });
    const of = (seen, kind) => seen.attention.find((line) => line.kind === kind);
    const now = (seen) => ({ ...seen.providers.find((p) => p.active + p.cooling + p.disabled + p.off > 0) });

    test("of an empty pool asks for keys", async () => {
      await stage.fresh(0);
      const seen = await overview();
      assert.deepEqual([seen.keys, seen.reasons, seen.next], [none, [], []]);
      assert.ok(Math.abs(seen.as_of - Date.now()) < 10 * second);
      assert.deepEqual(seen.attention, [{ kind: "no_keys", level: "bad", count: 1, names: [] }]);
    });

    test("of a healthy pool needs nobody", async () => {
      await stage.fresh(2);
      const { attention, keys, next, reasons, ...seen } = await overview();
      assert.deepEqual([attention, keys, next, reasons], [[], { ...none, active: 2 }, [], []]);
      const { name, ...provider } = now(seen);
      assert.deepEqual(provider, { enabled: true, ...none, active: 2, rests_until: null });
      assert.equal(name, (await stage.look())[0].seen.provider);
    });

    test("counts keys by state and reason, and tells when each comes back", async () => {
      const each = [{}, { label: "two" }, {}, {}];
      const ids = await stage.fresh(4, {}, each);
      await stage.api("PATCH", `/keys/${ids[3]}`, { enabled: false }, 200);
      stage.mock.script("*", [{ status: 429, headers: { "retry-after": "90" }, body: "" }, dead(), {}]);
      assert.equal((await stage.chat()).status, 200);
      const look = await stage.look();
      for (const worker of [stage.worker, stage.witness]) {
        const seen = await overview(worker);
        assert.deepEqual(seen.keys, { active: 1, cooling: 1, disabled: 1, off: 1 });
        assert.deepEqual(now(seen), { ...now(seen), active: 1, cooling: 1, disabled: 1, off: 1 });
        const reasons = [["disabled", "key_dead", 1], ["cooling", "rate_limited", 1]];
        assert.deepEqual(seen.reasons.map((r) => [r.state, r.class, r.count]), reasons);
        const events = look.flatMap(({ seen: k }) => {
          const about = { id: k.id, name: k.label || k.key_masked, provider: k.provider };
          const rests = k.cooldowns.map(({ model, until }) => ({ at: until, event: "cooldown_end", ...about, model }));
          const probe = k.reason?.next_probe;
          return [...rests, ...(probe ? [{ at: probe, event: "probe", ...about, model: null }] : [])];
        });
        assert.equal(events.length, 2);
        assert.deepEqual(seen.next, events.sort((a, b) => a.at - b.at));
        assert.deepEqual(seen.attention, []);
      }
    });

    test("warns of a pool and a provider without a usable key; not badly when one is back within a minute", async () => {
      for (const [behavior, level] of [[{ status: 429, headers: { "retry-after": "20" }, body: "" }, "warn"], ["402", "bad"]]) {
        const ids = await stage.fresh(1);
        stage.mock.script("*", behavior);
        await stage.chat();
        const seen = await overview();
        const { name } = now(seen);
        assert.deepEqual(seen.attention, [
          { kind: "no_usable_key", level, count: 1, names: [] },
          { kind: "provider_down", level, count: 1, names: [name] },
        ]);
        await stage.api("PATCH", `/keys/${ids[0]}`, { enabled: false }, 200);
        // That is a person's wish.
        assert.deepEqual((await overview()).attention.map((line) => line.kind), ["no_usable_key"]);
      }
    });

    test("names keys that probes find dead again and again", async () => {
      await stage.fresh(2, {}, [{ label: "gone" }, {}]);
      const [secret] = stage.secrets();
      stage.mock.script(secret, dead);
      // So many that the dead one has its turn.
      for (let i = 0; i < 14; i++) await stage.chat();
      let at = Date.now();
      for (const wait of [6, 11, 21]) {
        assert.equal(of(await overview(), "keys_dead"), undefined);
        at += wait * minute;
        await stage.worker.scheduled(at);
      }
      assert.deepEqual(of(await overview(), "keys_dead"), { kind: "keys_dead", level: "warn", count: 1, names: ["gone"] });
    });

    test("names what expires within a week, and keys that have expired serve no more", async () => {
      const ids = await stage.fresh(3, {}, [{ label: "today" }, { label: "later" }, {}]);
      const at = Date.now() + 1500;
      await stage.api("PATCH", `/keys/${ids[0]}`, { expires: at }, 200);
      await stage.api("PATCH", `/keys/${ids[1]}`, { expires: at + 8 * day }, 200);
      const clients = [];
      for (const [label, expires] of [["guest", at + day], ["friend", at + 9 * day]])
        clients.push((await stage.api("POST", "/clients", { label, expires }, 201)).body.id);
      const seen = await overview();
      assert.deepEqual(
        seen.next.map(({ at: when, event, name, provider }) => [when - at, event, name, provider]),
        [
          [0, "key_expires", "today", now(seen).name],
          [day, "client_expires", "guest", null],
          [8 * day, "key_expires", "later", now(seen).name],
          [9 * day, "client_expires", "friend", null],
        ],
      );
      assert.deepEqual(of(seen, "keys_expiring").names, ["today"]);
      assert.deepEqual(of(seen, "clients_expiring").names, ["guest"]);
      await new Promise((resolve) => setTimeout(resolve, at + 50 - Date.now()));
      const [{ seen: key }] = await stage.look();
      assert.deepEqual([key.state, key.usable, key.reason.class, key.reason.since], ["disabled", false, "expired", at]);
      assert.deepEqual((await overview()).reasons, [{ state: "disabled", class: "expired", count: 1 }]);
      for (let i = 0; i < 20; i++) assert.equal((await stage.chat()).status, 200);
      assert.ok(stage.mock.ledger.every((call) => call.key !== stage.secrets()[0]));
      await stage.api("PATCH", `/keys/${ids[0]}`, { expires: null }, 200);
      assert.equal((await stage.look())[0].seen.state, "active");
      for (const expires of [1, at, "soon", 2 ** 54])
        assert.equal((await stage.api("PATCH", `/keys/${ids[0]}`, { expires }, 400)).body.error.param, "expires");
      for (const id of clients) await stage.api("DELETE", `/clients/${id}`, undefined, 204);
    });

    test("names keys with nothing left, client keys near a budget, and models without a price", async () => {
      const fields = { balance_url: "/balance", balance_path: "left" };
      const [id] = await stage.fresh(1, fields, { label: "poor" });
      stage.mock.script("*", { body: { left: 0 } });
      await stage.api("POST", `/keys/${id}/balance`, undefined, 200);
      stage.mock.script("*", {});
      const spender = (await stage.api("POST", "/clients", { label: "spender", day_tokens: 3 }, 201)).body;
      const saver = (await stage.api("POST", "/clients", { label: "saver", month_tokens: 1_000_000 }, 201)).body;
      for (const { key } of [spender, saver])
        assert.equal((await stage.chat({ model: "no-such-price" }, { headers: { authorization: `Bearer ${key}` } })).status, 200);
      await stage.worker.settled();
      await stage.api("POST", "/flush", undefined, 200);
      const seen = await overview();
      assert.deepEqual(of(seen, "balance_empty"), { kind: "balance_empty", level: "warn", count: 1, names: ["poor"] });
      assert.deepEqual(of(seen, "budget"), { kind: "budget", level: "warn", count: 1, names: ["spender"] });
      assert.ok(of(seen, "unpriced").names.includes("no-such-price"));
      for (const client of [spender, saver]) await stage.api("DELETE", `/clients/${client.id}`, undefined, 204);
    });

    test("says when counts have waited for a cron much longer than a working one lets them", async (t) => {
      const house = await started(t, { storage });
      const { DB, API_TOKENS } = await house.env();
      await house.api("GET", "/keys", undefined, 200);
      const wait = async (ms) => {
        const id = `${String(Date.now() - ms).padStart(13, "0")}-x`;
        if (storage === "d1") await DB.prepare("insert into entries (id, body) values (?1, '[]')").bind(id).run();
        else await API_TOKENS.put(`journal/counts/${id}`, '{"rows":[]}');
      };
      await wait(storage === "d1" ? 15 * minute : 2 * hour);
      assert.equal(of(await overview(house), "cron_late"), undefined);
      await wait(storage === "d1" ? 21 * minute : 4 * hour);
      assert.deepEqual(of(await overview(house), "cron_late"), { kind: "cron_late", level: "bad", count: 1, names: [] });
    });

    test("says when no program can call", async (t) => {
      const house = await started(t, { storage, secrets: { PROXY_API_KEY: null } });
      const kinds = async () => (await overview(house)).attention.map((line) => line.kind);
      assert.deepEqual(await kinds(), ["no_keys", "no_clients"]);
      const { body } = await house.api("POST", "/clients", { label: "one" }, 201);
      assert.deepEqual(await kinds(), ["no_keys"]);
      await house.api("PATCH", `/clients/${body.id}`, { enabled: false }, 200);
      assert.deepEqual(await kinds(), ["no_keys", "no_clients"]);
    });

    test("tells of a provider that rests", async () => {
      await stage.fresh(6);
      stage.mock.script("*", "500");
      for (let i = 0; i < 4; i++) await stage.chat();
      const seen = await overview();
      const provider = now(seen);
      assertBetween(provider.rests_until - seen.as_of, 1, 10 * second);
      const back = seen.next.find((event) => event.event === "provider_back");
      const { name } = provider;
      assert.deepEqual(back, { at: provider.rests_until, event: "provider_back", id: name, name, provider: name, model: null });
    });

    test("shows no whole secret", async () => {
      await stage.fresh(2);
      stage.mock.script("*", dead);
      for (let i = 0; i < 3; i++) await stage.chat();
      const text = JSON.stringify(await overview());
      for (const secret of stage.secrets()) assert.ok(!text.includes(secret));
    });
  });
}
