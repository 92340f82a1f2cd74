// Refused connections in the log, for whoever forgot a token or an --allow-origin: the first at once, then one line a
// second at most, however many strangers try.
import type { IncomingMessage } from "node:http";
import { cut } from "@worldstep/protocols";
import type { Logger } from "pino";

const EVERY_MS = 1000;
const LONGEST = 120;

/** Of one kind; `why`, `host` and `origin` are those of the newest. */
interface Refusals {
  readonly kind: string;
  readonly count: number;
  readonly why: string;
  readonly host?: string;
  readonly origin?: string;
}

export class RefusalLog {
  private readonly untold = new Map<string, Refusals>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly logger: Logger) {}

  note(kind: string, why: string, { headers }: IncomingMessage): void {
    const { host, origin } = headers;
    const count = (this.untold.get(kind)?.count ?? 0) + 1;
    const from = { ...(host && { host: cut(host, LONGEST) }), ...(origin && { origin: cut(origin, LONGEST) }) };
    this.untold.set(kind, { kind, count, why, ...from });
    if (this.timer === undefined) this.tell();
  }

  /** Tells what is untold, and then waits. */
  private tell(): void {
    this.timer = undefined;
    if (this.untold.size === 0) return;
    this.logger.warn({ refusals: [...this.untold.values()] }, "connections were refused");
    this.untold.clear();
    this.timer = setTimeout(() => this.tell(), EVERY_MS);
    this.timer.unref();
  }
}
