// The msgpack header. Written by msgpackr; read by the strict reader below, because a general decoder also takes what
// this protocol refuses (records and other extensions, which keep state between messages; keys that are not strings or
// come twice; invalid UTF-8), and because the reader names the offset of the first bad byte.
import { Packr } from "msgpackr";
import { MessageError } from "./check.js";

const packr = new Packr({ useRecords: false, variableMapSize: true });
const MAX_DEPTH = 32;

/** Bytes of a header that `checkFields` made: plain maps, arrays, strings, finite or infinite numbers, booleans, null. */
export function packMsgpack(header: Readonly<Record<string, unknown>>): Uint8Array {
  return packr.pack(withIntegers(header));
}

/** msgpackr writes whole numbers of 2^32 and more as floats, and a seed that comes back as a float is none in Python. */
function withIntegers(value: unknown): unknown {
  if (Number.isSafeInteger(value) && Math.abs(value as number) >= 2 ** 31) return BigInt(value as number);
  if (Array.isArray(value)) return value.map(withIntegers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, withIntegers(of)]));
}

/** The one map that `bytes` holds. Throws `MessageError` (`message_malformed`) for anything else. */
export function unpackMsgpack(bytes: Uint8Array): Record<string, unknown> {
  const reader = new MsgpackReader(bytes);
  const value = reader.read(0);
  if (reader.offset !== bytes.length) throw reader.malformed("bytes behind the header's map");
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw reader.malformed("not a map");
  return value as Record<string, unknown>;
}

class MsgpackReader {
  offset = 0;
  private readonly view: DataView;
  private readonly text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(depth: number): unknown {
    if (depth > MAX_DEPTH) throw this.malformed("nested too deep");
    const head = this.uint(1);
    if (head < 0x80) return head;
    if (head < 0x90) return this.map(head & 0x0f, depth);
    if (head < 0xa0) return this.array(head & 0x0f, depth);
    if (head < 0xc0) return this.string(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xcb:
        return this.view.getFloat64(this.take(8));
      case 0xcc:
        return this.uint(1);
      case 0xcd:
        return this.uint(2);
      case 0xce:
        return this.uint(4);
      case 0xcf:
        return Number(this.view.getBigUint64(this.take(8)));
      case 0xd0:
        return this.view.getInt8(this.take(1));
      case 0xd1:
        return this.view.getInt16(this.take(2));
      case 0xd2:
        return this.view.getInt32(this.take(4));
      case 0xd3:
        return Number(this.view.getBigInt64(this.take(8)));
      case 0xd9:
        return this.string(this.uint(1));
      case 0xda:
        return this.string(this.uint(2));
      case 0xdb:
        return this.string(this.uint(4));
      case 0xdc:
        return this.array(this.uint(2), depth);
      case 0xdd:
        return this.array(this.uint(4), depth);
      case 0xde:
        return this.map(this.uint(2), depth);
      case 0xdf:
        return this.map(this.uint(4), depth);
      default:
        throw this.malformed(`byte 0x${head.toString(16)} begins no nil, bool, int, float 64, str, array or map`);
    }
  }

  private array(length: number, depth: number): unknown[] {
    const items: unknown[] = []; // grows as items come: a length is a claim, not a fact
    for (let i = 0; i < length; i++) items.push(this.read(depth + 1));
    return items;
  }

  private map(length: number, depth: number): Record<string, unknown> {
    const items = new Map<string, unknown>();
    for (let i = 0; i < length; i++) {
      const key = this.read(depth + 1);
      if (typeof key !== "string") throw this.malformed("a map key that is not a string");
      if (items.has(key)) throw this.malformed("a map key that comes twice");
      items.set(key, this.read(depth + 1));
    }
    return Object.fromEntries(items); // defines "__proto__" as a plain member
  }

  private string(length: number): string {
    const start = this.take(length);
    try {
      return this.text.decode(this.bytes.subarray(start, start + length));
    } catch {
      throw this.malformed("a string that is not UTF-8");
    }
  }

  private uint(size: 1 | 2 | 4): number {
    const at = this.take(size);
    return size === 1 ? this.view.getUint8(at) : size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  /** Steps over `count` bytes and says where they begin. */
  private take(count: number): number {
    const start = this.offset;
    if (count > this.bytes.length - start) throw this.malformed("it ends too early");
    this.offset += count;
    return start;
  }

  malformed(why: string): MessageError {
    return new MessageError(
      "message_malformed",
      `the msgpack header is broken at byte ${this.offset}: ${why}`,
      "build messages as docs/protocol.md says",
      { offset: this.offset, why },
    );
  }
}
