// All open sessions of a server: admission, and finding a session by its id.
import {
  type Env,
  type EnvSpec,
  type ForkMessage,
  type Limits,
  ProtocolError,
  shown,
  WorldError,
} from "@worldstep/protocols";
import { type Begun, type Owner, Session } from "./session.js";

/** A world that a server offers: any env factory. An env must not write to an observation after it returned it. */
export interface HostedWorld {
  readonly spec: EnvSpec;
  /** Names the world's exact contents. */
  readonly hash: string;
  open(): Promise<Env>;
}

export class SessionTable {
  private readonly sessions = new Map<string, Session>();
  private opening = 0;
  private closed = false;

  constructor(
    private readonly worlds: readonly HostedWorld[],
    private readonly limits: Limits,
    private readonly onStep: (world: string, seconds: number) => void,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  get size(): number {
    return this.sessions.size;
  }

  /** Requests that have not begun, of all sessions. */
  get waitingRequests(): number {
    return [...this.sessions.values()].reduce((sum, session) => sum + session.waitingRequests, 0);
  }

  /** Opens a session of `world`. Throws `request_unknown_world` and `capacity_sessions`. */
  async open(world: string): Promise<Session> {
    const hosted = this.worlds.find(({ spec }) => spec.id === world);
    if (!hosted) {
      const worlds = this.worlds.map(({ spec }) => spec.id);
      const summary = `this server has no world "${shown(world)}"`;
      const facts = { world: shown(world), worlds };
      throw new ProtocolError("request_unknown_world", summary, "use one of its worlds", facts);
    }
    return this.admit(world, async () => ({ env: await hosted.open() }));
  }

  /** Opens a session of what `owner`'s `session` makes of itself for `request`. Throws `capacity_sessions`, and as `fork`. */
  fork(session: Session, owner: Owner, request: ForkMessage): Promise<Session> {
    return this.admit(session.world, () => session.fork(owner, request));
  }

  private async admit(world: string, begin: () => Promise<Begun>): Promise<Session> {
    const { maxSessions, maxInFlight, sessionIdleSeconds, maxIdleSeconds } = this.limits;
    if (this.sessions.size + this.opening >= maxSessions) {
      throw new WorldError(
        "capacity_sessions",
        `the server has ${maxSessions} sessions, its limit`,
        "close a session, or retry later",
        { maxSessions },
      );
    }
    this.opening += 1;
    try {
      const begun = await begin();
      if (this.closed) {
        await begun.env.close();
        throw new ProtocolError("session_closed", "the server shuts down", "open a session on another server");
      }
      const session = new Session({
        ...begun,
        world,
        maxInFlight,
        lostSeconds: sessionIdleSeconds,
        idleSeconds: maxIdleSeconds,
        onIdle: (idle) => {
          idle.forsake();
          this.close(idle).catch(this.onFailure);
        },
        onStep: (seconds) => this.onStep(world, seconds),
      });
      this.sessions.set(session.id, session);
      return session;
    } finally {
      this.opening -= 1;
    }
  }

  /** The session with that id. Throws `session_unknown`. */
  find(id: string): Session {
    const session = this.sessions.get(id);
    if (!session) throw unknownSession(id);
    return session;
  }

  /** The session with that id, for who knows its token. Throws `session_unknown` for a wrong one as well. */
  unlock(id: string, token: string): Session {
    const session = this.find(id);
    if (!session.knows(token)) throw unknownSession(id);
    return session;
  }

  async close(session: Session): Promise<void> {
    this.sessions.delete(session.id);
    await session.close();
  }

  /** Closes every session, and those that are being opened as soon as they are; one that can't be closed keeps no other. */
  async closeAll(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.sessions.values()].map((session) => this.close(session).catch(this.onFailure)));
  }
}

function unknownSession(session: string): ProtocolError {
  return new ProtocolError(
    "session_unknown",
    "there is no such session, or the token is not its own",
    "open a new session; one without a connection is kept for limits.sessionIdleSeconds only",
    { session: shown(session) },
  );
}
