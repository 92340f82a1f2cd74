// What was played as files: a film or a log. Their writers are loaded when they are asked for.
import { roleOf } from "./cast.js";
import type { Duel } from "./duel.js";
import { goalOf } from "./known.js";
import type { Moment } from "./past.js";
import { say } from "./status.js";

/** Saves a film of `moments`, MP4. Throws where the browser encodes no video. */
export async function saveClip(now: Duel, moments: readonly Moment[]): Promise<void> {
  say("Making the film …");
  const { film } = await import("./clip.js");
  const named = now.playing.map((side) => {
    const { spec } = now.envs[side] ?? now;
    return [side, `${roleOf(spec)}: ${spec.id}`];
  });
  const words = { goal: goalOf(now.spec, now.start?.task ?? ""), names: Object.fromEntries(named) };
  const { bytes, codec } = await film(moments, now.spec.fps, words);
  download(bytes, "video/mp4", `${fileName(now)}.mp4`);
  say(`Saved: MP4, ${codec === "avc" ? "H.264" : codec.toUpperCase()}`);
}

/** Saves all that is known of `moments`, MCAP. */
export async function saveLog(now: Duel, moments: readonly Moment[]): Promise<void> {
  say("Writing the log …");
  const { log } = await import("./log.js");
  const names = now.playing.map((side) => [side, (now.envs[side] ?? now).spec.id]);
  const bytes = await log(moments, now.spec, Object.fromEntries(names));
  download(bytes, "application/octet-stream", `${fileName(now)}.mcap`);
  say("Saved: MCAP");
}

function fileName({ spec, start }: Duel): string {
  return `${spec.id}-${start?.task}-${start?.seed}`.replace(/[^\w.-]+/g, "-");
}

function download(bytes: Uint8Array<ArrayBuffer>, type: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
