// What an error quotes is short and can be encoded, whatever it was.
import { expect, it } from "vitest";
import { cut, shown } from "./shown.js";

it.each([
  ["a name", "a name"],
  [undefined, "undefined"],
  [Symbol("s"), "Symbol(s)"],
  [Object.create(null), "a object"],
  ["line\nbreak\u001b[31m", "line\ufffdbreak\ufffd[31m"],
  ["\ud83d", "\ufffd"],
  ["x".repeat(120), "x".repeat(120)],
  ["x".repeat(1_000_000), `${"x".repeat(119)}…`],
])("%s", (value, text) => expect(shown(value)).toBe(text));

it("cuts between the halves of a pair, and leaves no half", () => {
  expect(cut("abc\ud83d\ude00", 5)).toBe("abc\ud83d\ude00");
  expect(cut("abc\ud83d\ude00de", 5)).toBe("abc\ufffd…");
});
