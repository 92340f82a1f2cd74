// A thread of the data generator: makes the shards that it is told to, and reports each episode and each shard.
import { parentPort } from "node:worker_threads";
import { makeShard, type ShardOrder } from "./generate.js";

parentPort?.on("message", async (order: ShardOrder) => {
  await makeShard(order, () => parentPort?.postMessage("episode"));
  parentPort?.postMessage("shard");
});
