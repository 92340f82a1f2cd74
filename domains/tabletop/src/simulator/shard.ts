// Shards of the data set: the safetensors layout (https://github.com/huggingface/safetensors: 8 bytes of header length,
// little-endian, a JSON header, raw little-endian tensors), compressed with gzip. Python reads it with gzip, json, numpy.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Dtype, elementCount, type Tensor, tensorBytes } from "@worldstep/protocols";

const DTYPE_NAMES: Readonly<Record<Dtype, string>> = { uint8: "U8", int32: "I32", float32: "F32" };
const GZIP_LEVEL = 3;

/** Writes `tensors` to `path`: first under another name, so that a shard that exists is whole. */
export function writeShard(path: string, tensors: Readonly<Record<string, Tensor>>): void {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const begin = offset;
    offset += tensorBytes(tensor).length;
    return [name, { dtype: DTYPE_NAMES[tensor.dtype], shape: tensor.shape, data_offsets: [begin, offset] }];
  });
  const json = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const whole = Buffer.concat([length, header, ...Object.values(tensors).map(tensorBytes)]);
  const unfinished = `${path}.${process.pid}.tmp`;
  writeFileSync(unfinished, gzipSync(whole, { level: GZIP_LEVEL }));
  renameSync(unfinished, path);
}

/** The tensors of a shard that `writeShard` wrote. */
export function readShard(path: string): Record<string, Tensor> {
  const whole = gunzipSync(readFileSync(path));
  const start = 8 + Number(whole.readBigUInt64LE(0));
  const header = JSON.parse(whole.toString("utf8", 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = Object.entries(header).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [begin, end],
      },
    ]) => {
      // Copied: a typed array must start at a multiple of its element size.
      const { buffer } = Uint8Array.from(whole.subarray(start + begin, start + end));
      return [name, { shape, ...elements(dtype, buffer, elementCount(shape)) }];
    },
  );
  return Object.fromEntries(tensors) as Record<string, Tensor>;
}

function elements(dtype: string, buffer: ArrayBuffer, count: number): Pick<Tensor, "dtype" | "data"> {
  if (dtype === "U8") return { dtype: "uint8", data: new Uint8Array(buffer, 0, count) };
  if (dtype === "I32") return { dtype: "int32", data: new Int32Array(buffer, 0, count) };
  return { dtype: "float32", data: new Float32Array(buffer, 0, count) };
}
