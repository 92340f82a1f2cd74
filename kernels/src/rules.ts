// The rule of every kind: what shapes it takes, and what it makes of them.
import type { Op, Rule } from "./op.js";
import { add } from "./ops/add/op.js";
import { apart } from "./ops/apart/op.js";
import { attend } from "./ops/attend/op.js";
import { between } from "./ops/between/op.js";
import { blend } from "./ops/blend/op.js";
import { conv } from "./ops/conv/op.js";
import { deltaRead } from "./ops/delta-read/op.js";
import { deltaWrite } from "./ops/delta-write/op.js";
import { feedForward } from "./ops/feed-forward/op.js";
import { fourier } from "./ops/fourier/op.js";
import { fromPixels } from "./ops/from-pixels/op.js";
import { gate } from "./ops/gate/op.js";
import { lattice } from "./ops/lattice/op.js";
import { linear } from "./ops/linear/op.js";
import { mahalanobis } from "./ops/mahalanobis/op.js";
import { mean } from "./ops/mean/op.js";
import { mergeViews } from "./ops/merge-views/op.js";
import { modulate } from "./ops/modulate/op.js";
import { pool } from "./ops/pool/op.js";
import { rank } from "./ops/rank/op.js";
import { rms } from "./ops/rms/op.js";
import { settle } from "./ops/settle/op.js";
import { shuffle } from "./ops/shuffle/op.js";
import { sinusoid } from "./ops/sinusoid/op.js";
import { slice } from "./ops/slice/op.js";
import { softPool } from "./ops/soft-pool/op.js";
import { stack } from "./ops/stack/op.js";
import { subtract } from "./ops/subtract/op.js";
import { table } from "./ops/table/op.js";
import { toPixels } from "./ops/to-pixels/op.js";
import { views } from "./ops/views/op.js";
import type { OpKind, OpOf } from "./plan.js";

export const RULES: { readonly [Kind in OpKind]: Rule<OpOf<Kind> & Op> } = {
  add,
  apart,
  attend,
  between,
  blend,
  conv,
  deltaRead,
  deltaWrite,
  feedForward,
  fourier,
  fromPixels,
  gate,
  lattice,
  linear,
  mahalanobis,
  mean,
  mergeViews,
  modulate,
  pool,
  rank,
  rms,
  settle,
  shuffle,
  sinusoid,
  slice,
  softPool,
  stack,
  subtract,
  table,
  toPixels,
  views,
};
