// A log that nobody reads leaves out lines, and keeps nobody waiting.
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { openLog } from "./log.js";

const folder = mkdtempSync(join(tmpdir(), "worldstep-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

it.skipIf(process.platform !== "linux")("a full pipe", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const fd = openSync(pipe, constants.O_RDWR);
  const log = openLog(fd);
  const line = `{"msg":"${"x".repeat(90)}"}\n`;
  const begun = performance.now();
  for (let i = 0; i < 20_000; i++) log.write(line);
  expect(performance.now() - begun).toBeLessThan(2000);

  let text = "";
  const bytes = Buffer.alloc(65_536);
  const deadline = performance.now() + 10_000;
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  while (!text.includes("left out") && performance.now() < deadline) {
    try {
      text += bytes.toString("utf8", 0, readSync(reader, bytes));
    } catch {
      await after(20); // nothing to read yet
    }
  }
  closeSync(reader);
  closeSync(fd);
  const lines = text.trimEnd().split("\n");
  const told = lines.pop();
  const leftOut = Number(told?.match(/not read: (\d+) lines were left out/)?.[1]);
  expect(new Set(lines)).toEqual(new Set([line.trimEnd()]));
  expect(lines.length + leftOut).toBe(20_000);
});

it("a file gets all", () => {
  const file = join(folder, "file");
  const fd = openSync(file, "a+");
  const log = openLog(fd);
  for (let i = 0; i < 1000; i++) log.write(`${i}\n`);
  const bytes = Buffer.alloc(65_536);
  const read = bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, 0));
  closeSync(fd);
  expect(read).toBe(Array.from({ length: 1000 }, (_, i) => `${i}\n`).join(""));
});
