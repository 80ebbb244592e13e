import { createHash, randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";

export type JobState = "queued" | "running" | "succeeded" | "failed";

export interface Job<Payload = unknown> {
  readonly id: string;
  readonly name: string;
  readonly payload: Payload;
  attempts: number;
  state: JobState;
  runAt: number;
  lastError?: string;
}

interface QueueOptions {
  concurrency?: number;
  maxAttempts?: number;
  backoff?: (attempt: number) => number;
  now?: () => number;
}

type Handler<P> = (payload: P, job: Job<P>, signal: AbortSignal) => Promise<void>;

const exponential = (attempt: number) => Math.min(60_000, 250 * 2 ** attempt) * (0.5 + Math.random() / 2);

/** Runs jobs in order of their due time; equal payloads of one name are queued once. */
export class JobQueue extends EventEmitter {
  #handlers = new Map<string, Handler<any>>();
  #jobs: Job[] = [];
  #digests = new Map<string, string>();
  #running = 0;
  #timer: NodeJS.Timeout | undefined;
  #abort = new AbortController();
  readonly #options: Required<QueueOptions>;

  constructor({ concurrency = 4, maxAttempts = 5, backoff = exponential, now = Date.now }: QueueOptions = {}) {
    super();
    this.#options = { concurrency, maxAttempts, backoff, now };
  }

  handle<P>(name: string, handler: Handler<P>): this {
    if (this.#handlers.has(name)) throw new Error(`there is a handler for "${name}" already`);
    this.#handlers.set(name, handler);
    return this;
  }

  add<P>(name: string, payload: P, { delayMs = 0 } = {}): Job<P> {
    const digest = createHash("sha256").update(JSON.stringify([name, payload])).digest("hex");
    const known = this.#jobs.find((job) => this.#digests.get(job.id) === digest && job.state === "queued");
    if (known) return known as Job<P>;
    const job: Job<P> = {
      id: randomUUID(),
      name,
      payload,
      attempts: 0,
      state: "queued",
      runAt: this.#options.now() + delayMs,
    };
    this.#digests.set(job.id, digest);
    const place = this.#jobs.findIndex((other) => other.runAt > job.runAt);
    this.#jobs.splice(place < 0 ? this.#jobs.length : place, 0, job);
    this.#schedule();
    return job;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#abort.abort(new DOMException("the queue is closed", "AbortError"));
    while (this.#running > 0) await new Promise((resolve) => this.once("settled", resolve));
    this.removeAllListeners();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const next = this.#jobs.find((job) => job.state === "queued");
    if (!next || this.#running >= this.#options.concurrency) return;
    const wait = Math.max(0, next.runAt - this.#options.now());
    this.#timer = setTimeout(() => void this.#run(next), wait);
  }

  async #run(job: Job): Promise<void> {
    job.state = "running";
    job.attempts += 1;
    this.#running += 1;
    this.#schedule();
    try {
      const handler = this.#handlers.get(job.name);
      if (!handler) throw new TypeError(`nobody handles "${job.name}"`);
      await handler(job.payload, job, this.#abort.signal);
      job.state = "succeeded";
      this.emit("succeeded", job);
    } catch (error) {
      job.lastError = error instanceof Error ? error.message : String(error);
      const final = job.attempts >= this.#options.maxAttempts || this.#abort.signal.aborted;
      job.state = final ? "failed" : "queued";
      if (!final) job.runAt = this.#options.now() + this.#options.backoff(job.attempts);
      this.emit(final ? "failed" : "retry", job, error);
    } finally {
      this.#running -= 1;
      this.emit("settled", job);
      if (!this.#abort.signal.aborted) this.#schedule();
    }
  }
}
