// A process of its own for `worldstep bench plan`: steps the simulator without pictures, and prints its ticks a second.
import { createSimulator } from "@worldstep/tabletop";

const [WARM_UP, SECONDS] = [10, 2];

const simulator = await createSimulator();
await simulator.reset({ seed: 1 });
let ticks = 0;
const step = () => simulator.step(new Float32Array(20).fill(Math.sin(ticks / 10)), { observe: ["state"] });
for (; ticks < WARM_UP; ticks++) await step();
const began = performance.now();
while (performance.now() - began < 1000 * SECONDS) {
  await step();
  ticks++;
}
process.stdout.write(String((1000 * (ticks - WARM_UP)) / (performance.now() - began)));
await simulator.close();
