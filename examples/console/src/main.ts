// The console: worlds side by side under the same actions. This file tells the story; the others are its parts.
//
//   connect -> a session of each world -> reset -> tick: expert or hands -> block -> step all -> pictures, words, numbers
import { type Connection, connect, WorldError } from "@worldstep/sdk";
import { type Cast, cast, partners, SIDES, type Side } from "./cast.js";
import { Duel } from "./duel.js";
import { saveClip, saveLog } from "./files.js";
import { Hands } from "./hands.js";
import { type Game, Loop } from "./loop.js";
import { part, write } from "./page.js";
import { Panel } from "./panel.js";
import { type Moment, Past } from "./past.js";
import { type Pilot, pilotFor } from "./pilot.js";
import { Plot, type Values } from "./plots.js";
import { layOut, showMoment } from "./readout.js";
import { looksAgain, type SavedPage, type SavedPlan, save, savedLooks, takeSaved } from "./saved.js";
import type { Seen, Start } from "./seen.js";
import { address, admission, ShownWebSocket } from "./server.js";
import { Playhead, Stage } from "./stage.js";
import { clearNotice, say, showError, showState } from "./status.js";
import { PAD, showPlayer, showSteering } from "./steering.js";
import { gapOf, isParted } from "./trust.js";

const RETRY_MS = 2000;
// For so long the sessions of a lost connection are waited for; then new ones are opened as soon as there is a server.
const RECONNECT_MS = 20_000;
// How long an episode's end stays in view before the expert begins another.
const CURTAIN_MS = 1800;

type World = Connection["worlds"][number];

let loop: Loop | undefined;
let duel: Duel | undefined;
// Worlds that the visitor picked; undefined for the page's own choice.
let picked: { readonly left: string; readonly right: string } | undefined;
// The tick that is looked back at; undefined for the newest.
let lookedAt: number | undefined;
// The tick at which the two worlds parted in this episode.
let parted: number | undefined;
let curtain: ReturnType<typeof setTimeout> | undefined;
let pilot: { readonly of: Pilot; readonly side: Side; readonly since: number } | undefined;

const past = new Past();
const stages: Record<Side, Stage> = {
  left: new Stage(part("left-picture", HTMLCanvasElement)),
  right: new Stage(part("right-picture", HTMLCanvasElement)),
};
const plots = {
  apart: new Plot(part("apart-plot", HTMLElement), ["right"], 3),
  psnr: new Plot(part("psnr-plot", HTMLElement), ["right"], 40),
  reward: new Plot(part("reward-plot", HTMLElement)),
  uncertainty: new Plot(part("uncertainty-plot", HTMLElement), SIDES, 1),
  ms: new Plot(part("ms-plot", HTMLElement), SIDES, 20),
  expert: new Plot(part("expert-plot", HTMLElement), SIDES, 3),
};
const timeline = part("timeline", HTMLInputElement);
const panel = new Panel(() => loop && { reset: startOver, step: stepOn, changed: follow, resume }, showError);
// Whoever touches the controls steers.
const hands = new Hands(part("channel-rows", HTMLElement), () => {
  panel.pilot = false;
  if (lookedAt !== undefined) backToNow();
  follow();
});

for (const { canvas } of Object.values(stages)) hands.addPicture(canvas);
for (const button of PAD) hands.addButton(button);
document.addEventListener("visibilitychange", follow);
addEventListener("pagehide", () => save(keptNow()));
timeline.addEventListener("input", () => lookBack(Number(timeline.value)));
part("save-clip", HTMLButtonElement).addEventListener("click", () => void keep(saveClip));
part("save-log", HTMLButtonElement).addEventListener("click", () => void keep(saveLog));
for (const side of SIDES) part(`${side}-world`, HTMLSelectElement).addEventListener("change", pick);

let kept = takeSaved();
panel.drawSeed();
panel.pilot = kept?.piloted ?? true;
// Who wants no motion starts it.
panel.paused = kept?.paused ?? matchMedia("(prefers-reduced-motion: reduce)").matches;

for (;;) {
  try {
    showState("connecting");
    const connection = await connect(address(), {
      WebSocket: ShownWebSocket(),
      reconnectMs: RECONNECT_MS,
      ...admission(),
    });
    clearNotice();
    await play(connection, kept).finally(() => {
      kept = keptNow();
      return connection.close();
    });
  } catch (error) {
    loop = undefined;
    duel = undefined;
    showState("lost");
    showError(error);
    if (!(error instanceof WorldError)) throw error;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Plays the worlds that are picked until the connection or a session is lost for good: rejects with the reason. */
async function play(connection: Connection, saved: SavedPage | undefined): Promise<never> {
  let goesOn = await resumed(connection, saved);
  for (;;) {
    duel = goesOn ?? (await Duel.open(connection, chosen(connection.worlds)));
    const { spec } = duel;
    layOut(duel, connection);
    panel.fill(duel);
    hands.serve(spec);
    showSteering(spec, hands);
    if (goesOn?.start) panel.goOnWith(goesOn.start);
    loop = new Loop(forgiving(gameOf(duel)), (1000 / spec.fps) * spec.stride, goesOn !== undefined);
    if (goesOn) goOn(goesOn, saved?.plan);
    follow();
    await loop.run();
    loop = undefined;
    await duel.close();
    goesOn = undefined;
  }
}

// The sessions of `saved`, unless they are gone by now.
async function resumed(connection: Connection, saved: SavedPage | undefined): Promise<Duel | undefined> {
  if (!saved?.duel) return undefined;
  try {
    return await Duel.resume(connection, saved.duel);
  } catch (error) {
    if (error instanceof WorldError && /^(session|request)_/.test(error.code)) return undefined;
    throw error;
  }
}

function goOn(now: Duel, plan: SavedPlan | undefined): void {
  begin(now);
  const seen = plan && now.seen[plan.side];
  if (seen) {
    const { side, since } = plan;
    const { task, seed } = now.start as Start;
    // The last look may have led to a block that never arrived.
    const looked = looksAgain(plan.looked).slice(0, now.tick - since);
    pilot = { side, since, of: pilotFor(now.spec, task, seed, seen, looked) };
  }
  say(`Resumed at tick ${now.tick}`);
}

// What a reload, or another connection, goes on from.
function keptNow(): SavedPage {
  const plan = pilot?.of.isExpert && { side: pilot.side, since: pilot.since, looked: savedLooks(pilot.of.looked) };
  const episode = duel ? { duel: duel.saved(), plan: plan || undefined } : { duel: kept?.duel, plan: kept?.plan };
  return { paused: panel.paused, piloted: panel.pilot, ...episode };
}

function chosen(worlds: readonly World[]): Cast<World> {
  const left = worlds.find(({ id }) => id === picked?.left);
  if (!left) return cast(worlds);
  const right = partners(worlds, left).find(({ id }) => id === picked?.right);
  return right ? { left, right } : { left };
}

// An episode is on the stage: newly reset, or resumed.
function begin(now: Duel): void {
  clearNotice();
  past.clear();
  lookedAt = undefined;
  parted = undefined;
  pilot = undefined;
  for (const plot of Object.values(plots)) plot.clear();
  for (const side of now.playing) {
    const { observation } = now.seen[side] ?? {};
    if (observation) stages[side].cut(observation);
  }
  const [first] = now.playing;
  hands.forget(first ? (now.seen[first]?.observation.proprioception.data ?? []) : []);
  remember(now, undefined);
}

function gameOf(now: Duel): Game {
  const { spec } = now;
  const playhead = new Playhead(spec.fps, spec.stride);
  return {
    get over() {
      return now.over;
    },
    get active() {
      return panel.pilot || hands.active;
    },

    async reset() {
      await now.reset(panel.start);
      begin(now);
    },

    async tick() {
      const before = now.seen;
      const block = panel.pilot ? piloted(now) : hands.take();
      if (!panel.pilot) pilot = undefined; // it begins anew where the hands left
      hands.follow(block); // before the wait: what a hand asks for meanwhile comes after it
      await now.step(block, panel.nfe);
      const due = playhead.schedule(performance.now());
      for (const side of now.playing) {
        const seen = now.seen[side];
        if (seen && seen !== before[side] && lookedAt === undefined) stages[side].play(seen.observation, due);
      }
      remember(now, block, before);
      if (now.over) follow();
    },
  };
}

// The pilot's next block. It looks at the first world whose episode goes on; all get its actions.
function piloted(now: Duel): Float32Array {
  const side = now.playing.find((one) => !now.isOver(one)) as Side;
  const seen = now.seen[side] as Seen;
  if (pilot?.side !== side) {
    const { task, seed } = now.start as Start;
    pilot = { side, since: now.tick, of: pilotFor(now.spec, task, seed, seen) };
  }
  return pilot.of.act(seen);
}

function remember(now: Duel, action: Float32Array | undefined, before: Duel["seen"] = {}): void {
  const { tick, seen } = now;
  past.push({ tick, seen, ...(action && { action }) });
  const gap = gapOf(now.spec, seen);
  // Once an episode is over in one of the worlds there is nothing to compare.
  const both = SIDES.every((side) => seen[side] && seen[side] !== before[side]);
  if (both && isParted(gap)) parted ??= tick;
  if (action) {
    const of = (value: "reward" | "ms" | "expert" | "uncertainty"): Values =>
      Object.fromEntries(
        SIDES.flatMap((side) => (seen[side] && seen[side] !== before[side] ? [[side, seen[side][value]]] : [])),
      );
    plots.apart.push(tick, { right: 100 * (gap.metres ?? Number.NaN) });
    plots.psnr.push(tick, { right: gap.decibels ?? Number.NaN });
    for (const value of ["reward", "ms", "expert", "uncertainty"] as const) plots[value].push(tick, of(value));
  }
  timeline.min = String(past.first);
  timeline.max = String(past.last);
  if (lookedAt === undefined) show(past.at(tick) as Moment);
  player();
}

function show(moment: Moment): void {
  if (!duel) return;
  timeline.value = String(moment.tick);
  write("of", lookedAt === undefined ? "" : ` of ${past.last}`);
  const since = parted !== undefined && parted <= moment.tick ? parted : undefined;
  showMoment(duel, moment, gapOf(duel.spec, moment.seen), since);
}

/** Time stands while one looks back. */
function lookBack(tick: number): void {
  const moment = past.at(tick);
  if (!moment || !duel) return;
  panel.paused = true;
  lookedAt = tick === past.last ? undefined : tick;
  for (const side of duel.playing) {
    const seen = moment.seen[side];
    if (seen) stages[side].cut(seen.observation);
  }
  show(moment);
  follow();
}

function backToNow(): void {
  if (lookedAt !== undefined) lookBack(past.last);
  panel.paused = false;
}

function resume(): void {
  backToNow();
  follow();
}

function stepOn(): void {
  if (lookedAt !== undefined) lookBack(past.last);
  loop?.step();
}

function startOver(): void {
  lookedAt = undefined;
  loop?.reset();
}

function pick(): void {
  picked = {
    left: part("left-world", HTMLSelectElement).value,
    right: part("right-world", HTMLSelectElement).value,
  };
  loop?.stop();
}

/** Saves what was played, with `write`. */
async function keep(write: typeof saveClip): Promise<void> {
  if (!duel || past.moments.length < 2) return;
  try {
    await write(duel, past.moments);
  } catch (error) {
    showError(error);
  }
}

/** `game`, where an error that leaves the sessions usable is shown, and ends the episode, and is not thrown. */
function forgiving(game: Game): Game {
  let failed = false;
  const shown = async (run: () => Promise<void>) => {
    try {
      failed = false;
      await run();
    } catch (error) {
      const usable = error instanceof WorldError && !/^(connection|session)_/.test(error.code);
      if (!usable) throw error;
      failed = true;
      showError(error);
    }
  };
  return {
    get over() {
      return failed || game.over;
    },
    get active() {
      return game.active;
    },
    reset: () => shown(game.reset),
    tick: () => shown(game.tick),
  };
}

function player(): void {
  if (duel) showPlayer(duel, !panel.pilot, pilot);
}

/** Tells the loop what the panel and the hands ask for. */
function follow(): void {
  player();
  if (!loop) return;
  loop.paused = panel.paused;
  loop.onlyActive = panel.onlyActive;
  loop.changed();
  clearTimeout(curtain);
  if (panel.pilot && loop.game.over) curtain = setTimeout(nextEpisode, CURTAIN_MS);
}

function nextEpisode(): void {
  if (!panel.pilot || panel.paused || !loop?.game.over) return;
  panel.next();
  loop.reset();
}
