// The console page in Chromium, served by the real server: the simulator, and beside it a world of random weights, which
// dreams nothing but is stepped like any other.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { McapIndexedReader } from "@mcap/core";
import { type OpenWorld, openWorld } from "@worldstep/engine";
import { type HostedWorld, type RunningServer, serve } from "@worldstep/server";
import { createSimulator } from "@worldstep/tabletop";
import { ALL_FORMATS, BufferSource, Input } from "mediabunny";
import { pino } from "pino";
import { type Browser, chromium, type Page } from "playwright-core";
import { PNG } from "pngjs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { halfSize, halfSizeSpec } from "./half-size.js";
import { JointArm, jointArmSpec } from "./joint-arm.js";

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
// The worlds say that they are faster than they are, so that nothing here waits for their own pace.
const FPS = 60;
const TICK_FRAMES = 4;
// Nothing in the page or in what it loads may be inline, nor come from elsewhere.
const POLICY = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:";

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
    dreamed = { spec: { ...dream.spec, fps: FPS }, hash: dream.hash, open: () => dream.open() };
    const simulator = await createSimulator();
    const spec = { ...halfSizeSpec(simulator.spec), id: "tabletop-mujoco", fps: FPS };
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

  /** The page, connected; the expert plays unless `steered`. An error in the page fails the test. */
  async function visit(server: RunningServer, { steered }: { steered: boolean }): Promise<Page> {
    const page = await browser.newPage();
    const failures: unknown[] = [];
    page.on("pageerror", (error) => failures.push(error));
    page.on("console", (message) => /Content Security Policy/.test(message.text()) && failures.push(message.text()));
    closers.push(async () => {
      await page.close();
      expect(failures).toEqual([]);
    });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.route(`${server.url}/`, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": POLICY } });
    });
    await page.goto(server.url);
    await page.locator("html[data-state=connected]").waitFor();
    await until(page, async () => (await number(page, "tick")) > 0);
    if (steered) await page.click("#hands");
    return page;
  }

  test("an expert plays at once, and does its task", async () => {
    const page = await visit(await host([dreamed, real]), { steered: false });
    expect(await page.textContent("#pictures")).toMatch(/MuJoCo.*Dreamed/s);
    expect(await page.inputValue("#left-world")).toBe("tabletop-mujoco");
    expect(await page.inputValue("#right-world")).toBe("tiny-random");
    expect(await page.textContent("#player-note")).toMatch(
      /script that knows the tasks.*scene in MuJoCo.*same actions/,
    );
    expect(await page.textContent("#goal")).toMatch(/red cube|yellow button/);
    const [leftBefore, rightBefore] = [await picture(page, "left"), await picture(page, "right")];
    await until(page, async () => (await picture(page, "left")) !== leftBefore);
    await until(page, async () => (await picture(page, "right")) !== rightBefore);
    for (const count of await points(page)) expect(count).toBeGreaterThan(0);
    expect(await number(page, "left-ms")).toBeGreaterThan(0);
    expect(await number(page, "right-ms")).toBeGreaterThan(0);

    // Random weights dream nothing: no picture of theirs is like MuJoCo's, and the page says so.
    await page.locator("html[data-parted=true]").waitFor();
    expect(await page.textContent("#verdict")).toMatch(
      /^Parted since tick \d+\. What the dream shows from there on is not what MuJoCo does/,
    );
    expect(await page.textContent("#apart")).toMatch(/^\d+\.\d cm$/);
    expect(await page.textContent("#psnr")).toMatch(/ dB$/);
    expect(await page.textContent("#alike-words")).toBe("unlike");
    expect(await number(page, "unsure")).toBeLessThanOrEqual(1);
    const tops = await page.locator(".facts > div").evaluateAll((facts) => {
      for (const fact of facts) fact.toggleAttribute("hidden", false); // a dream of the shipped world shows all four
      return facts.map((fact) => fact.getBoundingClientRect().top);
    });
    expect(tops).toEqual(Array(4).fill(tops[0])); // in one row
    expect(await page.textContent("#trust")).toMatch(
      /Contact is where a dream parts from reality.*not how wrong it is/s,
    );

    await page.click("#pause");
    await page.selectOption("#task", "reach");
    await page.fill("#seed", "1004");
    await page.click("#reset");
    await until(page, async () => (await page.textContent("#clock")) === "4.0 s left");
    expect(await page.textContent("#goal")).toBe("Touch the yellow button");
    await page.click("#pause"); // that is, resume
    await until(page, async () => (await number(page, "clock")) < 3.9);
    await until(page, async () => (await page.textContent("#left-end")) === "Done");
    expect(await page.textContent("#left-success")).toBe("yes");
  });

  test("keys, wheel and drag move the arm the way that the picture shows", async () => {
    const page = await visit(await host([dreamed, real]), { steered: false });
    await page.keyboard.press("d");
    await page.locator("#hands[aria-pressed=true]").waitFor(); // whoever touches a key steers
    await page.click("#more summary");
    await page.check("#only-active");
    await page.click("#reset");
    await until(page, async () => (await number(page, "tick")) === 0);

    const readings = { x: "left-p0", y: "left-p1", z: "left-p2" };
    // What `act` changes on an axis. Each is moved to the side where there is more room.
    const moved = async (axis: keyof typeof readings, middle: number, act: (direction: 1 | -1) => Promise<void>) => {
      const before = await number(page, readings[axis]);
      const direction = before > middle ? -1 : 1;
      await act(direction);
      await until(page, async () => Math.abs((await number(page, readings[axis])) - before) > 0.004);
      return ((await number(page, readings[axis])) - before) * direction;
    };
    const shown = await picture(page, "left");
    expect(await moved("y", 0, (direction) => tap(page, direction > 0 ? "d" : "a"))).toBeGreaterThan(0);
    await until(page, async () => (await picture(page, "left")) !== shown);
    expect(await moved("x", 0.37, (direction) => tap(page, `Arrow${direction > 0 ? "Down" : "Up"}`))).toBeGreaterThan(
      0,
    );
    await page.hover("#left-picture");
    expect(await moved("z", 0.12, (direction) => page.mouse.wheel(0, -200 * direction))).toBeGreaterThan(0);
    const dragged = await moved("y", 0, async (direction) => {
      const box = await page.locator("#left-picture").boundingBox();
      if (!box) throw new Error("the picture is not shown");
      const [left, top] = [box.x + box.width / 2, box.y + box.height / 2];
      await page.mouse.move(left, top);
      await page.mouse.down();
      await page.mouse.move(left + 60 * direction, top, { steps: 5 });
      await page.mouse.up();
    });
    expect(dragged).toBeGreaterThan(0);
    const opening = await number(page, "left-p4");
    await tap(page, " ");
    await until(page, async () => (await number(page, "left-p4")) < Math.max(0.03, opening - 0.01));
  });

  test("any channels: sliders that stay or spring back, two keys each, and a gripper", async () => {
    const arm = (id: string): HostedWorld => {
      const spec = jointArmSpec(id);
      return { spec, hash: id, open: async () => new JointArm(spec) };
    };
    const page = await visit(await host([arm("arm-a"), real, arm("arm-b")]), { steered: false });
    expect(await page.textContent("#pilot")).toBe("Wander");
    expect(await page.isVisible("figure[data-side=right]")).toBe(false);
    expect(await page.textContent("#goal")).toBe("move the arm about");
    expect(await page.textContent("#clock")).toMatch(/no time limit/);
    await page.click("#hands");
    await page.click("#reset");
    // Where it stands is held: nobody said to go anywhere. Until the reset is done the page shows the episode before.
    const still = async () => String(await readings(page)) === String([30, 60, 0, 0.04, 0]);
    await until(page, async () => (await number(page, "tick")) > 1 && (await still()));

    await page.locator("#channel-1").fill("1");
    await until(page, async () => (await number(page, "left-p1")) === 150);
    await page.locator("#channel-4").fill("1");
    await until(page, async () => (await number(page, "left-p4")) === 1);
    await page.locator("#channel-2").fill("0.5");
    await until(page, async () => (await number(page, "left-p2")) > 0);
    await until(page, async () => (await page.inputValue("#channel-2")) === "0"); // sprung back
    const wheel = await number(page, "left-p2");
    await tap(page, "d"); // the first channel's second key
    await until(page, async () => (await number(page, "left-p0")) > 30);
    await page.keyboard.press("g");
    await until(page, async () => (await number(page, "left-p3")) === 0.08);
    expect(await number(page, "left-p2")).toBe(wheel);
    expect(await number(page, "left-p1")).toBe(150);

    // Only what takes the same actions can stand beside it.
    expect(await page.locator("#right-world option").allTextContents()).toEqual(["nothing", "arm-b"]);
    await page.selectOption("#right-world", "arm-b");
    await page.locator("figure[data-side=right]").waitFor();
    await until(page, async () => (await number(page, "tick")) > 0);
    expect(await page.textContent("#verdict")).toMatch(/agree/);
    await page.selectOption("#left-world", "tabletop-mujoco");
    await page.locator("figure[data-side=right]").waitFor({ state: "hidden" });
    await until(page, async () => (await page.textContent("#goal"))?.includes("red cube") ?? false);
  });

  test("a seed gives the same picture twice, another seed another, and an unusable one its remedy", async () => {
    const page = await visit(await host([dreamed, real]), { steered: true });
    await page.click("#pause");
    const start = async (seed: number) => {
      // A tick that was under way would still draw its frames.
      await page.fill("#seed", String(seed + 1000));
      await page.click("#reset");
      await until(page, async () => (await number(page, "tick")) === 0);
      const other = await picture(page, "left");
      await page.fill("#seed", String(seed));
      await page.click("#reset");
      await until(page, async () => (await picture(page, "left")) !== other);
      await until(page, async () => (await number(page, "tick")) === 0);
      return [await picture(page, "left"), await picture(page, "right")];
    };
    const first = await start(7);
    await page.click("#step");
    await until(page, async () => (await number(page, "tick")) === 1);
    expect(await start(7)).toEqual(first);
    expect((await start(8))[0]).not.toBe(first[0]);

    await page.fill("#seed", "-1");
    await page.click("#reset");
    const notice = page.locator("#notice");
    await notice.waitFor();
    expect(await notice.textContent()).toMatch(/seed is -1 \(option_seed\)\.\s+What to do: give a whole number/);
    await page.fill("#seed", "3");
    await page.click("#reset");
    await notice.waitFor({ state: "hidden" });
    await page.click("#step");
    await until(page, async () => (await number(page, "tick")) > 0);
  });

  test("pause, look back, save, resume, single step, NFE, and time that runs only while one moves", async () => {
    const page = await visit(await host([dreamed, real]), { steered: true });
    await page.click("#more summary");
    await page.selectOption("#nfe", "4");
    expect(await page.locator("#nfe option").allTextContents()).toEqual(["1", "2", "4", "8"]);
    await tap(page, "e");
    await until(page, async () => (await number(page, "tick")) >= 3);
    await page.click("#pause");
    expect(await page.textContent("#pause")).toBe("Resume");
    await page.waitForTimeout(400);
    const tick = await number(page, "tick");
    const [now, reading] = [await picture(page, "left"), await number(page, "left-p2")];
    await page.locator("#timeline").fill("0");
    expect(await number(page, "tick")).toBe(0);
    expect(await page.textContent("#of")).toBe(` of ${tick}`);
    expect(await picture(page, "left")).not.toBe(now);
    expect(await number(page, "left-p2")).not.toBe(reading);
    await page.locator("#timeline").fill(String(tick));
    expect(await picture(page, "left")).toBe(now);
    await saves(page, tick);
    await page.click("#step");
    await until(page, async () => (await number(page, "tick")) === tick + 1);
    await page.locator("#timeline").fill("1");
    await page.click("#pause"); // that is, resume
    await until(page, async () => (await number(page, "tick")) > tick + 1);

    await page.check("#only-active");
    await page.click("#reset");
    await until(page, async () => (await number(page, "tick")) === 0);
    await tap(page, "e");
    await until(page, async () => (await number(page, "tick")) > 0);
    await page.waitForTimeout(500);
    expect(await number(page, "tick")).toBeLessThan(4);
  });

  test("a picture of one's own begins a dream, in which the simulator has no part", async () => {
    const page = await visit(await host([dreamed, real]), { steered: false });
    const png = new PNG({ width: 90, height: 60 });
    for (let i = 0; i < png.data.length; i += 4) png.data.set([200, 30, 90, 255], i);
    await page.setInputFiles("#picture-file", { name: "mine.png", mimeType: "image/png", buffer: PNG.sync.write(png) });
    await page.locator("#left-out").waitFor();
    expect(await page.textContent("#picture-name")).toBe("mine.png");
    await page.click("#pause");
    await page.locator("#timeline").fill("0");
    expect(await middle(page, "right")).toEqual([200, 30, 90, 255]);
    expect(await page.textContent("#verdict")).toMatch(/A dream alone/);
    await page.click("#drop-picture");
    await page.locator("#left-out").waitFor({ state: "hidden" });
    await page.setInputFiles("#picture-file", { name: "no.png", mimeType: "image/png", buffer: Buffer.from("no") });
    await page.locator("#notice").waitFor();
    expect(await page.textContent("#notice")).toMatch(/can't read no\.png as a picture/);
  });

  test("a reload goes on with the episode; a lost server is shown with what to do, and a new one joined", async () => {
    const server = await host([dreamed, real]);
    const page = await visit(server, { steered: true });
    await page.click("#pause");
    await page.fill("#seed", "41");
    await page.click("#reset");
    await until(page, async () => (await number(page, "tick")) === 0);
    await page.click("#pause");
    await until(page, async () => (await number(page, "tick")) >= 5);
    await page.reload();
    await until(page, async () => /^Resumed at tick \d/.test((await page.textContent("#said")) ?? ""));
    expect(Number((await page.textContent("#said"))?.match(/\d+/)?.[0])).toBeGreaterThanOrEqual(5);
    expect(await page.inputValue("#seed")).toBe("41");
    const tick = await number(page, "tick");
    expect(tick).toBeGreaterThanOrEqual(5);
    await until(page, async () => (await number(page, "tick")) > tick + 1);
    // Who plays, and that time stands, is as the visitor left it.
    expect(await page.getAttribute("#hands", "aria-pressed")).toBe("true");
    await page.click("#pause");
    await page.waitForTimeout(400);
    const stands = await number(page, "tick");
    await page.reload();
    await until(page, async () => (await page.textContent("#said")) === `Resumed at tick ${stands}`);
    expect(await page.textContent("#pause")).toBe("Resume");
    await page.waitForTimeout(400);
    expect(await number(page, "tick")).toBe(stands);
    await page.click("#pause");

    await server.close();
    await page.locator("html[data-state=lost]").waitFor();
    const notice = page.locator("#notice");
    expect(await notice.textContent()).toMatch(/connection to the server was lost.*Trying again.*npm start/s);
    await host([real], server.port);
    await page.locator("html[data-state=connected]").waitFor();
    await notice.waitFor({ state: "hidden" });
    // Alone: the expert does its task, and begins another.
    const seed = await page.inputValue("#seed");
    await page.click("#pilot");
    await until(page, async () => (await page.textContent("#left-end")) === "Done");
    await until(page, async () => (await page.inputValue("#seed")) !== seed);
    await until(page, async () => (await page.textContent("#left-end")) === "");
  });
});

async function number(page: Page, id: string): Promise<number> {
  return Number.parseFloat((await page.textContent(`#${id}`)) ?? "");
}

/** What the canvas shows, as a data URL. */
function picture(page: Page, side: "left" | "right"): Promise<string> {
  return page.locator(`#${side}-picture`).evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
}

/** The pixel in the middle of the canvas. */
function middle(page: Page, side: "left" | "right"): Promise<number[]> {
  return page.locator(`#${side}-picture`).evaluate((canvas) => {
    const { width, height } = canvas as HTMLCanvasElement;
    const context = (canvas as HTMLCanvasElement).getContext("2d") as CanvasRenderingContext2D;
    return [...context.getImageData(width / 2, height / 2, 1, 1).data];
  });
}

/** What the left world says of the robot. */
async function readings(page: Page): Promise<number[]> {
  return (await page.locator("td[id^=left-p]").allTextContents()).map(Number);
}

/** The file that a click on `button` saves, whose name must be like `name`. */
async function save(page: Page, button: string, name: RegExp): Promise<Uint8Array> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  expect(download.suggestedFilename()).toMatch(name);
  return readFileSync(await download.path());
}

/** What was played, `made` ticks, is saved as a film and as a log. */
async function saves(page: Page, made: number): Promise<void> {
  const clip = await save(page, "#save-clip", /^tabletop-mujoco-pick-place-\d+\.mp4$/);
  const film = new Input({ source: new BufferSource(clip), formats: ALL_FORMATS });
  const track = await film.getPrimaryVideoTrack();
  expect(await track?.getCodec()).toMatch(/^(avc|vp9|av1)$/);
  expect(await track?.computeDuration()).toBeCloseTo((1 + TICK_FRAMES * made) / FPS, 2);
  expect(await track?.getDisplayWidth()).toBeGreaterThan(1024);

  const log = await save(page, "#save-log", /\.mcap$/);
  const reader = await McapIndexedReader.Initialize({
    readable: {
      size: async () => BigInt(log.length),
      read: async (offset, length) => log.subarray(Number(offset), Number(offset + length)),
    },
  });
  const counts: Record<string, number> = {};
  for await (const { channelId } of reader.readMessages()) {
    const { topic = "" } = reader.channelsById.get(channelId) ?? {};
    counts[topic] = (counts[topic] ?? 0) + 1;
  }
  expect(counts).toEqual({
    "/action": TICK_FRAMES * made,
    "/tabletop-mujoco/image": 1 + TICK_FRAMES * made,
    "/tabletop-mujoco/proprioception": 1 + made,
    "/tabletop-mujoco/reward": made,
    "/tiny-random/image": 1 + TICK_FRAMES * made,
    "/tiny-random/proprioception": 1 + made,
    "/tiny-random/reward": made,
  });
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
  await page.waitForTimeout(2 * 1000 * (TICK_FRAMES / FPS));
  await page.keyboard.up(key);
}
