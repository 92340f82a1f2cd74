import { floatTensor } from "@worldstep/protocols";
import { expect, test } from "vitest";
import { packPolicy, unpackPolicy } from "./policy-codec.js";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

// From PyPI's openpi-client: msgpack_numpy.packb({'s': np.array([1.5, -2], np.float32)}).hex()
const STATE =
  "81a17384c40b5f5f6e6461727261795f5fc3c40464617461c4080000c03f000000c0c4056474797065a33c6634c40573686170659102";

test("an array is the bytes that openpi's client sends", () => {
  const packed = packPolicy({ s: floatTensor(Float32Array.of(1.5, -2), [2]) });
  expect(Buffer.from(packed).toString("hex")).toBe(STATE);
  expect(unpackPolicy(bytes(STATE))).toEqual({ s: floatTensor(Float32Array.of(1.5, -2), [2]) });
});

test("what openpi's server answers is read: doubles, scalars, long integers, booleans, nested values", () => {
  // msgpack_numpy.packb({'actions': np.arange(6, dtype=np.float64).reshape(2, 3), 'n': np.float32(2.5),
  //   'i': np.array([7, -1]), 'b': np.array([True]), 't': {'ms': 3.5}, 'l': [1, 'a', None]}).hex()
  const answer = unpackPolicy(
    bytes(
      "86a7616374696f6e7384c40b5f5f6e6461727261795f5fc3c40464617461c4300000000000000000000000000000f03f00000000" +
        "00000040000000000000084000000000000010400000000000001440c4056474797065a33c6638c4057368617065920203a16e83" +
        "c40d5f5f6e7067656e657269635f5fc3c40464617461cb4004000000000000c4056474797065a33c6634a16984c40b5f5f6e6461" +
        "727261795f5fc3c40464617461c4100700000000000000ffffffffffffffffc4056474797065a33c6938c40573686170659102a1" +
        "6284c40b5f5f6e6461727261795f5fc3c40464617461c40101c4056474797065a37c6231c40573686170659101a17481a26d73cb" +
        "400c000000000000a16c9301a161c0",
    ),
  );
  expect(answer).toEqual({
    actions: floatTensor(Float32Array.of(0, 1, 2, 3, 4, 5), [2, 3]),
    n: 2.5,
    i: { dtype: "int32", shape: [2], data: Int32Array.of(7, -1) },
    b: { dtype: "uint8", shape: [1], data: Uint8Array.of(1) },
    t: { ms: 3.5 },
    l: [1, "a", null],
  });
});

test.each([
  ["no msgpack", "c1"],
  ["half an element", STATE.replace("c4080000c03f000000c0", "c4060000c03f0000")],
  ["fewer elements than the shape says", STATE.replace("9102", "9103")],
  ["a dtype that is no number", STATE.replace("a33c6634", "a33c5538")],
  ["an array without a shape", `81a17381c40b${Buffer.from("__ndarray__").toString("hex")}c3`],
])("%s is refused", (_, hex) => {
  expect(() => unpackPolicy(bytes(hex))).toThrow(expect.objectContaining({ code: "policy_malformed" }));
});
