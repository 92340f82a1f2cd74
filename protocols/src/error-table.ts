// Every error that a user can meet, as one table. `npm run derive` writes docs/errors.md and the Python client's classes from
// it; a test holds the sources to it: they raise no other code, and each of these.

/** Where an error comes from: a section of docs/errors.md. */
export type ErrorPlace = "env" | "library" | "command" | "policies" | "world" | "wire";

interface ErrorRow {
  readonly where: ErrorPlace;
  /** What happened, and which facts say more. */
  readonly what: string;
  readonly remedy: string;
  /** What becomes of the connection, where it does not stay open and no close code says so. */
  readonly connection?: string;
}

export const ERRORS = {
  // env
  reset_needed: {
    where: "env",
    what: "`step`, or what `facts.call` names, before the first `reset`, or after the episode ended; `facts.why` is `never_reset` or `episode_ended`",
    remedy: "call `reset`",
  },
  action_shape: {
    where: "env",
    what: "the action is not one block of the action space's shape, or a chunk not a row of such",
    remedy: "send `[stride, A]` numbers, a row for each control step",
  },
  action_not_finite: {
    where: "env",
    what: "an action element is NaN or infinite; `facts.index`",
    remedy: "send finite numbers",
  },
  action_out_of_range: {
    where: "env",
    what: "an action element is outside the action space by more than 1e-6; `facts.index`, `low`, `high`",
    remedy: "clip the action",
  },
  action_chunk: {
    where: "env",
    what: "a chunk has no action, or more than the world's `chunk`; `facts.ticks`, `most`",
    remedy: "send 1 to `most` action blocks",
  },
  shape_mismatch: {
    where: "env",
    what: "another tensor has a wrong shape; `facts.expected`, `facts.got`",
    remedy: "send that shape",
  },
  option_unknown: {
    where: "env",
    what: "`reset` or `step` was given an option that does not exist; `facts.option`",
    remedy: "use the options of `docs/protocol.md`",
  },
  option_seed: { where: "env", what: "the seed is not a whole number in [0, 2^53)", remedy: "send one, or none" },
  option_task: {
    where: "env",
    what: "the world has no such task, or the policy is not for it; `facts.tasks`",
    remedy: "use one of the list",
  },
  option_start: {
    where: "env",
    what: "the world has no such start state; `facts.starts`",
    remedy: "use one of the list",
  },
  option_frames: {
    where: "env",
    what: "start frames are not accepted by this world, or not `[1 + stride * n, H, W, 3]` uint8",
    remedy: "see the world's `acceptsFrames` and frame size",
  },
  option_actions: {
    where: "env",
    what: "the actions that go with the start frames are missing or not `[n, stride, A]`",
    remedy: "send one block for each tick of frames",
  },
  option_proprioception: {
    where: "env",
    what: "the proprioception that goes with the start frames is not float32 `[P]`, not in the observation space, or there are no frames; `facts.index`, `low`, `high`",
    remedy: "send where the robot is in the newest frame, or nothing",
  },
  option_max_ticks: { where: "env", what: "`maxTicks` is not a whole number >= 0", remedy: "send one; 0 for never" },
  option_nfe: {
    where: "env",
    what: "`nfe` is outside the world's range, or the world samples nothing",
    remedy: "see the world's `nfe`",
  },
  option_observe: {
    where: "env",
    what: "`observe` is no list with `frames` or `state`",
    remedy: "name what the observation is to hold, or leave it out",
  },
  option_plan: {
    where: "env",
    what: "an option of `plan` is outside its range, or `goal` names what the state does not have; `facts.option`",
    remedy: "see `plan` in protocol.md",
  },
  option_invalid: {
    where: "env",
    what: "an option has a value that can't be used, or the options are no object; `facts.option`",
    remedy: "give what the message asks for",
  },
  numbers_not_finite: {
    where: "env",
    what: "a tick came out as NaN or infinity, and was not committed; `facts.tick`",
    remedy: "reset; if that does not help, export the world again",
  },
  env_cannot_fork: {
    where: "env",
    what: "`fork` of an env that can't, or of a wrapper that doesn't say what stands around a fork",
    remedy: "reset another env with the seed, and repeat the actions",
  },
  env_cannot_plan: {
    where: "env",
    what: "`predict` or `plan` of an env that predicts nothing without stepping; see the world's `predicts`",
    remedy: "use a world with a predictor, or try actions in forks",
  },
  env_cannot_snapshot: {
    where: "env",
    what: "`snapshot` or `restore` of an env that has no snapshots",
    remedy: "reset with the seed, and repeat the actions",
  },
  snapshot_damaged: {
    where: "env",
    what: "bytes that are no whole snapshot: cut, flipped, or never one; `facts.why`. The env stays where it was, here and below",
    remedy: "keep all its bytes as they were",
  },
  snapshot_version: {
    where: "env",
    what: "a snapshot of another version of worldstep; `facts.expected`, `got`",
    remedy: "restore it with the version that took it",
  },
  snapshot_world: {
    where: "env",
    what: "a snapshot of another world, or of one with other contents or options; `facts.expected`, `got`",
    remedy: "restore it in an env of that world",
  },
  snapshot_backend: {
    where: "env",
    what: "a snapshot of a world that was opened with another precision, number of threads, runtime or kind of machine: the bits would be others; `facts.expected`, `got`",
    remedy: "open the world as it was opened then",
  },
  env_closed: { where: "env", what: "a call on an env after `close`", remedy: "open a new one" },
  backend_lost: {
    where: "env",
    what: "the thread that runs a world's networks ended, for want of memory perhaps; `facts.why`",
    remedy: "open the world again",
  },
  internal: { where: "env", what: "the server failed; the cause is in its log", remedy: "retry once; report it" },
  // library
  option_dialect: {
    where: "library",
    what: "no such dialect of a policy server; `facts.dialects`",
    remedy: "use one of the list",
  },
  option_horizon: {
    where: "library",
    what: "`drive` is to act out less than one row of a plan",
    remedy: "a whole number above 0",
  },
  option_units: {
    where: "library",
    what: "`drive` knows no such units of a policy's actions",
    remedy: "`space` or `robot`",
  },
  policy_failed: {
    where: "library",
    what: "the policy server answered with a traceback; `facts.traceback`; closes the connection",
    remedy: "read it",
  },
  policy_malformed: {
    where: "library",
    what: "the policy server's answer can't be read, or is no plan of `[rows, A]` actions",
    remedy: "check its dialect and its version",
  },
  option_token: {
    where: "library",
    what: "a token that is none: 1 to 512 letters, digits, `_` and `-`",
    remedy: "give such a one",
  },
  option_origin: {
    where: "library",
    what: "an allowed origin that is none; `facts.origin`",
    remedy: "scheme, host and port, `https://example.org`, or `*`",
  },
  option_tls: {
    where: "library",
    what: "a certificate or its key is missing, can't be read or doesn't fit the other",
    remedy: "give both, each in PEM",
  },
  option_codec: { where: "library", what: "no such codec", remedy: "`msgpack` or `protobuf`" },
  option_watch: {
    where: "library",
    what: "a stream's policy, credit or `every` can't be used",
    remedy: "use a policy of `docs/protocol.md`; whole numbers >= 1",
  },
  option_vector: {
    where: "library",
    what: "no envs, envs with different spaces, or a list of another length than there are envs",
    remedy: "one option or action for each env of one world",
  },
  option_autoreset: {
    where: "library",
    what: "no such autoreset mode of a vector; `facts.modes`",
    remedy: "`NextStep`, `SameStep` or `Disabled`",
  },
  option_mask: {
    where: "library",
    what: "a reset mask of another length, or with nothing set",
    remedy: "one boolean for each env",
  },
  option_retry: {
    where: "library",
    what: "a vector step is repeated with another action for an env that already took it",
    remedy: "repeat the same actions",
  },
  option_precision: { where: "library", what: "no such precision of weights", remedy: "`fp32` or `int8`" },
  option_keys: { where: "library", what: "no such way to make keys", remedy: "`absorbed` or `made`" },
  option_threads: {
    where: "library",
    what: "the number of threads is not usable",
    remedy: "a whole number from 1 to 256",
  },
  option_background: {
    where: "library",
    what: "whether a world runs in the background is neither true nor false",
    remedy: "true or false",
  },
  engine_missing: {
    where: "library",
    what: "a world in this process needs a package that is not installed",
    remedy: "install it, or connect to a server",
  },
  option_limits: {
    where: "library",
    what: "a server limit is not a number in its range; `facts.name`",
    remedy: "give what the message asks for",
  },
  option_worlds: {
    where: "library",
    what: "a server without worlds, or two worlds of one id",
    remedy: "give each world once",
  },
  vector_env_failed: {
    where: "library",
    what: "an env of a vector failed with an error that has no code of its own; `facts.env`",
    remedy: "call again: envs that did not fail are not stepped twice",
  },
  option_rollout: {
    where: "library",
    what: "a rollout's `buffer` or `overflow` can't be used; `facts.option`",
    remedy: "a whole number; `error`, `latest` or `drop`",
  },
  rollout_overflow: {
    where: "library",
    what: "more actions than `buffer` came while the env stepped",
    remedy: "leave `buffer` out, or choose another overflow policy",
  },
  data_settings_differ: {
    where: "library",
    what: "the folder holds data that was generated with other settings; `facts.file`",
    remedy: "use another folder, or the same settings",
  },
  check_env_failed: { where: "library", what: "`checkEnv` found faults; `facts.failed`", remedy: "fix the env" },

  // command
  option_port: {
    where: "command",
    what: "`serve` or `policy` can't listen on the port: it is taken, or needs more rights",
    remedy: "give another `--port`, or 0 for any",
  },
  option_host: {
    where: "command",
    what: "this machine has no such address",
    remedy: "give 127.0.0.1 or 0.0.0.0 as `--host`",
  },
  option_console: {
    where: "command",
    what: "`serve` finds no index.html in the folder of the console page; `facts.folder`",
    remedy: "give another `--console`, or `--no-console`",
  },
  option_policy: {
    where: "command",
    what: "the folder of policies has none of that name; `facts.policies`",
    remedy: "use one of the list",
  },
  option_world: {
    where: "command",
    what: "neither the command nor the script names a world",
    remedy: "give `--world`, or name one in the script",
  },
  option_real: {
    where: "command",
    what: "the simulator can't stand beside this world or script: other shapes, or a named start",
    remedy: "leave out `--real`, or the script's start",
  },
  script_missing: {
    where: "command",
    what: "the script can't be read; `facts.file`",
    remedy: "give the path of a JSON file",
  },
  script_invalid: {
    where: "command",
    what: "the script is not JSON, or holds what it may not; `facts.file`, `facts.path` says where",
    remedy: "see [command.md](command.md)",
  },
  eval_world_unfit: {
    where: "command",
    what: "a world shows or takes other things than the simulator that it is to be judged by",
    remedy: "judge worlds of the domain that `--domain` names",
  },
  python_missing: {
    where: "command",
    what: "a domain's reality runs in Python, and the Python that was found can't be run or lacks a package; `facts.command`",
    remedy: "install the package, and set `WORLDSTEP_PYTHON` to the Python that has it",
  },
  reality_lost: {
    where: "command",
    what: "the process in which a domain's reality runs ended; its complaint is on stderr",
    remedy: "run the command again: it goes on",
  },
  option_size: {
    where: "command",
    what: "`eval --size` of a world, whose frames have the size that they have",
    remedy: "leave out `--size`",
  },
  eval_settings_differ: {
    where: "command",
    what: "the folder of `--out` has samples of another world, version or setting",
    remedy: "give another `--out`, or remove the folder",
  },
  eval_worker_lost: {
    where: "command",
    what: "a process of `eval` ended before its work was done, for want of memory perhaps",
    remedy: "run the command again: it goes on",
  },
  eval_failed: {
    where: "command",
    what: "an experiment of `eval` failed in a way that nobody foresaw; the message has the stack",
    remedy: "report it",
  },
  option_evolution: {
    where: "command",
    what: "a setting of evolution strategies is unusable; `facts.option` names it",
    remedy: "give what the message names",
  },
  checkpoint_differs: {
    where: "command",
    what: "the checkpoint that `examples/policy-training` found is of other settings",
    remedy: "give another `--out`, or the same settings",
  },
  option_card: {
    where: "command",
    what: "`--card` with `--only`, or of the simulator: a card is of a world and of all parts",
    remedy: "leave out `--card` or `--only`",
  },
  option_domain: {
    where: "command",
    what: "`--domain` names a module that can't be found or imported, or that exports no `Domain` as its default",
    remedy: "give one that does, as `@worldstep/tabletop/domain` does",
  },
  option_parts: {
    where: "command",
    what: "`--only` names a part that there is not; `facts.parts` are those that there are",
    remedy: "choose among them",
  },
  bench_process: {
    where: "command",
    what: "a process that `bench` started ended by itself; its complaint is on stderr",
    remedy: "run `worldstep doctor`; look whether memory ran out",
  },
  option_out: {
    where: "command",
    what: "results can't be written to `--out`: no folder can be made there, or no file; `facts.path`",
    remedy: "give another `--out`",
  },
  bench_parity: {
    where: "command",
    what: "a rung of `bench ladder` shows other frames than the one that it should equal; `facts.alike`, dB",
    remedy: "run the tests: one of the two is wrong",
  },
  bench_torch: {
    where: "command",
    what: "the PyTorch process of `bench step` or `bench ladder` ended",
    remedy: "run `bench/torch_step.py` or `bench/torch_ladder.py` by hand to see its error",
  },

  // policies
  network_missing: {
    where: "policies",
    what: "an ONNX file, of a policy or of the probe, can't be loaded",
    remedy: "give the path of an ONNX file that onnxruntime can load",
  },
  network_unfit: {
    where: "policies",
    what: "the network wants an input that nobody gives or another shape of one (frames of another size), or lacks an output; `facts.inputs`, `outputs`",
    remedy: "export it with those of the message",
  },
  probe_missing: {
    where: "policies",
    what: "there is no probe for frames of that size; `facts.size`, `sizes`",
    remedy: "train one: [training.md](training.md)",
  },
  policies_missing: {
    where: "policies",
    what: "the folder has no `policies.json` that can be read",
    remedy: "give a folder with one, such as `domains/tabletop/policies`",
  },
  policies_invalid: {
    where: "policies",
    what: "`policies.json` is not JSON, or holds what it may not",
    remedy: "fix what the message names",
  },

  // world
  world_missing_file: {
    where: "world",
    what: "a file of the world, or its folder, is not there",
    remedy: "copy the whole folder; look at the path",
  },
  world_unreachable: {
    where: "world",
    what: "a URL of the world does not answer, with something else than its file, or not to the end; `facts.status`, `facts.got`",
    remedy: "look whether its server is up; load it again",
  },
  world_manifest_invalid: {
    where: "world",
    what: "`world.json` is not JSON or breaks the schema; `facts.path` says where",
    remedy: "fix it, or export the world again",
  },
  world_unknown_key: {
    where: "world",
    what: "`world.json` has a key that this version does not know",
    remedy: "remove it, or use a newer worldstep",
  },
  world_version_unsupported: {
    where: "world",
    what: "the format version is not one that this worldstep reads",
    remedy: "export the world again, or use another version",
  },
  world_cameras_unsupported: {
    where: "world",
    what: "a world of several cameras, and today's networks see one; `facts.cameras`",
    remedy: "train it with one camera, or a newer worldstep",
  },
  world_hash_mismatch: {
    where: "world",
    what: "a file's SHA-256 is not the one in `world.json`",
    remedy: "copy the file again",
  },
  world_file_truncated: {
    where: "world",
    what: "a file is shorter than its own header says, or that header is not readable",
    remedy: "copy the file again",
  },
  world_file_invalid: {
    where: "world",
    what: "a tensor file's header contradicts itself or its length",
    remedy: "export the world again",
  },
  world_tensor_missing: {
    where: "world",
    what: "a tensor that the model needs is not in the weights",
    remedy: "export the world again",
  },
  world_tensor_shape: {
    where: "world",
    what: "a tensor has another shape than the model needs",
    remedy: "export the world again",
  },
  world_tensor_dtype: {
    where: "world",
    what: "a tensor has a dtype that is not supported there",
    remedy: "export the world again",
  },
  world_tensor_unexpected: { where: "world", what: "a tensor that nothing reads", remedy: "export the world again" },
  world_tensor_not_finite: { where: "world", what: "a weight is NaN or infinite", remedy: "export the world again" },

  // wire
  message_malformed: {
    where: "wire",
    what: "the frame or its header can't be decoded: header length, padding, encoding",
    remedy: "build messages as `docs/protocol.md` says",
  },
  message_text: { where: "wire", what: "a text frame", remedy: "send binary frames" },
  message_header_too_big: {
    where: "wire",
    what: "a header longer than `limits.maxHeaderBytes`; sent without `id`; `facts.bytes`",
    remedy: "send a shorter header",
  },
  message_too_big: {
    where: "wire",
    what: "longer than `limits.maxMessageBytes`; an SDK raises it for the close code",
    remedy: "send less, or raise the server's limit",
  },
  message_unknown_type: {
    where: "wire",
    what: "no message of `facts.type` exists",
    remedy: "see the list of messages",
  },
  message_unexpected_type: {
    where: "wire",
    what: "a message that only the other side sends",
    remedy: "see the list of messages",
  },
  message_unknown_field: { where: "wire", what: "the message has no field `facts.field`", remedy: "leave it out" },
  message_field_missing: {
    where: "wire",
    what: "a field that the message needs is absent; `facts.field`",
    remedy: "send it",
  },
  message_field_invalid: {
    where: "wire",
    what: "a field has a wrong type or value; `facts.field`, `facts.expected`",
    remedy: "send what is expected",
  },
  tensor_unexpected: {
    where: "wire",
    what: "the message carries no tensor of that name; `facts.name`",
    remedy: "leave it out",
  },
  tensor_missing: {
    where: "wire",
    what: "a tensor that the message needs is absent, or that a policy needs of an observation; `facts.name`",
    remedy: "send it, or observe it",
  },
  tensor_duplicate: { where: "wire", what: "two tensors of one name", remedy: "send one" },
  tensor_dtype: {
    where: "wire",
    what: "the tensor, or what an SDK was given, has another dtype than the message wants; `facts.expected`",
    remedy: "convert it",
  },
  tensor_bytes_mismatch: {
    where: "wire",
    what: "the bytes behind the header are more or fewer than the tensors' shapes say; `facts.expected`, `facts.got`",
    remedy: "send the bytes that the header announces",
  },
  request_id_in_use: {
    where: "wire",
    what: "the id is that of an open request; sent without `id`, `facts.id`",
    remedy: "count ids up",
  },
  request_cancelled: {
    where: "wire",
    what: "the request was cancelled before it began; or it is a `plan`, which its signal, a `cancel` or a lost connection stopped",
    remedy: "none needed",
  },
  request_timeout: {
    where: "wire",
    what: "raised by an SDK: no reply in time",
    remedy: "call again with the same arguments, or allow more time",
  },
  request_over_limit: {
    where: "wire",
    what: "the session already has `limits.maxInFlight` open requests, or the connection `limits.maxQueuedBytes` of them",
    remedy: "wait for replies",
  },
  request_unknown_world: {
    where: "wire",
    what: "the server does not host `facts.world`",
    remedy: "use one of the hello's worlds",
  },
  session_unknown: {
    where: "wire",
    what: "no such session, or the token is wrong; it may have been idle too long",
    remedy: "open a new one",
  },
  session_not_owned: {
    where: "wire",
    what: "the session belongs to another connection",
    remedy: "`resume` it with its token",
  },
  session_taken_over: {
    where: "wire",
    what: "another connection resumed the session; sent without `id`",
    remedy: "open a new session, or resume it back",
  },
  session_over_limit: {
    where: "wire",
    what: "the connection already has `limits.maxSessionsPerConnection` sessions",
    remedy: "close one, use another connection, or serve with a greater `--max-sessions-per-connection`",
  },
  session_idle: {
    where: "wire",
    what: "nothing was asked of the session for `limits.maxIdleSeconds`: it was closed; sent without `id`",
    remedy: "open a new one",
  },
  session_closed: { where: "wire", what: "the session was closed while the request waited", remedy: "open a new one" },
  tick_out_of_order: {
    where: "wire",
    what: "`step.tick` is neither the next tick nor a repeat of a recent one; `facts.expected`, `facts.got`",
    remedy: "send the expected tick",
  },
  stream_unknown: { where: "wire", what: "no such stream on this connection", remedy: "subscribe" },
  stream_over_limit: {
    where: "wire",
    what: "the connection already has `limits.maxStreams` streams",
    remedy: "unsubscribe from one",
  },
  capacity_sessions: {
    where: "wire",
    what: "the server has `limits.maxSessions` sessions",
    remedy: "close one, or retry later",
  },
  connection_lost: {
    where: "wire",
    what: "raised by an SDK: the socket closed; `facts.closeCode`",
    remedy: "reconnect and resume",
    connection: "closed",
  },
  connection_refused: {
    where: "wire",
    what: "raised by an SDK: no socket, no or another token than the server's, or it speaks another protocol",
    remedy: "check the address, the token and the version",
    connection: "none",
  },
} as const satisfies Readonly<Record<string, ErrorRow>>;

export type ErrorCode = keyof typeof ERRORS;

/** WebSocket close codes of the errors after which a connection is closed: what was sent would break the next one, too. */
export const CLOSE_CODES: Readonly<Record<string, number>> = {
  message_malformed: 1007,
  message_text: 1003,
  message_header_too_big: 1009,
  message_too_big: 1009,
} satisfies Partial<Record<ErrorCode, number>>;

/** The class of an error that crossed the wire, by how its code starts; of any other it is `WorldError`. */
export const CLASSES = {
  action_: "ActionError",
  option_: "OptionError",
  world_: "WorldFileError",
  shape_mismatch: "ShapeError",
  reset_needed: "ResetNeededError",
  snapshot_: "SnapshotError",
  message_: "ProtocolError",
  tensor_: "ProtocolError",
  tick_: "ProtocolError",
  session_: "ProtocolError",
  stream_: "ProtocolError",
  request_: "ProtocolError",
  connection_: "ProtocolError",
} as const;
