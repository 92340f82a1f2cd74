// Prometheus metrics of one server, in a registry of its own.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What is counted when somebody looks. */
export interface Counts {
  sessions(): number;
  /** Requests of sessions that have not begun. */
  waitingRequests(): number;
  /** Connections and HTTP requests whose bytes wait for a turn. */
  waitingTurns(): number;
  /** Bytes that are held for clients. */
  heldBytes(): number;
}

const QUANTILES = [50, 99, 100];

export class Metrics {
  private readonly registry = new Registry();
  private asked: Promise<string> | undefined;
  private readonly loopDelay = monitorEventLoopDelay({ resolution: 10 });

  readonly connections = new Gauge({
    name: "worldstep_connections",
    help: "Open WebSocket connections",
    registers: [this.registry],
  });
  readonly stepSeconds = new Histogram({
    name: "worldstep_step_seconds",
    help: "Time that an env took for one tick",
    labelNames: ["world"],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [this.registry],
  });
  readonly steps = new Counter({
    name: "worldstep_steps_total",
    help: "Ticks made",
    labelNames: ["world"],
    registers: [this.registry],
  });
  readonly bytes = new Counter({
    name: "worldstep_bytes_total",
    help: "Bytes of messages, by direction (in, out)",
    labelNames: ["direction"],
    registers: [this.registry],
  });
  readonly errors = new Counter({
    name: "worldstep_errors_total",
    help: "Errors sent, by code",
    labelNames: ["code"],
    registers: [this.registry],
  });
  readonly refusals = new Counter({
    name: "worldstep_refusals_total",
    help: "Connections that were refused or cut, by kind (token, origin, host, protocol, full, unread, held, silent, failed)",
    labelNames: ["kind"],
    registers: [this.registry],
  });

  constructor(counts: Counts) {
    this.loopDelay.enable();
    this.gauge("worldstep_sessions", "Open sessions", counts.sessions);
    this.gauge("worldstep_waiting_requests", "Requests of sessions that have not begun", counts.waitingRequests);
    this.gauge("worldstep_waiting_turns", "Connections whose bytes wait for a turn", counts.waitingTurns);
    this.gauge("worldstep_held_bytes", "Bytes that are held for clients, in and out", counts.heldBytes);
    this.gauge("process_resident_memory_bytes", "Resident memory", () => process.memoryUsage.rss());
    this.gauge("process_heap_bytes", "JavaScript's heap in use", () => process.memoryUsage().heapUsed);
    const { loopDelay } = this;
    new Gauge({
      name: "worldstep_event_loop_lag_seconds",
      help: "How much later than it should the event loop ran, since this was last asked",
      labelNames: ["quantile"],
      registers: [this.registry],
      collect() {
        // The monitor counts its own interval in; before its first sample it says NaN or absurd numbers.
        for (const percent of QUANTILES) {
          const seconds = loopDelay.count === 0 ? 0 : loopDelay.percentile(percent) / 1e9 - 0.01;
          this.set({ quantile: String(percent / 100) }, Math.max(0, seconds));
        }
        loopDelay.reset();
      },
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** All metrics in Prometheus's text format; made once for all who ask at the same time. */
  text(): Promise<string> {
    this.asked ??= this.registry.metrics().finally(() => {
      this.asked = undefined;
    });
    return this.asked;
  }

  close(): void {
    this.loopDelay.disable();
  }

  private gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(value());
      },
    });
  }
}
