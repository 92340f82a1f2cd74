// The console: real and dreamed side by side under the same actions. This file tells the story; the others are its parts.
//
//   connect -> a session of each world -> reset -> tick: hands or autopilot -> move -> step both -> pictures and numbers
import { type Connection, connect, WorldError } from "@worldstep/sdk";
import { Autopilot } from "./autopilot.js";
import { SIDES, type Side } from "./cast.js";
import { Controls } from "./controls.js";
import { Duel } from "./duel.js";
import { type Game, Loop } from "./loop.js";
import { part } from "./page.js";
import { Panel } from "./panel.js";
import { Plot, type Values } from "./plots.js";
import { layOut, pictureDifference, showNumbers } from "./readout.js";
import { Playhead, Stage } from "./stage.js";
import { clearNotice, showError, showLost, showState } from "./status.js";

const RETRY_MS = 2000;
// For so long the sessions of a lost connection are waited for; then new ones are opened as soon as there is a server.
const RECONNECT_MS = 20_000;
// How long an episode's end stays in view before the autopilot begins another.
const CURTAIN_MS = 1500;

let loop: Loop | undefined;

const stages: Record<Side, Stage> = {
  real: new Stage(part("real-picture", HTMLCanvasElement)),
  dreamed: new Stage(part("dreamed-picture", HTMLCanvasElement)),
};
const plots = {
  reward: new Plot(part("reward-plot", HTMLElement)),
  ms: new Plot(part("ms-plot", HTMLElement), SIDES, 20),
  psnr: new Plot(part("psnr-plot", HTMLElement), ["dreamed"], 40),
  expert: new Plot(part("expert-plot", HTMLElement), ["dreamed"], 3),
  uncertainty: new Plot(part("uncertainty-plot", HTMLElement), ["dreamed"], 1),
};
const autopilot = new Autopilot();
const panel = new Panel(() => loop && { reset: () => loop?.reset(), step: () => loop?.step(), changed: follow });
// Whoever touches the controls steers.
const controls = new Controls(() => {
  panel.pilot = false;
  follow();
});
for (const { canvas } of Object.values(stages)) controls.addPicture(canvas);
for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-key]")) controls.addButton(button);
document.addEventListener("visibilitychange", follow);

panel.drawSeed();
panel.pilot = !matchMedia("(prefers-reduced-motion: reduce)").matches;

for (;;) {
  try {
    showState("connecting");
    const connection = await connect(address(), { WebSocket: ShownWebSocket(), reconnectMs: RECONNECT_MS });
    clearNotice();
    await play(connection).finally(() => connection.close());
  } catch (error) {
    loop = undefined;
    showState("lost");
    showError(error);
    if (!(error instanceof WorldError)) throw error;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Runs episodes until the connection or a session is lost for good: rejects with the reason. */
async function play(connection: Connection): Promise<void> {
  const duel = await Duel.open(connection);
  const { spec } = duel;
  const playhead = new Playhead(spec.fps, spec.stride);
  const returns: Partial<Record<Side, number>> = {};
  layOut(duel);
  panel.fill(duel);

  const game: Game = {
    get over() {
      return duel.over;
    },
    get active() {
      return panel.pilot || controls.active;
    },

    async reset() {
      await duel.reset(panel.start);
      clearNotice();
      controls.forget();
      for (const plot of Object.values(plots)) plot.clear();
      for (const side of duel.sides) {
        returns[side] = 0;
        const { observation } = duel.seen[side] ?? {};
        if (observation) stages[side].cut(observation);
      }
      showNumbers(duel, returns);
    },

    async tick() {
      const hands = controls.take(spec);
      const tip = (duel.seen.real ?? duel.seen.dreamed)?.observation.proprioception;
      const before = duel.seen;
      await duel.step(panel.pilot ? autopilot.next(spec, tip) : hands, panel.nfe);
      const due = playhead.schedule(performance.now());
      const rewards: Values = {};
      const times: Values = {};
      for (const side of duel.sides) {
        const seen = duel.seen[side];
        if (!seen || seen === before[side]) continue; // its episode is over
        rewards[side] = seen.reward;
        times[side] = seen.ms;
        returns[side] = (returns[side] ?? 0) + seen.reward;
        stages[side].play(seen.observation, due);
      }
      plots.reward.push(duel.tick, rewards);
      plots.ms.push(duel.tick, times);
      plots.psnr.push(duel.tick, { dreamed: pictureDifference(duel) ?? Number.NaN });
      plots.expert.push(duel.tick, { dreamed: duel.seen.dreamed?.expert ?? Number.NaN });
      plots.uncertainty.push(duel.tick, { dreamed: duel.seen.dreamed?.uncertainty ?? Number.NaN });
      showNumbers(duel, returns);
      if (duel.over) follow();
    },
  };

  loop = new Loop(forgiving(game), (1000 / spec.fps) * spec.stride);
  follow();
  await loop.run();
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

/** Tells the loop what the panel and the hands ask for. */
function follow(): void {
  if (!loop) return;
  loop.paused = panel.paused;
  loop.onlyActive = panel.onlyActive;
  loop.changed();
  if (panel.pilot && loop.game.over) setTimeout(nextEpisode, CURTAIN_MS);
}

function nextEpisode(): void {
  if (!panel.pilot || !loop?.game.over) return;
  panel.drawSeed();
  loop.reset();
}

/** The server that served this page. */
function address(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`;
}

/** The browser's WebSocket, whose openings and losses are shown: the connection survives them and says nothing. */
function ShownWebSocket(): typeof WebSocket {
  let wasOpen = false;
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("open", () => {
        if (wasOpen) clearNotice();
        wasOpen = true;
        showState("connected");
      });
      this.addEventListener("close", () => {
        if (!wasOpen) return;
        showState("lost");
        showLost();
      });
    }
  };
}
