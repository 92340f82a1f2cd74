// The bench: all that studies work with, opened and closed together.
import type { Env } from "@worldstep/protocols";
import type { Bench, Domain, Measured, Recording, Settings } from "./domain.js";
import type { Subject } from "./subject.js";

/** `count` experiments of a full judgement at the scale of `settings`: at least 2, so that there is an interval. */
export function scaled(count: number, { scale }: Settings): number {
  return Math.max(2, Math.round(count * scale));
}

/**
 * Takes over `subject`: `close` closes it. Throws `OptionError` (`eval_world_unfit`), and what the domain's policies and
 * probe throw.
 */
export async function openBench<R extends Env, M extends Measured, E extends Recording>(
  domain: Domain<R, M, E>,
  subject: Subject,
  settings: Settings,
): Promise<Bench<R, M, E> & { close(): Promise<void> }> {
  const { spec } = subject;
  const size = domain.sizeBeside(spec);
  const [folder, probe] = [await domain.policies(settings.policies), await domain.probe(size)];
  const [reality, filmed, twin] = [
    await domain.reality({ spec, size, varied: true, filmed: false }),
    await domain.reality({ spec, size, varied: true, filmed: true }),
    await domain.reality({ spec, size, varied: false, filmed: false }),
  ];
  const env = await subject.open();
  return {
    settings,
    domain,
    subject,
    env,
    reality,
    filmed,
    twin,
    probe,
    folder,
    size,
    close: async () => {
      await env.close();
      await Promise.all([reality, filmed, twin, probe, subject].map((one) => one.close()));
    },
  };
}
