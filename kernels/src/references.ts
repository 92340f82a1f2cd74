// The plain loops of every kind.
import type { Op } from "./op.js";
import { addReference } from "./ops/add/op.ref.js";
import { apartReference } from "./ops/apart/op.ref.js";
import { attendReference } from "./ops/attend/op.ref.js";
import { betweenReference } from "./ops/between/op.ref.js";
import { blendReference } from "./ops/blend/op.ref.js";
import { convReference } from "./ops/conv/op.ref.js";
import { deltaReadReference } from "./ops/delta-read/op.ref.js";
import { deltaWriteReference } from "./ops/delta-write/op.ref.js";
import { feedForwardReference } from "./ops/feed-forward/op.ref.js";
import { fourierReference } from "./ops/fourier/op.ref.js";
import { fromPixelsReference } from "./ops/from-pixels/op.ref.js";
import { gateReference } from "./ops/gate/op.ref.js";
import { latticeReference } from "./ops/lattice/op.ref.js";
import { linearReference } from "./ops/linear/op.ref.js";
import { mahalanobisReference } from "./ops/mahalanobis/op.ref.js";
import { meanReference } from "./ops/mean/op.ref.js";
import { mergeViewsReference } from "./ops/merge-views/op.ref.js";
import { modulateReference } from "./ops/modulate/op.ref.js";
import { poolReference } from "./ops/pool/op.ref.js";
import { rankReference } from "./ops/rank/op.ref.js";
import { rmsReference } from "./ops/rms/op.ref.js";
import { settleReference } from "./ops/settle/op.ref.js";
import { shuffleReference } from "./ops/shuffle/op.ref.js";
import { sinusoidReference } from "./ops/sinusoid/op.ref.js";
import { sliceReference } from "./ops/slice/op.ref.js";
import { softPoolReference } from "./ops/soft-pool/op.ref.js";
import { stackReference } from "./ops/stack/op.ref.js";
import { subtractReference } from "./ops/subtract/op.ref.js";
import { tableReference } from "./ops/table/op.ref.js";
import { toPixelsReference } from "./ops/to-pixels/op.ref.js";
import { viewsReference } from "./ops/views/op.ref.js";
import type { OpKind, OpOf } from "./plan.js";
import type { Reference } from "./reference-op.js";

export const REFERENCES: { readonly [Kind in OpKind]: Reference<OpOf<Kind> & Op> } = {
  add: addReference,
  apart: apartReference,
  attend: attendReference,
  between: betweenReference,
  blend: blendReference,
  conv: convReference,
  deltaRead: deltaReadReference,
  deltaWrite: deltaWriteReference,
  feedForward: feedForwardReference,
  fourier: fourierReference,
  fromPixels: fromPixelsReference,
  gate: gateReference,
  lattice: latticeReference,
  linear: linearReference,
  mahalanobis: mahalanobisReference,
  mean: meanReference,
  mergeViews: mergeViewsReference,
  modulate: modulateReference,
  pool: poolReference,
  rank: rankReference,
  rms: rmsReference,
  settle: settleReference,
  shuffle: shuffleReference,
  sinusoid: sinusoidReference,
  slice: sliceReference,
  softPool: softPoolReference,
  stack: stackReference,
  subtract: subtractReference,
  table: tableReference,
  toPixels: toPixelsReference,
  views: viewsReference,
};
