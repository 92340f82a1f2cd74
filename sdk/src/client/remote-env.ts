// An env on a server: one session of a link. A call survives the loss of the socket: the session is resumed on the next
// socket and the request that has no reply is sent again, unchanged; the server runs no tick twice.
import {
  type ActionLike,
  attempt,
  byteTensor,
  type CallOptions,
  cannotPlan,
  checkFork,
  checkPlan,
  checkPredict,
  checkReset,
  checkStep,
  copiedPlan,
  copiedSnapshot,
  copiedTensor,
  type Env,
  type EnvSpec,
  type FloatTensor,
  type ForkOptions,
  LASTING,
  type Observation,
  observationOf,
  observationsOf,
  type Planned,
  type PlanOptions,
  type Predicted,
  ProtocolError,
  ResetNeededError,
  type ResetOptions,
  type ResetResult,
  type ResumedMessage,
  type StepOptions,
  type StepResult,
  signalOf,
  toAction,
  toActions,
  WorldError,
} from "@worldstep/protocols";
import { copied, resetTensors } from "../env/reset-tensors.js";
import { within } from "./deadline.js";
import type { Attachment, Link, Reply, Request } from "./link.js";

/** What names a session, on any connection. */
export interface SessionKey {
  readonly session: string;
  /** The secret that `resume` and `watch` need. */
  readonly token: string;
}

export class RemoteEnv implements Env, Attachment {
  #key: SessionKey;
  #serverMs = 0;
  // The last tick that we know to be committed; undefined when only a reset leads to a known state.
  #tick: number | undefined;
  // Whether the session is ours on the present socket. Rejects with the reason if it is not any more.
  #attached: Promise<ResumedMessage | undefined>;
  // The socket that `#attached` is about.
  #generation: number;
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  constructor(
    readonly spec: EnvSpec,
    key: SessionKey,
    readonly link: Link,
    readonly timeoutMs: number,
    resumed?: ResumedMessage,
  ) {
    this.#key = { session: key.session, token: key.token };
    this.#tick = resumed?.tick;
    this.#attached = Promise.resolve(resumed);
    this.#generation = link.generation;
    link.attachments.add(this);
  }

  /** Another one after a reset that had to open a new session. */
  get session(): string {
    return this.#key.session;
  }

  get token(): string {
    return this.#key.token;
  }

  /** The last tick that is known to be made; undefined before a reset, and where the reply to one was lost. */
  get tick(): number | undefined {
    return this.#tick;
  }

  /** Milliseconds that the env itself took for the last reset or step, as the server measured it. */
  get serverMs(): number {
    return this.#serverMs;
  }

  /**
   * Where the server has given the session up (it was idle, or the server was restarted), a reset begins in a new one.
   *
   * Rejects also with `connection_lost` when the reply to a reset without a seed was lost: it may have drawn from the
   * env's random numbers, so that to send it again would give another episode. Call `reset` again. And with
   * `request_unknown_world` where the server's world is another by now.
   */
  async reset(options: ResetOptions = {}): Promise<ResetResult> {
    const kept = copied(options); // the caller may use its buffers again as soon as this returns
    return this.#inOrder(async () => {
      checkReset(this.spec, kept);
      const tensors = resetTensors(kept);
      const { frames: _, actions: __, proprioception: ___, ...rest } = kept;
      const reply = await this.#begin(() => ({ type: "reset", session: this.session, ...rest, tensors }));
      this.#tick = 0;
      this.#serverMs = reply.serverMs;
      return { observation: observationOf(reply), info: reply.info };
    });
  }

  /** In a session of its own, on the same connection. Rejects as `step` does; of a fork whose reply was lost nothing stays. */
  fork(options: ForkOptions = {}): Promise<RemoteEnv> {
    const taken = attempt(() => {
      checkFork(options);
      const { seed } = options;
      return seed === undefined ? {} : { seed };
    });
    return this.#inOrder(async () => {
      const seeded = taken();
      if (this.#tick === undefined) throw new ResetNeededError("never_reset", "fork");
      const reply = await this.#call({ type: "fork", session: this.session, ...seeded, tensors: {} });
      const fork = new RemoteEnv(this.spec, reply, this.link, this.timeoutMs);
      fork.#tick = reply.tick;
      return fork;
    });
  }

  snapshot(): Promise<Uint8Array> {
    return this.#inOrder(async () => {
      if (this.#tick === undefined) throw new ResetNeededError("never_reset", "snapshot");
      const reply = await this.#call({ type: "snapshot", session: this.session, tensors: {} });
      return reply.tensors.snapshot.data.slice(); // the message's memory is much else
    });
  }

  /** Where the server has given the session up, in a new one, as `reset`. */
  restore(snapshot: Uint8Array): Promise<void> {
    const taken = attempt(() => copiedSnapshot(snapshot));
    return this.#inOrder(async () => {
      const bytes = taken();
      const tensors = { snapshot: byteTensor(bytes, [bytes.length]) };
      const reply = await this.#begin(() => ({ type: "restore", session: this.session, tensors }));
      this.#tick = reply.tick;
    });
  }

  predict(actions: FloatTensor): Promise<Predicted> {
    const kept = copiedTensor(actions);
    return this.#inOrder(async () => {
      if (!this.spec.predicts) throw cannotPlan();
      if (this.#tick === undefined) throw new ResetNeededError("never_reset", "predict");
      checkPredict(this.spec, kept);
      const reply = await this.#call({ type: "predict", session: this.session, tensors: { actions: kept } });
      this.#serverMs = reply.serverMs;
      return reply.tensors;
    });
  }

  /**
   * Made on the server: one request, however many sequences are tried. The signal stops it there, and so does the timeout, within
   * which it must be done.
   */
  plan(options: PlanOptions = {}, call: CallOptions = {}): Promise<Planned> {
    const taken = attempt(() => ({ kept: copiedPlan(options), stop: signalOf("plan", call) }));
    return this.#inOrder(async () => {
      if (!this.spec.predicts) throw cannotPlan();
      if (this.#tick === undefined) throw new ResetNeededError("never_reset", "plan");
      const { kept, stop } = taken();
      const either = AbortSignal.any([this.#closed.signal, ...(stop ? [stop] : [])]);
      checkPlan(this.spec, kept, this.spec.tasks[1] ?? ""); // the server knows what is played
      const { begin, ...rest } = kept;
      const tensors = begin ? { begin } : {};
      const reply = await this.#call({ type: "plan", session: this.session, ...rest, tensors }, either);
      this.#serverMs = reply.serverMs;
      return { actions: reply.tensors.actions, plannedReturn: reply.plannedReturn };
    });
  }

  // What begins anew: in a new session where the server has given the old one up.
  async #begin<R extends Request & { readonly type: "reset" | "restore" }>(make: () => R): Promise<Reply<R>> {
    const { type } = make();
    try {
      return await within(this.timeoutMs, `${type} of session ${this.session}`, async (signal) => {
        try {
          return await this.#ask(make(), signal);
        } catch (error) {
          if (!isGone(error)) throw error;
          await this.#reopen(signal);
          return await this.#ask(make(), signal);
        }
      });
    } catch (error) {
      // What was refused changed nothing. Of what has no reply nobody knows.
      if (isUnanswered(error)) this.#tick = undefined;
      throw error;
    }
  }

  /** Rejects also with `connection_lost` or `request_timeout`; the same call again steps at most once in all. */
  step(action: ActionLike, options: StepOptions = {}): Promise<StepResult> {
    // Read now: the caller may use its buffer again as soon as this returns.
    const block = attempt(() => toAction(this.spec.actionSpace, action));
    const asked = attempt(() => this.#asked(options));
    return this.#inOrder(async () => {
      if (this.#tick === undefined) throw new ResetNeededError("never_reset");
      const kept = asked();
      const tick = this.#tick + 1;
      const reply = await this.#call({
        type: "step",
        session: this.session,
        tick,
        ...kept,
        tensors: { action: block() },
      });
      this.#tick = tick;
      this.#serverMs = reply.serverMs;
      const { reward, terminated, truncated, info } = reply;
      return { observation: observationOf(reply), reward, terminated, truncated, info };
    });
  }

  /** As `step`: also where the episode ended within the chunk, the same call again gives the same ticks. */
  stepChunk(actions: readonly ActionLike[], options: StepOptions = {}): Promise<StepResult[]> {
    const blocks = attempt(() => toActions(this.spec.actionSpace, actions, this.spec.chunk));
    const asked = attempt(() => this.#asked(options));
    return this.#inOrder(async () => {
      if (this.#tick === undefined) throw new ResetNeededError("never_reset");
      const kept = asked();
      const reply = await this.#call({
        type: "stepChunk",
        session: this.session,
        tick: this.#tick + 1,
        ...kept,
        tensors: { actions: blocks() },
      });
      this.#tick = reply.tick;
      this.#serverMs = reply.serverMs;
      const observations = observationsOf(reply, reply.ticks.length);
      return reply.ticks.map((tick, k) => ({ observation: observations[k] as Observation, ...tick }));
    });
  }

  /** Stops a plan that runs, and waits for all else that was called before it. */
  close(): Promise<void> {
    this.#closed.abort(closedError());
    this.#closing ??= this.#queue.then(() => this.#end()).finally(() => this.link.attachments.delete(this));
    return this.#closing;
  }

  async #end(): Promise<void> {
    try {
      await this.#call({ type: "close", session: this.session, tensors: {} });
    } catch (error) {
      // Without a connection, or without the session, there is nothing left to free.
      if (!hasCode(error, "connection_lost") && !hasCode(error, "session_")) throw error;
    }
  }

  attach(): void {
    const { session, token } = this;
    this.#generation = this.link.generation;
    this.#attached = this.link.request({ type: "resume", session, token, tensors: {} });
    this.#attached.catch(() => undefined);
  }

  detach(error: WorldError): void {
    this.#attached = Promise.reject(error);
    this.#attached.catch(() => undefined);
    this.link.attachments.delete(this);
  }

  #call<R extends Request>(request: R, stop?: AbortSignal): Promise<Reply<R>> {
    const what = `${request.type} of session ${this.session}`;
    return within(this.timeoutMs, what, (signal) => this.#ask(request, signal), { stop });
  }

  #ask<R extends Request>(request: R, signal: AbortSignal): Promise<Reply<R>> {
    let sent = false;
    return this.link.retried(signal, async () => {
      if (this.#generation !== this.link.generation) this.attach();
      const resumed = await this.#attached;
      if (sent) this.#checkRepeat(request, resumed);
      sent = true;
      return this.link.request(request, signal);
    });
  }

  // What a step's message says of `options`, checked.
  #asked(options: StepOptions): StepOptions {
    checkStep(this.spec, options);
    const { nfe, observe } = options;
    return { ...(nfe !== undefined && { nfe }), ...(observe && { observe: [...observe] }) };
  }

  // A new session of the same world, in place of one that is gone.
  async #reopen(signal: AbortSignal): Promise<void> {
    const { id: world } = this.spec;
    await this.link.ready();
    const now = this.link.hello.worlds.find(({ id }) => id === world);
    if (now === undefined || !isSameWorld(now, this.spec)) {
      const summary = `the server's world "${world}" is no longer the one that this env was made for`;
      throw new ProtocolError("request_unknown_world", summary, "open an env anew", { world });
    }
    this.#key = await this.link.retried(signal, () => this.link.request({ type: "open", world, tensors: {} }, signal));
    this.#tick = undefined;
    this.#attached = Promise.resolve(undefined);
    this.#generation = this.link.generation;
    this.link.attachments.add(this);
  }

  // Steps and seeded resets may be sent again. A reset without a seed only if the session is where it was before.
  #checkRepeat(request: Request, resumed: ResumedMessage | undefined): void {
    if (request.type !== "reset" || request.seed !== undefined) return;
    if (resumed?.tick === this.#tick && this.#tick !== 0) return;
    throw new ProtocolError(
      "connection_lost",
      "the connection was lost during a reset without a seed, which may have been run",
      "call reset() again",
    );
  }

  // One request at a time: a pipelined step behind one that fails would be refused for its tick. Sessions of one
  // connection run at the same time, so a vector of envs keeps the server busy.
  #inOrder<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing) return Promise.reject(closedError());
    const result = this.#queue.then(call);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

function closedError(): WorldError {
  return new WorldError("env_closed", "the env is closed", "open another");
}

function isUnanswered(error: unknown): boolean {
  return hasCode(error, "connection_lost") || hasCode(error, "request_timeout");
}

// Not `session_taken_over`: that one lives on, and belongs to who took it.
function isGone(error: unknown): boolean {
  return hasCode(error, "session_unknown") || hasCode(error, "session_idle") || hasCode(error, "session_closed");
}

function isSameWorld(now: EnvSpec, before: EnvSpec): boolean {
  return LASTING.every((key) => JSON.stringify(now[key]) === JSON.stringify(before[key]));
}

function hasCode(error: unknown, prefix: string): boolean {
  return error instanceof WorldError && error.code.startsWith(prefix);
}
