"""What the client knows of the wire: written by `npm run derive`, from protocols/src. Don't edit it."""

PROTOCOL = "worldstep.v1"
SUBPROTOCOL = "worldstep.v1.msgpack"
MAX_HEADER_BYTES = 1048576

# Of tensors, as numpy writes them.
DTYPES = {
    "uint8": "u1",
    "int32": "<i4",
    "float32": "<f4",
}

# Options of a reset by their names here: of fields the name on the wire, of tensors the dtype and the number of dimensions.
RESET_FIELDS = {
    "task": "task",
    "start": "start",
    "max_ticks": "maxTicks",
}
RESET_TENSORS = {
    "frames": ("uint8", 4),
    "actions": ("float32", 3),
    "proprioception": ("float32", 1),
}

# Replies that bring a new session, with its token.
OPENING = ("opened", "forked")

# What of a world must stay as it was while an env of it lives.
LASTING = ("fps", "stride", "observationSpace", "actionSpace", "action", "proprioception")

# WebSocket close codes that say that what we sent was wrong: to send it again would only repeat that.
OUR_FAULT = (1003, 1007, 1009)

# The class of an error, by how its code starts; of any other it is WorldstepError.
CLASSES = {
    "action_": "ActionError",
    "option_": "OptionError",
    "world_": "WorldFileError",
    "shape_mismatch": "ShapeError",
    "reset_needed": "ResetNeededError",
    "snapshot_": "SnapshotError",
    "message_": "ProtocolError",
    "tensor_": "ProtocolError",
    "tick_": "ProtocolError",
    "session_": "ProtocolError",
    "stream_": "ProtocolError",
    "request_": "ProtocolError",
    "connection_": "ProtocolError",
}
