// Prometheus metrics of one server, in a registry of its own.
import { Counter, Gauge, Histogram, Registry } from "prom-client";

export class Metrics {
  private readonly registry = new Registry();

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

  constructor(sessionCount: () => number) {
    new Gauge({
      name: "worldstep_sessions",
      help: "Open sessions",
      registers: [this.registry],
      collect() {
        this.set(sessionCount());
      },
    });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** All metrics in Prometheus's text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}
