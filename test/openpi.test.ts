// PyPI's unmodified openpi-client against ours: a policy server with its codec drives a world, and it asks our server.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { connectPolicy, defaultObservation, drive, type Policy } from "@worldstep/sdk";
import { servePolicy } from "@worldstep/sdk/policies";
import { createSimulator } from "@worldstep/tabletop";
import { expect, test } from "vitest";
import { findPython } from "./fixtures/python.js";

const SERVER = new URL("fixtures/openpi_server.py", import.meta.url).pathname;
const ASKS = new URL("fixtures/openpi_asks.py", import.meta.url).pathname;
const MAIN = "cli/dist/main.js";
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

test("openpi's client asks a policy of ours", async ({ skip }) => {
  const client = ["numpy", "openpi_client.websocket_client_policy"];
  const python = await findPython(client);
  if (python === undefined) return skip(`no Python with ${client.join(", ")}`);
  const simulator = await createSimulator();
  const policy = async (): Promise<Policy> => {
    let tick = 0;
    return {
      reset: async () => undefined,
      act: async ({ frames, proprioception }) =>
        new Float32Array(20).fill((proprioception.data[1] as number) + ++tick + (frames.data[0] as number)),
      close: async () => undefined,
    };
  };
  const server = await servePolicy(policy, simulator.spec, { metadata: { policy: "counting" } });
  try {
    const { stdout } = await promisify(execFile)(python, [ASKS, server.url]);
    const { metadata, answers, error } = JSON.parse(stdout);
    expect(metadata).toEqual({
      policy: "counting",
      seed: 0,
      image_shape: [64, 64, 3],
      state_shape: [simulator.spec.proprioception.length],
      actions_shape: [4, 5],
    });
    const times = { policy_timing: { infer_ms: expect.any(Number) }, server_timing: expect.anything() };
    expect(answers).toEqual([1.25, 2.25].map((value) => ({ actions: Array(4).fill(Array(5).fill(value)), ...times })));
    expect(error).toContain("the observation has no observation/image (tensor_missing)");
  } finally {
    await server.close();
    await simulator.close();
  }
});

test("worldstep policy serves the expert, which reaches the button", { timeout: 120_000 }, async () => {
  const args = ["policy", "--name", "expert", "--task", "reach", "--size", "128", "--port", "0"];
  const server = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const simulator = await createSimulator({ domain: 0, size: 128 });
  try {
    const [line] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
    const { observation } = await simulator.reset({ seed: 5, task: "reach" });
    const policy = await connectPolicy(line.replace(/^websocket +/, ""));
    expect(policy.metadata).toMatchObject({ policy: "expert", task: "reach", seed: 0, image_shape: [128, 128, 3] });
    let succeeded = false;
    for await (const step of drive(simulator, policy, observation)) succeeded = step.terminated;
    expect(succeeded).toBe(true);
    server.kill("SIGINT"); // with the client still there
    expect(await once(server, "exit")).toEqual([0, null]);
    policy.close();
  } finally {
    server.kill();
    await simulator.close();
  }
});

test.each([
  ["a name that no policy has", ["--name", "oracle", "--task", "reach"], "(option_policy)"],
  ["a task that no world has", ["--name", "expert", "--task", "fly"], "(option_task)"],
  ["a task that the policy is not for", ["--name", "early release", "--task", "reach"], "(option_task)"],
  ["a folder without policies", ["worlds", "--name", "expert", "--task", "reach"], "(policies_missing)"],
  ["no probe", ["--name", "expert", "--task", "reach", "--probe", "none.onnx"], "(network_missing)"],
  ["no address of this machine", ["--name", "random", "--task", "reach", "--host", "192.0.2.1"], "(option_host)"],
])("worldstep policy refuses %s", async (_, args, expected) => {
  const failed = await promisify(execFile)(process.execPath, [MAIN, "policy", ...args]).catch((error) => error);
  expect(failed).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(expected) });
  expect(failed.stderr).not.toContain("    at ");
});
