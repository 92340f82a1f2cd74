// Evolution strategies (Salimans et al., "Evolution Strategies as a Scalable Alternative to Reinforcement Learning", 2017):
// perturb the weights in pairs of opposite sign, let the two of a pair play the same starts, and step along the
// perturbations by how much better the one did than the other.
import type { Observation } from "@worldstep/protocols";
import { OptionError } from "@worldstep/protocols";
import { Random } from "../env/random.js";
import type { VectorEnv } from "../env/vector-env.js";

export interface EvolutionSettings {
  /** Of all that is random. */
  readonly seed: number;
  readonly task: string;
  /** Perturbed policies a generation: even. */
  readonly population: number;
  /** Episodes that each plays a generation; the two of a pair play the same. */
  readonly episodes: number;
  /** Ticks of an episode. */
  readonly maxTicks: number;
  /** Standard deviation of a perturbation. */
  readonly sigma: number;
  readonly learningRate: number;
}

/** What a generation did. */
export interface Generation {
  /** From 1 on. */
  readonly number: number;
  /** Mean over the population's episodes. */
  readonly meanReturn: number;
  /** Share of them that ended in success. */
  readonly success: number;
  /** Env steps so far, all generations. */
  readonly steps: number;
}

/** All that a later generation depends on. JSON. */
export interface EvolutionState {
  readonly settings: EvolutionSettings;
  readonly weights: readonly number[];
  /** Mean of the weights of the last ten generations or so, which is steadier than the last (Polyak and Juditsky, 1992). */
  readonly average: readonly number[];
  /** Adam's moments (Kingma and Ba, 2015). */
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly history: readonly Generation[];
}

/** How a policy of `weights` acts on what one env of the vector shows. */
export type Act = (weights: Float32Array, observation: Observation) => Promise<Float32Array>;

const BETA_1 = 0.9;
const BETA_2 = 0.99;
const DECAY = 0.005;
/** Share of the newest weights in the average. */
const NEWEST = 0.1;

/** The state before the first generation: `count` weights, all 0. Throws `OptionError` (`option_evolution`). */
export function beginEvolution(settings: EvolutionSettings, count: number): EvolutionState {
  const { population, episodes, maxTicks, sigma, learningRate } = settings;
  const whole = (value: number) => Number.isInteger(value) && value > 0;
  if (!(whole(population) && population % 2 === 0)) throw refusal("population", population, "an even number above 0");
  if (!whole(episodes)) throw refusal("episodes", episodes, "a whole number above 0");
  if (!whole(maxTicks)) throw refusal("maxTicks", maxTicks, "a whole number above 0");
  if (!(sigma > 0)) throw refusal("sigma", sigma, "a number above 0");
  if (!(learningRate > 0)) throw refusal("learningRate", learningRate, "a number above 0");
  const zeros = new Array<number>(count).fill(0);
  return { settings, weights: zeros, average: zeros, first: zeros, second: zeros, history: [] };
}

/**
 * The state one generation later. Episodes begin at the env's own starts, from seeds that no two generations share. The
 * same state and envs give the same bits. `env` must not reset by itself (`Disabled`): throws `OptionError`
 * (`option_evolution`).
 */
export async function nextGeneration(state: EvolutionState, env: VectorEnv, act: Act): Promise<EvolutionState> {
  const { settings, history } = state;
  const { seed, population, episodes, sigma } = settings;
  if (env.autoreset !== "Disabled") throw refusal("autoreset", env.autoreset, '{ autoreset: "Disabled" }');
  const number = history.length + 1;
  const random = new Random(seed, `generation ${number}`);
  const perturbations = Array.from({ length: population / 2 }, () => state.weights.map(() => random.normal()));
  const members = perturbations.flatMap((noise) =>
    [1, -1].map((sign) => perturbed(state.weights, noise, sign * sigma)),
  );
  const starts = perturbations.map(() => Array.from({ length: episodes }, () => 2 * random.index(2 ** 30))); // even, as all seeds of training
  const games = members.flatMap((weights, i) =>
    (starts[Math.floor(i / 2)] as number[]).map((start) => ({ weights, seed: start })),
  );
  const outcomes = await play(env, games, settings, act);

  const returnOf = (i: number) => mean(outcomes.slice(i * episodes, (i + 1) * episodes).map(({ total }) => total));
  // Starts differ in how hard they are, and generations in how far apart their pairs are: neither may decide the step.
  const gains = perturbations.map((_, k) => returnOf(2 * k) - returnOf(2 * k + 1));
  const scale = Math.sqrt(mean(gains.map((gain) => gain ** 2))) || 1;
  const gradient = state.weights.map((_, w) => {
    return mean(perturbations.map((noise, k) => ((noise[w] as number) * (gains[k] as number)) / scale)) / sigma;
  });
  const generation = {
    number,
    meanReturn: mean(outcomes.map(({ total }) => total)),
    success: mean(outcomes.map(({ success }) => Number(success))),
    steps: (history.at(-1)?.steps ?? 0) + sum(outcomes.map(({ ticks }) => ticks)),
  };
  return { ...ascended(state, gradient, number), settings, history: [...history, generation] };
}

interface Game {
  readonly weights: Float32Array;
  readonly seed: number;
}

interface Outcome {
  total: number;
  ticks: number;
  success: boolean;
}

// Each env takes a game, and another when it has ended, until all are played. Envs without a game play one again, of
// which nothing is kept: a vector steps as one.
async function play(env: VectorEnv, games: readonly Game[], settings: EvolutionSettings, act: Act): Promise<Outcome[]> {
  const outcomes = games.map((): Outcome => ({ total: 0, ticks: 0, success: false }));
  const options = { task: settings.task, maxTicks: settings.maxTicks };
  const playing = Array.from({ length: env.size }, (_, i) => Math.min(i, games.length - 1));
  const kept = playing.map((_, i) => i < games.length);
  let next = Math.min(env.size, games.length);
  let open = games.length;
  const seeds = () => playing.map((game) => (games[game] as Game).seed);
  let { observations } = await env.reset({ seed: seeds(), options });
  while (open > 0) {
    const actions: Float32Array[] = [];
    for (let i = 0; i < env.size; i++) {
      actions.push(await act((games[playing[i] as number] as Game).weights, rowOf(observations, i)));
    }
    const step = await env.step(actions);
    observations = step.observations;
    const ended = playing.map((game, i) => {
      const outcome = outcomes[game] as Outcome;
      const over = step.terminated[i] === 1 || step.truncated[i] === 1;
      if (kept[i]) {
        outcome.total += step.rewards[i] as number;
        outcome.ticks++;
        outcome.success ||= step.terminated[i] === 1;
        if (over) open--;
      }
      return over;
    });
    if (open === 0 || !ended.includes(true)) continue;
    for (const [i, over] of ended.entries()) {
      if (!over) continue;
      kept[i] = next < games.length;
      if (kept[i]) playing[i] = next++;
    }
    ({ observations } = await env.reset({ seed: seeds(), options, mask: ended }));
  }
  return outcomes;
}

function rowOf(observations: Observation, i: number): Observation {
  const rows = Object.entries(observations).map(([key, tensor]) => {
    const [count = 1, ...shape] = tensor.shape;
    const size = tensor.data.length / count;
    return [key, { ...tensor, shape, data: tensor.data.subarray(i * size, (i + 1) * size) }];
  });
  return Object.fromEntries(rows) as Observation;
}

function perturbed(weights: readonly number[], noise: readonly number[], scale: number): Float32Array {
  return Float32Array.from(weights, (weight, w) => weight + scale * (noise[w] as number));
}

function ascended(
  { settings, weights, average, first, second }: EvolutionState,
  gradient: readonly number[],
  step: number,
) {
  const toward = gradient.map((slope, w) => slope - DECAY * (weights[w] as number));
  const m = toward.map((slope, w) => BETA_1 * (first[w] as number) + (1 - BETA_1) * slope);
  const v = toward.map((slope, w) => BETA_2 * (second[w] as number) + (1 - BETA_2) * slope ** 2);
  const [fullM, fullV] = [1 - BETA_1 ** step, 1 - BETA_2 ** step];
  const moved = weights.map((weight, w) => {
    return weight + (settings.learningRate * (m[w] as number)) / fullM / (Math.sqrt((v[w] as number) / fullV) + 1e-8);
  });
  const share = Math.max(NEWEST, 1 / step);
  const averaged = average.map((old, w) => old + share * ((moved[w] as number) - old));
  return { weights: moved, average: averaged, first: m, second: v };
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, x) => total + x, 0);
}

function refusal(option: string, value: unknown, expected: string): OptionError {
  return new OptionError("option_evolution", `${option} is ${String(value)}`, `give ${expected}`, { option });
}
