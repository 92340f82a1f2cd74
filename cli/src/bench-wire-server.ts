// A process of its own for `worldstep bench wire`: hosts the counter, tells its parent the address, and ends with it.
import { serve } from "@worldstep/server";
import { pino } from "pino";
import { COUNTER_SPEC, CounterEnv } from "./bench-wire-env.js";

const server = await serve({
  worlds: [{ spec: COUNTER_SPEC, hash: "counter", open: async () => new CounterEnv() }],
  logger: pino({ level: "silent" }),
});
process.once("disconnect", () => void server.close());
process.send?.(server.url.replace("http", "ws"));
