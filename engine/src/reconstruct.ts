// A stream through the tokenizer and back.
import type { DecoderState, Networks } from "./networks.js";

/** What the tokenizer makes of a stream: `ticks`, each `[s, H, W, 3]` uint8, encoded and decoded. */
export async function reconstruct(networks: Networks, ticks: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const decoded: Uint8Array[] = [];
  let decoder: DecoderState | undefined;
  let before: Float32Array | undefined;
  for (const seen of ticks) {
    const encoded = await networks.encode(seen);
    decoder ??= await networks.begin(seen.subarray(0, seen.length / networks.manifest.stride));
    const { frames, next } = await networks.decode(networks.pass(decoder, encoded, before ?? encoded.state));
    decoded.push(frames);
    decoder = next;
    before = encoded.state;
  }
  return decoded;
}
