// A policy server with the codec of PyPI's unmodified openpi-client drives a world.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connectPolicy, defaultObservation, drive } from "@worldstep/sdk";
import { createSimulator } from "@worldstep/simulator";
import { expect, test } from "vitest";
import { findPython } from "./fixtures/python.js";

const SERVER = new URL("fixtures/openpi_server.py", import.meta.url).pathname;
const NEEDS = ["numpy", "openpi_client.msgpack_numpy", "websockets.sync.server"];

test("an openpi server drives a world", { timeout: 120_000 }, async ({ skip }) => {
  const python = await findPython(NEEDS);
  if (python === undefined) return skip(`no Python with ${NEEDS.join(", ")}`);
  const server = spawn(python, [SERVER], { stdio: ["ignore", "pipe", "inherit"] });
  const simulator = await createSimulator();
  try {
    const [port] = (await once(server.stdout, "data")) as [Buffer];
    const policy = await connectPolicy(`ws://127.0.0.1:${port.toString().trim()}`);
    expect(policy.metadata).toEqual({ policy: "one-way" });
    const told = (prompt: string) => ({
      observe: (shown: Parameters<typeof defaultObservation>[0]) => ({ ...defaultObservation(shown), prompt }),
    });
    const y: number[] = [];
    for (const prompt of ["left", "right"]) {
      const { observation } = await simulator.reset({ seed: 3, maxTicks: 6 });
      let ticks = 0;
      for await (const step of drive(simulator, policy, observation, told(prompt))) {
        ticks++;
        if (step.truncated)
          y.push((step.observation.proprioception.data[1] as number) - (observation.proprioception.data[1] as number));
      }
      expect(ticks).toBe(6);
    }
    // Ten rows a plan are three blocks, the last half held still: 20 of 24 control steps of 0.015 m, less at a limit.
    expect(y[0]).toBeGreaterThan(0.1);
    expect(y[1]).toBeLessThan(-0.1);

    const { observation } = await simulator.reset({ seed: 3 });
    const failing = drive(simulator, policy, observation, told("raise"));
    await expect(failing.next()).rejects.toMatchObject({
      code: "policy_failed",
      summary: expect.stringContaining("KeyError: 'raise'"),
    });
    policy.close();
  } finally {
    server.kill();
    await simulator.close();
  }
});
