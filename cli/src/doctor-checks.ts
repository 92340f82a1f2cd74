// What `worldstep doctor` looks at. A check that fails is a finding, not an error: every one runs.
import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { elementCount, WorldError } from "@worldstep/protocols";
import { pythonCommand } from "./python.js";

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Whether `npm start` needs it. */
  readonly required: boolean;
  readonly found: string;
  /** What to do where it is not ok. */
  readonly remedy?: string;
}

const MIN_NODE = 20;
const MIN_FREE_GB = 0.5;
/** Flags of /proc/cpuinfo that ONNX Runtime's CPU kernels are quicker with, VNNI with int8 only. */
const CPU_FLAGS = [
  { name: "AVX2", any: ["avx2"] },
  { name: "AVX-512", any: ["avx512f"] },
  { name: "VNNI", any: ["avx512_vnni", "avx_vnni"] },
];
const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PYTHON_PACKAGES = ["numpy", "gymnasium", "websockets", "msgpack", "torch"];
const PYTHON_USES: Readonly<Record<string, string>> = {
  torch: "for training, and for speedupOverTorch in bench",
};

export async function machineChecks(): Promise<Check[]> {
  const node = Number(process.versions.node.split(".", 1)[0]);
  const [total, free] = [totalmem() / 2 ** 30, freemem() / 2 ** 30];
  return [
    {
      name: "Node.js",
      ok: node >= MIN_NODE,
      required: true,
      found: `${process.version} ${process.platform} ${process.arch}`,
      remedy: `install Node.js ${MIN_NODE} or later`,
    },
    {
      name: "CPU",
      ok: true,
      required: false,
      found: `${availableParallelism()} cores, ${cpus()[0]?.model ?? "unknown"}`,
    },
    {
      name: "memory",
      ok: free >= MIN_FREE_GB,
      required: false,
      found: `${free.toFixed(1)} GiB free of ${total.toFixed(1)}`,
      remedy: `free at least ${MIN_FREE_GB} GiB`,
    },
    ...cpuFlagChecks(),
  ];
}

function cpuFlagChecks(): Check[] {
  if (process.platform !== "linux" || process.arch !== "x64") return [];
  const line = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  const flags = line.trim().split(/\s+/);
  const found = CPU_FLAGS.map(({ name, any }) => (any.some((flag) => flags.includes(flag)) ? name : `no ${name}`));
  const remedy = "a CPU with AVX2 would step faster; this one works";
  return [{ name: "CPU instructions", ok: flags.includes("avx2"), required: false, found: found.join(", "), remedy }];
}

/** The packages with parts that are not JavaScript: do they load here? */
export async function packageChecks(): Promise<Check[]> {
  const reinstall = "run npm ci again, on a system that the package supports";
  return [
    await attempt(
      "onnxruntime-node",
      true,
      `${reinstall}: https://onnxruntime.ai/docs/get-started/with-javascript`,
      async () => {
        const { env, listSupportedBackends } = await import("onnxruntime-node");
        const providers = listSupportedBackends().filter(({ bundled }) => bundled);
        return `${env.versions.node}, providers: ${providers.map(({ name }) => name).join(", ")}`;
      },
    ),
    await attempt("mujoco-js", true, reinstall, async () => {
      const { createSimulator } = await import("@worldstep/tabletop");
      const simulator = await createSimulator();
      await simulator.reset({ seed: 1 });
      await simulator.step(new Float32Array(elementCount(simulator.spec.actionSpace.shape)));
      await simulator.close();
      return "loads, and steps";
    }),
  ];
}

/** The world that `path` names, as `openWorld` takes it: are its files whole, and does it step? */
export function worldCheck(path: string): Promise<Check> {
  return attempt("world", true, "get the whole folder again, or name another with --world", async () => {
    const { openWorld, worldFolder } = await import("@worldstep/engine");
    const world = await openWorld(path);
    const env = await world.open();
    await env.reset({ seed: 1 });
    await env.step(new Float32Array(elementCount(env.spec.actionSpace.shape)));
    await env.close();
    await world.close();
    return `${world.spec.id} in ${worldFolder(path)} is whole, and steps`;
  });
}

export async function programChecks(): Promise<Check[]> {
  const chromium = onPath(CHROMIUM_NAMES);
  const ffmpeg = onPath(["ffmpeg"]);
  return [
    {
      name: "Chromium",
      ok: chromium !== undefined,
      required: false,
      found: chromium ?? "none on the path",
      remedy: "install it to run the browser tests",
    },
    {
      name: "ffmpeg",
      ok: ffmpeg !== undefined,
      required: false,
      found: ffmpeg ?? "none on the path",
      remedy: "install it to convert the videos of rollouts, which need none to be made",
    },
  ];
}

/** Python with the packages of the Python client and of training. */
export async function pythonChecks(): Promise<Check[]> {
  const command = pythonCommand();
  const program = [
    "import json, sys, importlib.metadata as m",
    "def version(name):",
    "    try: return m.version(name)",
    "    except m.PackageNotFoundError: return None",
    `print(json.dumps([sys.version.split()[0], {name: version(name) for name in ${JSON.stringify(PYTHON_PACKAGES)}}]))`,
  ].join("\n");
  const remedy = "install Python 3.9 or later for the Python client, or set WORLDSTEP_PYTHON";
  let versions: Readonly<Record<string, string | null>> = {};
  const python = await attempt("Python", false, remedy, async () => {
    const { stdout } = await promisify(execFile)(command, ["-c", program]);
    const [version, packages] = JSON.parse(stdout) as [string, Record<string, string | null>];
    versions = packages;
    return `${version} (${command})`;
  });
  if (!python.ok) return [python];
  const packages = Object.entries(versions).map(([name, version]) => ({
    name,
    ok: version !== null,
    required: false,
    found: version ?? `${command} has none`,
    remedy: `${command} -m pip install ${name}, ${PYTHON_USES[name] ?? "for the Python client"}`,
  }));
  return [python, ...packages];
}

async function attempt(name: string, required: boolean, remedy: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, required, found: await look() };
  } catch (error) {
    // Whatever it is: it is what the user wants to know.
    if (error instanceof WorldError) {
      return { name, ok: false, required, found: `${error.summary} (${error.code})`, remedy: error.remedy };
    }
    const found = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] as string;
    return { name, ok: false, required, found, remedy };
  }
}

function onPath(names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const suffix = process.platform === "win32" ? ".exe" : "";
  return names.flatMap((name) => folders.map((folder) => join(folder, name + suffix))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
