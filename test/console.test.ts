// The console page in Chromium, served by the real server: the simulator as the real world, and beside it a world of
// random weights, which dreams nothing but is stepped like any other.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type HostedWorld, type OpenWorld, openWorld, type RunningServer, serve } from "@worldstep/engine";
import { createSimulator } from "@worldstep/simulator";
import { pino } from "pino";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { halfSize, halfSizeSpec } from "./half-size.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const missing = !existsSync(CHROMIUM);
const inCi = process.env.CI === "true";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const PATIENCE_MS = 60_000;

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const why = missing && !inCi ? ` (skipped: there is no ${CHROMIUM}; install Debian's chromium, or set CHROMIUM)` : "";

describe.skipIf(missing && !inCi)(`the console${why}`, { timeout: 180_000 }, () => {
  let staticDir: string;
  let browser: Browser;
  let dream: OpenWorld;
  let real: HostedWorld;
  let dreamed: HostedWorld;
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    staticDir = mkdtempSync(join(tmpdir(), "console-"));
    execFileSync(process.execPath, [here("../examples/console/build.js"), staticDir]);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    dream = await openWorld(here("fixtures/tiny-world"), { threads: 1 });
    dreamed = { spec: dream.spec, hash: dream.hash, open: () => dream.open() };
    const simulator = await createSimulator();
    const spec = { ...halfSizeSpec(simulator.spec), id: "tabletop-mujoco" };
    await simulator.close();
    real = { spec, hash: "simulator", open: async () => halfSize(await createSimulator()) };
  }, 120_000);

  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  afterAll(async () => {
    await browser?.close();
    await dream?.close();
    rmSync(staticDir, { recursive: true });
  });

  async function host(worlds: readonly HostedWorld[], port = 0): Promise<RunningServer> {
    const server = await serve({ worlds, logger: pino({ level: "silent" }), staticDir, port });
    closers.push(() => server.close());
    return server;
  }

  /** The page, connected; the autopilot is on unless `steered`. An error in the page fails the test. */
  async function visit(server: RunningServer, { steered }: { steered: boolean }): Promise<Page> {
    const page = await browser.newPage();
    const failures: Error[] = [];
    page.on("pageerror", (error) => failures.push(error));
    closers.push(async () => {
      await page.close();
      expect(failures).toEqual([]);
    });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(server.url);
    await page.locator("html[data-state=connected]").waitFor();
    await until(page, async () => (await number(page, "tick")) > 0);
    if (steered) await page.click("#pilot");
    return page;
  }

  test("shows life at once: both pictures move and the plots advance", async () => {
    const page = await visit(await host([dreamed, real]), { steered: false });
    expect(await page.textContent("#real-world")).toBe("tabletop-mujoco");
    expect(await page.textContent("#dreamed-world")).toBe("tiny-random");
    const [realBefore, dreamedBefore] = [await picture(page, "real"), await picture(page, "dreamed")];
    const before = await points(page);
    await until(page, async () => (await number(page, "tick")) >= 5);
    await until(page, async () => (await picture(page, "real")) !== realBefore);
    await until(page, async () => (await picture(page, "dreamed")) !== dreamedBefore);
    const after = await points(page);
    for (const [i, count] of after.entries()) expect(count).toBeGreaterThan(before[i] as number);
    expect(await number(page, "real-ms")).toBeGreaterThan(0);
    expect(await number(page, "dreamed-ms")).toBeGreaterThan(0);
    // The dream began at the real frame, so the pictures can be compared.
    expect(await page.textContent("#psnr")).toMatch(/ dB$/);
    for (const plot of ["expert", "uncertainty"]) {
      expect(Number(await page.getAttribute(`#${plot}-plot`, "data-points"))).toBeGreaterThan(0);
    }
  });

  test("keys, wheel and drag move the arm the way that the picture shows", async () => {
    const page = await visit(await host([dreamed, real]), { steered: false });
    await page.keyboard.press("d");
    await page.locator("#pilot[aria-pressed=false]").waitFor(); // whoever touches a key steers
    await page.check("#only-active");
    await page.click("#reset");
    await until(page, async () => (await number(page, "tick")) === 0);

    const readings = { x: "real-p0", y: "real-p1", z: "real-p2" };
    // What `act` changes on an axis. Each is moved to the side where there is more room.
    const moved = async (axis: keyof typeof readings, middle: number, act: (direction: 1 | -1) => Promise<void>) => {
      const before = await number(page, readings[axis]);
      const direction = before > middle ? -1 : 1;
      await act(direction);
      await until(page, async () => Math.abs((await number(page, readings[axis])) - before) > 0.004);
      return ((await number(page, readings[axis])) - before) * direction;
    };
    const shown = await picture(page, "real");
    expect(await moved("y", 0, (direction) => tap(page, direction > 0 ? "d" : "a"))).toBeGreaterThan(0);
    await until(page, async () => (await picture(page, "real")) !== shown);
    expect(await moved("x", 0.37, (direction) => tap(page, `Arrow${direction > 0 ? "Down" : "Up"}`))).toBeGreaterThan(
      0,
    );
    await page.hover("#real-picture");
    expect(await moved("z", 0.12, (direction) => page.mouse.wheel(0, -200 * direction))).toBeGreaterThan(0);
    const dragged = await moved("y", 0, async (direction) => {
      const box = await page.locator("#real-picture").boundingBox();
      if (!box) throw new Error("the picture is not shown");
      const [left, top] = [box.x + box.width / 2, box.y + box.height / 2];
      await page.mouse.move(left, top);
      await page.mouse.down();
      await page.mouse.move(left + 60 * direction, top, { steps: 5 });
      await page.mouse.up();
    });
    expect(dragged).toBeGreaterThan(0);
    const opening = await number(page, "real-p4");
    await tap(page, " ");
    await until(page, async () => (await number(page, "real-p4")) < Math.max(0.03, opening - 0.01));
  });

  test("a seed gives the same picture twice, and another seed another", async () => {
    const page = await visit(await host([dreamed, real]), { steered: true });
    await page.click("#pause");
    const start = async (seed: number) => {
      // A tick that was under way would still draw its frames.
      await page.fill("#seed", String(seed + 1000));
      await page.click("#reset");
      await until(page, async () => (await number(page, "tick")) === 0);
      const other = await picture(page, "real");
      await page.fill("#seed", String(seed));
      await page.click("#reset");
      await until(page, async () => (await picture(page, "real")) !== other);
      await until(page, async () => (await number(page, "tick")) === 0);
      return [await picture(page, "real"), await picture(page, "dreamed")];
    };
    const first = await start(7);
    await page.click("#step");
    await until(page, async () => (await number(page, "tick")) === 1);
    expect(await start(7)).toEqual(first);
    expect((await start(8))[0]).not.toBe(first[0]);
  });

  test("pause, single step, NFE, tasks, and time that runs only while one moves", async () => {
    const page = await visit(await host([dreamed, real]), { steered: true });
    await page.selectOption("#task", "reach");
    await page.selectOption("#nfe", "4");
    expect(await page.locator("#nfe option").allTextContents()).toEqual(["1", "2", "4", "8"]);
    await until(page, async () => Number.parseFloat((await page.textContent("#real-return")) ?? "0") !== 0);
    await page.click("#pause");
    await page.waitForTimeout(500);
    const tick = await number(page, "tick");
    await page.click("#step");
    await until(page, async () => (await number(page, "tick")) === tick + 1);
    await page.click("#reset");
    await until(page, async () => (await number(page, "tick")) === 0);

    await page.check("#only-active");
    await page.click("#pause");
    await page.waitForTimeout(700);
    expect(await number(page, "tick")).toBe(0);
    await tap(page, "e");
    await until(page, async () => (await number(page, "tick")) > 0);
    await page.waitForTimeout(700);
    expect(await number(page, "tick")).toBeLessThan(4);
  });

  test("an unusable seed is refused with its remedy, and the next one works", async () => {
    const page = await visit(await host([real]), { steered: true });
    await page.fill("#seed", "-1");
    await page.click("#reset");
    const notice = page.locator("#notice");
    await notice.waitFor();
    expect(await notice.textContent()).toMatch(/seed is -1 \(option_seed\)\.\s+What to do: give a whole number/);
    await page.fill("#seed", "3");
    await page.click("#reset");
    await notice.waitFor({ state: "hidden" });
    await until(page, async () => (await number(page, "tick")) > 0);
  });

  test("a world alone is shown alone", async () => {
    const page = await visit(await host([dreamed]), { steered: false });
    await page.locator("figure[data-side=real]").waitFor({ state: "hidden" });
    expect(await page.isVisible("figure[data-side=dreamed]")).toBe(true);
    expect(await page.isVisible("#psnr")).toBe(false);
  });

  test("a lost server is shown with what to do, and a new one is joined", async () => {
    const server = await host([real]);
    const page = await visit(server, { steered: false });
    await server.close();
    await page.locator("html[data-state=lost]").waitFor();
    const notice = page.locator("#notice");
    expect(await notice.textContent()).toMatch(/connection to the server was lost.*Trying again.*npm start/s);
    await host([real], server.port);
    await page.locator("html[data-state=connected]").waitFor();
    await notice.waitFor({ state: "hidden" });
    const tick = await number(page, "tick");
    await until(page, async () => (await number(page, "tick")) !== tick);
  });
});

async function number(page: Page, id: string): Promise<number> {
  return Number.parseFloat((await page.textContent(`#${id}`)) ?? "");
}

/** What the canvas shows, as a data URL. */
function picture(page: Page, side: "real" | "dreamed"): Promise<string> {
  return page.locator(`#${side}-picture`).evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
}

/** How many points each plot has. */
function points(page: Page): Promise<number[]> {
  return page.locator("[data-points]").evaluateAll((plots) => plots.map((plot) => Number(plot.dataset.points)));
}

async function until(page: Page, condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("waited in vain");
    await page.waitForTimeout(40);
  }
}

/** Presses `key` for about two ticks. */
async function tap(page: Page, key: string): Promise<void> {
  await page.keyboard.down(key);
  await page.waitForTimeout(300);
  await page.keyboard.up(key);
}
