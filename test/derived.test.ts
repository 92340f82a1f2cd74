// What is derived from the tables in protocols/src is as it would be written now. `npm run derive` runs this with `-u`, which
// writes the files.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withTables } from "../protocols/derive/documents.js";
import { pythonTable } from "../protocols/derive/python.js";
import { schema } from "../protocols/derive/schema.js";

const page = (path: string): string => withTables(readFileSync(path, "utf8"));

test.each([
  ["protocols/worldstep.v1.proto", schema],
  ["sdk/python/worldstep/table.py", pythonTable],
  ["docs/protocol.md", () => page("docs/protocol.md")],
  ["docs/errors.md", () => page("docs/errors.md")],
])("%s", async (path, make) => {
  await expect(make()).toMatchFileSnapshot(`../${path}`);
});
