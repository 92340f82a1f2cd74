import { dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import type { Table } from "./op.js";

export const tableReference: Reference<Table> = ({ out, weights }, values) => {
  const y = dense(values.shape(out.y));
  y.data.set(values.weight(weights.table).data.subarray(0, y.data.length));
  return { y };
};
