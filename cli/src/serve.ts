// `worldstep serve`: dreamed worlds and the simulator on one WebSocket, and the console page.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { type EnvSpec, OptionError } from "@worldstep/protocols";
import type { HostedWorld } from "@worldstep/server";
import { Command, Option } from "commander";
import { pino } from "pino";
import { type Log, openLog } from "./log.js";
import { wholeNumber } from "./numbers.js";
import { CONSOLE, SHIPPED_WORLD } from "./shipped.js";
import { stopSignal } from "./signals.js";
import { warnOfShortToken } from "./token.js";
import { ownVersion } from "./versions.js";

const SIMULATOR_ID = "tabletop-mujoco";
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

interface Options {
  /** False for none. */
  readonly world: readonly string[] | false;
  readonly port: number;
  readonly host: string;
  readonly console: string | false;
  readonly simulator: boolean;
  readonly precision?: "fp32" | "int8";
  readonly threads?: number;
  readonly maxSessions?: number;
  readonly maxSessionsPerConnection?: number;
  readonly sessionIdle?: number;
  readonly token?: string;
  readonly allowOrigin: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly logLevel: string;
}

interface ClosableWorld extends HostedWorld {
  close(): Promise<void>;
}

export function serveCommand(): Command {
  return new Command("serve")
    .description(`Host dreamed worlds, and the MuJoCo simulator as "${SIMULATOR_ID}" beside them, until Ctrl-C.`)
    .option("--world <path...>", "worlds to host, by folder, URL or id; clients get the first if they name none", [
      SHIPPED_WORLD,
    ])
    .option("--no-world", "host the simulator only")
    .option("--port <n>", "TCP port; 0 for any that is free", wholeNumber(0, 65_535), 8777)
    .option("--host <address>", "address to listen on; 0.0.0.0 for every network this machine is in", "127.0.0.1")
    .option("--console <dir>", "folder of the page that is served at /", CONSOLE)
    .option("--no-console", "serve no page")
    .option("--no-simulator", "host the dreamed worlds only")
    .addOption(new Option("--precision <type>", "weights as they run; default fp32").choices(["fp32", "int8"]))
    .option("--threads <n>", "CPU threads of a dreamed world; the engine chooses if absent", wholeNumber(1, 256))
    .option("--max-sessions <n>", "sessions at a time; default 128", wholeNumber(1, 65_536))
    .option("--max-sessions-per-connection <n>", "of them of one connection; default 64", wholeNumber(1, 65_536))
    .option(
      "--session-idle <seconds>",
      "end a session of which nobody asks anything for so long; 0 for never; default 4 hours",
      wholeNumber(0, 2_147_483),
    )
    .addOption(
      new Option("--token <text>", "what clients have to bring; of letters, digits, _ and -").env("WORLDSTEP_TOKEN"),
    )
    .option("--allow-origin <origin...>", "sites whose pages may connect beside the console's own; * for any", [])
    .option("--cert <file>", "certificate in PEM, for https and wss; with --key")
    .option("--key <file>", "its private key in PEM")
    .addOption(new Option("--log-level <level>", "what is logged to stderr").choices(LOG_LEVELS).default("warn"))
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { port, host, console: staticDir, token, logLevel } = options;
  const { maxSessions, maxSessionsPerConnection, sessionIdle: maxIdleSeconds } = options;
  const { serve } = await import("@worldstep/server");
  if (staticDir !== false) checkPage(staticDir);
  const tls = await readTls(options);
  const worlds = await openWorlds(options);
  const log = openLog();
  warnOfShortToken(token, log);
  warnOfStrangers(options, log);
  const server = await serve({
    worlds,
    logger: pino({ level: logLevel }, log),
    port,
    host,
    allowedOrigins: options.allowOrigin,
    limits: {
      ...(maxSessions !== undefined && { maxSessions }),
      ...(maxSessionsPerConnection !== undefined && { maxSessionsPerConnection }),
      ...(maxIdleSeconds !== undefined && { maxIdleSeconds }),
    },
    ...(staticDir !== false && { staticDir }),
    ...(token !== undefined && { token }),
    ...(tls !== undefined && { tls }),
  }).catch((error: unknown) => {
    throw listenError(error, options);
  });
  process.stdout.write(`websocket  ${server.url.replace("http", "ws")}\n`);
  process.stdout.write(`worlds     ${worlds.map(({ spec }) => spec.id).join(", ")}\n`);
  if (staticDir !== false) process.stdout.write(consoleLine(server.url, token));

  await stopSignal();
  await server.close();
  for (const world of worlds) await world.close();
  process.exit(); // a world that did not finish its tick would keep the process
}

/** The page's address. What is no terminal may be kept, as the logs of services are, and is not told the token. */
function consoleLine(url: string, token: string | undefined): string {
  if (token === undefined) return `console    ${url}\n`;
  if (process.stdout.isTTY) return `console    ${url}#token=${token}\n`;
  return `console    ${url}\n           (add #token= and the token of --token or WORLDSTEP_TOKEN)\n`;
}

async function readTls({ cert, key }: Options): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new OptionError("option_tls", "a certificate needs its key, and a key its certificate", "give both");
  }
  const read = (file: string) =>
    readFile(file).catch((cause: unknown) => {
      const remedy = "give --cert and --key, each a file in PEM";
      throw new OptionError("option_tls", `${file} can't be read`, remedy, { file }, { cause });
    });
  return { cert: await read(cert), key: await read(key) };
}

/** Whoever opens the server to a network should know to whom. */
function warnOfStrangers({ host, token, cert }: Options, log: Log): void {
  const isLoopback = host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
  if (isLoopback) return;
  if (token === undefined) {
    log.write(
      `warning: whoever reaches this machine over the network can use this server, read what its worlds show and take all\n` +
        `  of its sessions; give --token (or WORLDSTEP_TOKEN) to let in only those who have it\n`,
    );
  }
  if (cert === undefined) {
    log.write(
      `warning: what is said${token === undefined ? "" : ", the token included,"} can be read on the way; give --cert and --key for TLS\n`,
    );
  }
}

function checkPage(folder: string): void {
  if (existsSync(join(folder, "index.html"))) return;
  const remedy = "give another --console, or --no-console; npm run build makes the page of the repository";
  throw new OptionError("option_console", `there is no index.html in ${folder}`, remedy, { folder });
}

async function openWorlds({ world, simulator, precision, threads }: Options): Promise<ClosableWorld[]> {
  const { openWorld } = await import("@worldstep/engine");
  const worlds: ClosableWorld[] = [];
  for (const path of world || []) {
    worlds.push(
      await openWorld(path, {
        background: true,
        ...(precision !== undefined && { precision }),
        ...(threads !== undefined && { threads }),
      }),
    );
  }
  if (simulator) worlds.push(...(await simulatorsBeside(worlds.map(({ spec }) => spec))));
  if (worlds.length === 0) {
    throw new OptionError("option_worlds", "there is nothing to serve", "leave out --no-world or --no-simulator");
  }
  return worlds;
}

/** A simulator with frames as large as those of each tabletop among `worlds`; the first has the plain id. */
async function simulatorsBeside(worlds: readonly EnvSpec[]): Promise<ClosableWorld[]> {
  const { createSimulator, differenceOf, simulatorSpec, sizeBeside } = await import("@worldstep/tabletop");
  const tabletops = worlds.filter((world) => !differenceOf(world, simulatorSpec({ size: sizeBeside(world) })));
  const [first, ...others] = new Set(tabletops.map(sizeBeside));
  return [first, ...others].map((size, i) => {
    const options = size === undefined ? {} : { size };
    const spec = simulatorSpec(options);
    return {
      spec: { ...spec, id: i === 0 ? SIMULATOR_ID : `${SIMULATOR_ID}-${size}` },
      hash: `simulator-${ownVersion()}-${sizeBeside(spec)}`,
      open: () => createSimulator(options),
      close: async () => undefined,
    };
  });
}

function listenError(error: unknown, { port, host }: Options): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return new OptionError("option_port", `port ${port} of ${host} is taken`, "give another --port, or 0 for any", {
      port,
    });
  }
  if (code === "EACCES") {
    return new OptionError("option_port", `this user may not listen on port ${port}`, "give a --port above 1023", {
      port,
    });
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new OptionError(
      "option_host",
      `this machine has no address ${host}`,
      "give 127.0.0.1 or 0.0.0.0 as --host",
      {
        host,
      },
    );
  }
  return error;
}
