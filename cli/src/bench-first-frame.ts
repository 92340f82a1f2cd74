// A process of its own for `worldstep bench step`: prints the milliseconds from its start to a world's first observation.
import type { OpenWorldOptions } from "@worldstep/engine";

const [folder = "", options = "{}"] = process.argv.slice(2);
const { openWorld } = await import("@worldstep/engine");
const world = await openWorld(folder, JSON.parse(options) as OpenWorldOptions);
const env = await world.open();
await env.reset({ seed: 1 });
process.stdout.write(String(performance.now())); // which counts from the start of the process
await env.close();
await world.close();
