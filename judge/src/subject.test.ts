// What is judged keeps the contract of every env, also at a budget of its own.
import { join } from "node:path";
import { checkEnv } from "@worldstep/sdk";
import tabletop from "@worldstep/tabletop/domain";
import { expect, test } from "vitest";
import { openSubject } from "./open-subject.js";

test("a world at a budget is an env like others", async () => {
  const folder = join(import.meta.dirname, "../../test/fixtures/tiny-world");
  const subject = await openSubject({ kind: "world", folder, nfe: 2 }, tabletop);
  const { checks } = await checkEnv(subject.open, { throwOnFailure: false, ticks: 2 });
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  await subject.close();
});
