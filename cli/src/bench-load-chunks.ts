// A process of its own for `worldstep bench load`: steps the world in the folder that it is given in chunks of 1 tick to as many as it is given, or
// as the world takes, and prints what memory is resident then, MB.
import { openWorld } from "@worldstep/engine";
import { elementCount, stepChunk } from "@worldstep/protocols";

const ROUNDS = 20;

const [folder = "", most = "1"] = process.argv.slice(2);
const world = await openWorld(folder);
const env = await world.open();
await env.reset({ seed: 1, maxTicks: 0 });
const still = new Float32Array(elementCount(env.spec.actionSpace.shape));
const longest = Math.min(Number(most), env.spec.chunk ?? 1);
for (let round = 0; round < ROUNDS; round++) {
  for (let length = 1; length <= longest; length++) await stepChunk(env, new Array<Float32Array>(length).fill(still));
}
process.stdout.write(String(process.memoryUsage.rss() / 1e6));
await world.close();
