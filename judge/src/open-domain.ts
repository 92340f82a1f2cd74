// Opens a domain, in this process or in a worker.
import { OptionError } from "@worldstep/protocols";
import type { Domain, Study } from "./domain.js";

const REMEDY = "give a module with a Domain as its default export, as @worldstep/tabletop/domain is";

/** The domain that `module`, as `import()` takes it, exports as its default. Throws `OptionError` (`option_domain`). */
export async function openDomain(module: string): Promise<Domain> {
  const imported = await import(module).catch((cause: unknown) => {
    throw new OptionError("option_domain", `${module} can't be imported: ${cause}`, REMEDY, { module }, { cause });
  });
  const { default: domain } = imported as { default?: Domain };
  if (domain?.studies === undefined || domain.parts === undefined) {
    throw new OptionError("option_domain", `${module} exports no domain`, REMEDY, { module });
  }
  return domain;
}

/** The study `name` of `domain`. */
export function studyOf({ studies }: Domain, name: string): Study<unknown> {
  const study = studies[name];
  if (study === undefined) throw new Error(`the domain has no study ${name}`);
  return study;
}
