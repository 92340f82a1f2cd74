// A process of its own for benches: hosts the world in the folder that it is given, tells its parent the address, and ends with it.
import { openWorld } from "@worldstep/engine";
import { serve } from "@worldstep/server";
import { pino } from "pino";

const world = await openWorld(process.argv[2] as string, { background: true });
const server = await serve({ worlds: [world], logger: pino({ level: "silent" }) });
process.once("disconnect", async () => {
  await server.close();
  await world.close();
});
process.send?.(server.url.replace("http", "ws"));
