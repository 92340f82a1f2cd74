// A running world: one Env, the requests that wait for it, its last committed tick, and who owns and who watches it.
// It knows no sockets: an owner is whoever is told when the session is taken away.
import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import {
  blocksOf,
  byteTensor,
  type Env,
  type ForkMessage,
  fork,
  type ObservationMessage,
  type Observed,
  observationsTensors,
  observationTensors,
  observed,
  type PlanMessage,
  type PlannedMessage,
  type PlanOptions,
  type PredictedMessage,
  type PredictMessage,
  ProtocolError,
  plan,
  predict,
  type ResetMessage,
  ResetNeededError,
  type ResetOptions,
  type RestoredMessage,
  type RestoreMessage,
  restore,
  type SnapshotMessage,
  type SnapshottedMessage,
  type StepChunkMessage,
  type StepMessage,
  type SteppedChunkMessage,
  type SteppedMessage,
  type StepResult,
  snapshot,
  snapshotPosition,
  stepChunk,
  tensorBytes,
  type WorldError,
} from "@worldstep/protocols";
import type { Stream, Tick } from "./stream.js";

export interface Owner {
  /** The session is its own no more: another owner resumed it, or it was idle for too long. */
  deprived(session: Session, error: WorldError): void;
  /** Whether replies wait for it in such numbers that none should be added. It calls `pump` when that has changed. */
  congested(): boolean;
}

/** An env, and where it is: nowhere before its first reset. */
export interface Begun {
  readonly env: Env;
  readonly tick?: number;
  readonly ended?: boolean;
}

export interface SessionOptions extends Begun {
  readonly world: string;
  readonly maxInFlight: number;
  /** How long nobody may own it, before `onIdle`. */
  readonly lostSeconds: number;
  /** How long its owner may ask nothing of it, before `onIdle`; 0 for ever. */
  readonly idleSeconds: number;
  readonly onIdle: (session: Session) => void;
  /** Called after each tick that the env made, not for repeated replies. */
  readonly onStep: (seconds: number) => void;
}

/** A `step`, say. */
interface Asked {
  readonly owner: Owner;
  readonly id: number;
  readonly begin: () => Promise<void>;
  readonly refuse: (error: WorldError) => void;
  /** What ends its work when it has begun; absent where that can't be. */
  readonly stop: AbortController | undefined;
}

type SteppedReply = Omit<SteppedMessage, "id"> | Omit<SteppedChunkMessage, "id">;

/** Bytes that a session keeps for retries; its last reply is kept with any number of them. */
const MOST_KEPT_BYTES = 2 * 2 ** 20;

/** What was asked of the env at a tick, and answered. */
interface Committed {
  readonly type: SteppedReply["type"];
  readonly action: Uint8Array;
  readonly nfe: number | undefined;
  readonly observe: readonly Observed[] | undefined;
  readonly reply: SteppedReply;
}

export class Session {
  readonly id = randomUUID();
  readonly token = randomBytes(24).toString("base64url");
  /** Last committed tick; undefined before the first reset. */
  tick: number | undefined;
  /** Whether the episode is over. */
  ended: boolean;

  private owner: Owner | undefined;
  private waiting: Asked[] = [];
  /** What has begun, and its end. */
  private current: Asked | undefined;
  private running: Promise<void> | undefined;
  private recent = new Map<number, Committed>(); // by tick, oldest first
  private recentBytes = 0;
  private readonly streams = new Set<Stream>();
  private idleTimer: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: SessionOptions) {
    this.tick = options.tick;
    this.ended = options.ended ?? false;
  }

  /** Requests that have not begun. */
  get waitingRequests(): number {
    return this.waiting.length;
  }

  get world(): string {
    return this.options.world;
  }

  knows(token: string): boolean {
    const [ours, theirs] = [Buffer.from(this.token), Buffer.from(token)];
    return ours.length === theirs.length && timingSafeEqual(ours, theirs);
  }

  isOwnedBy(owner: Owner): boolean {
    return this.owner === owner;
  }

  /** Gives the session to `owner`, and resolves when nothing of it runs any more: `tick` and `ended` then stay. */
  async own(owner: Owner): Promise<void> {
    const previous = this.owner;
    this.owner = owner;
    if (previous && previous !== owner) {
      const error = new ProtocolError(
        "session_taken_over",
        `session ${this.id} was resumed by another connection`,
        "open a new session, or resume it back",
        { session: this.id },
      );
      this.refuseAll(error);
      previous.deprived(this, error);
    }
    this.watchIdleness();
    while (this.running) await this.running;
  }

  /** `owner` is gone: what it waits for is forgotten, and the session lives on for the idle time. */
  release(owner: Owner): void {
    if (this.owner !== owner) return;
    this.owner = undefined;
    this.refuseAll(new ProtocolError("connection_lost", "the connection was lost", "reconnect and resume"));
    this.watchIdleness();
  }

  /** Nobody asked anything of it for too long: its owner is told, and owns it no more. */
  forsake(): void {
    const { owner } = this;
    if (owner === undefined) return;
    this.owner = undefined;
    const { idleSeconds } = this.options;
    const summary = `session ${this.id} was idle for ${idleSeconds} seconds`;
    const facts = { session: this.id, idleSeconds };
    owner.deprived(this, new ProtocolError("session_idle", summary, "open a new session", facts));
  }

  reset(owner: Owner, message: ResetMessage): Promise<Omit<ObservationMessage, "id">> {
    return this.enqueue(owner, message.id, async () => {
      const started = performance.now();
      const { observation, info } = await this.options.env.reset(resetOptions(message));
      const serverMs = performance.now() - started;
      this.tick = 0;
      this.ended = false;
      this.forget();
      this.show({ tick: 0, observation, info, reward: 0, terminated: false, truncated: false });
      const tensors = observationTensors(observation);
      return { type: "observation", session: this.id, tick: 0, info, serverMs, tensors };
    });
  }

  step(owner: Owner, message: StepMessage | StepChunkMessage): Promise<SteppedReply> {
    return this.enqueue(owner, message.id, async () => {
      if (this.tick === undefined) throw new ResetNeededError("never_reset");
      const { type, tick, nfe, observe } = message;
      // Copied: what came from the socket may be a view of a much larger buffer.
      const action = tensorBytes(type === "step" ? message.tensors.action : message.tensors.actions).slice();
      const committed = this.recent.get(tick);
      const asked = { type: type === "step" ? "stepped" : "steppedChunk", action, nfe, observe } as const;
      if (committed && isSame(committed, asked)) return committed.reply;
      if (tick !== this.tick + 1) {
        throw new ProtocolError(
          "tick_out_of_order",
          `session ${this.id} is at tick ${this.tick}: expected step ${this.tick + 1}, got ${tick}`,
          "send the expected tick; a repeated one must have the same action and options, and be recent",
          { expected: this.tick + 1, got: tick },
        );
      }
      const started = performance.now();
      const results = await this.run(message);
      const serverMs = performance.now() - started;
      const reply = this.commit(asked.type, results, serverMs, observe);
      this.remember(tick, { ...asked, reply });
      for (const [k, result] of results.entries()) {
        this.options.onStep(serverMs / 1000 / results.length);
        this.show({ tick: tick + k, ...result });
      }
      return reply;
    });
  }

  /** An env of its own at this one's moment, for another session. */
  fork(owner: Owner, { id, seed }: ForkMessage): Promise<Begun> {
    return this.enqueue(owner, id, async () => {
      const { tick } = this;
      if (tick === undefined) throw new ResetNeededError("never_reset", "fork");
      const env = await fork(this.options.env, seed === undefined ? {} : { seed });
      return { env, tick, ended: this.ended };
    });
  }

  snapshot(owner: Owner, { id }: SnapshotMessage): Promise<Omit<SnapshottedMessage, "id">> {
    return this.enqueue(owner, id, async () => {
      const { tick, ended } = this;
      if (tick === undefined) throw new ResetNeededError("never_reset", "snapshot");
      const bytes = await snapshot(this.options.env);
      const tensors = { snapshot: byteTensor(bytes, [bytes.length]) };
      return { type: "snapshotted", session: this.id, tick, ended, tensors };
    });
  }

  restore(owner: Owner, { id, tensors }: RestoreMessage): Promise<Omit<RestoredMessage, "id">> {
    return this.enqueue(owner, id, async () => {
      const bytes = tensors.snapshot.data;
      const { tick, ended } = snapshotPosition(bytes);
      await restore(this.options.env, bytes);
      Object.assign(this, { tick, ended });
      this.forget();
      return { type: "restored", session: this.id, tick, ended, tensors: {} };
    });
  }

  predict(owner: Owner, { id, tensors }: PredictMessage): Promise<Omit<PredictedMessage, "id">> {
    return this.enqueue(owner, id, async () => {
      const { tick } = this;
      if (tick === undefined) throw new ResetNeededError("never_reset", "predict");
      const started = performance.now();
      const predicted = await predict(this.options.env, tensors.actions);
      const serverMs = performance.now() - started;
      return { type: "predicted", session: this.id, tick, serverMs, tensors: { ...predicted } };
    });
  }

  plan(owner: Owner, message: PlanMessage): Promise<Omit<PlannedMessage, "id">> {
    const stop = new AbortController();
    const { signal } = stop;
    const work = async () => {
      const { tick } = this;
      if (tick === undefined) throw new ResetNeededError("never_reset", "plan");
      const started = performance.now();
      const { actions, plannedReturn } = await plan(this.options.env, planOptions(message), { signal });
      const serverMs = performance.now() - started;
      return { type: "planned", session: this.id, tick, plannedReturn, serverMs, tensors: { actions } } as const;
    };
    return this.enqueue(owner, message.id, work, stop);
  }

  /** Refuses the request `id` of `owner` if it hasn't begun, or can be stopped; says whether it was refused. */
  cancel(owner: Owner, id: number): boolean {
    const isMeant = (asked: Asked) => asked.owner === owner && asked.id === id;
    const error = new ProtocolError("request_cancelled", `request ${id} was cancelled`, "none needed", { id });
    const [found] = this.waiting.filter(isMeant);
    if (found === undefined) return this.current !== undefined && isMeant(this.current) && this.stopCurrent(error);
    this.waiting.splice(this.waiting.indexOf(found), 1);
    found.refuse(error);
    this.watchIdleness();
    return true;
  }

  watch(stream: Stream): void {
    this.streams.add(stream);
  }

  unwatch(stream: Stream): void {
    this.streams.delete(stream);
    this.pump();
  }

  grant(stream: Stream, credit: number): void {
    stream.grant(credit);
    this.pump();
  }

  /** Refuses what waits, finishes what runs or stops it, ends the streams, frees the env. Calling it again waits for the same. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    clearTimeout(this.idleTimer);
    this.refuseAll(this.closedError());
    while (this.running) await this.running;
    for (const stream of this.streams) {
      while (stream.isReady) stream.sendNext();
      stream.sink.end();
    }
    this.streams.clear();
    await this.options.env.close();
  }

  private enqueue<Reply>(owner: Owner, id: number, work: () => Promise<Reply>, stop?: AbortController): Promise<Reply> {
    const { maxInFlight } = this.options;
    if (this.closing) throw this.closedError();
    if (this.waiting.length + (this.running ? 1 : 0) >= maxInFlight) {
      throw new ProtocolError(
        "request_over_limit",
        `session ${this.id} already has ${maxInFlight} open requests`,
        "wait for replies",
        { session: this.id, maxInFlight },
      );
    }
    return new Promise<Reply>((resolve, reject) => {
      const begin = () => work().then(resolve, reject);
      this.waiting.push({ owner, id, begin, refuse: reject, stop });
      clearTimeout(this.idleTimer);
      this.pump();
    });
  }

  /** Begins the next request, unless one runs, the owner doesn't read, or a blocking stream is out of credit. */
  pump(): void {
    if (this.running || this.closing || [...this.streams].some((stream) => stream.blocks)) return;
    if (this.waiting.length === 0 || this.owner?.congested()) return;
    const next = this.waiting.shift() as Asked;
    this.current = next;
    this.running = next.begin().then(() => {
      this.running = undefined;
      this.current = undefined;
      this.watchIdleness();
      // Lets replies go out and other sessions run before an env that computes on this thread goes on.
      setImmediate(() => this.pump());
    });
  }

  /** Counts from now on how long nothing is asked of it. */
  private watchIdleness(): void {
    clearTimeout(this.idleTimer);
    const { lostSeconds, idleSeconds, onIdle } = this.options;
    if (this.closing || this.running || this.waiting.length > 0 || (this.owner && idleSeconds === 0)) return;
    this.idleTimer = setTimeout(() => onIdle(this), 1000 * (this.owner ? idleSeconds : lostSeconds));
    this.idleTimer.unref();
  }

  private async run(message: StepMessage | StepChunkMessage): Promise<readonly StepResult[]> {
    const { env } = this.options;
    const { nfe } = message;
    // Who watches sees all of it, whatever its owner asks for.
    const observe = this.streams.size > 0 ? undefined : message.observe;
    const options = { ...(nfe !== undefined && { nfe }), ...(observe && { observe }) };
    if (message.type === "step") return [await env.step(message.tensors.action, options)];
    return stepChunk(env, blocksOf(env.spec.actionSpace, message.tensors.actions, env.spec.chunk), options);
  }

  private commit(
    type: SteppedReply["type"],
    results: readonly StepResult[],
    serverMs: number,
    observe: readonly Observed[] | undefined,
  ): SteppedReply {
    const shown = (result: StepResult) => observed(this.options.env.spec, result.observation, observe);
    const last = results.at(-1) as StepResult;
    this.tick = (this.tick as number) + results.length;
    this.ended = last.terminated || last.truncated;
    const common = { session: this.id, tick: this.tick, serverMs };
    if (type === "stepped") {
      const { observation: _, ...rest } = last;
      return { type, ...common, ...rest, tensors: observationTensors(shown(last)) };
    }
    const ticks = results.map(({ observation: _, ...rest }) => rest);
    return { type, ...common, ticks, tensors: observationsTensors(results.map(shown)) };
  }

  private remember(tick: number, committed: Committed): void {
    this.recent.set(tick, committed);
    this.recentBytes += bytesOf(committed);
    for (const [oldest, forgotten] of this.recent) {
      const { size } = this.recent;
      const isWithin = size <= this.options.maxInFlight && this.recentBytes <= MOST_KEPT_BYTES;
      if (isWithin || size === 1) return;
      this.recent.delete(oldest);
      this.recentBytes -= bytesOf(forgotten);
    }
  }

  /** Replies of another course: none of them answers a step of this one. */
  private forget(): void {
    this.recent.clear();
    this.recentBytes = 0;
  }

  private show(tick: Tick): void {
    for (const stream of this.streams) stream.offer(tick);
  }

  /** Refuses what has not begun, and what runs where that can be stopped. */
  private refuseAll(error: WorldError): void {
    const refused = this.waiting;
    this.waiting = [];
    for (const waiting of refused) waiting.refuse(error);
    this.stopCurrent(error);
  }

  /** Refuses what runs at once, and has it come to an end, where that can be; says whether. */
  private stopCurrent(error: WorldError): boolean {
    const { current } = this;
    if (current?.stop === undefined || current.stop.signal.aborted) return false;
    current.refuse(error);
    current.stop.abort(error);
    return true;
  }

  private closedError(): WorldError {
    return new ProtocolError("session_closed", `session ${this.id} was closed`, "open a new session", {
      session: this.id,
    });
  }
}

function isSame(a: Omit<Committed, "reply">, b: Omit<Committed, "reply">): boolean {
  return (
    a.type === b.type &&
    a.nfe === b.nfe &&
    String(a.observe) === String(b.observe) &&
    Buffer.compare(a.action, b.action) === 0
  );
}

function bytesOf({ action, reply }: Committed): number {
  return Object.values(reply.tensors).reduce((sum, { data }) => sum + data.byteLength, action.length);
}

function planOptions({ type: _, id: __, session: ___, tensors, ...options }: PlanMessage): PlanOptions {
  return { ...options, ...tensors };
}

function resetOptions({ seed, task, start, maxTicks, tensors }: ResetMessage): ResetOptions {
  const options = { seed, task, start, maxTicks, ...tensors };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
