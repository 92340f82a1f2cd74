// What the documents tell people to type is what the command line takes, and where they lead is there.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createProgram } from "worldstep";

const documents = [
  "README.md",
  ...[
    "docs",
    "domains/pusht",
    "examples/policy-training",
    "examples/planning",
    "examples/sim2real",
    "sdk",
    "sdk/python",
  ].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith(".md"))
      .map((file) => join(folder, file)),
  ),
];

// In blocks of code; in a sentence, part of a command is enough.
const TYPED =
  /(?<!`)(?:npx worldstep|node cli\/dist\/main\.js|npm run (?:-s )?(?=(?:eval|generate|bench)\b)) ?([^`#&\n]*)/g;

const commands = documents.flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(TYPED)].map(([line, words = ""]) => ({
    line: `${file}: ${line.trim()}`,
    typed: words.replace(" -- ", " ").trim(),
  })),
);

// Parses and checks, and does nothing.
function onlyParse(command: ReturnType<typeof createProgram>): typeof command {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  command.action(() => undefined);
  for (const sub of command.commands) onlyParse(sub);
  return command;
}

it("finds some", () => expect(commands.length).toBeGreaterThan(6));

it.each(commands)("$line", async ({ typed }) => {
  const words = (typed.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ""));
  await onlyParse(createProgram()).parseAsync(words, { from: "user" });
});

/** As GitHub names the headings of a page. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

const links = documents.flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => ({ file, link }))
    .filter(({ link }) => !/^[a-z]+:/.test(link)),
);

it("finds links", () => expect(links.length).toBeGreaterThan(30));

it.each(links)("$file leads to $link", ({ file, link }) => {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? file : join(dirname(file), path);
  expect(existsSync(target), target).toBe(true);
  if (anchor !== undefined) expect(anchorsOf(readFileSync(target, "utf8"))).toContain(anchor);
});
