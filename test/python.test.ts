// The Python client (sdk/python) against the real server: its own tests, on the simulator and on a dreamed world.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openWorld } from "@worldstep/engine";
import { serve } from "@worldstep/server";
import { createSimulator } from "@worldstep/tabletop";
import { pino } from "pino";
import { expect, test } from "vitest";
import { findPython } from "./fixtures/python.js";

const run = promisify(execFile);
const CLIENT = fileURLToPath(new URL("../sdk/python", import.meta.url));
const TINY_WORLD = fileURLToPath(new URL("fixtures/tiny-world", import.meta.url));
const NEEDS = ["gymnasium", "msgpack", "numpy", "pytest", "websockets"];
const HOW = `python3 -m venv sdk/python/.venv && sdk/python/.venv/bin/pip install "./sdk/python[test]"`;

test("the Python client passes its tests", { timeout: 600_000 }, async ({ skip }) => {
  const python = await findPython(NEEDS);
  if (python === undefined) return skip(`no Python with ${NEEDS.join(", ")} (set WORLDSTEP_PYTHON, or: ${HOW})`);
  const simulator = await createSimulator();
  const tiny = await openWorld(TINY_WORLD, { threads: 1 });
  const logger = pino({ level: "warn" });
  const server = await serve({
    worlds: [{ spec: simulator.spec, hash: "simulator", open: () => createSimulator() }, tiny],
    logger,
    limits: { maxSessions: 30, sessionIdleSeconds: 5 },
  });
  // What a server may be after a restart: it knows no session, its tabletop has other spaces, its tiny world other weights.
  const larger = await createSimulator({ size: 48 });
  const restarted = await serve({
    worlds: [
      { spec: larger.spec, hash: "larger", open: () => createSimulator({ size: 48 }) },
      { spec: tiny.spec, hash: "trained on", open: () => tiny.open() },
    ],
    logger,
    limits: { maxSessions: 8 },
  });
  const addresses = [server, restarted].map(({ url }) => url.replace("http:", "ws:"));
  try {
    const env = { ...process.env, WORLDSTEP_URL: addresses[0], WORLDSTEP_RESTARTED_URL: addresses[1] };
    const outcome = await run(python, ["-m", "pytest", "-q", "-p", "no:cacheprovider"], { cwd: CLIENT, env }).catch(
      (failure: { stdout?: string; stderr?: string }) => failure,
    );
    expect(outcome instanceof Error, `${outcome.stdout}${outcome.stderr}`).toBe(false);
    expect(outcome.stdout).toMatch(/\d+ passed/);
  } finally {
    await Promise.all([server.close(), restarted.close()]);
    await Promise.all([tiny.close(), simulator.close(), larger.close()]);
  }
});
