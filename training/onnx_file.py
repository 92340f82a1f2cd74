"""Writes small networks as ONNX: weights kept in half, computed with in float."""

import copy
import io
import json
from pathlib import Path

import torch


def write_onnx(path, model, inputs, outputs, names):
    """
    `inputs`: an example of each by name; `outputs`: their names; `names`: what the elements of an output are, which is
    kept as metadata. Needs the package `onnx`.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    written = io.BytesIO()
    examples = tuple(x.cpu() for x in inputs.values())
    torch.onnx.export(
        copy.deepcopy(model).cpu().eval(), examples, written, input_names=list(inputs), output_names=list(outputs),
        opset_version=17, dynamo=False,
    )
    file = onnx.load_from_string(written.getvalue())
    for weight in file.graph.initializer:
        array = numpy_helper.to_array(weight)
        if array.dtype == "float32" and array.size > 64:
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(array.astype("float16"), f"{name}.half"))
            file.graph.node.insert(0, helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for key, value in names.items():
        file.metadata_props.add(key=key, value=json.dumps(list(value)))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(file, str(path))
